/** What the vector engine computes element by element: bit for bit what the reference evaluators give, for floats, integers and booleans. */
import { describe, expect, it } from 'vitest';
import { elementCount, seededRandom, zeros, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { calibrate, compile } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { testMachine } from './machines.ts';
import { modelOf } from './model-of-graph.ts';

/** Numbers that differ in sign, are zero, are equal now and then; for floats with fractions, and special ones if asked for. */
function operand(random: Random, dtype: DType, shape: readonly number[], special: boolean): Tensor {
  const tensor = zeros(dtype, shape);
  const data = tensor.data as Int32Array;
  const odd = [NaN, Infinity, -Infinity, -0, 0, 0.5, -1.5, 2.5];
  for (let i = 0; i < data.length; i++) {
    const whole = random.integer(dtype.startsWith('u') ? 0 : -6, 6);
    if (dtype === 'bool') data[i] = random.integer(0, 1);
    else if (dtype !== 'float32') data[i] = random.next() < 0.2 ? whole * 21 : whole;
    else
      data[i] =
        special && random.next() < 0.3 ? (odd[random.integer(0, odd.length - 1)] ?? 0) : random.next() < 0.3 ? whole : random.bell() * 3;
  }
  return tensor;
}

type Attributes = Parameters<GraphWriter['node']>[2];

async function expectEqual(
  op: string,
  dtypes: readonly DType[],
  attributes: Attributes = {},
  { special = true, precision = 'fp32' }: { readonly special?: boolean; readonly precision?: 'fp32' | 'int8' } = {},
): Promise<void> {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=4 KiB']);
  const random = seededRandom(op.length + dtypes.length);
  const w = writeGraph();
  const inputs = new Map<string, Tensor>();
  const ids = dtypes.map((dtype, i) => {
    // The second operand broadcasts along rows, the third along columns.
    const shape = [5, 7, 30].map((e, axis) => ((i === 1 && axis === 1) || (i === 2 && axis === 2) ? 1 : e));
    const name = `x${i}`;
    inputs.set(name, operand(random, dtype, shape, special));
    return w.input(name, shape, dtype);
  });
  const graph = w.finish(...w.node(op, ids, attributes));
  const calibration = precision === 'int8' ? calibrate(graph, [inputs]) : null;
  const { executable, quantizedGraph } = compile(modelOf(graph), machine, { precision, dims: {}, calibration });
  expect(executable.kernels.map((k) => k.engine)).toEqual(['vector']);
  expect(verifyExecutable(executable, machine)).toEqual([]);
  const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
  expect(diagnostics).toEqual([]);
  const expected = interpret(quantizedGraph, inputs);
  expect(outputs).toEqual(expected);
  // Not the same number everywhere, or the comparison shows little.
  for (const t of expected.values())
    expect(new Set<unknown>(t.data as Iterable<unknown>).size, `${elementCount(t.shape)} elements`).toBeGreaterThan(1);
}

const float = 'float32';

describe('floats', () => {
  it.each([
    'Round',
    'Ceil',
    'Floor',
    'Sign',
    'Selu',
    'Celu',
    'ThresholdedRelu',
    'Shrink',
    'IsNaN',
    'IsInf',
    'Sin',
    'Cos',
    'Tan',
    'Asin',
    'Acos',
    'Atan',
  ])('%s', async (op) => expectEqual(op, [float]));
  it.each(['Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh'])('%s', async (op) => expectEqual(op, [float]));
  it.each(['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'Pow'])('%s', async (op) => expectEqual(op, [float, float]));
  it('Mod', async () => expectEqual('Mod', [float, float], { fmod: 1 }));
  it.each(['Sum', 'Mean', 'Max', 'Min'])('%s of three', async (op) => expectEqual(op, [float, float, float], {}, { special: false }));
  it('Where', async () => expectEqual('Where', ['bool', float, float]));
  it('Pow by integers', async () => expectEqual('Pow', [float, 'int32'], {}, { special: false }));
});

describe('quantized', () => {
  const options = { special: false, precision: 'int8' } as const;
  it.each(['Round', 'Sin', 'Selu'])('%s', async (op) => expectEqual(op, [float], {}, options));
  it.each(['Less', 'GreaterOrEqual'])('%s', async (op) => expectEqual(op, [float, float], {}, options));
  it('Where', async () => expectEqual('Where', ['bool', float, float], {}, options));
});

describe.each(['int8', 'uint8', 'int16', 'int32'] as const)('%s, wrapping as its width does', (dtype) => {
  it.each(['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Max', 'Min', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'Equal', 'Less', 'LessOrEqual'])(
    '%s',
    async (op) => expectEqual(op, [dtype, dtype]),
  );
  it.each(['Abs', 'Sign', 'BitwiseNot'])('%s', async (op) => expectEqual(op, [dtype]));
  it('Mod with the sign of the dividend', async () => expectEqual('Mod', [dtype, dtype], { fmod: 1 }));
  it('Where', async () => expectEqual('Where', ['bool', dtype, dtype]));
});

describe('booleans', () => {
  it.each(['And', 'Or', 'Xor', 'Equal'])('%s', async (op) => expectEqual(op, ['bool', 'bool']));
  it('Not', async () => expectEqual('Not', ['bool']));
});

/** ONNX's numbers of element types. */
const codes = { float32: 1, uint8: 2, int8: 3, int16: 5, int32: 6, bool: 9 } as const;
const types = Object.keys(codes) as readonly (keyof typeof codes)[];

describe('Cast', () => {
  it.each(types.flatMap((from) => types.filter((to) => to !== from).map((to) => [from, to] as const)))('of %s to %s', async (from, to) =>
    expectEqual('Cast', [from], { to: codes[to] }),
  );
});
