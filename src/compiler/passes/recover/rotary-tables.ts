/**
 * Cosines and sines as RotaryEmbedding wants them: [batch or 1, tokens, pairs]. Exporters give each angle twice, side by side in
 * halves or in pairs; that both are the same is read off the constant, or off how the table is computed.
 */
import type { Dim } from '../../../graph/index.ts';
import { equalDim } from '../../../graph/index.ts';
import type { Constant, Node, TensorType, ValueId } from '../../../graph/ir.ts';
import { lazyBytes } from '../constants.ts';
import { frontAxis, input, type Pattern } from './match.ts';
import type { Maker } from './recovery.ts';
import { createNodeWriter } from './writer.ts';

/** How each angle stands in a table: once; twice, the second half like the first; twice in a row. */
export type Spread = 'once' | 'halves' | 'pairs';

/** Where tokens are in x: [batch, heads, tokens, size], [batch, tokens, heads, size] or [batch, tokens, size]. */
export type Layout = 'heads first' | 'tokens first' | 'one head';

/** Tables are looked into once the pattern around them fits: up to 4096 positions of 128 angles. */
const largestTable = 1 << 19;

/** Where the tokens of x are, by how a table is broadcast to it; null where it differs between heads, or does not tell tokens apart. */
export function layoutOf(table: readonly Dim[], x: readonly Dim[]): Layout | null {
  const [batch = 1] = x;
  if (table.length > x.length || table.length < 1) return null;
  const wide = [...Array.from({ length: x.length - table.length }, () => 1), ...table];
  const [b = 1, second = 1, third = 1] = wide;
  if (b !== 1 && !equalDim(b, batch)) return null;
  if (x.length === 3) return equalDim(second, x[1] ?? 0) ? 'one head' : null;
  if (x.length !== 4) return null;
  if (second === 1 && equalDim(third, x[2] ?? 0)) return 'heads first';
  return third === 1 && equalDim(second, x[1] ?? 0) ? 'tokens first' : null;
}

/** The table with each angle once, or null where it does not hold each angle as `spread` says. */
export function cacheOf(p: Pattern, make: Maker, id: ValueId, layout: Layout, rank: number, width: number, spread: Spread): ValueId | null {
  const shape = p.shape(id);
  if (shape.at(-1) !== (spread === 'once' ? width / 2 : width) || p.value(id).type.unranked === true) return null;
  const key = `${id} ${layout} ${rank} ${spread}`;
  const { constant, type } = p.value(id);
  if (constant !== null) return constantCache(p, make, id, constant, type, { key, layout, rank, width, spread });
  if (spread !== 'once' && !isRepeated(p, id, spread, 12)) return null;
  return make.shared(key, () => {
    const producer = p.producer(id);
    const w = createNodeWriter(make, producer ?? named(p.value(id).name));
    let at = id;
    let sizes = shape;
    const half = [...shape.slice(0, -1), width / 2];
    if (spread !== 'once') {
      const bounds = spread === 'halves' ? [0, width / 2, 1] : [0, width, 2];
      const [from, to, step] = bounds.map((n, i) => w.ints(`${spread} ${i}`, [n]));
      const along = w.ints('last', [shape.length - 1]);
      at = w.op(
        'Slice',
        [id, from, to, along, step].filter((n) => n !== undefined),
        { dtype: type.dtype, shape: half },
      );
      sizes = half;
    }
    // The axis of heads goes, one for the batch comes where there is none.
    const heads = headAxis(layout, rank, sizes.length);
    if (heads !== null) {
      sizes = sizes.filter((_, i) => i !== heads);
      at = w.op('Squeeze', [at], { dtype: type.dtype, shape: sizes }, { axes: { kind: 'ints', value: [heads] } });
    }
    if (sizes.length === 2)
      at = w.op('Unsqueeze', [at], { dtype: type.dtype, shape: [1, ...sizes] }, { axes: { kind: 'ints', value: [0] } });
    make.behind(id, w.nodes);
    return at;
  });
}

/** Which axis of the table is that of the heads; null where it has none. */
function headAxis(layout: Layout, rank: number, length: number): number | null {
  if (layout === 'one head') return null;
  const axis = (layout === 'heads first' ? 1 : 2) - (rank - length);
  return axis >= 0 && length > 2 ? axis : null;
}

/** A value that no node makes still names the nodes behind it. */
function named(name: string): Node {
  return { op: 'Identity', domain: '', name, inputs: [], outputs: [], attributes: {}, origin: [] };
}

interface Wanted {
  readonly key: string;
  readonly layout: Layout;
  readonly rank: number;
  readonly width: number;
  readonly spread: Spread;
}

