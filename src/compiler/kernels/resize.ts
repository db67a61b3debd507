/** Which source index each output index of a nearest-neighbour Resize reads. */
import { attributeInts, attributeString, type Node } from '../../graph/index.ts';

/** Rules of ONNX Resize, `coordinate_transformation_mode`. */
const origins: Readonly<Record<string, (o: number, scale: number, input: number, output: number) => number>> = {
  half_pixel: (o, s) => (o + 0.5) / s - 0.5,
  asymmetric: (o, s) => o / s,
  pytorch_half_pixel: (o, s, _, out) => (out > 1 ? (o + 0.5) / s - 0.5 : 0),
  align_corners: (o, _, input, out) => (out === 1 ? 0 : (o * (input - 1)) / (out - 1)),
};

/** `nearest_mode` */
const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** Longer lists of places would take longer than the copies they describe. */
const longestAxis = 2 ** 20;

/**
 * One list for each axis, or why there is none.
 * @param scales  as given to the node, for its `axes`; null: they follow from the sizes
 */
export function nearestIndices(
  node: Node,
  version: number,
  input: readonly number[],
  output: readonly number[],
  scales: readonly number[] | null,
): readonly (readonly number[])[] | string {
  const old = node.op === 'Upsample' || version < 11;
  const mode = attributeString(node, 'coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel');
  const rounding = attributeString(node, 'nearest_mode', old ? 'floor' : 'round_prefer_floor');
  const origin = origins[mode];
  const round = roundings[rounding];
  if (origin === undefined) return `coordinate_transformation_mode ${mode}`;
  if (round === undefined) return `nearest_mode ${rounding}`;
  if (attributeString(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch') return 'a kept aspect ratio';
  const axes = attributeInts(
    node,
    'axes',
    input.map((_, i) => i),
  ).map((a) => (a + input.length) % input.length);
  const longest = Math.max(0, ...output);
  if (longest > longestAxis) return `an axis of ${longest} elements`;
  return input.map((extent, axis) => {
    const out = output[axis] ?? 1;
    const at = axes.indexOf(axis);
    const scale = at < 0 ? 1 : (scales?.[at] ?? out / extent);
    return Array.from({ length: out }, (_, o) => (at < 0 ? o : Math.min(Math.max(round(origin(o, scale, extent, out)), 0), extent - 1)));
  });
}
