/** Draining by the vector engine, for arrays without an output stage. */
import type { MatrixEngine } from '../../hw-configs/index.ts';
import type { VectorStep } from '../../isa/index.ts';
import type { ContractionKernel } from './spec.ts';
import { clampTo, createStepWriter, roundedTo } from './vector-plan.ts';

/** The kernel as this array runs it: without an output stage the vector engine drains; weights stay packed where it takes int4. */
export function drainedProduct(matrix: MatrixEngine, k: ContractionKernel): ContractionKernel {
  const wide = k.wPacked !== null && matrix.rates.int4 === undefined ? { ...k, wPacked: null } : k;
  return matrix.requantize === 'vector' ? drainOnVector(wide) : wide;
}

/**
 * The same kernel for an array without output stage: its VECTOR program takes the sums from the accumulators, adds the bias, rescales and
 * clamps as the drain would, and goes on with the epilogue.
 */
function drainOnVector(k: ContractionKernel): ContractionKernel {
  const { drain } = k;
  const w = createStepWriter();
  const integer = k.sums !== 'float32';
  let input = 0;
  let value = w.step(integer ? 'loadInt' : 'load', input++);
  if (drain.bias !== null) value = w.step(integer ? 'addInt' : 'add', value, w.step(integer ? 'loadInt' : 'load', input++));
  if (drain.multiplier !== null && drain.fixed) {
    const scaled = w.step('rescale', value, w.step('loadInt', input++), w.step('loadInt', input++));
    value = w.step('addInt', scaled, w.immediate(drain.outZero));
  } else if (drain.multiplier !== null) value = w.step('requantize', value, w.step('load', input++), w.immediate(drain.outZero));
  // A program goes on with what the node's output holds; where it ends here, the store rounds.
  if (k.epilogue !== null) value = roundedTo(w, value, drain.dtype);
  if (drain.lo !== -Infinity) value = w.step('max', value, w.immediate(drain.lo));
  if (drain.hi !== Infinity) value = w.step('min', value, w.immediate(drain.hi));
  if (k.epilogue === null) {
    w.store(0, value);
    return { ...k, drainOn: 'vector', epilogue: { steps: w.steps, operands: [] }, operandStrides: [] };
  }
  if (drain.multiplier !== null) value = clampTo(w, value, drain.dtype);
  return {
    ...k,
    drainOn: 'vector',
    epilogue: { steps: [...w.steps, ...continued(k.epilogue.steps, value, w.steps.length, input)], operands: k.epilogue.operands },
  };
}

/** The steps of an epilogue behind others: registers renumbered, its input 0 is `value`, its other inputs come after the first `inputs`. */
function continued(steps: readonly VectorStep[], value: number, registers: number, inputs: number): VectorStep[] {
  const moved = (r: number): number => (r < 0 ? r : r === anchor ? value : r + registers);
  const anchor = steps.find((s) => (s.op === 'load' || s.op === 'loadInt') && s.a === 0)?.dst ?? -1;
  return steps
    .filter((s) => s.dst !== anchor || s.op === 'store')
    .map((s) => {
      switch (s.op) {
        case 'load':
        case 'loadInt':
          return { ...s, dst: s.dst + registers, a: s.a - 1 + inputs };
        case 'store':
          return { ...s, a: moved(s.a) };
        default:
          return { ...s, dst: s.dst + registers, a: moved(s.a), b: moved(s.b), c: moved(s.c) };
      }
    });
}
