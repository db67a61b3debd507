/** Products of bytes with real results, as ONNX Runtime joins them; what weights multiply may be quantized by its own range while the model runs. */
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import type { Products } from './recurrent.ts';
import type { Writer } from './writer.ts';

/** Bytes with their scale and zero point: one number, or one a column of weights. */
export interface Bytes {
  readonly weights: ValueId;
  readonly scale: ValueId;
  readonly zero: ValueId | null;
}

export function integerProducts(w: Writer, node: Node): Products | null {
  const [, weights = null, recurrent = null, , , , , , scale = null, zero = null, scaleR = null, zeroR = null] = node.inputs;
  if (weights === null || recurrent === null || scale === null || zero === null || scaleR === null || zeroR === null) return null;
  const [directions = 1, hidden = 1] = w.shape(recurrent);
  const bytes = (all: readonly [ValueId, ValueId, ValueId], d: number): Bytes => {
    const [part, s, z] = all.map((id) => {
      const [, ...rest] = w.shape(id);
      return w.reshape(w.slice(id, 0, d, d + 1), rest);
    }) as [ValueId, ValueId, ValueId];
    return { weights: part, scale: s, zero: z };
  };
  return {
    directions,
    hidden,
    input(sequence, d, bias) {
      const products = multiplied(w, node, sequence, bytes([weights, scale, zero], d));
      return bias === null ? products : w.op('Add', [products, bias]);
    },
    state(d) {
      const r = bytes([recurrent, scaleR, zeroR], d);
      return { r: r.weights, times: (h) => multiplied(w, node, h, r) };
    },
  };
}

/** The real product of x, quantized by its own range, with bytes. */
export function multiplied(w: Writer, node: Node, x: ValueId, b: Bytes): ValueId {
  const shape = w.shape(x);
  const { weights, scale, zero } = b;
  const [q = -1, unit = -1, point = -1] = w.inlined(
    {
      ...node,
      op: 'DynamicQuantizeLinear',
      domain: '',
      name: `${node.name}:quantize`,
      inputs: [x],
      outputs: [-1, -1, -1],
      attributes: {},
      version: 11,
    },
    [
      { name: `${node.name}:bytes`, type: { dtype: 'uint8', shape } },
      { name: `${node.name}:scale`, type: { dtype: 'float32', shape: [] } },
      { name: `${node.name}:zero`, type: { dtype: 'uint8', shape: [] } },
    ],
  );
  return realProduct(w, { weights: q, scale: unit, zero: point }, { weights, scale, zero });
}

/** f32(f32(Σ (a − zero of a)(b − zero of b)) · f32(scale of a · scale of b)) */
export function realProduct(w: Writer, a: Bytes, b: Bytes): ValueId {
  const product = w.op('MatMulInteger', [a.weights, b.weights, ...(a.zero === null && b.zero === null ? [] : [a.zero, b.zero])]);
  return w.op('Mul', [w.op('Cast', [product], { to: dtypeCode('float32') }), w.op('Mul', [a.scale, b.scale])]);
}
