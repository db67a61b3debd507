/** Reductions of nothing: the number that a fold starts from. */
import { bytesOf, integerRange, isFloat, type DType } from '../../core/index.ts';
import { tensorOf } from '../../graph/index.ts';
import type { Rule, Rules } from './rule.ts';

const least = (dtype: DType): number => (isFloat(dtype) ? -Infinity : integerRange(dtype)[0]);
const most = (dtype: DType): number => (isFloat(dtype) ? Infinity : integerRange(dtype)[1]);

const ofNothing: Readonly<Record<string, (dtype: DType) => number>> = {
  ReduceSum: () => 0,
  ReduceSumSquare: () => 0,
  ReduceL1: () => 0,
  ReduceL2: () => 0,
  ReduceProd: () => 1,
  ReduceMax: least,
  ReduceMin: most,
  ReduceLogSum: least,
  ReduceLogSumExp: least,
};

const foldable: ReadonlySet<DType> = new Set<DType>([
  'float32',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'bool',
]);

const empty =
  (start: (dtype: DType) => number): Rule =>
  (w, node) => {
    const [x = null] = node.inputs;
    const [out] = node.outputs;
    if (x === null || out === undefined || !w.shape(x).includes(0) || w.shape(out).includes(0)) return null;
    const { type } = w.value(out);
    if (!foldable.has(type.dtype)) return null;
    return [w.lazy(type, { kind: 'splat', element: bytesOf(tensorOf(type.dtype, [1], [start(type.dtype)])) })];
  };

export const reductionRules: Rules = Object.fromEntries(Object.entries(ofNothing).map(([op, start]) => [op, empty(start)]));
