import { beforeAll, describe, expect, it } from 'vitest';
import { explainFates, type CompileOptions, type FateReport, type NodeReport } from '../../src/compiler/index.ts';
import { loadMachine, presetNames, type Machine } from '../../src/hw-configs/index.ts';
import {
  body,
  branches,
  dataDependent,
  foreign,
  graphOf,
  imported,
  int,
  lookUp,
  node,
  oneOfEach,
  openSizes,
  tensor,
  weights,
  wholeNumbers,
  type Parts,
} from './fate-models.ts';

let edge: Machine;
beforeAll(async () => {
  edge = await loadMachine({ preset: 'edge-systolic-32' });
});

const options = (changes: Partial<CompileOptions> = {}): CompileOptions => ({ precision: 'auto', dims: {}, calibration: null, ...changes });

function explain(parts: Parts, changes: Partial<CompileOptions> = {}, machine: Machine = edge): FateReport {
  return explainFates(imported(parts), machine, options(changes));
}

function of(report: FateReport, name: string): NodeReport {
  const found = report.nodes.find((n) => n.name === name);
  if (found === undefined) throw new Error(`no row for ${name} among ${report.nodes.map((n) => n.name).join(', ')}`);
  return found;
}

const engines = new Set(['matrix', 'vector', 'movement']);

