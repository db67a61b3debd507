/** Caches that go in and come out longer: one tensor of the state, of which a run writes the new rows and nothing else. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, compile, lowerGraph, prepare, randomInputs, type Compilation } from '../../src/compiler/index.ts';
import { tensorBytes, elementCount } from '../../src/core/index.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { assemble, decodeExecutable, disassemble, encodeExecutable, verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

type Inputs = ReadonlyMap<string, Tensor>;

function compiled(graph: Graph, machine: Machine, precision: 'fp32' | 'int8', inputs: Inputs): Compilation {
  const model = modelOf(graph);
  const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
  return compile(model, machine, { precision, dims: {}, calibration });
}

/** Compiles, checks every byte against the interpreter, and that the state is written where there are new rows and nowhere else. */
function expectGrown(graph: Graph, machine: Machine, precision: 'fp32' | 'int8', seed = 3): Compilation {
  const inputs = randomInputs(graph, seed);
  const compilation = compiled(graph, machine, precision, inputs);
  const { executable, quantizedGraph, selection } = compilation;
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  expect(outputs).toEqual(interpret(quantizedGraph, inputs));
  const back = decodeExecutable(encodeExecutable(executable, { weights: 'embed' }));
  expect(back.entryPoints).toEqual(executable.entryPoints);
  expect(assemble(disassemble(executable, { weights: 'hash' })).entryPoints).toEqual(executable.entryPoints);

  const { totals, kernels } = simulate(executable, machine);
  expect(totals.boundCycles).toBeLessThanOrEqual(totals.cycles);
  expect(totals.compulsoryBytes).toBeLessThanOrEqual(totals.dramReadBytes + totals.dramWriteBytes);
  const cold = (direction: string): number =>
    sum(executable.kernels.flatMap((k) => k.cold.filter((c) => c.operand === 'state' && c.direction === direction).map((c) => c.bytes)));
  const bytesOf = (id: number): number => {
    const value = compilation.lowered.values[id];
    return value === undefined ? 0 : tensorBytes(value.type.dtype, elementCount(value.type.shape.map(Number)));
  };
  const written = sum(selection.caches.map((c) => (bytesOf(c.present) / c.rows) * (c.rows - c.keptRows)));
  if (selection.caches.length > 0) {
    expect(cold('write')).toBe(written);
    expect(totals.stateWriteBytes).toBe(written);
    expect(cold('read')).toBeLessThanOrEqual(sum(selection.caches.map((c) => bytesOf(c.past))));
    // What is put elsewhere on chip on its way carries the same name: only outside the cores is it the state itself.
    expect(kernels.length).toBeGreaterThan(0);
  }
  return compilation;
}

const sum = (list: readonly number[]): number => list.reduce((n, x) => n + x, 0);
const inPlace = (c: Compilation): readonly string[] => c.executable.diagnostics.filter((d) => d.code === 'SYS4270').map((d) => d.message);
const copies = (c: Compilation): readonly string[] => c.executable.diagnostics.filter((d) => d.code === 'SYS4281').map((d) => d.message);

/** present = past with what is made of x behind it along `axis`; y reads all of it. */
function append(w: GraphWriter, name: string, shape: readonly number[], axis: number, rows: number): readonly [number, number] {
  const past = w.input(`past.${name}`, shape);
  const x = w.input(`x.${name}`, shape.with(axis, rows));
  const [fresh = 0] = w.node('Tanh', [x]);
  const [present = 0] = w.node('Concat', [past, fresh], { axis });
  const [y = 0] = w.node('Relu', [present]);
  return [present, y];
}

