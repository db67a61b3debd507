/**
 * Products of floats that memory holds in 8 bits, on an array that multiplies them as they are: the scales of DequantizeLinear move behind the product.
 *
 *     %y = Conv(DequantizeLinear(%a, %sa), DequantizeLinear(%b, %sb), %c)   =>   %y = Conv(Cast(%a), Cast(%b)) · (%sa · %sb) + %c
 *
 * Results differ from the file's by rounding: one rounding behind each sum in place of two in front of each product. The Casts are exact, and the array reads
 * through them (kernels/stored-operands.ts). Constants that no product takes so become floats when read.
 */
import { bytesOf, type DType, type Tensor } from '../../core/index.ts';
import { attributeFloat, attributeInt, constantOf, evaluateNode, floatsOf } from '../../graph/index.ts';
import type { Attribute, Constant, Graph, Node, Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes, staticShape } from '../passes/constants.ts';
import { removeDeadCode } from '../passes/dead-code.ts';
import { rewrite, type Edit } from '../passes/edit.ts';
import { foldOutputs } from '../passes/fold-constants.ts';
import { runPasses } from '../passes/pass.ts';
import { asPacked, packedByNode } from '../passes/packed-numbers.ts';
import { bytesFrom, lazyResult } from '../passes/quantization-values.ts';
import { dtypeCode } from './float-types.ts';
import { realsBehindMoves, storedFloats } from './stored-moves.ts';

/** @param listed  what the array multiplies */
export function productsOfStored(graph: Graph, listed: readonly DType[]): Graph {
  const isStored = (id: ValueId | null | undefined): boolean =>
    typeof id === 'number' && storedFloats.includes(graph.values[id]?.type.dtype ?? 'float32');
  if (!graph.nodes.some((n) => (n.op === 'DequantizeLinear' || n.op === 'Cast') && isStored(n.inputs[0]))) return graph;
  if (!listed.some((dtype) => storedFloats.includes(dtype))) return rewrite(graph, (node, edit) => constantReals(node, edit, none));
  const behind = realsBehindMoves(graph);
  const sunk = behind === graph ? graph : runPasses(behind, [foldOutputs, removeDeadCode]);
  const moved = rewrite(sunk, (node, edit) => product(node, edit, listed));
  const through = readThrough(moved, listed);
  return rewrite(moved, (node, edit) => constantReals(node, edit, through));
}

const none: ReadonlySet<ValueId> = new Set();

/** What Casts make for products whose operands are both stored so: nobody makes floats of them. */
function readThrough(graph: Graph, listed: readonly DType[]): ReadonlySet<ValueId> {
  const cast = new Set<ValueId>();
  const found = new Set<ValueId>();
  for (const node of graph.nodes) {
    const [first = null, second = null] = node.inputs;
    const [out] = node.outputs;
    if (node.op === 'Cast' && first !== null && out !== undefined && listed.includes(graph.values[first]?.type.dtype ?? 'float32'))
      cast.add(out);
    const isProduct = node.op === 'Conv' || node.op === 'Gemm' || node.op === 'MatMul';
    if (isProduct && first !== null && second !== null && cast.has(first) && cast.has(second)) found.add(first).add(second);
  }
  return found;
}

interface Operand {
  readonly codes: ValueId;
  /** For the whole operand or one for each channel; null: 1. */
  readonly scale: ValueId | null;
  /** What made numbers of them. */
  readonly maker: Node;
}

/** Which operand of a product is the right one, and how its channels lie in it and in the result. */
interface Channels {
  readonly count: number;
  /** Of the weights. */
  readonly axis: number;
  /** Axes of the result behind that of the channels. */
  readonly behind: number;
}

