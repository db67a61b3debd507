/** LOAD, STORE, COPY: element for element, as bits. Source and destination may overlap: all is read before anything is written. */
import { bytesPerElement, invariant } from '../../core/index.ts';
import type { MoveCommand } from '../../isa/command.ts';
import { tile, type Context } from './context.ts';
import { runLookup } from './lookup.ts';
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
