/** Sliding windows: the geometry shared by convolutions and pooling, any number of spatial axes. */
import { addDim, ceilDivDim, floorDivDim, maxDim, minDim, mulDim, subDim, type Dim } from '../dim.ts';
import { badAttribute, intsAttribute, misfit, stringAttribute, type OpContext } from './op-def.ts';

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Symbolic only where `auto_pad` meets a symbolic input. */
  readonly padBegin: readonly Dim[];
  readonly padEnd: readonly Dim[];
}

export interface ConcreteWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
}

/** Extent of a dilated kernel: (k - 1) · d + 1. */
export function effectiveKernel(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/** Reads strides, dilations, pads and auto_pad over input spatial sizes. */
export function readWindow(context: OpContext, kernel: readonly number[], input: readonly Dim[]): Window {
  const rank = kernel.length;
  const strides = listOf(context, 'strides', rank, 1);
  const dilations = listOf(context, 'dilations', rank, 1);
  for (const [name, list] of [
    ['kernel_shape', kernel],
    ['strides', strides],
    ['dilations', dilations],
  ] as const) {
    if (list.some((n) => n < 1)) badAttribute(context, name, `[${list.join(', ')}]`, 'whole numbers from 1');
  }
  const auto = stringAttribute(context, 'auto_pad', 'NOTSET');
  switch (auto) {
    case 'NOTSET': {
      const pads = listOf(context, 'pads', 2 * rank, 0);
      return { kernel, strides, dilations, padBegin: pads.slice(0, rank), padEnd: pads.slice(rank) };
    }
    case 'VALID': {
      const none = kernel.map(() => 0);
      return { kernel, strides, dilations, padBegin: none, padEnd: none };
    }
    case 'SAME_UPPER':
    case 'SAME_LOWER': {
      // Output = ceil(input / stride); what is missing is padded, the odd one at the end (UPPER) or the start (LOWER).
      const totals = kernel.map((k, i) => {
        const s = strides[i] ?? 1;
        const size = input[i] ?? 1;
        if (s === 1) return effectiveKernel(k, dilations[i] ?? 1) - 1;
        const out = ceilDivDim(size, s);
        return maxDim(0, subDim(addDim(mulDim(subDim(out, 1), s), effectiveKernel(k, dilations[i] ?? 1)), size));
      });
      const small = totals.map((t) => floorDivDim(t, 2));
      const large = totals.map((t, i) => subDim(t, small[i] ?? 0));
      return auto === 'SAME_UPPER'
        ? { kernel, strides, dilations, padBegin: small, padEnd: large }
        : { kernel, strides, dilations, padBegin: large, padEnd: small };
    }
    default:
      return badAttribute(context, 'auto_pad', `"${auto}"`, 'NOTSET, VALID, SAME_UPPER, SAME_LOWER');
  }
}

/** The window with numbers; throws our error when a size is still symbolic, which evaluation never sees. */
export function readConcreteWindow(context: OpContext, kernel: readonly number[], input: readonly number[]): ConcreteWindow {
  const w = readWindow(context, kernel, input);
  const number = (d: Dim): number => {
    if (typeof d !== 'number') throw new Error('window of a symbolic size');
    return d;
  };
  return { ...w, padBegin: w.padBegin.map(number), padEnd: w.padEnd.map(number) };
}

/** An attribute of `count` integers, all `otherwise` when left out. */
export function listOf(context: OpContext, name: string, count: number, otherwise: number): readonly number[] {
  const list = intsAttribute(context, name);
  if (list === null || (list.length === 0 && count > 0)) return new Array<number>(count).fill(otherwise);
  if (list.length !== count) badAttribute(context, name, `[${list.join(', ')}]`, `${count} numbers here`);
  return list;
}

/** Output size of one axis: floor or ceil of (input + pads - effective kernel) / stride, plus 1. */
export function windowOutput(
  context: OpContext,
  window: Window,
  axis: number,
  input: Dim,
  rounding: 'floor' | 'ceil' | 'ceil-inside',
): Dim {
  const padBegin = window.padBegin[axis] ?? 0;
  const padded = addDim(addDim(input, padBegin), window.padEnd[axis] ?? 0);
  const k = effectiveKernel(window.kernel[axis] ?? 1, window.dilations[axis] ?? 1);
  const s = window.strides[axis] ?? 1;
  const room = subDim(padded, k);
  if (typeof room === 'number' && room < 0 && input !== 0) {
    misfit(
      context,
      `the window of ${k} along spatial axis ${axis} is larger than the padded input of ${typeof padded === 'number' ? padded : '?'}`,
      'Give a larger input or more padding',
    );
  }
  const out = addDim(rounding === 'floor' ? floorDivDim(room, s) : ceilDivDim(room, s), 1);
  // A last window that would start in the end padding is dropped (the input and the begin padding are all it may see).
  return rounding === 'ceil-inside' ? minDim(out, addDim(floorDivDim(subDim(addDim(input, padBegin), 1), s), 1)) : out;
}