describe('a decode step', () => {
  it('has its caches in the state region: the past with the strides of the present', async () => {
    const w = writeGraph();
    const q = w.input('q', [1, 2, 1, 4]);
    const k = w.input('k', [1, 2, 1, 4]);
    const v = w.input('v', [1, 2, 1, 4]);
    const pastK = w.input('past.k', [1, 2, 3, 4]);
    const pastV = w.input('past.v', [1, 2, 3, 4]);
    const outputs = w.node('Attention', [q, k, v, null, pastK, pastV], {}, { outputs: 3 });
    const c = expectGrown(w.finish(...outputs), await testMachine('tiny-8x8'), 'fp32');
    expect(inPlace(c)).toEqual([
      'KV cache past.k → attention0_1: in place, appends 1 of 4 rows.',
      'KV cache past.v → attention0_2: in place, appends 1 of 4 rows.',
    ]);
    const text = disassemble(c.executable, { weights: 'hash' }).split('\n');
    expect(text.filter((line) => /^ {2}(in|out)put|^region \d (state|input|output)|cold .* state/.test(line))).toMatchInlineSnapshot(`
      [
        "region 1 input input space 2 bytes 160 align 4096",
        "region 2 output output space 2 bytes 32 align 4096",
        "region 3 state state space 2 bytes 256 align 4096",
        "  cold write state dram 32",
        "  cold write state dram 32",
        "  cold read state dram 96",
        "  cold read state dram 96",
        "  input q region 1 offset 0 float32[1, 2, 1, 4]",
        "  input k region 1 offset 64 float32[1, 2, 1, 4]",
        "  input v region 1 offset 128 float32[1, 2, 1, 4]",
        "  input past.k region 3 offset 0 float32[1, 2, 3, 4] stride[128, 64, 16, 4]",
        "  input past.v region 3 offset 128 float32[1, 2, 3, 4] stride[128, 64, 16, 4]",
        "  output attention0_0 region 2 offset 0 float32[1, 2, 1, 4]",
        "  output attention0_1 region 3 offset 0 float32[1, 2, 4, 4]",
        "  output attention0_2 region 3 offset 128 float32[1, 2, 4, 4]",
      ]
    `);
    expect(
      c.stages
        .memory()
        .split('\n')
        .filter((line) => line.startsWith('state')),
    ).toMatchInlineSnapshot(`
      [
        "state dram+0  128 B  past.k (3 rows) -> attention0_1 (4)",
        "state dram+128  128 B  past.v (3 rows) -> attention0_2 (4)",
      ]
    `);
  });

  it('takes over the state that the step before left', async () => {
    const machine = await testMachine('tiny-8x8');
    const step = (past: number): Graph => {
      const w = writeGraph();
      const inputs = [w.input('q', [1, 4, 1, 8]), w.input('k', [1, 2, 1, 8]), w.input('v', [1, 2, 1, 8])];
      const caches = [w.input('past.k', [1, 2, past, 8]), w.input('past.v', [1, 2, past, 8])];
      return w.finish(...w.node('Attention', [...inputs, null, ...caches], {}, { outputs: 3 }));
    };
    const first = step(5);
    const given = randomInputs(first, 1);
    const program = compiled(first, machine, 'fp32', given);
    const one = execute(program.executable, machine, given, { sanitize: true });
    expect([...one.state.values()].map((bytes) => bytes.byteLength)).toEqual([2 * 2 * 6 * 8 * 4]);

    // Another token at the same place: the caches are not given, they are there.
    const again = new Map([...randomInputs(first, 2)].filter(([name]) => !name.startsWith('past')));
    const two = execute(program.executable, machine, again, { sanitize: true, state: one.state });
    expect(two.diagnostics).toEqual([]);
    const full = new Map([...again, ...[...given].filter(([name]) => name.startsWith('past'))]);
    expect(two.outputs).toEqual(interpret(program.quantizedGraph, full));
    expect(() => execute(program.executable, machine, again, { sanitize: false })).toThrow(/past\.k/);

    // The next token: a program for the longer cache, whose past is what the first gave out.
    const next = step(6);
    const [, presentK = '', presentV = ''] = program.executable.entryPoints[0]?.outputs.map((b) => b.name) ?? [];
    const longer = new Map(randomInputs(next, 4));
    for (const [to, from] of [
      ['past.k', presentK],
      ['past.v', presentV],
    ] as const) {
      const tensor = one.outputs.get(from);
      if (tensor !== undefined) longer.set(to, tensor);
    }
    const following = compiled(next, machine, 'fp32', longer);
    const three = execute(following.executable, machine, longer, { sanitize: true });
    expect(three.outputs).toEqual(interpret(following.quantizedGraph, longer));
    expect(() => execute(following.executable, machine, longer, { sanitize: false, state: one.state })).toThrow(
      /holds 896 bytes of state, and 768 were given/,
    );
  });

  it('is found by the sanitizer when it reads rows that are not there yet', async () => {
    const w = writeGraph();
    const [present, y] = append(w, 'a', [1, 2, 3, 4], 2, 1);
    const graph = w.finish(present, y);
    const machine = await testMachine('tiny-8x8');
    const inputs = randomInputs(graph, 1);
    const { executable } = compiled(graph, machine, 'fp32', inputs);
    // The new rows go over the first ones.
    const text = disassemble(executable, { weights: 'base64' }).replaceAll(/(STORE state dst=dram:state)\+\d+/g, '$1+0');
    const { diagnostics } = execute(assemble(text), machine, inputs, { sanitize: true });
    expect(diagnostics.map((d) => d.message).join('\n')).toMatch(/bytes 48\.\.63 of region "state".*nothing was written before/);
  });
});

