/** Integers and the reals they stand for, side by side: nodes between the two, and the constants these need. */
import { bytesPerElement } from '../../core/index.ts';
import type { Constant, Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import type { Edit } from './edit.ts';
import { isNarrowInteger, meaningKey, readMeaning, sameMeaning, unpacked, type Meaning } from './quantization-values.ts';

/** The value that stands for the reals of an integer value. */
export interface Real {
  readonly real: ValueId;
  readonly meaning: Meaning;
}

export interface NewConstant {
  readonly name: string;
  readonly type: TensorType;
  readonly constant: Constant;
  readonly quantization: Quantization | null;
}

export interface Forms {
  /** Reads scale and zero point of integers; null where they are not known or belong to no axis. */
  read(edit: Edit, integers: TensorType, scale: ValueId | null | undefined, zero: ValueId | null | undefined, axis: number): Meaning | null;
  realOf(integers: ValueId): Real | null;
  setReal(integers: ValueId, real: Real): void;
  /**
   * The reals of an operand of a QLinear operator: its producer's where the scales agree, a view of the integers otherwise, a constant
   * of a constant. null where scale or zero point are computed at run time.
   */
  operand(edit: Edit, node: Node, integers: ValueId, meaning: Meaning): ValueId | null;
  /** The node whose result `integers` is a view of the quantized value `real`; to be appended by the caller. */
  integers(edit: Edit, node: Node, real: ValueId, integers: ValueId, meaning: Meaning): Node;
  /** The node that quantizes `real` into `out`; to be appended by the caller. */
  quantizer(edit: Edit, node: Node, real: ValueId, out: ValueId, meaning: Pick<Meaning, 'quantization' | 'dtype'>): Node;
  /** Appends the conversion of the quantized value `held` to float32 `out`. */
  emitReal(edit: Edit, node: Node, held: ValueId, out: ValueId): void;
  /** A constant, made once for each key. */
  constant(edit: Edit, key: string, make: () => NewConstant): ValueId;
}

export function integerForms(): Forms {
  const reals = new Map<ValueId, Real>();
  const constants = new Map<string, ValueId>();

  const constant: Forms['constant'] = (edit, key, make) => {
    const known = constants.get(key);
    if (known !== undefined) return known;
    const { name, type, constant: contents, quantization } = make();
    const id = edit.add(name, type, contents);
    if (quantization !== null) edit.update(id, { quantization });
    constants.set(key, id);
    return id;
  };

  const parameters = (edit: Edit, of: string, quantization: Quantization, dtype: Meaning['dtype']): readonly [ValueId, ValueId] => {
    const key = `${dtype} ${meaningKey(quantization)}`;
    const [scale = 1] = quantization.scale;
    const [zero = 0] = quantization.zeroPoint;
    return [
      constant(edit, `scale ${key}`, () => ({
        name: `${of}.scale`,
        type: { dtype: 'float32', shape: [] },
        constant: { kind: 'splat', element: new Uint8Array(Float32Array.of(scale).buffer) },
        quantization: null,
      })),
      constant(edit, `zero ${key}`, () => ({
        name: `${of}.zero`,
        type: { dtype, shape: [] },
        // Two's complement, little-endian: the low bytes are the element in each integer type.
        constant: { kind: 'splat', element: new Uint8Array(Int32Array.of(zero).buffer).slice(0, bytesPerElement(dtype)) },
        quantization: null,
      })),
    ];
  };

  const quantizer: Forms['quantizer'] = (edit, node, real, out, meaning) => {
    const [scale, zero] = parameters(edit, edit.value(out).name, meaning.quantization, meaning.dtype);
    return {
      op: 'QuantizeLinear',
      domain: '',
      name: `${node.name}.integers`,
      inputs: [real, scale, zero],
      outputs: [out],
      attributes: {},
      origin: node.origin,
    };
  };

  return {
    constant,
    quantizer,
    integers(edit, node, real, out, meaning) {
      reals.set(out, { real, meaning });
      return quantizer(edit, node, real, out, meaning);
    },
    read: (edit, integers, scale, zero, axis) => readMeaning((id) => edit.value(id), integers, scale, zero, axis),
    realOf: (id) => reals.get(id) ?? null,
    setReal: (id, real) => void reals.set(id, real),
    operand(edit, node, id, meaning) {
      const value = edit.value(id);
      if (value.constant !== null) return constantOperand(edit, constant, value, value.constant, meaning);
      const known = reals.get(id);
      if (known !== undefined && sameMeaning(known.meaning, meaning)) return known.real;
      if (value.quantization !== null || meaning.quantization.axis !== null || !isNarrowInteger(value.type.dtype)) return null;
      const [scale, zero] = parameters(edit, value.name, meaning.quantization, meaning.dtype);
      const out = edit.add(`${value.name}.real`, value.type);
      edit.update(out, { quantization: meaning.quantization });
      edit.emit({
        op: 'DequantizeLinear',
        domain: '',
        name: `${node.name}.reals`,
        inputs: [id, scale, zero],
        outputs: [out],
        attributes: {},
        origin: node.origin,
      });
      return out;
    },
    emitReal(edit, node, held, out) {
      const { quantization, type, name } = edit.value(held);
      if (quantization === null) throw new Error(`${name} is not quantized`);
      const [scale, zero] = parameters(edit, name, quantization, type.dtype);
      edit.emit({
        op: 'DequantizeLinear',
        domain: '',
        name: `${node.name}.reals`,
        inputs: [held, scale, zero],
        outputs: [out],
        attributes: {},
        origin: node.origin,
      });
    },
  };
}

function constantOperand(edit: Edit, make: Forms['constant'], value: Value, contents: Constant, meaning: Meaning): ValueId | null {
  const bytes = unpacked(value.type, contents);
  if (bytes === null) return null;
  return make(edit, `operand ${value.id} ${meaningKey(meaning.quantization)}`, () => ({
    name: `${value.name}.real`,
    ...bytes,
    quantization: meaning.quantization,
  }));
}
