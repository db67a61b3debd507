/** Cutting tensors along an axis and stacking them again. */
import { bitsOf, elementCount, fail, graphMessages, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { joined } from './move.ts';
import { numbersOf, pickAxes, reshaped, straight } from './numbers.ts';
import { misfit, type EvaluateContext, type OpContext } from './op-def.ts';

/** `size` entries of an axis from `start` on. */
export function partOf(x: Tensor, axis: number, start: number, size: number): Tensor {
  const shape = x.shape.map((d, i) => (i === axis ? size : d));
  const inner = elementCount(x.shape.slice(axis + 1));
  // Parts of the outermost axis that varies are contiguous: no copy element by element.
  if (elementCount(x.shape.slice(0, axis)) === 1 && bitsOf(x.dtype) >= 8) {
    // Complex numbers are kept as bytes.
    const each = x.data instanceof Uint8Array ? bitsOf(x.dtype) / 8 : 1;
    return { dtype: x.dtype, shape, data: x.data.slice(start * inner * each, (start + size) * inner * each) };
  }
  const strides = rowMajorStrides(x.shape);
  const tables = shape.map((extent, i) => straight(extent, strides[i] ?? 0));
  tables[axis] = Int32Array.from({ length: size }, (_, i) => (start + i) * (strides[axis] ?? 0));
  return pickAxes(x, shape, tables);
}

/** Entry `index` of an axis, without the axis. */
export function entryOf(x: Tensor, axis: number, index: number): Tensor {
  return reshaped(
    partOf(x, axis, index, 1),
    x.shape.filter((_, i) => i !== axis),
  );
}

/** Tensors of one shape along a new axis; at least one. */
export function stacked(context: OpContext, parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw new Error('nothing to stack');
  const odd = parts.find(
    (p) => p.dtype !== first.dtype || p.shape.length !== first.shape.length || p.shape.some((d, i) => d !== first.shape[i]),
  );
  if (odd !== undefined) {
    misfit(context, `values of shape [${first.shape.join(', ')}] and [${odd.shape.join(', ')}] cannot be put together along a new axis`);
  }
  const long = (n: number): number[] => [...first.shape.slice(0, axis), n, ...first.shape.slice(axis)];
  return joined(
    parts.map((p) => reshaped(p, long(1))),
    axis,
    long(parts.length),
  );
}

/** The one number of a tensor. */
export function scalarOf(context: OpContext, x: Tensor, what: string): number {
  const [value] = numbersOf(x);
  return value ?? misfit(context, `${what} is empty, one number is needed`);
}

export function scalar(dtype: 'int64' | 'bool', value: number): Tensor {
  return { dtype, shape: [], data: dtype === 'int64' ? BigInt64Array.of(BigInt(value)) : Uint8Array.of(value) };
}

/** `evaluate` of operators that have `evaluateValues`. */
export function runsOnValues(context: EvaluateContext): never {
  const { node } = context;
  return fail(graphMessages.runsOnValues({ op: node.op, node: node.name }, { origin: node.origin }));
}
