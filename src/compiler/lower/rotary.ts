/** Rotary position embedding as slices, products and a join. */
import type { ValueId } from '../../graph/ir.ts';
import type { Writer } from './writer.ts';

/**
 * @param x         [batch, heads, length, size]
 * @param cos, sin  broadcast to [batch, heads, length, turned / 2]
 * @param interleaved  pairs are neighbours; otherwise the first half pairs with the second
 */
export function rotate(w: Writer, x: ValueId, cos: ValueId, sin: ValueId, interleaved: boolean): ValueId {
  const [batch = 1, heads = 1, length = 1, size = 1] = w.shape(x);
  const half = w.shape(cos).at(-1) ?? 1;
  const turned = 2 * half;
  const head = w.slice(x, 3, 0, turned);
  const pairs = interleaved ? w.reshape(head, [batch, heads, length, half, 2]) : head;
  const part = (i: number): ValueId => {
    if (!interleaved) return w.slice(pairs, 3, i * half, (i + 1) * half);
    return w.reshape(w.slice(pairs, 4, i, i + 1), [batch, heads, length, half]);
  };
  const [a, b] = [part(0), part(1)];
  const first = w.op('Sub', [w.op('Mul', [a, cos]), w.op('Mul', [b, sin])]);
  const second = w.op('Add', [w.op('Mul', [a, sin]), w.op('Mul', [b, cos])]);
  const rest = turned === size ? [] : [w.slice(x, 3, turned, size)];
  if (!interleaved) return w.concat([first, second, ...rest], 3);
  const column = [batch, heads, length, half, 1];
  const joined = w.reshape(w.concat([w.reshape(first, column), w.reshape(second, column)], 4), [batch, heads, length, turned]);
  return w.concat([joined, ...rest], 3);
}
