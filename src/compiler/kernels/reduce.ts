/** Reductions over any axes, step for step as the reference evaluators compute and round them. */
import { elementCount, rowMajorStrides, type DType } from '../../core/index.ts';
import { attributeInt, attributeInts, type Node, type Value } from '../../graph/index.ts';
import { groupOutput, type NotHere, type SelectContext } from './context.ts';
import type { ElementwiseKernel, ReduceKernel, ReducePass, VectorPlan } from './spec.ts';
import { constantInts, isPlainFloat } from './values.ts';
import { createStepWriter, lowerMean, lowerRequantize, perTensor } from './vector-plan.ts';

type Writer = ReturnType<typeof createStepWriter>;

/** Passes and the step behind them, on registers: `x` an element of the input, results of passes in their order. */
interface Recipe {
  readonly passes: readonly {
    readonly before: ((w: Writer, x: number, results: readonly number[]) => number) | null;
    readonly fold: ReducePass['fold'];
  }[];
  readonly finish: (w: Writer, results: readonly number[], count: number) => number;
}

const one = (fold: ReducePass['fold'], finish: Recipe['finish'] = (_, [r = 0]) => r): Recipe => ({
  passes: [{ before: null, fold }],
  finish,
});

/** The largest fp32 number: what an infinite maximum is taken for, so that differences to it are numbers or infinite. */
const largest = 3.4028234663852886e38;

const bounded = (w: Writer, max: number): number => w.step('max', w.step('min', max, w.immediate(largest)), w.immediate(-largest));

const recipes: Readonly<Record<string, Recipe>> = {
  ReduceSum: one('sum'),
  ReduceMean: one('sum', (w, [sum = 0], count) => w.step('div', sum, w.immediate(count))),
  ReduceProd: one('product'),
  ReduceMax: one('max'),
  // min x = −max −x
  ReduceMin: { passes: [{ before: (w, x) => w.step('neg', x), fold: 'max' }], finish: (w, [max = 0]) => w.step('neg', max) },
  ReduceL1: { passes: [{ before: (w, x) => w.step('abs', x), fold: 'sum' }], finish: (_, [sum = 0]) => sum },
  ReduceL2: one('sumSquares', (w, [sum = 0]) => w.step('sqrt', sum)),
  ReduceSumSquare: one('sumSquares'),
  ReduceLogSum: one('sum', (w, [sum = 0]) => w.step('log', sum)),
  // max + ln Σ e^(x − max)
  ReduceLogSumExp: {
    passes: [
      { before: null, fold: 'max' },
      { before: (w, x, [max = 0]) => w.step('exp', w.step('sub', x, bounded(w, max))), fold: 'sum' },
    ],
    finish: (w, [max = 0, sum = 0]) => w.step('add', w.step('log', sum), bounded(w, max)),
  },
};

const narrow: readonly DType[] = ['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32'];

/** On whole numbers: sums wrap as int32 does, and of a narrow type only the largest and smallest certainly fit it again. */
const integerRecipes: Readonly<Record<string, Recipe & { readonly types: readonly DType[] }>> = {
  ReduceSum: { ...one('sum'), types: ['int32'] },
  ReduceSumSquare: { ...one('sumSquares'), types: ['int32'] },
  ReduceProd: { ...one('product'), types: ['int32'] },
  ReduceMax: { ...one('max'), types: narrow },
  // −1 − x turns the order of all int32 around.
  ReduceMin: {
    passes: [{ before: (w, x) => complement(w, x), fold: 'max' }],
    finish: (w, [max = 0]) => complement(w, max),
    types: narrow,
  },
};

/** Of one element they are that element; an average of integers has a rounding rule of its own. */
const isIdentity: ReadonlySet<string> = new Set(['ReduceSum', 'ReduceMean', 'ReduceProd', 'ReduceMax', 'ReduceMin']);

function complement(w: Writer, x: number): number {
  const minusOne = w.immediate(-1);
  return w.step('addInt', w.step('mulInt', x, minusOne), minusOne);
}

export function isReduction(node: Node): boolean {
  return node.domain === '' && (node.op === 'GlobalAveragePool' || Object.hasOwn(recipes, node.op));
}

