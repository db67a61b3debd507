/**
 * Normalizations exporters write as means and roots: LayerNorm (Ba et al. 2016, arXiv:1607.06450), RMSNorm (Zhang & Sennrich 2019,
 * arXiv:1910.07467), InstanceNorm (Ulyanov et al. 2016, arXiv:1607.08022), GroupNorm (Wu & He 2018, arXiv:1803.08494).
 */
import type { Attributes, Node, TensorType, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, near, output, sameShape, sumOf, throughCasts, type Pattern } from './match.ts';
import { channelVector, parameter } from './parameters.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { createNodeWriter, floatSplat } from './writer.ts';

/** x divided by the root of the mean square of something. */
interface Core {
  readonly nodes: readonly Node[];
  /** What is divided. */
  readonly numerator: ValueId;
  /** What is squared and averaged. */
  readonly squared: ValueId;
  readonly epsilon: number;
  readonly axes: readonly number[];
  /** The result of the core. */
  readonly result: ValueId;
}

/** The mean square under a core. */
type Root = Omit<Core, 'numerator' | 'result'>;

/** Axes of a ReduceMean that keeps dimensions, counted from the front; null where they are not known. */
function meanAxes(p: Pattern, mean: Node): readonly number[] | null {
  const rank = p.shape(input(mean, 0)).length;
  const attribute = mean.attributes['axes'];
  const keep = mean.attributes['keepdims'];
  if (keep?.kind === 'int' && keep.value === 0) return null;
  // Without any, all of them; opset 18 moved them to an input.
  const all =
    mean.inputs.length < 2 && mean.attributes['noop_with_empty_axes'] === undefined ? Array.from({ length: rank }, (_, i) => i) : null;
  const axes = attribute?.kind === 'ints' ? attribute.value : (p.numbers(mean.inputs[1]) ?? all);
  return axes === null || p.value(input(mean, 0)).type.unranked === true
    ? null
    : axes.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
}

/** mean(s²) + ε: what is squared, over which axes. */
function meanSquare(p: Pattern, id: ValueId): Root | null {
  const cast = throughCasts(p, id);
  const sum = sumOf(p, cast.id);
  const added = sum !== null && sum.values.length === 1 ? sum : { term: 0, values: [cast.id], nodes: [] };
  const mean = added.term >= 0 ? p.made(added.values[0], 'ReduceMean') : null;
  const square = mean === null ? null : p.made(input(mean, 0), 'Pow', 'Mul');
  if (mean === null || square === null) return null;
  const base = input(square, 0);
  if (square.op === 'Pow' ? p.scalar(square.inputs[1]) !== 2 : square.inputs[1] !== base) return null;
  const axes = meanAxes(p, mean);
  return axes === null ? null : { nodes: [...cast.nodes, ...added.nodes, mean, square], squared: base, epsilon: added.term, axes };
}

/** The root of a mean square, or its inverse: Sqrt, Pow by a half, Reciprocal or a quotient of it. */
function rootMeanSquare(p: Pattern, id: ValueId, inverse: boolean): Root | null {
  const node = p.made(id, 'Sqrt', 'Pow', 'Reciprocal', 'Div');
  if (node === null) return null;
  const under = (found: Root | null): Root | null => (found === null ? null : { ...found, nodes: [node, ...found.nodes] });
  switch (node.op) {
    case 'Sqrt':
      return inverse ? null : under(meanSquare(p, input(node, 0)));
    case 'Pow':
      return p.scalar(node.inputs[1]) === (inverse ? -0.5 : 0.5) ? under(meanSquare(p, input(node, 0))) : null;
    case 'Reciprocal':
      return inverse ? under(rootMeanSquare(p, input(node, 0), false)) : null;
    default:
      return inverse && near(p.scalar(node.inputs[0]), 1) ? under(rootMeanSquare(p, input(node, 1), false)) : null;
  }
}

/** numerator / root, or numerator times its inverse, anchored at that node. */
function coreOf(p: Pattern, id: ValueId): Core | null {
  const cast = throughCasts(p, id);
  const node = p.made(cast.id, 'Div', 'Mul');
  if (node === null || node.inputs.length !== 2) return null;
  for (const [numerator, root] of node.op === 'Div' ? bothWays(node).slice(0, 1) : bothWays(node)) {
    const found = rootMeanSquare(p, root, node.op === 'Mul');
    if (found !== null) return { ...found, nodes: [...cast.nodes, node, ...found.nodes], numerator, result: id };
  }
  return null;
}

/** x − mean(x) over these axes: x, and the nodes. */
function centred(p: Pattern, id: ValueId, axes: readonly number[]): { readonly x: ValueId; readonly nodes: readonly Node[] } | null {
  const cast = throughCasts(p, id);
  const sub = p.made(cast.id, 'Sub');
  const mean = sub === null ? null : p.made(sub.inputs[1], 'ReduceMean');
  if (sub === null || mean === null || mean.inputs[0] !== sub.inputs[0]) return null;
  const over = meanAxes(p, mean);
  return over !== null && over.join() === axes.join() ? { x: input(sub, 0), nodes: [...cast.nodes, sub, mean] } : null;
}

