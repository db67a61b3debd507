/** Operators that read elements where other numbers say: Gather, GatherElements; and ArgMax, ArgMin, which say where. */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import { concreteShape, pickedContents } from './contents.ts';
import { numbersOf, pick, tensorOf } from './numbers.ts';
import {
  defineOp,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  requiredTensor,
  requiredType,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import type { TensorType } from '../ir.ts';

/** Longer lists of indices are looked at when they are used. */
const longestIndices = 2 ** 16;

/** @throws SYS3010 for indices that are known and lie outside the axis */
function checkKnownIndices(context: InferContext, indices: TensorType, size: Dim | undefined): void {
  if (typeof size !== 'number' || (concreteShape(indices) ?? [Infinity]).reduce((n, d) => n * d, 1) > longestIndices) return;
  const known = context.tensor(1);
  if (known !== null) for (const index of numbersOf(known)) checkIndex(context, index, size);
}

function checkIndex(context: OpContext, index: number, size: number): number {
  const i = index < 0 ? index + size : index;
  if (i < 0 || i >= size) misfit(context, `index ${index} is outside an axis of ${size}`);
  return i;
}

export const gather: OpDef = defineOp({
  name: 'Gather',
  since: [1, 11, 13],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    checkKnownIndices(context, indices, x.shape[axis]);
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const indices = numbersOf(requiredTensor(context, 1, 'indices'));
    const type = outputType(context);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const size = x.shape[axis] ?? 1;
    const inner = elementCount(x.shape.slice(axis + 1));
    const outer = elementCount(x.shape.slice(0, axis));
    const from = new Int32Array(elementCount(type.shape));
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < indices.length; k++) {
        const base = (o * size + checkIndex(context, indices[k] ?? 0, size)) * inner;
        for (let i = 0; i < inner; i++) from[at++] = base + i;
      }
    }
    return [pick(x, type.shape, from)];
  },
  contents: (context) => pickedContents(context, gather, (i) => i === 0),
});

export const gatherElements: OpDef = defineOp({
  name: 'GatherElements',
  since: [11, 13],
  kernelClass: 'gather',
  attributes: { axis: 0 },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    const indices = requiredType(context, 1, 'indices');
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    checkKnownIndices(context, indices, x.shape[axis]);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'data');
    const indexTensor = requiredTensor(context, 1, 'indices');
    const indices = numbersOf(indexTensor);
    const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
    const strides = rowMajorStrides(x.shape);
    const own = rowMajorStrides(indexTensor.shape);
    const from = Int32Array.from(indices, (value, flat) => {
      let at = checkIndex(context, value, x.shape[axis] ?? 1) * (strides[axis] ?? 1);
      for (let i = 0; i < own.length; i++) {
        if (i !== axis) at += (Math.floor(flat / (own[i] ?? 1)) % (indexTensor.shape[i] ?? 1)) * (strides[i] ?? 0);
      }
      return at;
    });
    return [pick(x, indexTensor.shape, from)];
  },
  contents: (context) => pickedContents(context, gatherElements, (i) => i === 0),
});

function argOp(name: 'ArgMax' | 'ArgMin'): OpDef {
  return defineOp({
    name,
    since: [1, 11, 12, 13],
    kernelClass: 'host',
    attributes: { axis: 0, keepdims: 1, select_last_index: 0 },
    infer(context) {
      const x = requiredType(context, 0, 'data');
      const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
      const keep = intAttribute(context, 'keepdims', 1) !== 0;
      return [{ dtype: 'int64', shape: x.shape.flatMap((d, i): Dim[] => (i !== axis ? [d] : keep ? [1] : [])) }];
    },
    evaluate(context) {
      const x = requiredTensor(context, 0, 'data');
      const type = outputType(context);
      const axis = normalizeAxis(context, intAttribute(context, 'axis', 0), x.shape.length);
      const last = intAttribute(context, 'select_last_index', 0) !== 0;
      const sign = name === 'ArgMax' ? 1 : -1;
      const source = numbersOf(x);
      const size = x.shape[axis] ?? 1;
      const inner = elementCount(x.shape.slice(axis + 1));
      const out = new Float64Array(elementCount(type.shape));
      for (let i = 0; i < out.length; i++) {
        const start = Math.floor(i / inner) * size * inner + (i % inner);
        let best = -Infinity;
        for (let k = 0; k < size; k++) {
          const v = sign * (source[start + k * inner] ?? 0);
          if (v > best || (last && v === best)) {
            best = v;
            out[i] = k;
          }
        }
      }
      return [tensorOf('int64', type.shape, out)];
    },
  });
}

export const gatherOps: readonly OpDef[] = [gather, gatherElements, argOp('ArgMax'), argOp('ArgMin')];