export function selectReduce(cx: SelectContext, node: Node): ReduceKernel | ElementwiseKernel | NotHere {
  const input = cx.graph.values[node.inputs[0] as number];
  const output = cx.graph.values[node.outputs[0] as number];
  if (input === undefined || output === undefined) throw new Error(`${node.op} without operands`);
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a reduction' };
  const x = cx.views.view(input.id);
  const axes = reducedAxes(cx, node, x.shape.length);
  if (axes === null) return { reason: 'its axes are computed at run time' };
  const plans = plansOf(node, input, output, elementCount(axes.map((a) => x.shape[a] ?? 1)));
  if ('reason' in plans) return plans;
  const common = {
    name: cx.name,
    origin: cx.origin,
    engine: 'vector',
    dtype: x.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
  } as const;
  const isNoop = attributeInt(node, 'noop_with_empty_axes', 0) !== 0 || isIdentity.has(node.op);
  if (axes.length === 0 && isNoop && node.op !== 'GlobalAveragePool') {
    const plan = input.quantization === null && output.quantization === null ? passOn() : lowerRequantize(input, output);
    const strides = rowMajorStrides(x.shape);
    return { kind: 'elementwise', class: 'elementwise', ...common, shape: x.shape, plan: { ...plan, operands: [{ view: x, strides }] } };
  }
  // Nothing is folded, but what each element becomes stays: x² of a sum of squares. An axis of one element is folded in its place.
  const whole = axes.length === 0 ? { ...x, shape: [...x.shape, 1] } : x;
  const reduced = whole.shape.map((_, i) => axes.includes(i) || i === x.shape.length);
  return { kind: 'reduce', class: 'reduce', ...common, x: whole, reduced, ...plans };
}

/** Axes that go; none where nothing is reduced; null where only the run tells. */
function reducedAxes(cx: SelectContext, node: Node, rank: number): readonly number[] | null {
  if (node.op === 'GlobalAveragePool') return Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const id = node.inputs[1] ?? null;
  const given = id === null ? attributeInts(node, 'axes', []) : constantInts(cx.graph.values[id]);
  if (given === null) return null;
  if (given.length > 0) return given.map((a) => (a < 0 ? a + rank : a));
  return attributeInt(node, 'noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, i) => i);
}

type Plans = Pick<ReduceKernel, 'passes' | 'finish'>;

function plansOf(node: Node, input: Value, output: Value, count: number): Plans | NotHere {
  const { dtype } = input.type;
  if (node.op === 'GlobalAveragePool') {
    const integer = input.quantization !== null && output.quantization !== null;
    // The integer rule of averages: sums are exact.
    if (integer) return { passes: [{ before: null, fold: 'sum', xZero: perTensor(input).zero }], finish: lowerMean(count, input, output) };
  }
  const recipe = recipes[node.op] ?? recipes['ReduceMean'];
  if (recipe === undefined) return { reason: `no engine of the machine runs ${node.op}` };
  if (!isPlainFloat(input) && input.quantization === null) {
    const integer = integerRecipes[node.op];
    if (integer === undefined || !integer.types.includes(dtype) || output.quantization !== null) {
      const allowed = ['a float', 'integers with a scale', ...(integer?.types ?? [])].join(', ');
      return { reason: `${node.op} of ${dtype} operand ${input.name}`, limit: { what: 'element type', actual: dtype, allowed } };
    }
    return written(
      integer,
      count,
      (w) => w.step('loadInt', 0),
      'loadInt',
      (w, r) => w.store(0, r),
      false,
    );
  }
  if (input.quantization !== null && input.quantization.axis !== null) return { reason: `operand ${input.name} is quantized per channel` };
  const real = (w: Writer): number => {
    if (input.quantization === null) return w.step('load', 0);
    const { scale, zero } = perTensor(input);
    return w.step('dequantize', w.step('loadInt', 0), w.immediate(zero), w.immediate(scale));
  };
  const store = (w: Writer, r: number): void => {
    if (output.quantization === null) return w.store(0, r);
    const { scale, zero } = perTensor(output);
    w.store(0, w.step('quantize', r, w.immediate(scale), w.immediate(zero)));
  };
  return written(recipe, count, real, 'load', store, input.quantization !== null);
}

/** @param convert  whether elements must become fp32 before they are folded */
function written(
  recipe: Recipe,
  count: number,
  element: (w: Writer) => number,
  load: 'load' | 'loadInt',
  store: (w: Writer, result: number) => void,
  convert: boolean,
): Plans {
  const passes = recipe.passes.map(({ before, fold }, pass): ReducePass => {
    if (before === null && !convert) return { before: null, fold, xZero: 0 };
    const w = createStepWriter();
    const x = element(w);
    const results = Array.from({ length: before === null ? 0 : pass }, (_, i) => w.step(load, i + 1));
    w.store(0, before === null ? x : before(w, x, results));
    return { before: { steps: w.steps, operands: [] }, fold, xZero: 0 };
  });
  const w = createStepWriter();
  const results = recipe.passes.map((_, i) => w.step(load, i));
  store(w, recipe.finish(w, results, count));
  return { passes, finish: { steps: w.steps, operands: [] } };
}

function passOn(): VectorPlan {
  const w = createStepWriter();
  w.store(0, w.step('loadInt', 0));
  return { steps: w.steps, operands: [] };
}
