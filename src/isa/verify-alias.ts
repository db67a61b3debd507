/** Whether a reference that is written has bytes of its own for every element. */
import { bitsOf, bytesPerElement } from '../core/index.ts';
import type { Command, Ref } from './command.ts';
import { isScatter } from './traffic.ts';

/** Up to this many bytes between first and last are looked at one by one; what is wider and steps strangely is let pass. */
const mostBytes = 1 << 24;

/** The written references whose elements must not share bytes, by the names the text form gives them. REDUCE folds through stride 0: not here. */
export function separateRefs(c: Command): readonly (readonly [string, Ref])[] {
  switch (c.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      return [['acc', c.acc], ...(c.drain === null ? [] : [['out', c.drain.out] as const])];
    case 'POOL':
      return [['out', c.out]];
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      // Where a scatter writes, the numbers say: the last of several stays.
      return isScatter(c) ? [] : [['dst', c.dst]];
    case 'VECTOR':
    case 'HOST':
      return c.outputs.map((ref, i) => [`out ${i}`, ref] as const);
    default:
      return [];
  }
}

/** True when two elements share a byte: a later one destroys an earlier one. */
export function sharesBytes(ref: Ref): boolean {
  const axes = ref.extents
    .map((extent, axis) => ({ extent, stride: Math.abs(ref.strides[axis] ?? 0) }))
    .filter((a) => a.extent > 1)
    .toSorted((a, b) => a.stride - b.stride);
  // Packed elements step in bits along their last axis.
  if (bitsOf(ref.dtype) < 8 || ref.extents.some((e) => e <= 0)) return false;
  const size = bytesPerElement(ref.dtype);
  let reach = size;
  let nested = true;
  for (const { extent, stride } of axes) {
    if (stride < reach) nested = false;
    reach += (extent - 1) * stride;
  }
  // Every axis steps over all that the axes below it span: the usual case. (A ring's own axis has the largest stride and does not overtake.)
  if (nested) return false;
  return reach <= mostBytes && collides(axes, reach, size);
}

function collides(axes: readonly { readonly extent: number; readonly stride: number }[], reach: number, size: number): boolean {
  if (axes.reduce((n, a) => n * a.extent, size) > reach) return true;
  const taken = new Uint8Array(reach);
  let starts = [0];
  for (const { extent, stride } of axes) starts = Array.from({ length: extent }, (_, i) => starts.map((s) => s + i * stride)).flat();
  for (const start of starts) {
    if (taken.subarray(start, start + size).includes(1)) return true;
    taken.fill(1, start, start + size);
  }
  return false;
}