interface Affine {
  readonly core: Core;
  readonly scale: ValueId | null;
  readonly bias: ValueId | null;
  readonly nodes: readonly Node[];
}

/** core · scale + bias, either left out, anchored at the last of them. */
function affine(p: Pattern, anchor: Node): Affine | null {
  const plain = (id: ValueId): Affine | null => {
    const core = coreOf(p, id);
    return core === null ? null : { core, scale: null, bias: null, nodes: core.nodes };
  };
  const scaled = (id: ValueId): Affine | null => {
    const mul = p.made(id, 'Mul');
    if (mul !== null) {
      for (const [inner, scale] of bothWays(mul)) {
        const core = isParameter(p, scale) ? coreOf(p, inner) : null;
        if (core !== null) return { core, scale, bias: null, nodes: [mul, ...core.nodes] };
      }
    }
    return plain(id);
  };
  if (anchor.op === 'Add') {
    for (const [inner, bias] of bothWays(anchor)) {
      const found = isParameter(p, bias) ? scaled(inner) : null;
      if (found !== null) return { ...found, bias, nodes: [anchor, ...found.nodes] };
    }
    return null;
  }
  return scaled(output(anchor));
}

/** Constants alone: the kernel takes parameters as they are, and what comes at run time may have another precision. */
function isParameter(p: Pattern, id: ValueId): boolean {
  return p.value(id).constant !== null && p.value(id).quantization === null;
}

function lastAxes(rank: number, axes: readonly number[]): boolean {
  return axes.length > 0 && axes.every((a, i) => a === rank - axes.length + i);
}

function float(value: number): Attributes[string] {
  return { kind: 'float', value: Math.fround(value) };
}

/** Normalized over the last axes: LayerNormalization, or RMSNormalization where no mean is taken off. */
function overLastAxes(p: Pattern, anchor: Node, found: Affine, make: Maker): Found | null {
  const { core, scale, bias } = found;
  const { type } = p.value(core.numerator);
  if (type.unranked === true || !lastAxes(type.shape.length, core.axes)) return null;
  const normal = type.shape.slice(type.shape.length - core.axes.length);
  const sizes = normal.filter((d) => typeof d === 'number');
  const wanted = p.value(output(anchor)).type.dtype;
  // A parameter of more axes than x gives the result more.
  if (!sameShape(p.shape(output(anchor)), type.shape)) return null;
  if (sizes.length !== normal.length || !['float32', 'float16', 'bfloat16'].includes(wanted)) return null;
  const attributes = { axis: { kind: 'int', value: -core.axes.length }, epsilon: float(core.epsilon) } as const;

  const [top, below] = [centred(p, core.numerator, core.axes), centred(p, core.squared, core.axes)];
  const isLayerNorm = top !== null && below !== null && top.x === below.x;
  const [a, b] = [throughCasts(p, core.numerator), throughCasts(p, core.squared)];
  if (!isLayerNorm && (a.id !== b.id || bias !== null)) return null;
  // The norm takes and gives one element type: what was cast for it, or what was before the cast.
  const start = isLayerNorm ? throughCasts(p, top.x) : a;
  const given = isLayerNorm ? top.x : core.numerator;
  const x = [given, start.id].find((id) => p.value(id).type.dtype === wanted) ?? given;
  const dtype = p.value(x).type.dtype;
  if (!['float32', 'float16', 'bfloat16'].includes(dtype)) return null;
  const gain = parameter(p, make, scale, { dtype, shape: sizes }, scale === null ? `${anchor.name}/scale` : null);
  const shift = bias === null ? null : parameter(p, make, bias, { dtype, shape: sizes }, null);
  if (gain === null || (bias !== null && shift === null)) return null;

  const casts = isLayerNorm ? start.nodes : [...a.nodes, ...b.nodes];
  const inner = isLayerNorm ? [...top.nodes, ...below.nodes] : [];
  const back = dtype === wanted ? null : castBack(p, anchor, make, dtype);
  return {
    nodes: unique([...found.nodes, ...inner], anchor),
    ...(x === given ? (isLayerNorm ? {} : { also: b.nodes.filter((n) => !a.nodes.includes(n)) }) : { also: casts }),
    op: isLayerNorm ? 'LayerNormalization' : 'RMSNormalization',
    version: isLayerNorm ? 17 : 23,
    inputs: shift === null ? [x, gain] : [x, gain, shift],
    ...(back === null ? {} : { outputs: [back.from], after: back.nodes }),
    attributes,
    detail: core.axes.length === 1 ? '' : `${core.axes.length} axes`,
  };
}

