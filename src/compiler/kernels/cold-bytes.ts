/** Bytes a kernel cannot avoid moving from or to the homes of model inputs and outputs. */
import { bitsOf, bytesPerElement, elementCount, tensorBytes } from '../../core/index.ts';
import type { KernelSpec, View } from './spec.ts';

/** How many of `extent` positions the taps of all outputs touch: overlaps once, gaps of large strides not at all. */
export function touchedExtent(outputs: number, stride: number, taps: number, dilation: number, pad: number, extent: number): number {
  // The usual case: windows without gaps in them or between them.
  if (dilation === 1 && stride <= taps) {
    const end = Math.min(extent, (outputs - 1) * stride - pad + taps);
    return outputs === 0 ? 0 : Math.max(0, end - Math.max(0, -pad));
  }
  const touched = new Uint8Array(extent);
  for (let o = 0; o < outputs; o++) {
    const start = o * stride - pad;
    // Windows may be far larger than what lies in them.
    const last = Math.min(taps - 1, Math.floor((extent - 1 - start) / dilation));
    for (let r = Math.max(0, Math.ceil(-start / dilation)); r <= last; r++) touched[start + r * dilation] = 1;
  }
  return touched.reduce((n, t) => n + t, 0);
}

/** Fewest bytes of `view` this kernel reads. */
export function coldRead(k: KernelSpec, view: View): number {
  if (bitsOf(view.dtype) < 8) return tensorBytes(view.dtype, elementCount(view.shape));
  const es = bytesPerElement(view.dtype);
  if (k.kind === 'contraction' && view.root === k.x.root && k.op !== 'MATMUL') {
    const g = k.geometry;
    const rows = touchedExtent(g.oh, g.strides[0], g.kh, g.dilations[0], g.padTop, g.ih);
    const cols = touchedExtent(g.ow, g.strides[1], g.kw, g.dilations[1], g.padLeft, g.iw);
    return g.batch * g.groups * g.cg * rows * cols * es;
  }
  if (k.kind === 'pool') {
    const rows = touchedExtent(k.oh, k.strides[0], k.kernel[0], k.dilations[0], k.padTop, k.ih);
    const cols = touchedExtent(k.ow, k.strides[1], k.kernel[1], k.dilations[1], k.padLeft, k.iw);
    return k.batch * k.channels * rows * cols * es;
  }
  if (k.kind === 'move') {
    return k.parts.filter((p) => p.src.root === view.root).reduce((n, p) => Math.max(n, elementCount(p.extents)), 0) * es;
  }
  // All indices may be the same: one entry is what certainly is read.
  if (k.kind === 'lookup' && k.updates === null && view.root === k.table.root && view.root !== k.index.root) {
    return k.extents.reduce((n, extent, axis) => (k.indexStrides[axis] === 0 ? n * extent : n), 1) * es;
  }
  return elementCount(view.shape) * es;
}
