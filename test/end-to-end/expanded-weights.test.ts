/** Weights that a model keeps in few bits beside float activations: packed in memory, floats on chip, the numbers of DequantizeLinear bit for bit. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { elementCount, seededRandom, tensorBytes, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { interpret, tensorOf, type Graph } from '../../src/graph/index.ts';
import { readCommand, verifyExecutable, type Executable, type VectorCommand } from '../../src/isa/index.ts';
import { programInputs } from '../../src/reports/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';
import { quantizedBuilder } from './quantized-models.ts';

interface Form {
  readonly op: 'MatMul' | 'Gemm' | 'Conv';
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly codes: DType;
  /** Along which axis blocks lie, and how long they are; 0: one scale for each index of the axis. null: one scale. */
  readonly blocks: { readonly axis: number; readonly size: number } | null;
  readonly zeros: boolean;
  readonly turned?: boolean;
  readonly float?: DType;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

const matmul = { op: 'MatMul', x: [2, 3, 48], w: [48, 9], codes: 'int4', blocks: { axis: 0, size: 16 }, zeros: false } as const;

const forms: Readonly<Record<string, Form>> = {
  'MatMul, int4 in blocks': matmul,
  'MatMul, uint4 in blocks with zero points': { ...matmul, codes: 'uint4', zeros: true },
  'MatMul, a short last block': { ...matmul, x: [5, 37], w: [37, 8], zeros: true },
  'MatMul, int8 in blocks': { ...matmul, codes: 'int8', zeros: true },
  'MatMul, blocks along the columns': { ...matmul, w: [48, 21], blocks: { axis: 1, size: 6 }, zeros: true },
  'MatMul in batches': { ...matmul, x: [3, 4, 20], w: [3, 20, 7], blocks: { axis: 1, size: 8 } },
  'MatMul of turned weights': { ...matmul, w: [9, 48], blocks: { axis: 1, size: 16 }, turned: true, zeros: true },
  'MatMul, a scale for each column': { ...matmul, codes: 'int4', blocks: { axis: 1, size: 0 } },
  'MatMul, one scale': { ...matmul, codes: 'int8', blocks: null, zeros: true },
  'MatMul of one column': { ...matmul, w: [48, 1] },
  'MatMul, float8': { ...matmul, codes: 'float8e4m3fn', blocks: { axis: 1, size: 0 } },
  'Gemm of turned weights': { ...matmul, op: 'Gemm', x: [7, 48], w: [9, 48], blocks: { axis: 1, size: 16 }, attributes: { transB: 1 } },
  'Conv, channels in blocks': { ...matmul, op: 'Conv', x: [1, 8, 7, 6], w: [5, 8, 3, 2], blocks: { axis: 1, size: 4 }, zeros: true },
  'Conv in groups, a scale for each channel': {
    ...matmul,
    op: 'Conv',
    x: [1, 6, 6, 6],
    w: [8, 3, 3, 3],
    codes: 'int8',
    blocks: { axis: 0, size: 0 },
    attributes: { group: 2 },
  },
  'Conv depthwise': { ...matmul, op: 'Conv', x: [2, 7, 9], w: [7, 1, 3], blocks: { axis: 0, size: 0 }, attributes: { group: 7 } },
  'float16, int4 in blocks': { ...matmul, float: 'float16', zeros: true },
  'bfloat16, one scale for each column': { ...matmul, float: 'bfloat16', blocks: { axis: 1, size: 0 } },
};

function numbers(random: Random, dtype: DType, shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  if (dtype.startsWith('float8')) return { dtype, shape, data: Uint8Array.from({ length: count }, () => random.integer(0, 120)) };
  const [lo, hi] = dtype === 'int4' ? [-8, 7] : dtype === 'uint4' ? [0, 15] : dtype === 'int8' ? [-128, 127] : [0, 255];
  return tensorOf(
    dtype,
    shape,
    Int32Array.from({ length: count }, () => random.integer(lo, hi)),
  );
}

interface Made {
  readonly graph: Graph;
  /** What codes, scales and zero points take. */
  readonly bytes: number;
}