describe('caches of all forms', () => {
  const machines = ['tiny-8x8', 'small', 'large'] as const;

  it('any shape, any axis, several rows at a time', async () => {
    const known = new Map(await Promise.all(machines.map(async (name) => [name, await testMachine(name)] as const)));
    fc.assert(
      fc.property(
        fc.constantFrom(...machines),
        fc.constantFrom('fp32', 'int8'),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.nat(3),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(100),
        (name, precision, shape, at, rows, seed) => {
          const machine = known.get(name);
          if (machine === undefined) return;
          const w = writeGraph();
          const all = [0, 1].flatMap((i) => append(w, `${i}`, shape, (at + i) % shape.length, rows));
          const c = expectGrown(w.finish(...all), machine, precision as 'fp32' | 'int8', seed);
          expect(inPlace(c)).toHaveLength(2);
        },
      ),
      { numRuns: 36 },
    );
  });

  it('attention of ai.onnx and com.microsoft', async () => {
    const known = new Map(await Promise.all(machines.map(async (name) => [name, await testMachine(name)] as const)));
    fc.assert(
      fc.property(
        fc.constantFrom(...machines),
        fc.constantFrom('fp32', 'int8'),
        fc.constantFrom(
          'Attention',
          'com.microsoft.MultiHeadAttention',
          'com.microsoft.GroupQueryAttention',
          'shared',
          'com.microsoft.Attention',
        ),
        fc.record({
          batch: fc.integer({ min: 1, max: 2 }),
          keyHeads: fc.integer({ min: 1, max: 2 }),
          group: fc.integer({ min: 1, max: 2 }),
          past: fc.integer({ min: 1, max: 9 }),
          queries: fc.integer({ min: 1, max: 3 }),
          half: fc.integer({ min: 1, max: 4 }),
        }),
        fc.nat(100),
        (name, precision, op, sizes, seed) => {
          const machine = known.get(name);
          if (machine === undefined) return;
          const { graph, caches } = attentionOf(op, sizes);
          const c = expectGrown(graph, machine, precision as 'fp32' | 'int8', seed);
          expect([copies(c), inPlace(c).length]).toEqual([[], caches]);
        },
      ),
      { numRuns: 24 },
    );
  }, 60_000);
});

describe('keys that are joined transposed', () => {
  it.each([true, false])('are joined as they lie in the cache (stacked: %s)', async (stacked) => {
    const machine = await testMachine('tiny-8x8');
    for (const [i, batch] of [1, 2, 1, 2].entries()) {
      const sizes = { batch, keyHeads: 1 + (i % 3), group: 1, past: 3 + i, queries: 1 + (i % 2), half: 2 };
      for (const precision of ['fp32', 'int8'] as const) {
        const c = expectGrown(splitAttention(sizes, stacked), machine, precision, i);
        expect([copies(c), inPlace(c).length]).toEqual([[], stacked ? 1 : 2]);
        expect(c.selection.kernels.filter((k) => k.kind === 'move' && k.nodes.some((n) => n.op === 'Gather'))).toEqual([]);
      }
    }
  });
});

interface Sizes {
  readonly batch: number;
  readonly keyHeads: number;
  readonly group: number;
  readonly past: number;
  readonly queries: number;
  readonly half: number;
}