/** The result was cast on its way to the anchor: the norm stays in the type of its operand, a Cast follows. */
function castBack(
  p: Pattern,
  anchor: Node,
  make: Maker,
  dtype: TensorType['dtype'],
): { readonly from: ValueId; readonly nodes: readonly Node[] } {
  const w = createNodeWriter(make, anchor);
  const { type } = p.value(output(anchor));
  const from = make.value(`${anchor.name}/normal`, { ...type, dtype });
  w.op('Cast', [from], type, { to: { kind: 'int', value: elementTypes[type.dtype] ?? 1 } }, output(anchor));
  return { from, nodes: w.nodes };
}

/** TensorProto.DataType of the types norms have. */
const elementTypes: Readonly<Record<string, number>> = { float32: 1, float16: 10, bfloat16: 16 };

/** Normalized over all spatial axes: InstanceNormalization. */
function overPlanes(p: Pattern, anchor: Node, { core, scale, bias, nodes }: Affine, make: Maker): Found | null {
  const { shape, dtype } = p.value(core.numerator).type;
  const channels = shape[1];
  if (
    shape.length < 3 ||
    core.axes.join() !==
      shape
        .map((_, i) => i)
        .slice(2)
        .join() ||
    typeof channels !== 'number' ||
    dtype !== 'float32'
  )
    return null;
  const top = centred(p, core.numerator, core.axes);
  const below = centred(p, core.squared, core.axes);
  if (top === null || below === null || top.x !== below.x || p.value(output(anchor)).type.dtype !== dtype) return null;
  const vector = (id: ValueId | null, value: number, name: string): ValueId | null => {
    const type: TensorType = { dtype: 'float32', shape: [channels] };
    if (id === null) return make.constant(`${anchor.name}/${name}`, type, floatSplat(value));
    return channelVector(p, make, id, shape.length, channels);
  };
  const gain = vector(scale, 1, 'scale');
  const shift = vector(bias, 0, 'bias');
  if (gain === null || shift === null) return null;
  return {
    nodes: unique([...nodes, ...top.nodes, ...below.nodes], anchor),
    op: 'InstanceNormalization',
    version: 22,
    inputs: [top.x, gain, shift],
    attributes: { epsilon: float(core.epsilon) },
    detail: '',
  };
}

/**
 * Normalized over the channels of images [N, C, H, W] (ConvNeXt, Liu et al. 2022, arXiv:2201.03545): LayerNormalization between two
 * transpositions, in place of a pass over the tensor for each mean, difference, square and quotient.
 */
function overChannels(p: Pattern, anchor: Node, { core, scale, bias, nodes }: Affine, make: Maker): Found | null {
  const { shape, dtype, unranked } = p.value(core.numerator).type;
  const channels = shape[1];
  const rank = shape.length;
  if (unranked === true || rank < 3 || core.axes.join() !== '1' || typeof channels !== 'number' || dtype !== 'float32') return null;
  const top = centred(p, core.numerator, core.axes);
  const below = centred(p, core.squared, core.axes);
  const out = p.value(output(anchor)).type;
  if (top === null || below === null || top.x !== below.x || out.dtype !== dtype || !sameShape(out.shape, shape)) return null;
  const type: TensorType = { dtype: 'float32', shape: [channels] };
  const vector = (id: ValueId): ValueId | null => channelVector(p, make, id, rank, channels);
  const gain = scale === null ? make.constant(`${anchor.name}/scale`, type, floatSplat(1)) : vector(scale);
  const shift = bias === null ? null : vector(bias);
  if (gain === null || (bias !== null && shift === null)) return null;
  const [before, after] = [createNodeWriter(make, anchor), createNodeWriter(make, anchor)];
  const last = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  const back = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
  const turned: TensorType = { dtype, shape: last.map((axis) => shape[axis] ?? 1) };
  const x = before.op('Transpose', [top.x], turned, { perm: { kind: 'ints', value: last } });
  const made = make.value(`${anchor.name}/normal`, turned);
  after.op('Transpose', [made], out, { perm: { kind: 'ints', value: back } }, output(anchor));
  return {
    nodes: unique([...nodes, ...top.nodes, ...below.nodes], anchor),
    op: 'LayerNormalization',
    version: 17,
    inputs: shift === null ? [x, gain] : [x, gain, shift],
    outputs: [made],
    before: before.nodes,
    after: after.nodes,
    attributes: { axis: { kind: 'int', value: -1 }, epsilon: float(core.epsilon) },
    detail: 'over channels',
  };
}

function unique(nodes: readonly Node[], anchor: Node): readonly Node[] {
  return [...new Set(nodes.filter((n) => n !== anchor)), anchor];
}

export const norms: Recovery = {
  name: 'recover-norms',
  summary: 'means, roots and quotients that are LayerNormalization, RMSNormalization or InstanceNormalization become one node',
  anchors: ['Add', 'Mul', 'Div'],
  find(anchor, p, make) {
    const found = affine(p, anchor);
    if (found === null) return null;
    return overLastAxes(p, anchor, found, make) ?? overPlanes(p, anchor, found, make) ?? overChannels(p, anchor, found, make);
  },
};
