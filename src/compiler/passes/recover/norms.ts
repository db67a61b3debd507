/**
 * Normalizations exporters write as means and roots: LayerNorm (Ba et al. 2016, arXiv:1607.06450), RMSNorm (Zhang & Sennrich 2019,
 * arXiv:1910.07467), InstanceNorm (Ulyanov et al. 2016, arXiv:1607.08022), GroupNorm (Wu & He 2018, arXiv:1803.08494).
 */
import { elementCount } from '../../../core/index.ts';
import type { Attributes, Node, TensorType, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, near, output, sumOf, throughCasts, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';

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

/** Axes of a ReduceMean that keeps dimensions, counted from the front; null where they are not known. */
function meanAxes(p: Pattern, mean: Node): readonly number[] | null {
  const rank = p.shape(input(mean, 0)).length;
  const attribute = mean.attributes['axes'];
  const keep = mean.attributes['keepdims'];
  if (keep?.kind === 'int' && keep.value === 0) return null;
  const axes = attribute?.kind === 'ints' ? attribute.value : p.numbers(mean.inputs[1]);
  return axes === null ? null : axes.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
}

/** sqrt(mean(s²) + ε), anchored at the Sqrt. */
function rootMeanSquare(p: Pattern, id: ValueId): Omit<Core, 'numerator' | 'result'> | null {
  const root = p.made(id, 'Sqrt');
  const sum = root === null ? null : sumOf(p, input(root, 0));
  const mean = sum !== null && sum.values.length === 1 && sum.term > 0 && sum.term < 0.1 ? p.made(sum.values[0], 'ReduceMean') : null;
  const square = mean === null ? null : p.made(input(mean, 0), 'Pow', 'Mul');
  if (root === null || sum === null || mean === null || square === null) return null;
  const base = input(square, 0);
  if (square.op === 'Pow' ? p.scalar(square.inputs[1]) !== 2 : square.inputs[1] !== base) return null;
  const axes = meanAxes(p, mean);
  return axes === null ? null : { nodes: [root, ...sum.nodes, mean, square], squared: base, epsilon: sum.term, axes };
}

/** numerator / root, numerator · (1 / root) or numerator · reciprocal(root), anchored at that node. */
function coreOf(p: Pattern, id: ValueId): Core | null {
  const cast = throughCasts(p, id);
  const node = p.made(cast.id, 'Div', 'Mul');
  if (node === null) return null;
  const build = (numerator: ValueId, root: ValueId, nodes: readonly Node[]): Core | null => {
    const found = rootMeanSquare(p, root);
    return found === null ? null : { ...found, nodes: [...cast.nodes, node, ...nodes, ...found.nodes], numerator, result: id };
  };
  if (node.op === 'Div') return node.inputs.length === 2 ? build(input(node, 0), input(node, 1), []) : null;
  for (const [numerator, inverse] of bothWays(node)) {
    const made = p.made(inverse, 'Reciprocal', 'Div');
    if (made === null) continue;
    if (made.op === 'Div' && !near(p.scalar(made.inputs[0]), 1)) continue;
    const core = build(numerator, input(made, made.op === 'Div' ? 1 : 0), [made]);
    if (core !== null) return core;
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

/** Constants and inputs hold parameters; what is computed does not. */
function isParameter(p: Pattern, id: ValueId): boolean {
  return p.producer(id) === null && p.scalar(id) === null;
}

function lastAxes(rank: number, axes: readonly number[]): boolean {
  return axes.length > 0 && axes.every((a, i) => a === rank - axes.length + i);
}

/** Parameter shaped like the normalized axes (leading ones dropped); null where it has another shape. */
function fits(p: Pattern, id: ValueId, wanted: readonly unknown[]): boolean {
  const shape = p.shape(id);
  return shape.length === wanted.length && shape.every((d, i) => d === wanted[i]);
}

function float(value: number): Attributes[string] {
  return { kind: 'float', value: Math.fround(value) };
}

function ones(make: Maker, anchor: Node, type: TensorType): ValueId {
  const element = new Uint8Array(Float32Array.of(1).buffer);
  return make.constant(`${anchor.name}/scale`, type, { kind: 'splat', element });
}

/** Normalized over the last axes: LayerNormalization, or RMSNormalization where no mean is taken off. */
function overLastAxes(p: Pattern, anchor: Node, found: Affine, make: Maker): Found | null {
  const { core, scale, bias } = found;
  const type = p.value(core.numerator).type;
  if (type.unranked === true || !lastAxes(type.shape.length, core.axes)) return null;
  const normal = type.shape.slice(type.shape.length - core.axes.length);
  const sizes = normal.filter((d) => typeof d === 'number');
  if (sizes.length !== normal.length || !['float32', 'float16'].includes(type.dtype) || (scale === null && type.dtype !== 'float32'))
    return null;
  if ((scale !== null && !fits(p, scale, normal)) || (bias !== null && !fits(p, bias, normal))) return null;
  const axis: Attributes[string] = { kind: 'int', value: -core.axes.length };
  const attributes = { axis, epsilon: float(core.epsilon) };
  const gain = scale ?? ones(make, anchor, { dtype: 'float32', shape: sizes });
  const top = centred(p, core.numerator, core.axes);
  const below = centred(p, core.squared, core.axes);
  if (top !== null && below !== null && top.x === below.x) {
    if (p.value(top.x).type.dtype !== p.value(output(anchor)).type.dtype) return null;
    const nodes = unique([...found.nodes, ...top.nodes, ...below.nodes], anchor);
    return {
      nodes,
      op: 'LayerNormalization',
      version: 17,
      inputs: bias === null ? [top.x, gain] : [top.x, gain, bias],
      attributes,
      detail: '',
    };
  }
  const a = throughCasts(p, core.numerator);
  const b = throughCasts(p, core.squared);
  if (a.id !== b.id || bias !== null) return null;
  // The norm takes and gives one element type: what was cast for it, or what was before the cast.
  const wanted = p.value(output(anchor)).type.dtype;
  const x = [core.numerator, a.id].find((id) => p.value(id).type.dtype === wanted);
  if (x === undefined || p.value(gain).type.dtype !== wanted) return null;
  const kept = x === core.numerator ? a.nodes : [];
  const nodes = unique(
    [...found.nodes, ...a.nodes, ...b.nodes].filter((n) => !kept.includes(n)),
    anchor,
  );
  return { nodes, op: 'RMSNormalization', version: 23, inputs: [x, gain], attributes, detail: '' };
}

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
    if (id === null)
      return make.constant(`${anchor.name}/${name}`, type, { kind: 'splat', element: new Uint8Array(Float32Array.of(value).buffer) });
    const v = p.value(id);
    const count = elementCount(v.type.shape.map((d) => (typeof d === 'number' ? d : NaN)));
    // [C, 1, 1] and [1, C, 1, 1] hold what [C] holds.
    return count === channels && v.constant !== null && v.type.shape.includes(channels)
      ? make.constant(`${v.name}/vector`, type, v.constant)
      : null;
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
    return overLastAxes(p, anchor, found, make) ?? overPlanes(p, anchor, found, make);
  },
};

/** Reshape to groups, InstanceNormalization, Reshape back, then a gain and a shift for each channel. */
export const groupNorms: Recovery = {
  name: 'recover-group-norms',
  summary: 'an InstanceNormalization over reshaped groups becomes GroupNormalization',
  anchors: ['Add'],
  find(anchor, p, make) {
    for (const [product, bias] of bothWays(anchor)) {
      const mul = p.made(product, 'Mul');
      if (mul === null) continue;
      for (const [back, scale] of bothWays(mul)) {
        const found = grouped(p, anchor, { mul, back, scale, bias }, make);
        if (found !== null) return found;
      }
    }
    return null;
  },
};

interface GroupParts {
  readonly mul: Node;
  readonly back: ValueId;
  readonly scale: ValueId;
  readonly bias: ValueId;
}

function grouped(p: Pattern, anchor: Node, { mul, back, scale, bias }: GroupParts, make: Maker): Found | null {
  const reshaped = p.made(back, 'Reshape');
  const norm = reshaped === null ? null : p.made(reshaped.inputs[0], 'InstanceNormalization');
  const apart = norm === null ? null : p.made(norm.inputs[0], 'Reshape');
  if (reshaped === null || norm === null || apart === null) return null;
  const x = input(apart, 0);
  const { shape, dtype } = p.value(x).type;
  const groups = p.shape(output(apart))[1];
  const channels = shape[1];
  const same = p.shape(back).length === shape.length && p.shape(back).every((d, i) => d === shape[i] || i === 0);
  if (typeof groups !== 'number' || typeof channels !== 'number' || !same || dtype !== 'float32') return null;
  if (!p.numbers(norm.inputs[1])?.every((n) => n === 1) || !p.numbers(norm.inputs[2])?.every((n) => n === 0)) return null;
  const vector = (id: ValueId): ValueId | null => {
    const v = p.value(id);
    const rank = v.type.shape.length;
    const along = v.type.shape.every((d, i) => d === (i === rank - (shape.length - 1) ? channels : 1));
    return along && v.constant !== null ? make.constant(`${v.name}/vector`, { dtype, shape: [channels] }, v.constant) : null;
  };
  const [gain, shift] = [vector(scale), vector(bias)];
  if (gain === null || shift === null) return null;
  const epsilon = norm.attributes['epsilon'];
  return {
    nodes: [apart, norm, reshaped, mul, anchor],
    op: 'GroupNormalization',
    version: 21,
    inputs: [x, gain, shift],
    attributes: { num_groups: { kind: 'int', value: groups }, epsilon: epsilon ?? float(1e-5) },
    detail: `${groups} groups`,
  };
}
