/** Moves by index: a LOAD or COPY that looks elements up, a STORE or COPY that scatters them, one element after the other. */
import { bytesPerElement, elementCount } from '../../core/index.ts';
import type { MoveCommand, Ref } from '../../isa/command.ts';
import { isScatter } from '../../isa/index.ts';
import { tile, type Context } from './context.ts';
import { gather, scatter } from './tile.ts';

/** Words beyond which the platform copies faster. */
const longLine = 16;

/** The index selects along the axis after its own; of indices outside the elements are zero, or go nowhere. */
export function runLookup(cx: Context, c: MoveCommand, index: Ref): void {
  const scatters = isScatter(c);
  const [looked, plain] = scatters ? [c.dst, c.src] : [c.src, c.dst];
  const count = elementCount(index.extents);
  const size = bytesPerElement(plain.dtype);
  const rank = index.extents.length;
  // One index for a whole line, whose elements lie side by side: a row of a table.
  const whole = !scatters && index.strides[rank - 1] === 0 && looked.strides[rank - 1] === size;
  const line = whole ? (index.extents[rank - 1] ?? 1) : 1;
  const each: Ref = whole ? { ...index, extents: [...index.extents.slice(0, -1), 1] } : index;
  const indices = new Int32Array(cx.scratch('index', count * 4), 0, count / line);
  gather(tile(cx, each), indices.buffer, indices.byteOffset);
  const { storage, start } = tile(cx, looked);
  const unit = [4, 2].find((u) => size % u === 0 && start % u === 0 && looked.strides.every((s) => s % u === 0)) ?? 1;
  const words = unit === 4 ? storage.words : unit === 2 ? storage.halves : storage.bytes;
  const addresses = new Float64Array(cx.scratch('addresses', count * 8), 0, count / line);
  addressesOf(indices, each.extents, looked, start, addresses);
  const elements = cx.scratch('moved', count * size);
  const dense = unit === 4 ? new Uint32Array(elements) : unit === 2 ? new Uint16Array(elements) : new Uint8Array(elements);
  if (scatters) gather(tile(cx, plain), elements, 0);
  else dense.fill(0, 0, (count * size) / unit);
  const width = (size / unit) * line;
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[i] ?? -1;
    if (address < 0) continue;
    const at = address / unit;
    if (scatters) for (let k = 0; k < width; k++) words[at + k] = dense[i * width + k] ?? 0;
    else if (width > longLine) dense.set(words.subarray(at, at + width), i * width);
    else for (let k = 0; k < width; k++) dense[i * width + k] = words[at + k] ?? 0;
  }
  if (!scatters) scatter(tile(cx, plain), elements, 0);
}

/** The byte that each index leads to, -1 where it is outside. */
function addressesOf(indices: Int32Array, extents: readonly number[], looked: Ref, start: number, to: Float64Array): void {
  const rank = extents.length;
  const line = extents[rank - 1] ?? 1;
  const between = looked.strides[rank - 1] ?? 0;
  const extent = looked.extents[rank] ?? 0;
  const step = looked.strides[rank] ?? 0;
  const position = extents.map(() => 0);
  let base = start;
  for (let row = 0; row < indices.length; row += line) {
    for (let i = 0; i < line; i++) {
      const index = indices[row + i] ?? -1;
      to[row + i] = index >= 0 && index < extent ? base + i * between + index * step : -1;
    }
    for (let axis = rank - 2; axis >= 0; axis--) {
      const next = (position[axis] ?? 0) + 1;
      const stride = looked.strides[axis] ?? 0;
      base += stride;
      position[axis] = next;
      if (next < (extents[axis] ?? 1)) break;
      base -= next * stride;
      position[axis] = 0;
    }
  }
}
