/** Rows of a table whose numbers lie in blocks of few bits (GatherBlockQuantized): looked up as bytes, then made floats. */
import { bytesOf } from '../../core/index.ts';
import { attributeInt, constantOf, numbersOf } from '../../graph/index.ts';
import type { Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';
import { bitsAt } from './blocks.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** %y = GatherBlockQuantized(%q, %i, %s, %z)  =>  %y = DequantizeLinear(Gather(%q, %i), Gather(%s, %i), Gather(%z, %i)) in blocks */
const gatherBlocks: Rule = (w, node) => {
  const [data = null, indices = null, scales = null, zeros = null] = node.inputs;
  if (data === null || indices === null || scales === null) return null;
  const given = w.value(data);
  if (!w.isConstant(data) || (zeros !== null && !w.isConstant(zeros))) return { reason: 'its table is computed at run time' };
  const bits = attributeInt(node, 'bits', 4);
  const perByte = given.type.dtype === 'uint8' && bits < 8 ? 8 / bits : 1;
  const shape = w.shape(data).map((d, i, all) => (i === all.length - 1 ? d * perByte : d));
  const rank = shape.length;
  const axis = (attributeInt(node, 'gather_axis', 0) + rank) % rank;
  const blocked = (attributeInt(node, 'quantize_axis', 1) + rank) % rank;
  const block = attributeInt(node, 'block_size', 128) || (shape[blocked] ?? 1);
  const grid = shape.map((d, i) => (i === blocked ? Math.ceil(d / block) : d));
  if (axis === blocked || w.shape(scales).join() !== grid.join()) return { reason: 'its blocks lie along the axis that is looked up' };
  const isSigned = given.type.dtype === 'int4' || given.type.dtype === 'int8';
  // Bytes without zero points have theirs in the middle: taken off beforehand.
  const middle = zeros === null && given.type.dtype === 'uint8' ? 2 ** (bits - 1) : 0;
  const held = { perByte, bits, dtype: isSigned || middle > 0 ? 'int8' : 'uint8' } as const;
  const taken = (x: ValueId): ValueId => w.op('Gather', [x, indices], { axis });
  const operands = [taken(inBytes(w, given, shape, { ...held, less: middle })), taken(scales)];
  if (zeros !== null) operands.push(taken(inBytes(w, w.value(zeros), grid, { ...held, less: 0 })));
  const behind = blocked + (blocked > axis ? w.shape(indices).length - 1 : 0);
  return [w.op('DequantizeLinear', operands, { axis: behind, block_size: block })];
};

interface Held {
  readonly perByte: number;
  readonly bits: number;
  readonly dtype: 'int8' | 'uint8';
  readonly less: number;
}

/** A constant of small integers, one to a byte; rows of packed bytes begin anew. */
function inBytes(w: Writer, value: Value, shape: readonly number[], { perByte, bits, dtype, less }: Held): ValueId {
  const { type, constant, name } = value;
  if (constant === null || constant.kind === 'absent') return w.lazy({ dtype, shape }, constant ?? { kind: 'absent', reason: name });
  const read = (): Uint8Array => {
    const tensor = constantOf(type, constant, name, '');
    if (perByte === 1) return Uint8Array.from(numbersOf(tensor), (q) => (q - less) & 255);
    const bytes = bytesOf(tensor);
    const columns = shape.at(-1) ?? 1;
    const row = Number(type.shape.at(-1) ?? 1);
    const at = (i: number): number => bitsAt(bytes, Math.floor(i / columns) * row, i % columns, bits);
    return Uint8Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (at(i) - less) & 255);
  };
  return w.lazy({ dtype, shape }, lazyBytes(read));
}

export const gatheredBlockRules: Rules = { GatherBlockQuantized: gatherBlocks };
