/**
 * Products of floats that memory holds in 8 bits, on an array that multiplies them as they are: the scales of DequantizeLinear move behind the product.
 *
 *     %y = MatMul(DequantizeLinear(%a, %sa), DequantizeLinear(%b, %sb))   =>   %y = MatMul(Cast(%a), Cast(%b)) · (%sa · %sb)
 *
 * Results differ from the file's by rounding: one rounding behind each sum in place of two in front of each product. The Casts are exact, and the array reads
 * through them (kernels/stored-operands.ts). Constants that no product takes so become float32 when read.
 */
import { isFloat, type DType, type Tensor } from '../../core/index.ts';
import { attributeFloat, attributeInt, constantOf, evaluateNode, floatsOf } from '../../graph/index.ts';
import type { Graph, Node, Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes, staticShape } from '../passes/constants.ts';
import { rewrite, type Edit } from '../passes/edit.ts';
import { bytesFrom } from '../passes/quantization-values.ts';
import { dtypeCode } from './float-types.ts';

/** Which float types of 8 bits there are. */
export const storedFloats: readonly DType[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'];

/** @param listed  what the array multiplies */
export function productsOfStored(graph: Graph, listed: readonly DType[]): Graph {
  const isStored = (id: ValueId | null | undefined): boolean =>
    typeof id === 'number' && storedFloats.includes(graph.values[id]?.type.dtype ?? 'float32');
  if (!graph.nodes.some((n) => n.op === 'DequantizeLinear' && isStored(n.inputs[0]))) return graph;
  const moved = listed.some((dtype) => storedFloats.includes(dtype)) ? rewrite(graph, (node, edit) => product(node, edit, listed)) : graph;
  return rewrite(moved, constantReals);
}

interface Operand {
  readonly codes: ValueId;
  /** A constant, for the whole operand or one for each column. */
  readonly scale: ValueId;
}

function product(node: Node, edit: Edit, listed: readonly DType[]): boolean {
  const [a = null, b = null, c = null] = node.inputs;
  const [out] = node.outputs;
  const isGemm = node.op === 'Gemm';
  if (node.domain !== '' || !(isGemm || node.op === 'MatMul') || a === null || b === null || out === undefined) return false;
  if (c !== null || (isGemm && attributeFloat(node, 'alpha', 1) !== 1)) return false;
  const columns = staticShape(edit.value(b).type)?.at(isGemm && attributeInt(node, 'transB', 0) !== 0 ? -2 : -1);
  const [x, w] = [operandOf(a, edit, listed), operandOf(b, edit, listed)];
  const result = edit.value(out);
  if (x === null || w === null || columns === undefined || result.type.dtype !== 'float32') return false;
  const axis = attributeInt(edit.producer(b) ?? node, 'axis', 1);
  const byColumn = countOf(edit.value(w.scale)) === columns && columns > 1;
  const rank = edit.value(b).type.shape.length;
  const columnAxis = isGemm && attributeInt(node, 'transB', 0) !== 0 ? 0 : rank - 1;
  if (countOf(edit.value(x.scale)) !== 1) return false;
  if (countOf(edit.value(w.scale)) !== 1 && !(byColumn && (axis + rank) % rank === columnAxis)) return false;
  const real = ({ codes }: Operand): ValueId => {
    const { name, type } = edit.value(codes);
    const id = edit.add(`${name}.wide`, { ...type, dtype: 'float32' });
    edit.emit({
      op: 'Cast',
      domain: '',
      name: `${node.name}.wide`,
      inputs: [codes],
      outputs: [id],
      attributes: { to: { kind: 'int', value: dtypeCode('float32') } },
      origin: node.origin,
    });
    return id;
  };
  const sums = edit.add(`${result.name}.sums`, result.type);
  edit.emit({ ...node, inputs: [real(x), real(w)], outputs: [sums] });
  const [sx, sw] = [edit.value(x.scale), edit.value(w.scale)];
  const factors = lazyBytes(() => {
    const [unit = 1] = numbersOf(sx);
    return bytesFrom({ dtype: 'float32', shape: [], data: Float32Array.from(numbersOf(sw), (s) => unit * s) });
  });
  const scale = edit.add(`${result.name}.scale`, { dtype: 'float32', shape: byColumn ? [columns] : [] }, factors);
  edit.emit({
    op: 'Mul',
    domain: '',
    name: `${node.name}.scale`,
    inputs: [sums, scale],
    outputs: [out],
    attributes: {},
    origin: node.origin,
  });
  return true;
}

/** What a DequantizeLinear in front of a product reads, where it has no zero point and a known scale. */
function operandOf(id: ValueId, edit: Edit, listed: readonly DType[]): Operand | null {
  const maker = edit.producer(id);
  const [codes = null, scale = null, zero = null] = maker?.inputs ?? [];
  if (maker?.domain !== '' || maker.op !== 'DequantizeLinear' || codes === null || scale === null) return null;
  const { type } = edit.value(codes);
  if (!listed.includes(type.dtype) || !storedFloats.includes(type.dtype) || attributeInt(maker, 'block_size', 0) !== 0) return null;
  const { constant } = edit.value(scale);
  const isKnown = constant?.kind === 'bytes' || constant?.kind === 'splat';
  // ONNX has no zero points of floats but 0.
  if (!isKnown || (zero !== null && edit.value(zero).constant === null)) return null;
  return { codes, scale };
}

/** DequantizeLinear of a constant that is still there: the float32 numbers, made when first read. */
function constantReals(node: Node, edit: Edit): boolean {
  const [codes = null] = node.inputs;
  const [out] = node.outputs;
  if (node.op !== 'DequantizeLinear' || node.domain !== '' || codes === null || out === undefined || edit.isOutput(out)) return false;
  const operands = node.inputs.map((id) => (id === null ? null : edit.value(id)));
  if (!isFloat(edit.value(codes).type.dtype) || operands.some((v) => v !== null && v.constant === null)) return false;
  const absent = operands.find((v) => v?.constant?.kind === 'absent')?.constant ?? null;
  const tensorOf = (v: Value | null): Tensor | null =>
    v === null || v.constant === null ? null : constantOf(v.type, v.constant, v.name, node.name);
  const contents = lazyBytes(() => {
    const [made] = evaluateNode(node, node.version ?? 23, operands.map(tensorOf));
    return made === undefined ? new Uint8Array() : bytesFrom(made);
  });
  edit.update(out, { constant: absent ?? contents });
  edit.retire(node.origin, 'folded');
  return true;
}

function countOf({ type }: Value): number {
  return (staticShape(type) ?? []).reduce((n, d) => n * d, 1);
}

function numbersOf(value: Value): Float32Array {
  return value.constant === null ? new Float32Array() : floatsOf(constantOf(value.type, value.constant, value.name, ''));
}