function attentionOf(
  op: string,
  { batch, keyHeads, group, past, queries, half }: Sizes,
): { readonly graph: Graph; readonly caches: number } {
  const w = writeGraph();
  const size = 2 * half;
  const heads = ['Attention', 'shared', 'com.microsoft.GroupQueryAttention'].includes(op) ? keyHeads * group : keyHeads;
  const flat = (name: string, n: number): number => w.input(name, [batch, queries, n * size]);
  const cache = (name: string): number => w.input(name, [batch, keyHeads, past, size]);
  switch (op) {
    case 'Attention': {
      const inputs = [flat('q', heads), flat('k', keyHeads), flat('v', keyHeads), null, cache('past.k'), cache('past.v')];
      const given = { q_num_heads: heads, kv_num_heads: keyHeads, is_causal: 1 };
      return { graph: w.finish(...w.node(op, inputs, given, { outputs: 3 })), caches: 2 };
    }
    case 'com.microsoft.MultiHeadAttention': {
      const inputs = [flat('q', heads), flat('k', heads), flat('v', heads), null, null, null, cache('past.k'), cache('past.v')];
      return { graph: w.finish(...w.node(op, inputs, { num_heads: heads }, { outputs: 3 })), caches: 2 };
    }
    case 'shared': {
      // The buffers are as long before as after: the last rows of them are the new tokens.
      const full = past + queries;
      const lengths = w.constant({ dtype: 'int32', shape: [batch], data: new Int32Array(batch).fill(full - 1) });
      const total = w.constant({ dtype: 'int32', shape: [1], data: Int32Array.of(full) });
      const buffer = (name: string): number => w.input(name, [batch, keyHeads, full, size]);
      const inputs = [flat('q', heads), flat('k', keyHeads), flat('v', keyHeads), buffer('past.k'), buffer('past.v'), lengths, total];
      const given = { num_heads: heads, kv_num_heads: keyHeads };
      return { graph: w.finish(...w.node('com.microsoft.GroupQueryAttention', inputs, given, { outputs: 3 })), caches: 2 };
    }
    case 'com.microsoft.GroupQueryAttention': {
      const lengths = w.constant({ dtype: 'int32', shape: [batch], data: new Int32Array(batch).fill(past + queries - 1) });
      const total = w.constant({ dtype: 'int32', shape: [1], data: Int32Array.of(past + queries) });
      const inputs = [flat('q', heads), flat('k', keyHeads), flat('v', keyHeads), cache('past.k'), cache('past.v'), lengths, total];
      return { graph: w.finish(...w.node(op, inputs, { num_heads: heads, kv_num_heads: keyHeads }, { outputs: 3 })), caches: 2 };
    }
    default: {
      const width = heads * size;
      const whole = w.input('past', [2, batch, heads, past, size]);
      const inputs = [w.input('x', [batch, queries, 6]), w.weight([6, 3 * width]), w.weight([3 * width]), null, whole];
      return { graph: w.finish(...w.node(op, inputs, { num_heads: heads }, { outputs: 2 })), caches: 1 };
    }
  }
}

/** As GPT-2 is exported: keys are joined transposed, and leave as they came, alone or stacked on the values. */
function splitAttention({ batch, keyHeads: heads, past, queries, half }: Sizes, stacked: boolean): Graph {
  const w = writeGraph();
  const size = 2 * half;
  const one = (op: string, inputs: readonly number[], attributes: Readonly<Record<string, number | readonly number[]>> = {}): number =>
    w.node(op, inputs, attributes)[0] ?? 0;
  const index = (i: number): number => w.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(i)) });
  const cache = (name: string): number => w.input(name, [batch, heads, past, size]);
  const both = stacked ? w.input('past', [2, batch, heads, past, size]) : null;
  const [pastK, pastV] = [0, 1].map((i) => (both === null ? cache(`past.${i}`) : one('Gather', [both, index(i)], { axis: 0 }))) as [
    number,
    number,
  ];
  const turn = (x: number): number => one('Transpose', [x], { perm: [0, 1, 3, 2] });
  const fresh = one('Transpose', [w.input('k', [batch, queries, heads, size])], { perm: [0, 2, 3, 1] });
  const keys = one('Concat', [turn(pastK), one('Tanh', [fresh])], { axis: -1 });
  const values = one('Concat', [pastV, one('Tanh', [w.input('v', [batch, heads, queries, size])])], { axis: -2 });
  const weights = one('Softmax', [one('MatMul', [w.input('q', [batch, heads, queries, size]), keys])]);
  const y = one('MatMul', [weights, values]);
  const alone = (x: number): number => one('Unsqueeze', [x, w.ints([0])]);
  return stacked ? w.finish(y, one('Concat', [alone(turn(keys)), alone(values)], { axis: 0 })) : w.finish(y, turn(keys), values);
}

