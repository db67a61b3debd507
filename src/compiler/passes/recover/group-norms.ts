/** GroupNorm (Wu & He 2018, arXiv:1803.08494): channels apart into groups, each normalized whole, a gain and a shift for each channel. */
import { equalDim } from '../../../graph/index.ts';
import type { Attributes, Node, TensorType, ValueId } from '../../../graph/ir.ts';
import { bothWays, frontAxis, input, output, sameShape, type Pattern } from './match.ts';
import { channelVector } from './parameters.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { floatSplat } from './writer.ts';

export const groupNorms: Recovery = {
  name: 'recover-group-norms',
  summary: 'a norm over reshaped groups of channels becomes GroupNormalization',
  anchors: ['Add', 'Mul', 'Reshape'],
  find(anchor, p, make) {
    if (anchor.op === 'Reshape') return grouped(p, anchor, { back: output(anchor), scale: null, bias: null, nodes: [] }, make);
    const parts = anchor.op === 'Mul' ? gained(p, anchor, null, []) : shifted(p, anchor);
    for (const part of parts) {
      const found = grouped(p, anchor, part, make);
      if (found !== null) return found;
    }
    return null;
  },
};

interface GroupParts {
  readonly back: ValueId;
  readonly scale: ValueId | null;
  readonly bias: ValueId | null;
  readonly nodes: readonly Node[];
}

function gained(p: Pattern, mul: Node, bias: ValueId | null, nodes: readonly Node[]): readonly GroupParts[] {
  return bothWays(mul).map(([back, scale]) => ({ back, scale, bias, nodes: [...nodes, mul] }));
}

function shifted(p: Pattern, anchor: Node): readonly GroupParts[] {
  return bothWays(anchor).flatMap(([product, bias]) => {
    const mul = p.made(product, 'Mul');
    return mul === null ? [{ back: product, scale: null, bias, nodes: [anchor] }] : gained(p, mul, bias, [anchor]);
  });
}

/** The norm over groups: an InstanceNormalization without parameters of its own, or a LayerNormalization without them. */
function plainNorm(p: Pattern, id: ValueId | null | undefined): { readonly node: Node; readonly epsilon: Attributes[string] } | null {
  const node = p.made(id, 'InstanceNormalization', 'LayerNormalization');
  if (node === null || node.outputs.length !== 1) return null;
  const every = (at: number, wanted: number): boolean => allAre(p, node.inputs[at], wanted);
  const axis = node.attributes['axis'];
  const first = frontAxis(axis?.kind === 'int' ? axis.value : -1, p.shape(input(node, 0)).length);
  const shift = node.inputs[2] ?? null;
  if (!every(1, 1) || (shift !== null && !every(2, 0)) || (node.op === 'LayerNormalization' && first !== 2)) return null;
  return { node, epsilon: node.attributes['epsilon'] ?? { kind: 'float', value: Math.fround(1e-5) } };
}

/** A constant all of whose numbers are this one; large ones only where they are known to be one number. */
function allAre(p: Pattern, id: ValueId | null | undefined, wanted: number): boolean {
  if (id === null || id === undefined) return false;
  const { constant, type } = p.value(id);
  if (constant?.kind === 'splat' && type.dtype === 'float32') return new Float32Array(constant.element.slice().buffer)[0] === wanted;
  return p.numbers(id)?.every((n) => n === wanted) ?? false;
}

function grouped(p: Pattern, anchor: Node, { back, scale, bias, nodes }: GroupParts, make: Maker): Found | null {
  const reshaped = p.made(back, 'Reshape');
  const norm = reshaped === null ? null : plainNorm(p, reshaped.inputs[0]);
  const apart = norm === null ? null : p.made(norm.node.inputs[0], 'Reshape');
  if (reshaped === null || norm === null || apart === null) return null;
  const x = input(apart, 0);
  const { shape, dtype } = p.value(x).type;
  const [batch, groups] = p.shape(output(apart));
  const [lead, channels] = shape;
  const whole = shape.length >= 3 && sameShape(p.shape(back), shape) && sameShape(p.shape(output(anchor)), shape);
  if (batch === undefined || lead === undefined || !equalDim(batch, lead)) return null;
  if (typeof groups !== 'number' || typeof channels !== 'number' || channels % groups !== 0 || !whole || dtype !== 'float32') return null;
  const vector = (id: ValueId | null, value: number): ValueId | null => {
    const type: TensorType = { dtype, shape: [channels] };
    if (id === null) return make.constant(`${anchor.name}/${value === 1 ? 'scale' : 'shift'}`, type, floatSplat(value));
    return channelVector(p, make, id, shape.length, channels);
  };
  const [gain, shift] = [vector(scale, 1), vector(bias, 0)];
  if (gain === null || shift === null) return null;
  return {
    nodes: [apart, norm.node, reshaped, ...nodes.filter((n) => n !== anchor && n !== reshaped), ...(anchor === reshaped ? [] : [anchor])],
    op: 'GroupNormalization',
    version: 21,
    inputs: [x, gain, shift],
    attributes: { num_groups: { kind: 'int', value: groups }, epsilon: norm.epsilon },
    detail: `${groups} groups of ${channels / groups} channels`,
  };
}
