/** Softmax written out, and the pixel shuffle (Shi et al. 2016, arXiv:1609.05158) as Reshape, Transpose, Reshape. */
import { equalDim, mulDim } from '../../../graph/index.ts';
import type { Attributes, Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, output, permOf, sameShape, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { createNodeWriter } from './writer.ts';

/** The one axis a reduction that keeps dimensions runs along, counted from the front; null for anything else. */
function reducedAxis(p: Pattern, node: Node): number | null {
  const keep = node.attributes['keepdims'];
  const attribute = node.attributes['axes'];
  const axes = attribute?.kind === 'ints' ? attribute.value : p.numbers(node.inputs[1]);
  const [axis] = axes ?? [];
  if (axis === undefined || axes?.length !== 1 || (keep?.kind === 'int' && keep.value === 0)) return null;
  return axis < 0 ? axis + p.shape(input(node, 0)).length : axis;
}

/** e / Σe or e · (1 / Σe), with e = exp(x − max x) or exp(x): taking off the largest changes nothing but what overflows. */
export const softmaxes: Recovery = {
  name: 'recover-softmax',
  summary: 'exponentials divided by their sum become Softmax',
  anchors: ['Div', 'Mul'],
  find(anchor, p) {
    const quotient = quotientOf(p, anchor);
    const exp = quotient === null ? null : p.made(quotient.exp, 'Exp');
    const sum = quotient === null ? null : p.made(quotient.sum, 'ReduceSum');
    if (quotient === null || exp === null || sum === null || sum.inputs[0] !== output(exp)) return null;
    const axis = reducedAxis(p, sum);
    if (axis === null || p.value(output(exp)).type.unranked === true) return null;
    const whole = [...quotient.nodes, sum, exp];
    const found = (x: ValueId, nodes: readonly Node[], detail: string): Found => ({
      nodes: [...nodes.filter((n) => n !== anchor), anchor],
      op: 'Softmax',
      version: 13,
      inputs: [x],
      attributes: { axis: { kind: 'int', value: axis } },
      detail,
    });
    const sub = p.made(exp.inputs[0], 'Sub');
    const max = sub === null ? null : p.made(sub.inputs[1], 'ReduceMax');
    const isLowered = sub !== null && max !== null && max.inputs[0] === sub.inputs[0] && reducedAxis(p, max) === axis;
    if (isLowered) return found(input(sub, 0), [...whole, sub, max], 'written out');
    return found(input(exp, 0), whole, 'written out, without its maximum');
  },
};

function quotientOf(p: Pattern, anchor: Node): { readonly exp: ValueId; readonly sum: ValueId; readonly nodes: readonly Node[] } | null {
  if (anchor.op === 'Div') return { exp: input(anchor, 0), sum: input(anchor, 1), nodes: [anchor] };
  for (const [exp, inverse] of bothWays(anchor)) {
    const reciprocal = p.made(inverse, 'Reciprocal');
    if (reciprocal !== null) return { exp, sum: input(reciprocal, 0), nodes: [anchor, reciprocal] };
  }
  return null;
}

/** [N, C, H, W] -> six axes -> transposed -> [N, C / r², H r, W r] */
export const pixelShuffles: Recovery = {
  name: 'recover-pixel-shuffle',
  summary: 'Reshape, Transpose, Reshape that spread channels over space become DepthToSpace, those that gather them SpaceToDepth',
  anchors: ['Reshape'],
  find(anchor, p, make) {
    const turned = permOf(p, input(anchor, 0));
    const apart = turned === null ? null : p.made(turned.x, 'Reshape');
    if (turned === null || apart === null) return null;
    const x = input(apart, 0);
    const found = shuffle(p, x, output(apart), turned.perm, output(anchor));
    const nodes = [apart, turned.node, anchor];
    if (found !== null) return { nodes, version: 13, inputs: [x], ...found };
    return channelwise(p, nodes, x, turned.perm, anchor, make);
  },
};

/**
 * PyTorch's PixelUnshuffle keeps the parts of a channel together, SpaceToDepth those of a block: they are the same of one channel, so
 * channels go where the batch is. Both reshapes are views.
 */
function channelwise(p: Pattern, nodes: readonly Node[], x: ValueId, perm: readonly number[], anchor: Node, make: Maker): Found | null {
  const [apart] = nodes;
  const [batch = 0, channels = 0, height = 0, width = 0] = p.shape(x);
  if (apart === undefined || p.shape(x).length !== 4 || typeof channels !== 'number' || perm.join() !== '0,1,3,5,2,4') return null;
  const parts = p.shape(output(apart));
  const [, , down = 0, r = 0, across = 0] = parts;
  if (typeof r !== 'number' || r < 2 || !sameShape(parts, [batch, channels, down, r, across, r])) return null;
  if (!equalDim(mulDim(down, r), height) || !equalDim(mulDim(across, r), width)) return null;
  if (!sameShape(p.shape(output(anchor)), [batch, channels * r * r, down, across])) return null;
  const { dtype } = p.value(x).type;
  const [before, after] = [createNodeWriter(make, anchor), createNodeWriter(make, anchor)];
  const many = mulDim(batch, channels);
  // 0 takes the size that stands there.
  const single = before.op('Reshape', [x, before.ints('single', [-1, 1, 0, 0])], { dtype, shape: [many, 1, height, width] });
  const made = make.value(`${anchor.name}/blocks`, { dtype, shape: [many, r * r, down, across] });
  after.op('Reshape', [made, after.ints('joined', [-1, channels * r * r, 0, 0])], p.value(output(anchor)).type, {}, output(anchor));
  return {
    nodes,
    op: 'SpaceToDepth',
    version: 13,
    inputs: [single],
    outputs: [made],
    before: before.nodes,
    after: after.nodes,
    attributes: { blocksize: { kind: 'int', value: r } },
    detail: `blocks of ${r}, channel by channel`,
  };
}

type Shuffle = Pick<Found, 'op' | 'attributes' | 'detail'>;

function shuffle(p: Pattern, x: ValueId, six: ValueId, perm: readonly number[], y: ValueId): Shuffle | null {
  const [batch = 0, channels = 0, height = 0, width = 0] = p.shape(x);
  const parts = p.shape(six);
  if (p.shape(x).length !== 4 || parts.length !== 6 || typeof channels !== 'number') return null;
  const block = (axis: number): number => (typeof parts[axis] === 'number' ? parts[axis] : 0);
  const forms = [
    { op: 'DepthToSpace', mode: 'CRD', perm: '0,1,4,2,5,3', r: block(2), sizes: (r: number) => [channels / (r * r), r, r, height, width] },
    { op: 'DepthToSpace', mode: 'DCR', perm: '0,3,4,1,5,2', r: block(1), sizes: (r: number) => [r, r, channels / (r * r), height, width] },
    {
      op: 'SpaceToDepth',
      mode: '',
      perm: '0,3,5,1,2,4',
      r: block(3),
      sizes: (r: number) => [channels, parts[2] ?? 0, r, parts[4] ?? 0, r],
    },
  ];
  for (const form of forms) {
    const { r } = form;
    if (perm.join() !== form.perm || r < 2 || !sameShape(parts, [batch, ...form.sizes(r)])) continue;
    const spread = form.op === 'DepthToSpace';
    // What was apart has to be the whole of each axis.
    const isWhole = spread || (equalDim(mulDim(parts[2] ?? 0, r), height) && equalDim(mulDim(parts[4] ?? 0, r), width));
    const wanted = spread
      ? [batch, channels / (r * r), mulDim(height, r), mulDim(width, r)]
      : [batch, channels * r * r, parts[2] ?? 0, parts[4] ?? 0];
    if (!isWhole || !sameShape(p.shape(y), wanted)) continue;
    const mode: Attributes = form.mode === '' ? {} : { mode: { kind: 'string', value: form.mode } };
    const detail = `blocks of ${r}${form.mode === '' ? '' : `, ${form.mode} order`}`;
    return { op: form.op, attributes: { blocksize: { kind: 'int', value: r }, ...mode }, detail };
  }
  return null;
}