function product(node: Node, edit: Edit, listed: readonly DType[]): boolean {
  const [a = null, b = null, c = null] = node.inputs;
  const [out] = node.outputs;
  if (node.domain !== '' || a === null || b === null || out === undefined) return false;
  const channels = channelsOf(node, edit.value(b));
  const [x, w] = [operandOf(a, edit, listed), operandOf(b, edit, listed)];
  const result = edit.value(out);
  if (channels === null || x === null || w === null || result.quantization !== null) return false;
  // Exact Casts alone: the array reads through them as they are.
  if (x.scale === null && w.scale === null) return false;
  if (c !== null && edit.value(c).constant === null) return false;
  const byChannel = w.scale !== null && countOf(edit.value(w.scale)) > 1;
  const axis = attributeInt(edit.producer(b) ?? node, 'axis', 1);
  const rank = edit.value(b).type.shape.length;
  if (x.scale !== null && countOf(edit.value(x.scale)) !== 1) return false;
  if (byChannel && (w.scale === null || countOf(edit.value(w.scale)) !== channels.count || (axis + rank) % rank !== channels.axis))
    return false;
  const write = writerFor(node, edit);
  const real = ({ codes, maker }: Operand): ValueId =>
    write.op('Cast', [codes], edit.value(codes).type.shape, toFloat32, null, maker.origin);
  const sums = edit.add(`${result.name}.sums`, { ...result.type, dtype: 'float32' });
  edit.emit({ ...node, inputs: [real(x), real(w)], outputs: [sums] });
  const shape = byChannel ? [channels.count, ...Array.from({ length: channels.behind }, () => 1)] : [];
  const steps: { readonly op: string; readonly by: ValueId }[] = [{ op: 'Mul', by: scaleOf(x, w, shape, result.name, edit, write) }];
  if (c !== null) steps.push({ op: 'Add', by: channelConstant(edit.value(c), channels, edit) });
  let at = sums;
  steps.forEach(({ op, by }, i) => {
    const isResult = i === steps.length - 1 && result.type.dtype === 'float32';
    at = write.op(op, [at, by], result.type.shape, {}, isResult ? out : null);
  });
  if (result.type.dtype !== 'float32')
    write.op('Cast', [at], result.type.shape, { to: { kind: 'int', value: dtypeCode(result.type.dtype) } }, out);
  return true;
}

const toFloat32 = { to: { kind: 'int', value: dtypeCode('float32') } } as const;

interface Writes {
  /** A node of float32, or one that makes `out`. */
  op(
    op: string,
    inputs: readonly ValueId[],
    shape: Value['type']['shape'],
    attributes?: Readonly<Record<string, Attribute>>,
    out?: ValueId | null,
    origin?: readonly string[],
  ): ValueId;
}

function writerFor(node: Node, edit: Edit): Writes {
  let count = 0;
  return {
    op(op, inputs, shape, attributes = {}, out = null, origin = node.origin) {
      const name = `${node.name}.${op.toLowerCase()}${count++}`;
      const id = out ?? edit.add(name, { dtype: 'float32', shape });
      edit.emit({ op, domain: '', name, inputs, outputs: [id], attributes, origin });
      return id;
    },
  };
}

/** Where a Conv, Gemm or MatMul has its output channels; null of other nodes. */
function channelsOf(node: Node, weights: Value): Channels | null {
  const shape = staticShape(weights.type);
  if (shape === null || shape.length < 2) return null;
  if (node.op === 'Conv') return { count: shape[0] ?? 1, axis: 0, behind: shape.length - 2 };
  if (node.op === 'MatMul') return { count: shape.at(-1) ?? 1, axis: shape.length - 1, behind: 0 };
  if (node.op !== 'Gemm' || attributeFloat(node, 'alpha', 1) !== 1 || (node.inputs.length > 2 && attributeFloat(node, 'beta', 1) !== 1))
    return null;
  const axis = attributeInt(node, 'transB', 0) !== 0 ? 0 : 1;
  return { count: shape[axis] ?? 1, axis, behind: 0 };
}

/** What a DequantizeLinear or a Cast in front of a product reads, where the array multiplies that. */
function operandOf(id: ValueId, edit: Edit, listed: readonly DType[]): Operand | null {
  const maker = edit.producer(id);
  const [codes = null, scale = null, zero = null] = maker?.inputs ?? [];
  if (maker?.domain !== '' || codes === null) return null;
  const { dtype } = edit.value(codes).type;
  if (!listed.includes(dtype) || !storedFloats.includes(dtype)) return null;
  if (maker.op === 'Cast') return { codes, scale: null, maker };
  // ONNX has no zero points of floats but 0.
  if (maker.op !== 'DequantizeLinear' || scale === null || (zero !== null && edit.value(zero).constant === null)) return null;
  const isPlain = staticShape(edit.value(scale).type) !== null && edit.value(scale).type.shape.length <= 1;
  return isPlain && attributeInt(maker, 'block_size', 0) === 0 ? { codes, scale, maker } : null;
}

