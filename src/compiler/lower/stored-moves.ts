/**
 * Floats of 8 bits are moved as memory holds them: what makes numbers of them comes behind the move.
 *
 *     %y = Transpose(DequantizeLinear(%q, %s))   =>   %y = DequantizeLinear(Transpose(%q), %s)
 *
 * Exact, since a move makes no elements up but zeros, which are zero in every scale. Lowering writes transposed and 3-D convolutions as moves around plain
 * ones; so their products still find the numbers as they are stored.
 */
import type { DType } from '../../core/index.ts';
import { attributeInt, attributeString } from '../../graph/index.ts';
import type { Graph, Node, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { integers, splatNumber } from '../passes/constants.ts';
import { rewrite, type Edit } from '../passes/edit.ts';
import { movedAxis } from '../passes/quantization-carriers.ts';

/** Which float types of 8 bits there are. */
export const storedFloats: readonly DType[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'];

/** Moves of one operand that keep the axis of scales where `movedAxis` finds it, or that have none. */
const plainMoves: ReadonlySet<string> = new Set([
  'Transpose',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Slice',
  'Pad',
  'Expand',
  'Tile',
  'Gather',
  'DepthToSpace',
  'SpaceToDepth',
]);

export function realsBehindMoves(graph: Graph): Graph {
  return rewrite(graph, (node, edit) => {
    const [out] = node.outputs;
    if (node.domain !== '' || node.outputs.length !== 1 || out === undefined || edit.value(out).quantization !== null) return false;
    const moved = node.op === 'Concat' ? node.inputs : plainMoves.has(node.op) ? node.inputs.slice(0, 1) : [];
    const makers = moved.map((id) => makerOf(id, edit));
    const [first] = makers;
    if (first === undefined || first === null) return false;
    if (makers.some((m) => m === null || !sameReading(m, first, edit))) return false;
    const codes = makers.map((m) => m?.inputs[0] ?? null);
    const { type, name } = edit.value(out);
    const scale = first.inputs[1] ?? null;
    const axis = scale === null || countOf(edit.value(scale)) === 1 ? null : axisBehind(node, first, edit, type);
    if (axis === undefined || (node.op === 'Concat' && axis !== null)) return false;
    if (node.op === 'Pad' && !padsZeros(node, edit)) return false;
    const { dtype } = edit.value(codes[0] as ValueId).type;
    const held = edit.add(`${name}.held`, { ...type, dtype });
    // A Pad names its filler, a number of the old type; zero is what it fills without.
    const rest = node.op === 'Pad' ? [node.inputs[1] ?? null, ...node.inputs.slice(3).flatMap((id) => [null, id])] : node.inputs.slice(1);
    edit.emit({ ...node, inputs: node.op === 'Concat' ? codes : [...codes, ...rest], outputs: [held] });
    const attributes = axis === null ? first.attributes : { ...first.attributes, axis: { kind: 'int', value: axis } as const };
    edit.emit({ ...first, name: `${node.name}.${first.op}`, inputs: [held, ...first.inputs.slice(1)], outputs: [out], attributes });
    return true;
  });
}

/** The DequantizeLinear or Cast that makes numbers of floats of 8 bits; null where something else makes the value. */
function makerOf(id: ValueId | null, edit: Edit): Node | null {
  const maker = edit.producer(id);
  const [codes = null] = maker?.inputs ?? [];
  if (maker?.domain !== '' || codes === null || !storedFloats.includes(edit.value(codes).type.dtype)) return null;
  if (maker.op === 'Cast') return storedFloats.includes(edit.value(maker.outputs[0] as ValueId).type.dtype) ? null : maker;
  return maker.op === 'DequantizeLinear' && attributeInt(maker, 'block_size', 0) === 0 ? maker : null;
}

function sameReading(a: Node, b: Node, edit: Edit): boolean {
  const typeOf = (node: Node): DType => edit.value(node.inputs[0] as ValueId).type.dtype;
  return (
    a.op === b.op &&
    typeOf(a) === typeOf(b) &&
    a.inputs.length === b.inputs.length &&
    a.inputs.slice(1).every((id, i) => id === b.inputs[i + 1]) &&
    edit.value(a.outputs[0] as ValueId).type.dtype === edit.value(b.outputs[0] as ValueId).type.dtype
  );
}

/** Where the axis of the scales is behind the move; undefined where it is nowhere. */
function axisBehind(node: Node, maker: Node, edit: Edit, to: TensorType): number | undefined {
  const from = edit.value(maker.inputs[0] as ValueId).type;
  const rank = from.shape.length;
  const axis = (attributeInt(maker, 'axis', 1) + rank) % rank;
  if (node.op !== 'Slice' && node.op !== 'Pad') return movedAxis(node, from, to, axis);
  if (node.op === 'Pad') return undefined;
  const [, , , axes = null] = node.inputs;
  const cut = axes === null ? null : integers(edit.constant(axes), edit.value(axes).type);
  return cut === null || cut.some((a) => (a + rank) % rank === axis) ? undefined : axis;
}

function padsZeros(node: Node, edit: Edit): boolean {
  const filler = node.inputs[2] ?? null;
  if (attributeString(node, 'mode', 'constant') !== 'constant') return true;
  if (filler === null) return true;
  const { type, constant } = edit.value(filler);
  if (constant?.kind === 'splat') return splatNumber(constant, type.dtype) === 0;
  return constant?.kind === 'bytes' && constant.bytes.every((byte) => byte === 0);
}

function countOf({ type }: Value): number {
  return type.shape.reduce<number>((n, d) => n * Number(d), 1);
}
