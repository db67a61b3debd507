/** LOAD, STORE, COPY: element for element, as bits. Source and destination may overlap: all is read before anything is written. */
import { bytesPerElement, elementCount, invariant } from '../../core/index.ts';
import type { MoveCommand, Ref } from '../../isa/command.ts';
import { isScatter } from '../../isa/index.ts';
import { tile, type Context } from './context.ts';
import { gather, scatter } from './tile.ts';

export function runMove(cx: Context, c: MoveCommand): void {
  if (c.index !== undefined) return runLookup(cx, c, c.index);
  const from = tile(cx, c.src);
  const to = tile(cx, c.dst);
  const size = bytesPerElement(c.src.dtype);
  invariant(
    from.count === to.count && size === bytesPerElement(c.dst.dtype),
    `${c.op}: ${from.count} ${c.src.dtype} to ${to.count} ${c.dst.dtype}`,
  );
  const buffer = cx.scratch('moved', from.count * size);
  gather(from, buffer, 0);
  scatter(to, buffer, 0);
}

/** One element after the other, each where its index says. */
function runLookup(cx: Context, c: MoveCommand, index: Ref): void {
  const scatters = isScatter(c);
  const [looked, plain] = scatters ? [c.dst, c.src] : [c.src, c.dst];
  const count = elementCount(index.extents);
  const where = new Int32Array(cx.scratch('index', count * 4), 0, count);
  gather(tile(cx, index), where.buffer, where.byteOffset);
  const size = bytesPerElement(plain.dtype);
  const elements = new Uint8Array(cx.scratch('moved', count * size), 0, count * size);
  if (scatters) gather(tile(cx, plain), elements.buffer, elements.byteOffset);
  else elements.fill(0);

  const { storage, start } = tile(cx, looked);
  const rank = index.extents.length;
  const extent = looked.extents[rank] ?? 0;
  const step = looked.strides[rank] ?? 0;
  const position = index.extents.map(() => 0);
  let base = start;
  for (let e = 0; e < count; e++) {
    const i = where[e] ?? -1;
    if (i >= 0 && i < extent) {
      const at = base + i * step;
      const [from, to] = scatters ? [elements, storage.bytes] : [storage.bytes, elements];
      const [fromAt, toAt] = scatters ? [e * size, at] : [at, e * size];
      for (let b = 0; b < size; b++) to[toAt + b] = from[fromAt + b] ?? 0;
    }
    for (let axis = rank - 1; axis >= 0; axis--) {
      const next = (position[axis] ?? 0) + 1;
      const stride = looked.strides[axis] ?? 0;
      base += stride;
      position[axis] = next;
      if (next < (index.extents[axis] ?? 1)) break;
      base -= next * stride;
      position[axis] = 0;
    }
  }
  if (!scatters) scatter(tile(cx, plain), elements.buffer, elements.byteOffset);
}