function graphOf(form: Form): Made {
  const random = seededRandom(elementCount(form.w));
  const w: GraphWriter = writeGraph(23);
  const float = form.float ?? 'float32';
  const grid =
    form.blocks === null
      ? []
      : form.blocks.size === 0
        ? [form.w[form.blocks.axis] ?? 1]
        : form.w.map((d, axis) => (axis === form.blocks?.axis ? Math.ceil(d / form.blocks.size) : d));
  const blocks = elementCount(grid);
  const scales = tensorOf(
    float,
    grid,
    Float32Array.from({ length: blocks }, () => random.integer(1, 60) / 512),
  );
  const operands = [w.constant(numbers(random, form.codes, form.w)), w.constant(scales)];
  if (form.zeros) operands.push(w.constant(numbers(random, form.codes, grid)));
  const at = form.blocks === null ? {} : { axis: form.blocks.axis, ...(form.blocks.size === 0 ? {} : { block_size: form.blocks.size }) };
  const [real = -1] = w.node('DequantizeLinear', operands, at);
  const [weights = real] = form.turned === true ? w.node('Transpose', [real], { perm: [1, 0] }) : [];
  const [y = -1] = w.node(form.op, [w.input('x', form.x, float), weights], form.attributes ?? {});
  const zeros = form.zeros && grid.length > 0 ? tensorBytes(form.codes, blocks) : 0;
  return { graph: w.finish(y), bytes: tensorBytes(form.codes, elementCount(form.w)) + tensorBytes(float, blocks) + zeros };
}

function commandsOf(executable: Executable): readonly ReturnType<typeof readCommand>[] {
  return executable.programs.flatMap(({ commands: table }) => Array.from(table.op, (_, row) => readCommand(table, row)));
}

function storedBytes(executable: Executable): number {
  return executable.weights.segments.reduce((n, s) => n + s.bytes, 0);
}

