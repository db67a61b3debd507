/** What has to be known of a quantized graph before walking it: what graph inputs stand for, who quantizes a value how often. */
import { attributeInt, opDef, sameQuantization } from '../../graph/index.ts';
import type { Graph, Node, Value, ValueId } from '../../graph/ir.ts';
import { converts, isConcat, isCopy, isMaximum } from './quantization-rules.ts';
import { isNarrowInteger, meaningKey, readMeaning, type Meaning } from './quantization-values.ts';

export interface Survey {
  /** Integer graph inputs that every reader takes for the same reals. */
  readonly inputs: ReadonlyMap<ValueId, Meaning>;
  /** True where every reader of the value is a QuantizeLinear of one scale. */
  quantizedAlike(id: ValueId): boolean;
}

/** Copies and maxima of integers are copies and maxima of what they stand for. (Pad fills with an integer of its own.) */
export function passesIntegers(node: Node): boolean {
  if (isConcat(node)) return true;
  if (isMaximum(node)) return node.outputs.length === 1;
  return isCopy(node) && node.op !== 'Pad' && node.op !== 'Dropout' && (node.outputs.length === 1 || node.op === 'Split');
}

export function survey(graph: Graph): Survey {
  const value = (id: ValueId): Value => {
    const found = graph.values[id];
    if (found === undefined) throw new Error(`no value ${id}`);
    return found;
  };
  return { inputs: inputMeanings(graph, value), quantizedAlike: quantizers(graph, value) };
}

type Want = Meaning | 'several';

function inputMeanings(graph: Graph, value: (id: ValueId) => Value): ReadonlyMap<ValueId, Meaning> {
  const wants = new Map<ValueId, Want>();
  const want = (id: ValueId | null | undefined, what: Want | null | undefined): void => {
    if (id === null || id === undefined || what === null || what === undefined) return;
    const known = wants.get(id);
    const agree =
      known === undefined || (known !== 'several' && what !== 'several' && sameQuantization(known.quantization, what.quantization));
    wants.set(id, agree ? what : 'several');
  };
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (node === undefined) continue;
    const [first = null] = node.inputs;
    if (converts(node, 'DequantizeLinear') && first !== null) {
      const meaning = readMeaning(value, value(first).type, node.inputs[1], node.inputs[2], attributeInt(node, 'axis', 1));
      want(first, meaning === null || meaning.quantization.axis !== null ? 'several' : meaning);
    } else if (isQLinear(node)) {
      for (const { index, scale, zero } of activationOperands(node)) {
        const id = node.inputs[index] ?? null;
        const meaning = id === null ? null : readMeaning(value, value(id).type, node.inputs[scale], node.inputs[zero], 1);
        want(id, meaning === null || meaning.quantization.axis !== null ? 'several' : meaning);
      }
    } else if (passesIntegers(node) && !isConcat(node)) {
      for (const out of node.outputs) want(first, wants.get(out));
    } else if (node.op !== 'Shape' && node.op !== 'Size') {
      for (const id of node.inputs) want(id, 'several');
    }
  }
  const found = new Map<ValueId, Meaning>();
  for (const id of graph.inputs) {
    const known = wants.get(id);
    const { type, quantization, constant } = value(id);
    if (known === undefined || known === 'several' || quantization !== null || constant !== null) continue;
    if (isNarrowInteger(type.dtype) && !graph.outputs.includes(id)) found.set(id, known);
  }
  return found;
}

function isQLinear(node: Node): boolean {
  return (node.op.startsWith('QLinear') || node.op === 'QGemm') && opDef(node.domain, node.op) !== undefined;
}

/** Which inputs of a QLinear operator are integers with a scale: (x, scale, zero) triples, two outputs' parameters in front in QLinearConcat. */
export function activationOperands(node: Node): readonly { readonly index: number; readonly scale: number; readonly zero: number }[] {
  const triple = (index: number) => ({ index, scale: index + 1, zero: index + 2 });
  switch (node.op) {
    case 'QLinearConv':
    case 'QLinearMatMul':
    case 'QLinearAdd':
    case 'QLinearMul':
    case 'QGemm':
      return [triple(0), triple(3)];
    case 'QLinearConcat':
      return Array.from({ length: Math.floor((node.inputs.length - 2) / 3) }, (_, i) => triple(2 + 3 * i));
    case 'QLinearWhere':
      return [triple(1), triple(4)];
    default:
      return [triple(0)];
  }
}

function quantizers(graph: Graph, value: (id: ValueId) => Value): (id: ValueId) => boolean {
  const readers = new Map<ValueId, { count: number; quantizing: number; key: string | null }>();
  const entry = (id: ValueId) => {
    let found = readers.get(id);
    if (found === undefined) readers.set(id, (found = { count: 0, quantizing: 0, key: null }));
    return found;
  };
  for (const node of graph.nodes) {
    for (const id of node.inputs) if (id !== null) entry(id).count++;
    const [x = null, scale, zero] = node.inputs;
    const [out] = node.outputs;
    if (!converts(node, 'QuantizeLinear') || x === null || out === undefined) continue;
    const meaning = readMeaning(value, value(out).type, scale, zero, attributeInt(node, 'axis', 1));
    if (meaning === null) continue;
    const reader = entry(x);
    const key = `${meaning.dtype} ${meaningKey(meaning.quantization)}`;
    if (reader.key === null || reader.key === key) reader.quantizing++;
    reader.key ??= key;
  }
  for (const id of graph.outputs) entry(id).count++;
  return (id) => {
    const reader = readers.get(id);
    return reader !== undefined && reader.count === reader.quantizing;
  };
}