/** f32(sa · sb): a constant where both are known, else made at run time. */
function scaleOf(x: Operand, w: Operand, shape: readonly number[], name: string, edit: Edit, write: Writes): ValueId {
  const given = [x.scale, w.scale].flatMap((id) => (id === null ? [] : [edit.value(id)]));
  if (given.every((v) => v.constant?.kind === 'bytes' || v.constant?.kind === 'splat')) {
    const factors = lazyBytes(() => {
      const [first = Float32Array.of(1), second = Float32Array.of(1)] = given.map(numbersOf);
      const [one, many] = first.length > second.length ? [second, first] : [first, second];
      return bytesFrom({ dtype: 'float32', shape: [], data: Float32Array.from(many, (s) => (one[0] ?? 1) * s) });
    });
    return edit.add(`${name}.scale`, { dtype: 'float32', shape }, factors);
  }
  const factors = given.map((v) => {
    const lined = shape.length > 1 && countOf(v) > 1 ? write.op('Reshape', [v.id, shapeConstant(shape, name, edit)], shape) : v.id;
    return v.type.dtype === 'float32' ? lined : write.op('Cast', [lined], edit.value(lined).type.shape, toFloat32);
  });
  const [first = -1, second = null] = factors;
  return second === null ? first : write.op('Mul', [first, second], shape);
}

function shapeConstant(shape: readonly number[], name: string, edit: Edit): ValueId {
  const data = BigInt64Array.from(shape, BigInt);
  return edit.add(
    `${name}.shape`,
    { dtype: 'int64', shape: [shape.length] },
    { kind: 'bytes', bytes: bytesOf({ dtype: 'int64', shape: [shape.length], data }) },
  );
}

/** A bias as float32, along the channels of the result. */
function channelConstant(bias: Value, { count, behind }: Channels, edit: Edit): ValueId {
  const { constant } = bias;
  const shape = countOf(bias) === 1 ? [] : [count, ...Array.from({ length: behind }, () => 1)];
  if (constant === null || (bias.type.dtype === 'float32' && behind === 0)) return bias.id;
  const wide: Constant =
    bias.type.dtype === 'float32' || constant.kind === 'absent'
      ? constant
      : lazyBytes(() => bytesFrom({ dtype: 'float32', shape: [], data: numbersOf(bias) }));
  return edit.add(`${bias.name}.wide`, { dtype: 'float32', shape }, wide);
}

/** DequantizeLinear or Cast of a constant that is still there: the numbers, made when first read. */
function constantReals(node: Node, edit: Edit, through: ReadonlySet<ValueId>): boolean {
  const [codes = null] = node.inputs;
  const [out] = node.outputs;
  const isReal = node.op === 'DequantizeLinear' || node.op === 'Cast';
  if (!isReal || node.domain !== '' || codes === null || out === undefined || edit.isOutput(out)) return false;
  const operands = node.inputs.map((id) => (id === null ? null : edit.value(id)));
  if (!storedFloats.includes(edit.value(codes).type.dtype) || operands.some((v) => v !== null && v.constant === null)) return false;
  if (node.op === 'Cast' && through.has(out)) return false;
  const absent = operands.find((v) => v?.constant?.kind === 'absent')?.constant ?? null;
  const tensorOf = (v: Value | null): Tensor | null =>
    v === null || v.constant === null ? null : constantOf(v.type, v.constant, v.name, node.name);
  const packed = packedByNode(node, operands, edit.value(out).type);
  const contents = lazyResult(() => evaluateNode(node, node.version ?? 23, operands.map(tensorOf)), packed);
  edit.update(out, { constant: absent === null ? contents : asPacked(absent, packed) });
  edit.retire(node.origin, 'folded');
  return true;
}

function countOf({ type }: Value): number {
  return (staticShape(type) ?? []).reduce((n, d) => n * d, 1);
}

function numbersOf(value: Value): Float32Array {
  return value.constant === null ? new Float32Array() : floatsOf(constantOf(value.type, value.constant, value.name, ''));
}