describe('weights of few bits beside floats', () => {
  it.each(Object.entries(forms))('%s', async (_, form) => {
    const machine = await testMachine('narrow', ['memories.scratchpad.size=6 KiB', 'memories.accumulator.size=512 B']);
    const { graph, bytes } = graphOf(form);
    const model = modelOf(graph);
    const inputs = randomInputs(graph, 4);
    const wanted = interpret(graph, inputs);
    for (const mappingSeed of [null, 1, 2, 3]) {
      const options = { precision: 'auto', dims: {}, calibration: null } as const;
      const { executable } = compile(model, machine, mappingSeed === null ? options : { ...options, mappingSeed });
      expect(verifyExecutable(executable, machine)).toEqual([]);
      expect(executable.kernels.map((k) => k.class)).toEqual(['contraction']);
      const made = commandsOf(executable).filter((c): c is VectorCommand => c.op === 'VECTOR');
      expect(made.every((c) => c.inputs[0]?.dtype === form.codes)).toBe(true);
      expect(made.length).toBeGreaterThan(0);
      const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      expect(outputs).toEqual(wanted);
      if (mappingSeed !== null) continue;
      expect(execute(executable, machine, inputs, { sanitize: false, plain: true }).outputs).toEqual(outputs);
      // Each tile brings the scales of its blocks: those of a block that tiles share, once for each of them.
      expect(storedBytes(executable)).toBeGreaterThanOrEqual(bytes);
      expect(storedBytes(executable)).toBeLessThan(1.15 * bytes + 8 * executable.weights.segments.length);
      if (form.blocks !== null && form.blocks.size > 0) expect(executable.model.parameterBytes).toBe(bytes);
      const { totals } = simulate(executable, machine);
      expect(totals.boundCycles).toBeLessThanOrEqual(totals.cycles);
    }
  });

  it('MatMulNBits in all widths, with and without zero points, where activations stay floats', async () => {
    const machine = await testMachine('small');
    for (const [bits, k, zeros] of [
      [4, 70, true],
      [4, 64, false],
      [8, 48, true],
      [2, 40, true],
    ] as const) {
      const [n, block] = [9, 32];
      const random = seededRandom(bits + k);
      const groups = Math.ceil(k / block);
      const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, () => random.integer(0, 255));
      const w = writeGraph();
      const b = w.constant({ dtype: 'uint8', shape: [n, groups, (block * bits) / 8], data: bytes((n * groups * block * bits) / 8) });
      const scale = Float32Array.from({ length: n * groups }, () => random.integer(1, 64) / 256);
      const operands = [w.input('x', [2, 3, k]), b, w.constant({ dtype: 'float32', shape: [n * groups], data: scale })];
      const row = Math.ceil((groups * bits) / 8);
      if (zeros) operands.push(w.constant({ dtype: 'uint8', shape: [n * row], data: bytes(n * row) }));
      const graph = w.finish(...w.node('com.microsoft.MatMulNBits', operands, { K: k, N: n, bits, block_size: block }));
      const { executable } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
      const inputs = randomInputs(graph, 4);
      expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(graph, inputs));
      expect(storedBytes(executable)).toBeLessThan((k * n) / (bits === 8 ? 1 : 2) + 5 * n * groups + 16);
    }
  });

  it.each(['fp16', 'bf16', 'fp32'] as const)('of a model made %s: numbers rounded behind their scales', async (precision) => {
    const machine = await testMachine('narrow');
    const { graph } = graphOf({ ...matmul, zeros: true });
    const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision, dims: {}, calibration: null });
    expect(storedBytes(executable)).toBeLessThan(500);
    const inputs = randomInputs(graph, 4);
    const { outputs, diagnostics } = execute(executable, machine, programInputs(executable, inputs), { sanitize: true });
    expect(diagnostics).toEqual([]);
    expect(outputs).toEqual(interpret(quantizedGraph, programInputs(executable, inputs)));
  });

  it('MatMulNBits of float16 keeps its scales in float16', async () => {
    const machine = await testMachine('narrow');
    const [k, n, block] = [64, 9, 32];
    const random = seededRandom(3);
    const w = writeGraph();
    const b = w.constant({
      dtype: 'uint8',
      shape: [n, k / block, block / 2],
      data: Uint8Array.from({ length: (n * k) / 2 }, () => random.integer(0, 255)),
    });
    const scale = tensorOf(
      'float16',
      [(n * k) / block],
      Float32Array.from({ length: (n * k) / block }, () => random.integer(1, 64) / 256),
    );
    const operands = [w.input('x', [3, k], 'float16'), b, w.constant(scale)];
    const graph = w.finish(...w.node('com.microsoft.MatMulNBits', operands, { K: k, N: n, bits: 4, block_size: block }));
    const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
    const inputs = randomInputs(graph, 4);
    expect(execute(executable, machine, inputs, { sanitize: true }).outputs).toEqual(interpret(quantizedGraph, inputs));
    expect(storedBytes(executable)).toBe((n * k) / 2 + 2 * n * (k / block));
    expect(commandsOf(executable).flatMap((c) => (c.op === 'MATMUL' ? [c.w.dtype] : []))).toContain('float16');
  });

  it('lanes without int4 pay for taking numbers out of their bytes, those with it do not', async () => {
    const { graph } = graphOf(matmul);
    const opcodes = async (settings: readonly string[]): Promise<readonly string[]> => {
      const machine = await testMachine('narrow', settings);
      const { executable } = compile(modelOf(graph), machine, { precision: 'auto', dims: {}, calibration: null });
      return commandsOf(executable).flatMap((c) => (c.op === 'VECTOR' ? c.steps.map((s) => s.op) : []));
    };
    expect(await opcodes([])).toContain('unpack');
    expect(await opcodes(['cores.npu.vector.dtypes=[int4, int8, int32, float32]'])).not.toContain('unpack');
  });

  it('a decode step reads fewer bytes, and takes less time, than with the same weights as floats', async () => {
    const machine = await testMachine('small', ['memories.dram.bandwidth=2 GB/s']);
    const b = quantizedBuilder(23);
    const [k, n, block] = [512, 512, 32];
    const random = seededRandom(1);
    const codes = Array.from({ length: k * n }, () => random.integer(-8, 7));
    const scales = Array.from({ length: (k / block) * n }, () => random.integer(1, 60) / 512);
    const w = b.node('DequantizeLinear', [b.constant('int4', [k, n], codes), b.constant('float32', [k / block, n], scales)], {
      axis: 0,
      block_size: block,
    });
    const y = b.node('MatMul', [b.input('x', 'float32', [1, k]), w]);
    const packed = importDecoded(b.finish([[y, 'float32']]), { name: 'packed', sha256: '' });
    const f = quantizedBuilder(23);
    const plain = importDecoded(
      f.finish([
        [
          f.node('MatMul', [
            f.input('x', 'float32', [1, k]),
            f.constant(
              'float32',
              [k, n],
              codes.map((q) => q / 8),
            ),
          ]),
          'float32',
        ],
      ]),
      { name: 'plain', sha256: '' },
    );
    const [few, many] = [packed, plain].map((model) =>
      simulate(compile(model, machine, { precision: 'auto', dims: {}, calibration: null }).executable, machine),
    );
    const weights = few?.kernels.map((kernel) => kernel.traffic['dram']?.['weights']?.readBytes);
    expect(weights).toEqual([(k * n) / 2 + (k / block) * n * 4]);
    expect(few?.totals.cycles).toBeLessThan((many?.totals.cycles ?? 0) / 3);
    expect(few?.totals.energyJoules).toBeLessThan(many?.totals.energyJoules ?? 0);
  });
});