function constantCache(p: Pattern, make: Maker, id: ValueId, constant: Constant, type: TensorType, w: Wanted): ValueId | null {
  const sizes = type.shape.filter((d) => typeof d === 'number');
  const count = sizes.reduce((n, d) => n * d, 1);
  if (sizes.length !== type.shape.length || type.dtype !== 'float32' || p.value(id).quantization !== null) return null;
  if (constant.kind !== 'bytes' || (w.spread !== 'once' && (count > largestTable || !constantRepeats(constant.bytes, w.width, w.spread))))
    return null;
  const heads = headAxis(w.layout, w.rank, sizes.length);
  const kept = [...sizes.filter((_, i) => i !== heads).slice(0, -1), w.width / 2];
  const shape = kept.length === 2 ? [1, ...kept] : kept;
  return make.shared(w.key, () =>
    make.constant(
      `${p.value(id).name}/angles`,
      { dtype: 'float32', shape },
      w.spread === 'once' ? constant : lazyBytes(() => firstOf(constant.bytes, w.width, w.spread)),
    ),
  );
}

function constantRepeats(bytes: Uint8Array, width: number, spread: Spread): boolean {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row * 4 < bytes.length; row += width) {
    for (let i = 0; i < width / 2; i++) {
      const [a, b] = spread === 'halves' ? [i, i + width / 2] : [2 * i, 2 * i + 1];
      if (words.getUint32((row + a) * 4) !== words.getUint32((row + b) * 4)) return false;
    }
  }
  return true;
}

function firstOf(bytes: Uint8Array, width: number, spread: Spread): Uint8Array {
  const out = new Uint8Array(bytes.length / 2);
  for (let i = 0; i * 8 < bytes.length; i++) {
    const [row, at] = [Math.floor(i / (width / 2)), i % (width / 2)];
    const from = (row * width + (spread === 'halves' ? at : 2 * at)) * 4;
    out.set(bytes.subarray(from, from + 4), i * 4);
  }
  return out;
}

/** Number by number, or moved along other axes than the last: as repeated as the operand. */
const elementwise: ReadonlySet<string> = new Set(['Cos', 'Sin', 'Cast', 'CastLike', 'Mul', 'Div', 'Add', 'Sub']);
const moved: ReadonlySet<string> = new Set(['Unsqueeze', 'Squeeze', 'Reshape', 'Transpose', 'Slice', 'Expand', 'Gather']);

/** How the table is computed shows that it holds each angle twice. */
function isRepeated(p: Pattern, id: ValueId, spread: Spread, depth: number): boolean {
  const { constant, type } = p.value(id);
  const width = type.shape.at(-1);
  if (typeof width !== 'number' || depth === 0) return false;
  if (constant !== null) {
    const count = type.shape.reduce<number>((n, d) => n * (typeof d === 'number' ? d : Infinity), 1);
    return constant.kind === 'bytes' && type.dtype === 'float32' && count <= largestTable && constantRepeats(constant.bytes, width, spread);
  }
  const node = p.producer(id);
  if (node === null || node.domain !== '') return false;
  const again = (x: ValueId | null | undefined): boolean => x !== null && x !== undefined && isRepeated(p, x, spread, depth - 1);
  if (elementwise.has(node.op)) {
    const operands = node.inputs.slice(0, node.op === 'CastLike' ? 1 : 2);
    return operands.every((x) => x !== null && (p.shape(x).length === 0 || p.shape(x).at(-1) === 1 || again(x)));
  }
  if (spread === 'halves' && node.op === 'Concat') {
    const axis = node.attributes['axis'];
    const isLast = axis?.kind === 'int' && frontAxis(axis.value, type.shape.length) === type.shape.length - 1;
    return isLast ? node.inputs.length === 2 && node.inputs[0] === node.inputs[1] : node.inputs.every(again);
  }
  if (spread === 'pairs' && node.op === 'Reshape' && doubled(p, input(node, 0), width)) return true;
  if (!moved.has(node.op)) return false;
  const x = input(node, 0);
  const before = p.shape(x);
  if (before.at(-1) !== width) return false;
  if (node.op === 'Transpose') {
    const perm = node.attributes['perm'];
    return perm?.kind === 'ints' && perm.value.at(-1) === before.length - 1 && again(x);
  }
  if (node.op === 'Gather') {
    const axis = node.attributes['axis'];
    return frontAxis(axis?.kind === 'int' ? axis.value : 0, before.length) < before.length - 1 && again(x);
  }
  if (node.op === 'Slice') return slicesOthers(p, node, before.length) && again(x);
  return again(x);
}

/** [.., n, 2] of which both columns are one value: Concat of it with itself along a new last axis, or Expand and Tile of that. */
function doubled(p: Pattern, id: ValueId, width: number): boolean {
  const shape = p.shape(id);
  if (shape.at(-1) !== 2 || shape.at(-2) !== width / 2) return false;
  const node = p.made(id, 'Concat', 'Expand', 'Tile');
  if (node === null) return false;
  const [first] = node.inputs;
  return (
    first !== null &&
    first !== undefined &&
    p.shape(first).at(-1) === 1 &&
    node.inputs.every((x, i) => node.op !== 'Concat' || i === 0 || x === first)
  );
}

function slicesOthers(p: Pattern, slice: Node, rank: number): boolean {
  const axes = slice.inputs[3];
  const numbers = p.numbers(axes);
  return numbers?.every((a) => frontAxis(a, rank) < rank - 1) ?? false;
}
