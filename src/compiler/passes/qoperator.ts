/** The QLinear operators of ONNX and ONNX Runtime as plain operators on values that carry their quantization. */
import { attributeFloat, attributeInt, opDef } from '../../graph/index.ts';
import type { Attributes, Node, Quantization, ValueId } from '../../graph/ir.ts';
import { weightSlot } from '../precision/contraction.ts';
import type { Edit } from './edit.ts';
import type { Forms } from './quantization-forms.ts';
import { sumScales, type Meaning } from './quantization-values.ts';

/** Where things stand in the operand list of a QLinear operator. */
interface Spec {
  readonly op: string;
  /** Integer operands: each with scale and zero point behind it. */
  readonly operands: readonly number[];
  /** Where the scale of the output stands; the zero point follows. */
  readonly output: number;
  /** int32 bias in units of the sums. */
  readonly bias?: number;
  /** Operator-set version whose rules the attributes follow, where it is not the graph's. */
  readonly version?: number;
}

const specs: Readonly<Partial<Record<string, Spec>>> = {
  QLinearConv: { op: 'Conv', operands: [0, 3], output: 6, bias: 8 },
  QLinearMatMul: { op: 'MatMul', operands: [0, 3], output: 6 },
  QGemm: { op: 'Gemm', operands: [0, 3], output: 7, bias: 6 },
  QLinearAdd: { op: 'Add', operands: [0, 3], output: 6 },
  QLinearMul: { op: 'Mul', operands: [0, 3], output: 6 },
  QLinearLeakyRelu: { op: 'LeakyRelu', operands: [0], output: 3 },
  QLinearSigmoid: { op: 'Sigmoid', operands: [0], output: 3 },
  QLinearAveragePool: { op: 'AveragePool', operands: [0], output: 3 },
  QLinearGlobalAveragePool: { op: 'GlobalAveragePool', operands: [0], output: 3 },
  QLinearReduceMean: { op: 'ReduceMean', operands: [0], output: 3, version: 13 },
  QLinearSoftmax: { op: 'Softmax', operands: [0], output: 3 },
};

/** The plain operator that a QLinear operator is on quantized values; null for all others. */
export function plainOperatorOf(op: string): string | null {
  if (op === 'QLinearConcat') return 'Concat';
  return Object.hasOwn(specs, op) ? (specs[op]?.op ?? null) : null;
}

/**
 * The nodes to put in place of `node`, in order; null where it is none of these operators, or a scale, a zero point or a layout keeps
 * it as it is. Constants and views may have been made before null is answered: nobody reads them then.
 */
export function fromQOperator(node: Node, edit: Edit, forms: Forms): readonly Node[] | null {
  if (opDef(node.domain, node.op) === undefined) return null;
  if (node.op === 'QLinearConcat') return concat(node, edit, forms);
  const spec = specs[node.op];
  const [out] = node.outputs;
  if (spec === undefined || out === undefined || attributeInt(node, 'channels_last', 0) !== 0) return null;
  const operands = spec.operands.map((index) => operandAt(node, index, spec, edit, forms));
  if (!operands.every((o) => o !== null)) return null;
  const [x, w] = operands;
  if (x === undefined) return null;
  const inputs = operands.map((o) => o.id);
  const bias = spec.bias === undefined ? null : (node.inputs[spec.bias] ?? null);
  if (bias !== null) {
    const sums = w === undefined ? null : sumBias(edit, forms, bias, x.meaning.quantization, w.meaning.quantization);
    if (sums === null) return null;
    inputs.push(sums);
  }
  return finish(node, plainAttributes(node), spec, inputs, spec.output, edit, forms);
}

/** The plain node with a quantized output and the view of its integers; a float output where the operator gives none a scale. */
function finish(
  node: Node,
  attributes: Attributes,
  spec: Pick<Spec, 'op' | 'version'>,
  inputs: readonly ValueId[],
  output: number,
  edit: Edit,
  forms: Forms,
): readonly Node[] | null {
  const [out] = node.outputs;
  if (out === undefined) return null;
  const value = edit.value(out);
  if (value.type.unranked === true) return null;
  const version = node.op === 'QLinearSoftmax' ? attributeInt(node, 'opset', 13) : spec.version;
  const plain: Node = {
    op: spec.op,
    domain: '',
    name: node.name,
    inputs,
    outputs: node.outputs,
    attributes,
    ...(version === undefined ? {} : { version }),
    origin: node.origin,
  };
  if ((node.inputs[output] ?? null) === null) return [plain];
  const meaning = forms.read(edit, value.type, node.inputs[output], node.inputs[output + 1], 1);
  if (meaning === null || meaning.quantization.axis !== null) return null;
  const held = edit.add(`${value.name}.held`, value.type);
  edit.update(held, { quantization: meaning.quantization });
  return [{ ...plain, outputs: [held] }, forms.integers(edit, node, held, out, meaning)];
}

interface Operand {
  readonly id: ValueId;
  readonly meaning: Meaning;
}

function operandAt(node: Node, index: number, spec: Spec, edit: Edit, forms: Forms): Operand | null {
  const id = node.inputs[index] ?? null;
  if (id === null) return null;
  const { type } = edit.value(id);
  // Scales of weights, where there are several, run along the output channels.
  const plain: Node = { ...node, op: spec.op, domain: '' };
  const axis = index === spec.operands[1] ? (weightSlot(plain, 1, type)?.axis ?? 0) : 0;
  const read = forms.read(edit, type, node.inputs[index + 1], node.inputs[index + 2], axis);
  if (read === null) return null;
  const alpha = node.op === 'QGemm' && index === 3 ? attributeFloat(node, 'alpha', 1) : 1;
  const meaning =
    alpha === 1 ? read : { ...read, quantization: { ...read.quantization, scale: read.quantization.scale.map((s) => s * alpha) } };
  const real = forms.operand(edit, node, id, meaning);
  return real === null ? null : { id: real, meaning };
}

function sumBias(edit: Edit, forms: Forms, bias: ValueId, x: Quantization, w: Quantization): ValueId | null {
  const value = edit.value(bias);
  const { constant } = value;
  if (constant === null || value.type.dtype !== 'int32') return null;
  const scale = sumScales(x, w);
  const axis = scale.length === 1 ? null : value.type.shape.length - 1;
  const quantization: Quantization = { scale, zeroPoint: new Int32Array(scale.length), axis, source: x.source };
  return forms.constant(edit, `sums ${bias} ${scale.join()}`, () => ({
    name: `${value.name}.sums`,
    type: value.type,
    constant,
    quantization,
  }));
}

const ownAttributes: ReadonlySet<string> = new Set(['channels_last', 'opset', 'alpha']);

/** Attributes the plain operator has too; `alpha` of QGemm went into a scale. */
function plainAttributes(node: Node): Attributes {
  return Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !ownAttributes.has(name) || (name === 'alpha' && node.op !== 'QGemm')),
  );
}

function concat(node: Node, edit: Edit, forms: Forms): readonly Node[] | null {
  const ids: ValueId[] = [];
  for (let index = 2; index + 1 < node.inputs.length; index += 3) {
    const operand = operandAt(node, index, { op: 'Concat', operands: [], output: 0 }, edit, forms);
    if (operand === null) return null;
    ids.push(operand.id);
  }
  return finish(node, node.attributes, { op: 'Concat' }, ids, 0, edit, forms);
}