describe('what has to be copied, and is told', () => {
  const fails = async (build: (w: GraphWriter) => readonly number[], machine?: Machine): Promise<readonly string[]> => {
    const w = writeGraph();
    const c = expectGrown(w.finish(...build(w)), machine ?? (await testMachine('tiny-8x8')), 'fp32');
    expect(inPlace(c)).toEqual([]);
    return copies(c);
  };
  const grow = (w: GraphWriter, past: number, axis = 1): number =>
    w.node('Concat', [past, w.node('Tanh', [w.input(`x${axis}${w.shape(past).length}`, w.shape(past).with(axis, 1))])[0] ?? 0], {
      axis,
    })[0] ?? 0;

  it('an input that goes into two outputs', async () => {
    const told = await fails((w) => {
      const past = w.input('past', [2, 3, 4]);
      return [grow(w, past, 1), grow(w, past, 2)];
    });
    expect(told).toEqual([expect.stringContaining('it also goes into "concat3_0"')]);
  });

  it('an input that somebody else reads before the new rows are there', async () => {
    const told = await fails((w) => {
      const past = w.input('past', [2, 3, 4]);
      return [grow(w, past), w.node('Exp', [past])[0] ?? 0];
    });
    expect(told).toEqual([expect.stringContaining('exp2 reads it too')]);
  });

  it('an input that is an output as it is', async () => {
    const told = await fails((w) => {
      const past = w.input('past', [2, 3, 4]);
      return [grow(w, past), past];
    });
    expect(told).toEqual([expect.stringContaining('output of the model as it is')]);
  });

  it('two inputs put together are no cache', async () => {
    const told = await fails((w) => w.node('Concat', [w.input('a', [2, 3, 4]), w.input('b', [2, 1, 4])], { axis: 1 }));
    expect(told).toEqual([]);
  });

  it('a cache that is joined to itself, and rows in front of it', async () => {
    const twice = await fails((w) => {
      const past = w.input('past', [2, 3, 4]);
      const both = w.node('Concat', [past, past], { axis: 1 });
      return [...both, ...w.node('Exp', both)];
    });
    expect(twice).toEqual([expect.stringContaining('not the first of the output')]);
    const front = await fails((w) => {
      const [fresh = 0] = w.node('Tanh', [w.input('x', [2, 1, 4])]);
      return w.node('Concat', [fresh, w.input('past', [2, 3, 4])], { axis: 1 });
    });
    expect(front).toEqual([expect.stringContaining('not the first of the output')]);
  });

  it('state without room, or in the core itself', async () => {
    const one = (w: GraphWriter): readonly number[] => [grow(w, w.input('past', [16, 16, 16]))];
    const yaml = readFileSync(new URL('../machines/tiny-8x8.yaml', import.meta.url), 'utf8');
    const sram = 'sram: { kind: sram, size: 8 KiB, bandwidth: 8 GB/s, latency: 10 ns, burst: 32 B, owner: shared }';
    const machine = (state: string): Promise<Machine> =>
      loadMachine({ yaml: yaml.replace('\nplacement:', `\n  ${sram}\nplacement:`), file: 'x.yaml' }, [`placement.state=${state}`]);
    expect(await fails(one, await machine('sram'))).toEqual([expect.stringContaining('sram of 8 KiB, has no room for it')]);
    expect(await fails(one, await machine('scratchpad'))).toEqual([expect.stringContaining("a core's own memory")]);
    const w = writeGraph();
    const small = expectGrown(w.finish(grow(w, w.input('past', [2, 3, 4]))), await machine('sram'), 'fp32');
    expect(small.executable.regions.find((r) => r.kind === 'state')?.space).toBe(small.executable.spaces.indexOf('sram'));
  });
});

describe('a cache in one piece', () => {
  it('may be read by others, and what is appended is written there by its maker', async () => {
    const w = writeGraph();
    const past = w.input('past', [5, 2, 3]);
    const [fresh = 0] = w.node('Tanh', [w.input('x', [1, 2, 3])]);
    const [present = 0] = w.node('Concat', [past, fresh], { axis: 0 });
    const c = expectGrown(w.finish(present, w.node('Exp', [past])[0] ?? 0), await testMachine('tiny-8x8'), 'fp32');
    expect(inPlace(c)).toEqual(['KV cache past → concat1_0: in place, appends 1 of 6 rows.']);
    expect(c.selection.kernels.map((k) => k.nodes[0]?.op)).toEqual(['Tanh', 'Exp']);
  });
});