describe('where nodes run', () => {
  it('tells each fate, its kernel and why', () => {
    const report = explain(oneOfEach);
    expect(report.problems).toEqual([]);
    expect(Object.fromEntries(report.nodes.map((n) => [n.name, n.fate]))).toEqual({
      Conv_c: 'matrix',
      Relu_r: 'matrix',
      MaxPool_p: 'vector',
      Reshape_s: 'folded',
      Transpose_t: 'movement',
      Add_k: 'folded',
      Mul_m: 'vector',
      Trilu_y: 'host',
    });
    expect(of(report, 'Conv_c')).toMatchObject({ kernel: 'Conv_c', reason: 'contraction on the matrix engine', limit: null, fix: null });
    expect(of(report, 'Relu_r')).toMatchObject({ kernel: 'Conv_c', reason: 'contraction on the matrix engine in the kernel of "Conv_c"' });
    expect(of(report, 'Reshape_s').reason).toBe('a view of its input: no byte moves');
    expect(of(report, 'Add_k').reason).toBe('known before the run, or merged into a neighbour');
    const host = of(report, 'Trilu_y');
    expect(host.reason).toBe('no engine of the machine runs Trilu');
    expect(host.fix).toContain('an end of the model');
  });

  it('names a kernel for every node on an engine or the host, and none for others', () => {
    for (const parts of [oneOfEach, openSizes, branches, lookUp, dataDependent, foreign]) {
      for (const { fate, kernel, name } of explain(parts).nodes) {
        expect([name, kernel !== null]).toEqual([name, engines.has(fate) || fate === 'host']);
      }
    }
  });

  it('has a row for every node of the file, bodies behind their node', () => {
    const { nodes } = explain(branches);
    expect(nodes.map((n) => [n.name.split('/').at(-1), n.parent])).toEqual([
      ['If_y', null],
      ['Neg_n', 'If_y'],
      ['Exp_e', 'If_y'],
      ['Neg_m', 'If_y'],
    ]);
  });

  it('nodes of a body that runs as a whole tell what it is part of and why', () => {
    const { nodes } = explain(branches);
    const inner = nodes.filter((n) => n.parent !== null);
    expect(inner.map((n) => [n.fate, n.kernel])).toEqual(inner.map(() => ['host', 'If_y']));
    expect(new Set(inner.map((n) => n.reason))).toEqual(new Set(['runs with "If_y" (If): its condition is computed at run time']));
    expect(inner[0]?.fix).toContain('--input-value');
  });

  it('bodies in bodies name the node that runs, once', () => {
    const inner = node('If', ['flag'], 'i', [
      body('then_branch', graphOf({ nodes: [node('Abs', ['x'], 'a')], outputs: ['a'] })),
      body('else_branch', graphOf({ nodes: [node('Neg', ['x'], 'b')], outputs: ['b'] })),
    ]);
    const outer = node('If', ['flag'], 'y', [
      body('then_branch', graphOf({ nodes: [inner], outputs: ['i'] })),
      body('else_branch', graphOf({ nodes: [node('Exp', ['x'], 'e')], outputs: ['e'] })),
    ]);
    const report = explain({ ...branches, nodes: [outer] });
    const abs = report.nodes.find((n) => n.opType === 'Abs');
    expect(abs?.reason).toBe('runs with "If_y" (If): its condition is computed at run time');
  });

  it('a condition bound to a value leaves one branch, on the NPU', () => {
    const flag = new Map([['flag', { dtype: 'bool' as const, shape: [], data: Uint8Array.of(1) }]]);
    const report = explainFates(imported(branches, { inputValues: flag }), edge, options());
    expect(report.nodes.map((n) => [n.opType, n.fate])).toEqual([
      ['If', 'folded'],
      ['Neg', 'vector'],
      ['Exp', 'folded'],
      ['Neg', 'folded'],
    ]);
  });

  it('an operator nobody knows is unsupported, with what is wrong as a problem; its neighbours have fates', () => {
    const report = explain(foreign);
    expect(report.compilation).toBeNull();
    expect(report.problems.map((p) => p.code)).toEqual(['SYS4002']);
    expect(of(report, 'Frobnicate_f')).toMatchObject({ fate: 'unsupported', kernel: null, domain: 'acme' });
    expect(of(report, 'Frobnicate_f').reason).toContain('acme.Frobnicate');
    expect(of(report, 'Frobnicate_f').fix).toContain('model-local function');
    expect(of(report, 'Frobnicate_f').reason).toContain('as if it kept the shape of its first input');
    expect(of(report, 'Neg_n').fate).toBe('vector');
    expect(of(report, 'Exp_y')).toMatchObject({ fate: 'vector', kernel: 'Exp_y' });
  });

  it('members of one host kernel tell their own reasons', () => {
    const report = explain({
      inputs: [tensor('x', [3, 2])],
      constants: [],
      nodes: [node('Trilu', ['x'], 'd'), node('Multinomial', ['d'], 'y')],
      outputs: ['y'],
    });
    expect(of(report, 'Trilu_d').kernel).toBe(of(report, 'Multinomial_y').kernel);
    expect(of(report, 'Trilu_d').reason).toBe('no engine of the machine runs Trilu');
    expect(of(report, 'Multinomial_y').reason).toBe('no engine of the machine runs Multinomial');
    expect(of(report, 'Multinomial_y').fix).toContain('docs/operators.md');
  });

  it('an element type no engine has is the limit, with the actual and the allowed ones', () => {
    const report = explain({
      inputs: [tensor('ids', [1, 16], 'int64')],
      nodes: [node('Abs', ['ids'], 'a'), node('Cast', ['a'], 'y', [int('to', 1)])],
      outputs: ['y'],
    });
    const abs = of(report, 'Abs_a');
    expect(abs.fate).toBe('host');
    expect(abs.limit).toEqual({ what: 'element type', actual: 'int64', allowed: 'floats, int32 and shorter integers' });
    expect(abs.fix).toContain('int32');
  });

  it('a move in too many pieces tells how many and how many may be', () => {
    const wrap = { name: 'mode', refName: '', kind: 'string', value: new TextEncoder().encode('wrap') } as const;
    const report = explain({
      inputs: [tensor('x', [2, 2, 2, 2, 2, 2])],
      constants: [wholeNumbers('pads', new Array<number>(12).fill(3))],
      nodes: [node('Pad', ['x', 'pads'], 'y', [wrap])],
      outputs: ['y'],
    });
    const pad = of(report, 'Pad_y');
    expect(pad.fate).toBe('host');
    expect(Number(pad.limit?.actual)).toBeGreaterThan(Number(pad.limit?.allowed));
  });
});

