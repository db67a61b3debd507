import { isEngineFloat, isFloat, type DType } from '../../core/index.ts';
import { attributeInt, constantOf, evaluateNode, isRepeatBegin, isRepeatEnd, sameQuantization } from '../../graph/index.ts';
import type { Constant, Graph, Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { biasIndex, weightSlot } from '../precision/contraction.ts';
import { quantizeBias } from '../precision/weights.ts';
import { staticCount, staticShape } from './constants.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';
import { carriers, movedAxis } from './quantization-carriers.ts';
import { asPacked, packedByNode } from './packed-numbers.ts';
import { fromQOperator } from './qoperator.ts';
import { fromQuant } from './qonnx-quant.ts';
import { integerForms, type Forms } from './quantization-forms.ts';
import { converts, isArithmetic, isConcat, isContraction, isCopy, isMaximum, needsPlainValues } from './quantization-rules.ts';
import { passesIntegers, survey, type Survey } from './quantization-survey.ts';
import {
  isByte,
  isInUnitsOf,
  isNarrowInteger,
  lazyResult,
  meaningKey,
  realConstant,
  sameMeaning,
  sumScales,
  unpacked,
  withOneZeroPoint,
  type Meaning,
} from './quantization-values.ts';

/**
 * Quantized models in either of ONNX's forms become integers that say what they stand for.
 *
 *     %xq = QuantizeLinear(%x, %sx, %zx)            %xq : int8, scale sx, zero zx  = QuantizeLinear(%x, %sx, %zx)
 *     %xd = DequantizeLinear(%xq, %sx, %zx)         %w : int8, scale sw
 *     %wd = DequantizeLinear(%w, %sw, %zw)     =>   %y : int8, scale sy, zero zy  = Conv(%xq, %w)
 *     %y = Conv(%xd, %wd)                           %t : as %y  = Transpose(%y)
 *     %yq = QuantizeLinear(%y, %sy, %zy)
 *     %yd = DequantizeLinear(%yq, %sy, %zy)
 *     %t = Transpose(%yd)
 *
 * - DequantizeLinear disappears where its scale is that of the integers; elsewhere its result is a view of them with another scale.
 * - QuantizeLinear joins the node that makes its operand if nobody else reads that, through moves, maxima and clamps in between;
 *   elsewhere it stays and runs by itself. Integers read as integers come from a QuantizeLinear of the scale they have: a view.
 * - Moves, maxima and Concat of equal scales hand the quantization on, missing pairs or not. QLinear operators become plain ones.
 * - Constants: weights of one scale, or one for each output channel, keep their integers; other uses get float32 numbers, made when read.
 *   int4 and narrower are widened to bytes. Biases become int32 in units of the sums.
 *
 * - Quant of QONNX on constants is integers and their scale; elsewhere a QuantizeLinear, and a Clip where its range is narrower.
 *
 * Rounding: values between two operators that were float in the file and single-read are never materialised, so contractions round as
 * docs/numerics.md says: at most one unit of the last place of the output away from float evaluation. Everything else is equal.
 */
export const absorbQuantization: Pass = {
  name: 'absorb-quantization',
  summary: 'Turns QuantizeLinear, DequantizeLinear and the QLinear operators into integers with scale and zero point',
  run(graph: Graph) {
    if (!graph.nodes.some(concernsQuantization)) return graph;
    const found = survey(graph);
    const absorber = new Absorber(found);
    return rewrite(withInputMeanings(graph, found), (node, edit) => absorber.visit(node, edit, graph.opset));
  },
};

function withInputMeanings(graph: Graph, { inputs }: Survey): Graph {
  if (inputs.size === 0) return graph;
  const values = graph.values.map((v): Value => {
    const meaning = inputs.get(v.id);
    return meaning === undefined ? v : { ...v, quantization: meaning.quantization };
  });
  return { ...graph, values };
}

function concernsQuantization(node: Node): boolean {
  return /quantize|^QLinear|^QGemm|NBits|^Quant$/i.test(node.op);
}

/** One walk: which integers have a real counterpart, and the constants made on the way. */
class Absorber {
  private readonly found: Survey;
  private readonly forms: Forms = integerForms();
  private readonly floatTwins = new Map<ValueId, ValueId>();

  constructor(found: Survey) {
    this.found = found;
    for (const [id, meaning] of found.inputs) this.forms.setReal(id, { real: id, meaning });
  }

  visit(node: Node, edit: Edit, opset: number): boolean {
    if (converts(node, 'DequantizeLinear') || converts(node, 'QuantizeLinear')) {
      const form = onnxForm(node);
      if (form.op === 'QuantizeLinear' ? this.quantize(form, edit) : this.dequantize(form, edit, opset)) return true;
      if (form === node) return false;
      edit.emit(form);
      return true;
    }
    const plain = fromQOperator(node, edit, this.forms) ?? fromQuant(node, edit, this.forms);
    if (plain !== null) {
      for (const made of plain) if (!this.compute(made, edit, opset)) edit.emit(made);
      return true;
    }
    if (passesIntegers(node) && this.passIntegersOn(node, edit)) return true;
    return this.compute(node, edit, opset);
  }

  /** A node on reals. */
  private compute(node: Node, edit: Edit, opset: number): boolean {
    if (!node.inputs.some((id) => id !== null && edit.value(id).quantization !== null)) return false;
    if (isRepeatBegin(node) || isRepeatEnd(node)) return this.acrossEnd(node, edit);
    if (isContraction(node)) return this.contract(node, edit);
    if (isCopy(node) || isMaximum(node)) return this.passOn(node, edit, opset);
    if (isConcat(node)) return this.passConcatOn(node, edit);
    if (needsPlainValues(node)) return this.withInputs(node, edit, (id) => this.asFloat(id, node, edit));
    // A constant whose elements are many and of one scale is worth keeping narrow where it is read element by element.
    const keep = isArithmetic(node);
    return this.withInputs(node, edit, (id) => {
      const value = edit.value(id);
      const isConstant = value.constant !== null && value.quantization !== null;
      const narrow = isByte(value.type.dtype) && value.quantization?.axis === null && (staticCount(value.type) ?? 0) > 1;
      return isConstant && !(keep && narrow) ? this.floatTwin(id, edit) : id;
    });
  }

  /** What lies on both sides of the end of a repeated region is held alike. */
  private acrossEnd(node: Node, edit: Edit): boolean {
    const first = isRepeatEnd(node) ? 1 : 0;
    const inputs = node.inputs.map((id, i) => {
      const other = node.outputs[i - first];
      if (id === null || other === undefined || edit.value(id).quantization === null) return id;
      return edit.value(other).quantization === null ? this.asFloat(id, node, edit) : id;
    });
    if (inputs.every((id, i) => id === node.inputs[i])) return false;
    edit.emit({ ...node, inputs });
    return true;
  }

  private withInputs(node: Node, edit: Edit, change: (id: ValueId) => ValueId): boolean {
    const inputs = node.inputs.map((id) => (id === null || edit.value(id).quantization === null ? id : change(id)));
    if (inputs.every((id, i) => id === node.inputs[i])) return false;
    edit.emit({ ...node, inputs });
    return true;
  }

  private dequantize(node: Node, edit: Edit, opset: number): boolean {
    const [q, scale, zero] = node.inputs;
    const [out] = node.outputs;
    if (q === undefined || q === null || out === undefined) return false;
    const integers = edit.value(q);
    const result = edit.value(out);
    if (result.quantization !== null) return false;
    if (result.type.dtype !== 'float32') {
      // Of 16-bit floats constants alone: their numbers, and what they are made of.
      const isKnown = integers.constant !== null && isEngineFloat(result.type.dtype) && !isFloat(integers.type.dtype);
      return isKnown && this.constantReal(node, edit, integers.constant, null, opset);
    }
    const meaning = this.forms.read(edit, integers.type, scale, zero, attributeInt(node, 'axis', 1));
    // Floats of 8 bits are settled with the machine: lower/stored-floats.ts.
    if (isFloat(integers.type.dtype)) return false;
    if (integers.constant !== null) return this.constantReal(node, edit, integers.constant, meaning, opset);
    if (meaning === null || meaning.quantization.axis !== null || !isNarrowInteger(integers.type.dtype)) return false;
    const known = this.forms.realOf(q);
    if (known === null && integers.quantization !== null) return false;
    if (known !== null && sameQuantization(known.meaning.quantization, meaning.quantization)) {
      if (edit.isOutput(out)) {
        if (known.real === q) return false;
        edit.emit({ ...node, inputs: [known.real, ...node.inputs.slice(1)] });
        return true;
      }
      edit.redirect(out, known.real);
      edit.retire(node.origin, 'view');
      return true;
    }
    if (edit.isOutput(out)) return false;
    edit.update(out, { type: { ...result.type, dtype: integers.type.dtype }, quantization: meaning.quantization });
    edit.emit(node);
    return true;
  }

  /** The result of DequantizeLinear on a constant: the integers themselves where every scale belongs to one index of an axis. */
  private constantReal(node: Node, edit: Edit, constant: Constant, meaning: Meaning | null, opset: number): boolean {
    const [q = -1] = node.inputs;
    const [out] = node.outputs;
    if (out === undefined || q === null || edit.isOutput(out)) return false;
    const integers = edit.value(q);
    const { type } = edit.value(out);
    const bytes = unpacked(integers.type, constant);
    if (meaning !== null && bytes !== null) {
      edit.update(out, { type: bytes.type, constant: bytes.constant, quantization: meaning.quantization });
    } else {
      const operands = node.inputs.map((id) => (id === null ? null : edit.value(id)));
      if (operands.some((v) => v !== null && v.constant === null)) return false;
      const absent = operands.find((v) => v?.constant?.kind === 'absent')?.constant ?? null;
      const packed = packedByNode(node, operands, type);
      const contents = lazyResult(() => evaluateNode(node, opset, operands.map(tensorOfConstant)), packed);
      edit.update(out, { type, constant: absent === null ? contents : asPacked(absent, packed) });
    }
    edit.retire(node.origin, 'folded');
    return true;
  }

  private quantize(node: Node, edit: Edit): boolean {
    const [x, scale, zero] = node.inputs;
    const [q] = node.outputs;
    if (x === undefined || x === null || q === undefined) return false;
    const real = edit.value(x);
    const integers = edit.value(q);
    if (real.constant !== null || integers.quantization !== null || !isNarrowInteger(integers.type.dtype)) return false;
    const meaning = this.forms.read(edit, integers.type, scale, zero, attributeInt(node, 'axis', 1));
    if (meaning === null || meaning.quantization.axis !== null) return false;
    if (real.quantization !== null && real.type.dtype === meaning.dtype && sameQuantization(real.quantization, meaning.quantization)) {
      this.forms.setReal(q, { real: x, meaning });
      edit.retire(node.origin, 'view');
      return false;
    }
    if (real.type.dtype !== 'float32' && real.quantization === null) return false;
    const carried = real.quantization === null && this.found.quantizedAlike(x) ? carriers(x, edit) : null;
    if (carried === null) {
      const held = edit.add(`${integers.name}.held`, { ...integers.type });
      edit.update(held, { quantization: meaning.quantization });
      edit.emit({ ...node, outputs: [held] });
      edit.emit({ ...node, name: `${node.name}.integers`, inputs: [held, ...node.inputs.slice(1)] });
      this.forms.setReal(q, { real: held, meaning });
      return true;
    }
    for (const id of carried) {
      const value = edit.value(id);
      edit.update(id, { type: { ...value.type, dtype: meaning.dtype }, quantization: meaning.quantization });
    }
    const maker = edit.producer(x);
    if (maker !== null) edit.replaceNode(maker, { ...maker, origin: joinOrigins(maker, node) });
    this.forms.setReal(q, { real: x, meaning });
    edit.emit(node);
    return true;
  }

  /** Copies and maxima of integers that stand for reals. */
  private passIntegersOn(node: Node, edit: Edit): boolean {
    const data = isConcat(node) ? node.inputs : node.inputs.slice(0, 1);
    const reals = data.map((id) => (id === null ? null : this.forms.realOf(id)));
    const [first] = reals;
    if (first === undefined || first === null) return false;
    if (!reals.every((r) => r !== null && sameMeaning(r.meaning, first.meaning))) return false;
    if (node.outputs.some((id) => edit.value(id).type.dtype !== first.meaning.dtype)) return false;
    const held = node.outputs.map((id) => {
      const value = edit.value(id);
      const made = edit.add(`${value.name}.held`, value.type);
      edit.update(made, { quantization: first.meaning.quantization });
      return made;
    });
    const inputs = node.inputs.map((id, i) => (i < reals.length ? (reals[i]?.real ?? id) : id));
    edit.emit({ ...node, inputs, outputs: held });
    node.outputs.forEach((id, i) => {
      const real = held[i];
      if (real === undefined) return;
      edit.emit(this.forms.integers(edit, node, real, id, first.meaning));
    });
    return true;
  }

  /** Copies and maxima of reals: the result has the quantization of the operand. */
  private passOn(node: Node, edit: Edit, opset: number): boolean {
    const [x] = node.inputs;
    if (x === undefined || x === null) return false;
    const operand = edit.value(x);
    const { quantization } = operand;
    if (quantization === null) return this.withInputs(node, edit, (id) => this.asFloat(id, node, edit));
    if (operand.constant !== null && this.copyConstant(node, edit, operand, quantization, opset)) return true;
    if (quantization.axis !== null || !isNarrowInteger(operand.type.dtype)) {
      return this.withInputs(node, edit, (id) => (id === x && operand.constant !== null ? this.floatTwin(id, edit) : id));
    }
    return this.holdOutputs(node, edit, operand, quantization);
  }

  private passConcatOn(node: Node, edit: Edit): boolean {
    const operands = node.inputs.flatMap((id) => (id === null ? [] : [edit.value(id)]));
    const [first] = operands;
    if (first === undefined) return false;
    const alike = operands.every(
      (v) => v.quantization?.axis === null && v.type.dtype === first.type.dtype && sameQuantization(v.quantization, first.quantization),
    );
    if (alike && first.quantization !== null && isNarrowInteger(first.type.dtype))
      return this.holdOutputs(node, edit, first, first.quantization);
    return this.withInputs(node, edit, (id) => (edit.value(id).constant === null ? id : this.floatTwin(id, edit)));
  }

  private holdOutputs(node: Node, edit: Edit, operand: Value, quantization: Quantization): boolean {
    const isFloat = (id: ValueId): boolean => edit.value(id).type.dtype === 'float32' && edit.value(id).quantization === null;
    if (!node.outputs.some(isFloat)) return false;
    const late: { readonly held: ValueId; readonly out: ValueId }[] = [];
    const outputs = node.outputs.map((id) => {
      const value = edit.value(id);
      if (!isFloat(id)) return id;
      const type: TensorType = { ...value.type, dtype: operand.type.dtype };
      if (!edit.isOutput(id)) {
        edit.update(id, { type, quantization });
        return id;
      }
      const held = edit.add(`${value.name}.held`, type);
      edit.update(held, { quantization });
      late.push({ held, out: id });
      return held;
    });
    edit.emit({ ...node, outputs });
    for (const { held, out } of late) this.forms.emitReal(edit, node, held, out);
    return true;
  }

  /** A moved constant is a constant: its integers are moved when somebody reads them. */
  private copyConstant(node: Node, edit: Edit, operand: Value, quantization: Quantization, opset: number): boolean {
    const [x, ...rest] = node.inputs;
    const [out] = node.outputs;
    if (x === undefined || out === undefined || node.outputs.length !== 1 || edit.isOutput(out)) return false;
    if (rest.some((id) => id !== null && edit.constant(id) === null) || node.op === 'Pad') return false;
    const { type } = edit.value(out);
    const shape = staticShape(type);
    const axis = quantization.axis === null ? null : movedAxis(node, operand.type, type, quantization.axis);
    if (shape === null || axis === undefined) return false;
    const others = rest.map((id) => (id === null ? null : edit.value(id)));
    const { constant } = operand;
    const contents =
      constant === null || constant.kind !== 'bytes'
        ? constant
        : lazyResult(() => evaluateNode(node, opset, [operand, ...others].map(tensorOfConstant)));
    edit.update(out, { type: { ...type, dtype: operand.type.dtype }, constant: contents, quantization: { ...quantization, axis } });
    edit.retire(node.origin, 'folded');
    return true;
  }

  /** Operands and bias in the form the integer rule of contractions asks for; left in float32 where they cannot be. */
  private contract(node: Node, edit: Edit): boolean {
    const [x = null, w = null] = node.inputs;
    if (x === null || w === null) return false;
    const weights = edit.value(w);
    const isLong = isNarrowInteger(edit.value(x).type.dtype) && !isByte(edit.value(x).type.dtype);
    const weight =
      weights.constant === null || weights.quantization === null
        ? w
        : this.plainWeights(node, w, weights, isLong ? isNarrowInteger : isByte, edit);
    const left = edit.value(x);
    const data = left.constant === null || left.quantization === null || left.quantization.axis === null ? x : this.floatTwin(x, edit);
    const [qx, qw] = [edit.value(data), edit.value(weight)];
    const inputs: (ValueId | null)[] = [data, weight, ...node.inputs.slice(2)];
    const at = biasIndex(node);
    const bias = at === null ? null : (inputs[at] ?? null);
    if (at !== null && bias !== null) {
      const isInteger = [qx, qw].every((v) => v.quantization !== null && isByte(v.type.dtype));
      inputs[at] = isInteger
        ? this.sumBias(bias, qx, qw, edit)
        : edit.value(bias).quantization === null
          ? bias
          : this.floatTwin(bias, edit);
    }
    if (inputs.every((id, i) => id === (node.inputs[i] ?? null))) return false;
    edit.emit({ ...node, inputs });
    return true;
  }

  /** @param multiplied  which integers an array multiplies with those on the other side */
  private plainWeights(node: Node, w: ValueId, weights: Value, multiplied: (dtype: DType) => boolean, edit: Edit): ValueId {
    const slot = weightSlot(node, 1, weights.type);
    const axis = weights.quantization?.axis ?? null;
    const fits = multiplied(weights.type.dtype) && (axis === null || axis === slot?.axis);
    const plain = fits ? withOneZeroPoint(weights) : null;
    if (plain === null) return this.floatTwin(w, edit);
    if (plain.quantization === weights.quantization) return w;
    return this.forms.constant(edit, `one zero ${w}`, () => ({ name: weights.name, type: weights.type, ...plain }));
  }

  /** int32 in units of the sums, or the bias as it is where it is computed at run time. */
  private sumBias(id: ValueId, x: Value, w: Value, edit: Edit): ValueId {
    const bias = edit.value(id);
    const shape = staticShape(bias.type);
    if (bias.constant === null || shape === null || x.quantization === null || w.quantization === null) return id;
    const { quantization: qx } = x;
    const { quantization: qw } = w;
    if (bias.type.dtype === 'int32' && bias.quantization !== null && isInUnitsOf(sumScales(qx, qw), bias.quantization)) return id;
    const real = bias.quantization === null ? bias : edit.value(this.floatTwin(id, edit));
    if (real.type.dtype !== 'float32' || real.constant === null) return id;
    const { constant } = real;
    const key = `bias ${real.id} ${meaningKey(qx)} ${meaningKey(qw)}`;
    return this.forms.constant(edit, key, () => {
      const made = quantizeBias(shape, constant, qx, qw);
      return { name: `${bias.name}.sums`, ...made, quantization: made.quantization };
    });
  }

  /** The constant as float32 numbers. */
  private floatTwin(id: ValueId, edit: Edit): ValueId {
    const known = this.floatTwins.get(id);
    if (known !== undefined) return known;
    const value = edit.value(id);
    if (value.constant === null || value.quantization === null) return id;
    const made = edit.add(
      `${value.name}.real`,
      { ...value.type, dtype: 'float32' },
      realConstant(value, value.constant, value.quantization),
    );
    this.floatTwins.set(id, made);
    return made;
  }

  private asFloat(id: ValueId, node: Node, edit: Edit): ValueId {
    const value = edit.value(id);
    if (value.quantization === null) return id;
    if (value.constant !== null) return this.floatTwin(id, edit);
    const out = edit.add(`${value.name}.real`, { ...value.type, dtype: 'float32' });
    this.forms.emitReal(edit, node, id, out);
    return out;
  }
}

function tensorOfConstant(value: Value | null): ReturnType<typeof constantOf> | null {
  return value === null || value.constant === null ? null : constantOf(value.type, value.constant, value.name, '');
}

/** The operator of ai.onnx; com.microsoft has the same two under its own name. */
function onnxForm(node: Node): Node {
  if (node.domain === '') return node;
  const { version: _, ...rest } = node;
  return { ...rest, domain: '' };
}
