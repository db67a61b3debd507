/** Pools over volumes, as pools over images. */
import { attributeInts, attributeString } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import type { Rule, Rules } from './rule.ts';
import { poolWithPositions } from './windows.ts';
import type { Writer } from './writer.ts';

/**
 * A pool over depth, height and width: over the planes first, then over what is left of the depth. Maxima of maxima are maxima; a mean of means is
 * one because how many taps count is a product over the axes.
 *
 *     x [N, C, D, H, W]  =>  [N, C · D, H, W]  =>  Pool  =>  [N, C, D, OH · OW]  =>  Pool  =>  [N, C, OD, OH, OW]
 */
const volume: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(x).length !== 5 || node.outputs.length > 1) return null;
  const [batch = 1, channels = 1, depth = 1, ...plane] = w.shape(x);
  const [, , outDepth = 1, ...outPlane] = w.shape(out);
  const { attributes } = node;
  const list = (name: string): readonly number[] => attributeInts(node, name, [1, 1, 1]);
  const pads = padsOf(w, node, x, out);
  const pool = (value: ValueId, axes: readonly number[]): ValueId => {
    const some = (from: readonly number[], otherwise: number): number[] =>
      [0, 1].map((i) => (axes[i] === undefined ? otherwise : (from[axes[i]] ?? otherwise)));
    return w.op(node.op, [value], {
      kernel_shape: some(list('kernel_shape'), 1),
      strides: some(list('strides'), 1),
      dilations: some(list('dilations'), 1),
      pads: [...some(pads.begin, 0), ...some(pads.end, 0)],
      ...(attributes['ceil_mode']?.kind === 'int' ? { ceil_mode: attributes['ceil_mode'].value } : {}),
      ...(attributes['count_include_pad']?.kind === 'int' ? { count_include_pad: attributes['count_include_pad'].value } : {}),
    });
  };
  const images = pool(w.reshape(x, [batch, channels * depth, ...plane]), [1, 2]);
  const columns = w.reshape(images, [batch, channels, depth, outPlane.reduce((n, e) => n * e, 1)]);
  return [w.reshape(pool(columns, [0]), [batch, channels, outDepth, ...outPlane])];
};

function padsOf(w: Writer, node: Node, x: ValueId, out: ValueId): { readonly begin: readonly number[]; readonly end: readonly number[] } {
  const list = (name: string): readonly number[] => attributeInts(node, name, [1, 1, 1]);
  const auto = attributeString(node, 'auto_pad', 'NOTSET');
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = list('kernel_shape').map((k, i) => {
      const covered = ((w.shape(out)[2 + i] ?? 1) - 1) * (list('strides')[i] ?? 1) + (k - 1) * (list('dilations')[i] ?? 1) + 1;
      return Math.max(0, covered - (w.shape(x)[2 + i] ?? 1));
    });
    const begin = total.map((t) => (auto === 'SAME_UPPER' ? Math.floor(t / 2) : Math.ceil(t / 2)));
    return { begin, end: total.map((t, i) => t - (begin[i] ?? 0)) };
  }
  const given = auto === 'VALID' ? [] : attributeInts(node, 'pads', []);
  return { begin: [0, 1, 2].map((i) => given[i] ?? 0), end: [0, 1, 2].map((i) => given[3 + i] ?? 0) };
}

/** The largest of a volume is that of its elements as a plane. */
const globalMax: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(x).length < 5) return null;
  const [batch = 1, channels = 1, ...extents] = w.shape(x);
  const y = w.op('GlobalMaxPool', [w.reshape(x, [batch, channels, 1, extents.reduce((n, e) => n * e, 1)])]);
  return [w.reshape(y, w.shape(out))];
};

const maxPool: Rule = (w, node) => (node.outputs.length > 1 ? poolWithPositions(w, node) : volume(w, node));

export const poolingRules: Rules = { MaxPool: maxPool, AveragePool: volume, GlobalMaxPool: globalMax };