describe('open sizes', () => {
  it('are judged at sizes told, and no program is made', () => {
    const report = explain(openSizes);
    expect(report.compilation).toBeNull();
    expect(report.problems).toEqual([]);
    expect(report.open).toEqual([
      { symbol: 'batch', assumed: 1, why: null, input: null },
      { symbol: 'length', assumed: 16, why: null, input: null },
    ]);
    expect(of(report, 'MatMul_m')).toMatchObject({ fate: 'matrix', kernel: 'MatMul_m' });
  });

  it('those that are given are not open', () => {
    expect(explain(openSizes, { dims: { length: 5 } }).open.map((o) => o.symbol)).toEqual(['batch']);
    const settled = explain(openSizes, { dims: { length: 5, batch: 2 } });
    expect(settled.open).toEqual([]);
    expect(settled.compilation).not.toBeNull();
  });

  it('sizes that must agree under two names are found', () => {
    const parts: Parts = {
      inputs: [tensor('x', ['batch', 16]), tensor('z', ['rows', 16])],
      nodes: [node('Add', ['x', 'z'], 'y'), node('Concat', ['y', 'x'], 'k', [int('axis', 1)])],
      outputs: ['k'],
    };
    const report = explain(parts);
    expect(new Set(report.open.map((o) => o.assumed)).size).toBe(1);
    expect(report.nodes.every((n) => n.kernel !== null)).toBe(true);
  });

  it('a size that another input dictates is found', () => {
    const parts: Parts = {
      inputs: [tensor('x', ['batch', 'features']), tensor('w', [37, 5])],
      nodes: [node('MatMul', ['x', 'w'], 'y')],
      outputs: ['y'],
    };
    const report = explain(parts);
    expect(report.open.map((o) => [o.symbol, o.assumed])).toEqual([
      ['batch', 1],
      ['features', 37],
    ]);
    expect(of(report, 'MatMul_y').kernel).toBe('MatMul_y');
  });

  it('a dimension only a run decides takes its bound where there is one', () => {
    const report = explain(dataDependent);
    expect(report.open).toEqual([]);
    expect(report.diagnostics.map((d) => d.code)).toContain('SYS3050');
  });

  it('and where nothing bounds it, says what it hangs on and what settles it', () => {
    const report = explain({
      inputs: [tensor('x', [1, 16]), tensor('sizes', [2], 'int64')],
      nodes: [node('Expand', ['x', 'sizes'], 'e'), node('Neg', ['e'], 'y')],
      outputs: ['y'],
    });
    expect(report.open.length).toBeGreaterThan(0);
    for (const open of report.open) expect(open).toMatchObject({ why: expect.stringContaining('Expand'), input: 'sizes' });
    expect(of(report, 'Neg_y').kernel).not.toBeNull();
  });

  it('given sizes that do not fit are a problem told; fates are judged at others', () => {
    const parts: Parts = { ...openSizes, inputs: [tensor('x', ['batch', 'width'])], nodes: [node('MatMul', ['x', 'w'], 'y')] };
    const report = explain(parts, { dims: { width: 5, batch: 1 } });
    expect(report.problems.map((p) => p.severity)).toContain('error');
    expect(of(report, 'MatMul_y').kernel).toBe('MatMul_y');
  });

  it('a size for a name the model lacks is warned of, with or without a program', () => {
    for (const dims of [{ lenght: 4 }, { lenght: 4, batch: 1, length: 4 }]) {
      const warning = explain(openSizes, { dims }).diagnostics.find((d) => d.code === 'SYS4514');
      expect(warning?.message).toContain('lenght');
    }
  });
});

describe('machines', () => {
  it('a memory too small is the problem; fates are told all the same', async () => {
    const small = await loadMachine({ preset: 'edge-systolic-32' }, ['memories.dram.size=1KiB']);
    const report = explain({ ...openSizes, inputs: [tensor('x', [4, 64, 16])] }, {}, small);
    expect(report.compilation).toBeNull();
    expect(report.problems.map((p) => p.code)).toEqual([expect.stringMatching(/^SYS450[23]$/)]);
    expect(of(report, 'MatMul_m')).toMatchObject({ fate: 'matrix', kernel: 'MatMul_m' });
  });

  it('what an engine does not compute in goes to the host, with the type and those allowed', async () => {
    for (const preset of presetNames) {
      const machine = await loadMachine({ preset });
      const report = explain(oneOfEach, { precision: 'fp32' }, machine);
      expect(report.problems).toEqual([]);
      const conv = of(report, 'Conv_c');
      expect(conv).toMatchObject({ fate: 'host', reason: 'the matrix engine does not compute in float32' });
      expect(conv.limit).toEqual({ what: 'element type of the matrix engine', actual: 'float32', allowed: 'int8' });
      expect(conv.fix).toContain('--precision int8');
      expect(report.diagnostics.map((d) => d.code)).toContain('SYS4504');
    }
  });

  it('without float lanes only the float kernels leave', async () => {
    const whole32 = await loadMachine({ preset: 'tpu-v1' });
    const cores = Object.entries(whole32.cores).map(([name, core]) => [
      name,
      { ...core, vector: { ...core.vector, dtypes: ['int8', 'int32'] } },
    ]);
    const machine: Machine = { ...whole32, cores: Object.fromEntries(cores) };
    const parts: Parts = {
      inputs: [tensor('x', [1, 16]), tensor('m', [1, 16], 'int32')],
      constants: [weights('w', [16, 16])],
      nodes: [node('MatMul', ['x', 'w'], 'p'), node('Abs', ['m'], 'a')],
      outputs: ['p', 'a'],
    };
    const whole = explain(parts, { precision: 'int8' }, machine);
    expect(whole.problems).toEqual([]);
    expect(of(whole, 'MatMul_p').fate).toBe('matrix');
    const real = explain({ ...parts, nodes: [node('Exp', ['x'], 'p'), node('Abs', ['m'], 'a')] }, { precision: 'fp32' }, machine);
    expect(of(real, 'Exp_p')).toMatchObject({ fate: 'host', limit: { actual: 'float32', allowed: 'int8, int32' } });
  });
});

