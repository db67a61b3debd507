/**
 * Models that bring their own quantization. Their integers stay as they are, and what the model leaves in float32 stays float32. What
 * remains to be settled is how engines run the places where both meet:
 *
 * - sums of integers that become float32 leave the array as int32 and are scaled by a DequantizeLinear;
 * - contractions of float operands run in float32 where the array has it; else their operands become int8: weights by their own
 *   range, activations by a calibration, or with placeholder scales;
 * - Concat and average pooling get operands of one kind.
 */
import { compilerMessages, integerRange, type Diagnostic, type DType } from '../../core/index.ts';
import type { Attributes, Constant, Graph, Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { attributeFloat, depthOf, leafNodes, sumBitsOf, sumsFit } from '../../graph/index.ts';
import { staticShape } from '../passes/constants.ts';
import { rewrite, type Edit } from '../passes/edit.ts';
import { integerForms, type Forms } from '../passes/quantization-forms.ts';
import { isConcat, isContraction } from '../passes/quantization-rules.ts';
import { isByte, isInUnitsOf, meaningKey, realConstant, sumScales } from '../passes/quantization-values.ts';
import { biasIndex, weightSlot } from './contraction.ts';
import { placeholderQuantization } from './placeholder.ts';
import { int8Quantization, type CalibrationTable } from './range.ts';
import { quantizeBias, quantizeWeights } from './weights.ts';

/** True where the file says what activations stand for, before the run or while it runs: then operands of integer products have scales of their own. */
export function bringsQuantization(graph: Graph): boolean {
  const isHeld = graph.values.some((v) => v.constant === null && v.quantization?.source === 'model');
  return isHeld || leafNodes(graph.nodes).some((n) => n.domain === '' && (n.op === 'MatMulInteger' || n.op === 'ConvInteger'));
}

export interface IntegerModelOptions {
  /** What the array multiplies. */
  readonly matrix: readonly DType[];
  /** How wide sums are that leave the array rescaled: 32, or more where its output stage takes more. */
  readonly sumBits: number;
  readonly calibration: CalibrationTable | null;
}

/** The graph in forms that engines run; contractions that had to become int8 are told in one diagnostic. */
export function settleIntegerModel(
  graph: Graph,
  options: IntegerModelOptions,
): { readonly graph: Graph; readonly diagnostics: readonly Diagnostic[] } {
  const settler = new Settler(options);
  const settled = rewrite(graph, (node, edit) => settler.visit(node, edit));
  const { forced } = settler;
  if (forced.length === 0) return { graph: settled, diagnostics: [] };
  const calibrated = options.calibration !== null;
  return { graph: settled, diagnostics: [compilerMessages.floatProductsForced({ nodes: forced, calibrated }, { origin: forced })] };
}

/** Constants of integers as the float32 numbers they stand for, where nothing else in the model is quantized. */
export function withFloatConstants(graph: Graph): Graph {
  const quantized = (v: Value): boolean => v.constant !== null && v.quantization !== null;
  if (!graph.values.some(quantized)) return graph;
  const values = graph.values.map((v): Value => {
    if (v.constant === null || v.quantization === null) return v;
    return { ...v, type: { ...v.type, dtype: 'float32' }, constant: realConstant(v, v.constant, v.quantization), quantization: null };
  });
  return { ...graph, values };
}

class Settler {
  readonly forced: string[] = [];
  private readonly options: IntegerModelOptions;
  private readonly forms: Forms = integerForms();
  private readonly floats = new Map<ValueId, ValueId>();
  private readonly bytes = new Map<ValueId, ValueId>();

  constructor(options: IntegerModelOptions) {
    this.options = options;
  }

  visit(node: Node, edit: Edit): boolean {
    if (isContraction(node)) return this.contraction(node, edit);
    if (isConcat(node)) return this.concat(node, edit);
    if (node.op === 'AveragePool' && node.domain === '') return this.averagePool(node, edit);
    return false;
  }

  private contraction(node: Node, edit: Edit): boolean {
    const [x = null, w = null] = node.inputs;
    const [out] = node.outputs;
    if (x === null || w === null || out === undefined || sumBitsOf(node) > 32) return false;
    const operands = [edit.value(x), edit.value(w)];
    const isHeld = this.isHeld(node, edit.value(x), edit.value(w));
    const isFloat = operands.every((v) => v.type.dtype === 'float32' && v.quantization === null);
    if (operands.some((v) => v.type.dtype !== 'float32' && v.quantization === null)) return false;
    const result = edit.value(out);
    const wide = isHeld ? null : this.wideSums(node, edit.value(x), edit.value(w), edit);
    if (wide !== null) return wide;
    if (isHeld) return result.type.dtype === 'float32' && result.quantization === null ? this.sums(node, [x, w], edit) : false;
    if (this.options.matrix.includes('float32')) {
      if (isFloat) return false;
      edit.emit({ ...node, inputs: node.inputs.map((id) => (id === null ? null : this.asFloat(id, node, edit))) });
      return true;
    }
    if (!this.options.matrix.includes('int8') || result.quantization !== null) return false;
    this.forced.push(...node.origin);
    return this.sums(node, [this.asBytes(node, 0, x, edit), this.asBytes(node, 1, w, edit)], edit);
  }

  /** Operands that the array multiplies as they are: bytes, and 16-bit integers where it has them and no sum can leave an accumulator. */
  private isHeld(node: Node, x: Value, w: Value): boolean {
    if (x.quantization === null || w.quantization === null) return false;
    if (isByte(x.type.dtype) && isByte(w.type.dtype)) return true;
    const shape = staticShape(w.type);
    const has = this.options.matrix.includes('int16') && !isByte(x.type.dtype);
    const [held, by] = [x, w].map((v) => ({ dtype: v.type.dtype, quantization: v.quantization as Quantization }));
    return has && shape !== null && held !== undefined && by !== undefined && sumsFit(held, by, depthOf(node, shape));
  }

  /** 16-bit operands whose sums need, and fit, the wide accumulators of the array: they leave it rescaled, or as reals. null for others. */
  private wideSums(node: Node, x: Value, w: Value, edit: Edit): boolean | null {
    const { matrix, sumBits } = this.options;
    const shape = staticShape(w.type);
    if (sumBits <= 32 || !matrix.includes('int16') || isByte(x.type.dtype) || shape === null) return null;
    const [held, by] = [x, w].map((v) => (v.quantization === null ? undefined : { dtype: v.type.dtype, quantization: v.quantization }));
    if (held === undefined || by === undefined || held.quantization.scale.length !== 1) return null;
    if (!sumsFit(held, by, depthOf(node, shape), sumBits)) return null;
    if (attributeFloat(node, 'alpha', 1) !== 1 || attributeFloat(node, 'beta', 1) !== 1) return null;
    const attributes: Attributes = { ...node.attributes, sum_bits: { kind: 'int', value: sumBits } };
    const at = biasIndex(node);
    const bias = at === null ? null : (node.inputs[at] ?? null);
    if (bias === null) {
      edit.emit({ ...node, attributes });
      return true;
    }
    // In units of sums as fine as these a bias need not fit int32: it is added to the reals.
    const [out] = node.outputs;
    const result = out === undefined ? null : edit.value(out);
    const column = this.biasColumn(node, bias, edit);
    if (out === undefined || result === null || result.type.dtype !== 'float32' || column === null) return null;
    const sums = edit.add(`${result.name}.sums`, result.type);
    edit.emit({ ...node, inputs: node.inputs.slice(0, 2), outputs: [sums], attributes });
    edit.emit({
      op: 'Add',
      domain: '',
      name: `${node.name}.bias`,
      inputs: [sums, column],
      outputs: [out],
      attributes: {},
      origin: node.origin,
    });
    return true;
  }

  /** A bias as a constant of reals that broadcasts over the result; null where it is none. */
  private biasColumn(node: Node, id: ValueId, edit: Edit): ValueId | null {
    const real = edit.value(id).quantization === null ? id : this.asFloat(id, node, edit);
    const { type, constant, name } = edit.value(real);
    if (constant === null || type.dtype !== 'float32') return null;
    if (node.op !== 'Conv') return real;
    const rank = edit.value(node.inputs[0] as ValueId).type.shape.length;
    return edit.add(`${name}.column`, { ...type, shape: [...type.shape, ...Array.from({ length: rank - 2 }, () => 1)] }, constant);
  }

  /** The contraction with int32 result, and the float result made from it. */
  private sums(node: Node, [x, w]: readonly [ValueId, ValueId], edit: Edit): boolean {
    const [out] = node.outputs;
    const qx = edit.value(x).quantization;
    const qw = edit.value(w).quantization;
    if (out === undefined || qx === null || qw === null) return false;
    const at = biasIndex(node);
    const bias = at === null ? null : (node.inputs[at] ?? null);
    const inputs: (ValueId | null)[] = [x, w];
    if (bias !== null) {
      const sum = this.sumBias(bias, qx, qw, edit);
      if (sum === null) return false;
      inputs.push(sum);
    }
    const result = edit.value(out);
    const axis = node.op === 'Conv' || node.op === 'ConvTranspose' ? 1 : result.type.shape.length - 1;
    const quantization = sumQuantization(qx, qw, axis);
    const sums = edit.add(`${result.name}.sums`, { ...result.type, dtype: 'int32' });
    edit.update(sums, { quantization });
    edit.emit({ ...node, inputs, outputs: [sums] });
    edit.emit({
      op: 'DequantizeLinear',
      domain: '',
      name: `${node.name}.reals`,
      inputs: [sums, this.scales(result.name, quantization, edit)],
      outputs: [out],
      attributes: { axis: { kind: 'int', value: axis } },
      origin: node.origin,
    });
    return true;
  }

  private scales(name: string, quantization: Quantization, edit: Edit): ValueId {
    const count = quantization.axis === null ? 1 : quantization.zeroPoint.length;
    const isPlaceholder = quantization.source === 'placeholder';
    const shape = quantization.axis === null ? [] : [count];
    const type: TensorType = { dtype: 'float32', shape };
    const constant: Constant = isPlaceholder
      ? { kind: 'splat', element: new Uint8Array(Float32Array.of(quantization.scale[0] ?? 1).buffer) }
      : {
          kind: 'bytes',
          get bytes(): Uint8Array {
            const { scale } = quantization;
            return new Uint8Array(scale.buffer, scale.byteOffset, scale.byteLength);
          },
        };
    return edit.add(`${name}.scale`, type, constant);
  }

  private sumBias(id: ValueId, x: Quantization, w: Quantization, edit: Edit): ValueId | null {
    const value = edit.value(id);
    const shape = staticShape(value.type);
    if (value.constant === null || shape === null) return null;
    if (value.type.dtype === 'int32' && value.quantization !== null && isInUnitsOf(sumScales(x, w), value.quantization)) return id;
    if (value.type.dtype !== 'float32' && value.quantization === null) return null;
    const constant = value.quantization === null ? value.constant : realConstant(value, value.constant, value.quantization);
    const isPlaceholder = x.source === 'placeholder' || w.source === 'placeholder';
    const key = isPlaceholder ? `bias ${id} placeholder` : `bias ${id} ${meaningKey(x)} ${meaningKey(w)}`;
    return this.forms.constant(edit, key, () => ({ name: `${value.name}.sums`, ...quantizeBias(shape, constant, x, w) }));
  }

  /** Operand `index` of a contraction as int8. */
  private asBytes(node: Node, index: number, id: ValueId, edit: Edit): ValueId {
    const value = edit.value(id);
    if (value.quantization !== null && isByte(value.type.dtype)) return id;
    if (value.constant !== null) {
      const shape = staticShape(value.type);
      const axis = weightSlot(node, index, value.type)?.axis ?? null;
      const constant = value.quantization === null ? value.constant : realConstant(value, value.constant, value.quantization);
      if (shape === null) return id;
      return this.forms.constant(edit, `weight ${id} ${axis}`, () => ({
        name: `${value.name}.int8`,
        ...quantizeWeights(shape, constant, axis),
      }));
    }
    const known = this.bytes.get(id);
    if (known !== undefined) return known;
    const quantization = this.rangeOf(value);
    const held = edit.add(`${value.name}.int8`, { ...value.type, dtype: 'int8' });
    edit.update(held, { quantization });
    edit.emit({ ...this.forms.quantizer(edit, node, id, held, { quantization, dtype: 'int8' }), name: `${node.name}.operand${index}` });
    this.bytes.set(id, held);
    return held;
  }

  /** int8 for a float value, or for one of wider integers, whose range is that of its type. */
  private rangeOf(value: Value): Quantization {
    const { quantization: q } = value;
    if (q !== null) {
      const [lo, hi] = integerRange(value.type.dtype).map((end) => (end - (q.zeroPoint[0] ?? 0)) * (q.scale[0] ?? 1));
      return int8Quantization({ min: lo ?? 0, max: hi ?? 0 });
    }
    const range = this.options.calibration?.get(value.name);
    return range === undefined ? placeholderQuantization : int8Quantization(range);
  }

  private concat(node: Node, edit: Edit): boolean {
    const [out] = node.outputs;
    if (out === undefined) return false;
    const result = edit.value(out);
    const change = (id: ValueId): ValueId => {
      const value = edit.value(id);
      if (result.quantization === null) return value.quantization === null ? id : this.asFloat(id, node, edit);
      const isReal = value.quantization !== null || value.type.dtype === 'float32';
      if (!isReal || value.type.dtype === result.type.dtype) return id;
      const held = edit.add(`${value.name}.held`, { ...value.type, dtype: result.type.dtype });
      edit.update(held, { quantization: result.quantization });
      edit.emit(this.forms.quantizer(edit, node, id, held, { quantization: result.quantization, dtype: result.type.dtype }));
      return held;
    };
    return this.withInputs(node, edit, change);
  }

  private averagePool(node: Node, edit: Edit): boolean {
    const [out] = node.outputs;
    if (out === undefined || edit.value(out).quantization !== null) return false;
    return this.withInputs(node, edit, (id) => (edit.value(id).quantization === null ? id : this.asFloat(id, node, edit)));
  }

  private withInputs(node: Node, edit: Edit, change: (id: ValueId) => ValueId): boolean {
    const inputs = node.inputs.map((id) => (id === null ? null : change(id)));
    if (inputs.every((id, i) => id === node.inputs[i])) return false;
    edit.emit({ ...node, inputs });
    return true;
  }

  private asFloat(id: ValueId, node: Node, edit: Edit): ValueId {
    const value = edit.value(id);
    if (value.quantization === null) return id;
    const known = this.floats.get(id);
    if (known !== undefined) return known;
    const type: TensorType = { ...value.type, dtype: 'float32' };
    const out =
      value.constant === null
        ? edit.add(`${value.name}.real`, type)
        : edit.add(`${value.name}.real`, type, realConstant(value, value.constant, value.quantization));
    if (value.constant === null) this.forms.emitReal(edit, node, id, out);
    this.floats.set(id, out);
    return out;
  }
}

/** What one unit of the sums stands for, worked out when read: reading it asks for the scales of the weights. */
function sumQuantization(x: Quantization, w: Quantization, axis: number): Quantization {
  let scale: Float32Array | null = null;
  return {
    get scale(): Float32Array {
      scale ??= sumScales(x, w);
      return scale;
    },
    get zeroPoint(): Int32Array {
      return new Int32Array(w.axis === null ? 1 : w.zeroPoint.length);
    },
    axis: w.axis === null ? null : axis,
    source: x.source === 'placeholder' || w.source === 'placeholder' ? 'placeholder' : 'model',
  };
}
