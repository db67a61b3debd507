/** Softmax written out, and the pixel shuffle (Shi et al. 2016, arXiv:1609.05158) as Reshape, Transpose, Reshape. */
import type { Node, ValueId } from '../../../graph/ir.ts';
import { input, output, type Pattern } from './match.ts';
import type { Recovery } from './recovery.ts';

/** The one axis a reduction that keeps dimensions runs along, counted from the front; null for anything else. */
function reducedAxis(p: Pattern, node: Node): number | null {
  const keep = node.attributes['keepdims'];
  const attribute = node.attributes['axes'];
  const axes = attribute?.kind === 'ints' ? attribute.value : p.numbers(node.inputs[1]);
  const [axis] = axes ?? [];
  if (axis === undefined || axes?.length !== 1 || (keep?.kind === 'int' && keep.value === 0)) return null;
  return axis < 0 ? axis + p.shape(input(node, 0)).length : axis;
}

/** e / Σe with e = exp(x − max x) */
export const softmaxes: Recovery = {
  name: 'recover-softmax',
  summary: 'exponentials divided by their sum become Softmax',
  anchors: ['Div'],
  find(anchor, p) {
    const exp = p.made(anchor.inputs[0], 'Exp');
    const sum = p.made(anchor.inputs[1], 'ReduceSum');
    if (exp === null || sum === null || sum.inputs[0] !== output(exp)) return null;
    const axis = reducedAxis(p, sum);
    const sub = p.made(exp.inputs[0], 'Sub');
    const max = sub === null ? null : p.made(sub.inputs[1], 'ReduceMax');
    if (axis === null || sub === null || max === null || max.inputs[0] !== sub.inputs[0] || reducedAxis(p, max) !== axis) return null;
    return {
      nodes: [max, sub, exp, sum, anchor],
      op: 'Softmax',
      version: 13,
      inputs: [input(sub, 0)],
      attributes: { axis: { kind: 'int', value: axis } },
      detail: 'written out',
    };
  },
};

/** [N, C, H, W] -> six axes -> transposed -> [N, C / r², H r, W r] */
export const pixelShuffles: Recovery = {
  name: 'recover-pixel-shuffle',
  summary: 'Reshape, Transpose, Reshape that spread channels over space become DepthToSpace, those that gather them SpaceToDepth',
  anchors: ['Reshape'],
  find(anchor, p) {
    const transpose = p.made(anchor.inputs[0], 'Transpose');
    const apart = transpose === null ? null : p.made(transpose.inputs[0], 'Reshape');
    const perm = transpose?.attributes['perm'];
    if (transpose === null || apart === null || perm?.kind !== 'ints') return null;
    const x = input(apart, 0);
    const found = shuffle(p, x, output(apart), perm.value, output(anchor));
    if (found === null) return null;
    return { nodes: [apart, transpose, anchor], version: 13, inputs: [x], ...found };
  },
};

function shuffle(
  p: Pattern,
  x: ValueId,
  six: ValueId,
  perm: readonly number[],
  y: ValueId,
): { op: string; attributes: Node['attributes']; detail: string } | null {
  const [batch, channels, height, width] = p.shape(x);
  const parts = p.shape(six);
  const out = p.shape(y);
  if (p.shape(x).length !== 4 || parts.length !== 6 || out.length !== 4 || parts[0] !== batch || out[0] !== batch) return null;
  if (![channels, height, width].every((d) => typeof d === 'number')) return null;
  const forms = [
    {
      op: 'DepthToSpace',
      mode: 'CRD',
      perm: '0,1,4,2,5,3',
      sizes: (r: number) => [Number(channels) / (r * r), r, r, height, width],
      block: parts[2],
    },
    {
      op: 'DepthToSpace',
      mode: 'DCR',
      perm: '0,3,4,1,5,2',
      sizes: (r: number) => [r, r, Number(channels) / (r * r), height, width],
      block: parts[1],
    },
    {
      op: 'SpaceToDepth',
      mode: '',
      perm: '0,3,5,1,2,4',
      sizes: (r: number) => [channels, Number(height) / r, r, Number(width) / r, r],
      block: parts[3],
    },
  ];
  for (const form of forms) {
    const r = form.block;
    if (perm.join() !== form.perm || typeof r !== 'number' || r < 2) continue;
    if (form.sizes(r).join() !== parts.slice(1).join()) continue;
    const spread = form.op === 'DepthToSpace';
    const wanted = spread
      ? [Number(channels) / (r * r), Number(height) * r, Number(width) * r]
      : [Number(channels) * r * r, Number(height) / r, Number(width) / r];
    if (out.slice(1).join() !== wanted.join()) continue;
    const mode: Node['attributes'] = form.mode === '' ? {} : { mode: { kind: 'string', value: form.mode } };
    return { op: form.op, attributes: { blocksize: { kind: 'int', value: r }, ...mode }, detail: `blocks of ${r}` };
  }
  return null;
}