describe('what nobody defines', () => {
  it('may have the name of an operator of ONNX', () => {
    const parts: Parts = {
      inputs: [tensor('x', [2, 16])],
      nodes: [node('Neg', ['x'], 'n'), { ...node('QuantizeLinear', ['n'], 'q'), domain: 'acme' }, node('Exp', ['q'], 'y')],
      outputs: ['y'],
    };
    expect(explain(parts).nodes.map((n) => n.fate)).toEqual(['vector', 'unsupported', 'vector']);
  });

  it('may stand in a body that is written out: sizes behind it are open, and nodes are judged by their operators', () => {
    const scan = body(
      'body',
      graphOf({
        inputs: [tensor('s', [1, 4]), tensor('v', [1, 4])],
        nodes: [
          { ...node('Frobnicate', ['v'], 'f'), domain: 'acme' },
          node('MatMul', ['f', 'w'], 'm'),
          node('Add', ['s', 'v'], 's_out'),
          node('Relu', ['m'], 'r'),
        ],
        outputs: ['s_out', 'r'],
      }),
    );
    const parts: Parts = {
      inputs: [tensor('s0', [1, 4]), tensor('x', [3, 1, 4])],
      constants: [weights('w', [4, 4])],
      nodes: [
        { ...node('Scan', ['s0', 'x'], 'last', [int('num_scan_inputs', 1), scan]), outputs: ['last', 'rows'] },
        node('Relu', ['rows'], 'y'),
      ],
      outputs: ['last', 'y'],
    };
    const report = explain(parts);
    expect(report.problems.map((d) => d.code)).toContain('SYS4002');
    expect(of(report, 'Relu_y').fate).toBe('vector');
  });
});

describe('what files say that nobody means', () => {
  it('a body on an operator that has none is no body', () => {
    const inner = body('body', graphOf({ nodes: [node('Neg', ['x'], 'n')], outputs: ['n'] }));
    const parts: Parts = { inputs: [tensor('x', [4])], nodes: [node('Sum', ['x'], 'y', [inner])], outputs: ['y'] };
    expect(explain(parts).nodes.map((n) => n.name)).toEqual(['Sum_y']);
  });

  it('an output that a lowering does not write keeps its node whole', () => {
    const parts: Parts = {
      inputs: [tensor('x', [2, 16]), tensor('skip', [2, 16])],
      constants: [weights('gamma', [16])],
      nodes: [
        { ...node('SkipSimplifiedLayerNormalization', ['x', 'skip', 'gamma'], 'y'), domain: 'com.microsoft', outputs: ['y', 'mean'] },
        node('Exp', ['mean'], 'z'),
      ],
      outputs: ['y', 'z'],
    };
    expect(explain(parts).nodes[0]?.fate).toBe('host');
  });

  it('a Resize to thousands of millions of elements along an axis is judged at once', () => {
    const parts: Parts = {
      inputs: [tensor('x', [1, 1, 1, 1])],
      constants: [wholeNumbers('sizes', [1, 1, 1, 2 ** 36])],
      nodes: [node('Resize', ['x', '', '', 'sizes'], 'y')],
      outputs: ['y'],
    };
    const report = explain(parts);
    expect(report.nodes[0]?.reason).toContain('68719476736 elements');
    expect(report.problems.length).toBeGreaterThan(0);
  });

  it('what has no elements is handed to the host as nothing', () => {
    const parts: Parts = {
      inputs: [tensor('x', [1, 0])],
      constants: [{ ...wholeNumbers('pads', [0, 2, 0, 2]) }],
      nodes: [node('Relu', ['x'], 'r'), node('Pad', ['r', 'pads'], 'p'), node('Exp', ['p'], 'y')],
      outputs: ['y'],
    };
    const report = explain(parts);
    expect(report.problems).toEqual([]);
    expect(of(report, 'Pad_p')).toMatchObject({ fate: 'host', reason: 'an operand has no elements' });
  });

  it('a Hardmax of whole numbers stays whole', () => {
    const parts: Parts = { inputs: [tensor('x', [4], 'int64')], nodes: [node('Hardmax', ['x'], 'y')], outputs: ['y'] };
    expect(explain(parts).nodes[0]?.fate).toBe('host');
  });
});
