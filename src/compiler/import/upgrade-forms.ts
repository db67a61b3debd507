/** Operators whose attributes became inputs, or were spelled otherwise, before operator set 7. */
import { elementType } from '../../onnx/index.ts';
import type { NamedNode } from './names.ts';
import type { Facts } from './upgrade.ts';
import { constantInts, ints } from './upgrade-parts.ts';

const text = new TextDecoder();

/** `to` was the name of a type before set 6. */
export function castForm(node: NamedNode): readonly NamedNode[] {
  const attributes = node.attributes.map((a) => {
    if (a.name !== 'to' || a.kind !== 'string') return a;
    const name = text.decode(a.value).toUpperCase();
    const number = typeNames.indexOf(name);
    // Left as it is where the name is none: the operator refuses it in its own words.
    return number > 0 && elementType(number) !== undefined ? { ...a, kind: 'int' as const, value: number } : a;
  });
  return [{ ...node, attributes }];
}

/** TensorProto.DataType by its numbers, as far as set 6 had them. */
const typeNames = 'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128'.split(
  ' ',
);

/** `pads` was called `paddings` in set 1. */
export function padForm(node: NamedNode): readonly NamedNode[] {
  return [{ ...node, attributes: node.attributes.map((a) => (a.name === 'paddings' ? { ...a, name: 'pads' } : a)) }];
}

/** The shape was an attribute before set 5. */
export function reshapeForm(node: NamedNode): readonly NamedNode[] {
  const shape = node.attributes.find((a) => a.name === 'shape');
  if (shape?.kind !== 'ints' || node.inputs.length > 1) return [node];
  const added = constantInts(node, 'shape', shape.value);
  const attributes = node.attributes.filter((a) => a !== shape);
  return [added.node, { ...node, inputs: [node.inputs[0] ?? '', added.output], attributes }];
}

/** Set 1 took the sizes as an input too; set 2 to 12 as an attribute only. */
export function splitForm(node: NamedNode, facts: Facts): readonly NamedNode[] {
  const [x = '', sizes] = node.inputs;
  const numbers = sizes === undefined ? null : facts.integers(sizes);
  if (numbers === null) return [node];
  return [{ ...node, inputs: [x], attributes: [...node.attributes.filter((a) => a.name !== 'split'), ints('split', numbers)] }];
}

/** Set 1 repeated along one axis: inputs are the number of tiles and the axis. */
export function tileForm(node: NamedNode, facts: Facts): readonly NamedNode[] {
  const [x = '', tiles = '', axis] = node.inputs;
  if (axis === undefined || axis === '') return [node];
  const rank = facts.shape(x)?.length;
  const count = facts.integers(tiles)?.[0];
  const along = facts.integers(axis)?.[0];
  if (rank === undefined || count === undefined || along === undefined) return [node];
  const repeats = Array.from({ length: rank }, (_, i) => (i === (along < 0 ? along + rank : along) ? count : 1));
  const added = constantInts(node, 'repeats', repeats);
  return [added.node, { ...node, inputs: [x, added.output] }];
}

/** Set 1 scaled images only, by two attributes; the first exporters wrote two `scales`. */
export function upsampleForm(node: NamedNode, facts: Facts): readonly NamedNode[] {
  const scales = node.attributes.find((a) => a.name === 'scales');
  const rank = facts.shape(node.inputs[0] ?? '')?.length;
  if ((scales?.kind === 'floats' || scales?.kind === 'ints') && scales.value.length === 2 && rank === 4) {
    const all = { ...scales, kind: 'floats' as const, value: [1, 1, ...scales.value] };
    return [{ ...node, attributes: node.attributes.map((a) => (a === scales ? all : a)) }];
  }
  const scale = (name: string): number | null => {
    const a = node.attributes.find((x) => x.name === name);
    return a?.kind === 'float' || a?.kind === 'int' ? a.value : null;
  };
  const height = scale('height_scale');
  const width = scale('width_scale');
  if (height === null || width === null) return [node];
  const others = node.attributes.filter((a) => a.name !== 'height_scale' && a.name !== 'width_scale');
  return [{ ...node, attributes: [...others, { name: 'scales', refName: '', kind: 'floats', value: [1, 1, height, width] }] }];
}
