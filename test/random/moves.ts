/** Steps: data movement. */
import { Skip, type Made, type Maker } from './maker.ts';
import type { Step } from './contractions.ts';

function anyOf(m: Maker, lo: number, hi: number): Made {
  const found = m.value((v) => v.dtype !== 'int64' && v.shape.length >= lo && v.shape.length <= hi);
  if (found === null) throw new Skip('no such value');
  return found;
}

function shuffled(m: Maker, count: number): number[] {
  const rest = Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: count }, () => rest.splice(m.int(0, rest.length - 1), 1)[0] ?? 0);
}

function transpose(m: Maker): void {
  const x = anyOf(m, 2, 5);
  m.op('Transpose', [x], m.chance(0.1) ? {} : { perm: shuffled(m, x.shape.length) });
}

/** Neighbouring axes are joined or one is split; the rank stays below 6. */
function reshape(m: Maker): void {
  const x = anyOf(m, 0, 5);
  const shape = [...x.shape];
  const times = m.int(1, 2);
  for (let i = 0; i < times; i++) {
    const at = m.int(0, Math.max(0, shape.length - 1));
    const d = shape[at] ?? 1;
    const factor = [2, 3, 4, 5, 7].find((f) => d > f && d % f === 0 && m.chance(0.6));
    if (factor !== undefined && shape.length < 5) shape.splice(at, 1, factor, d / factor);
    else if (shape.length > 1 && at + 1 < shape.length) shape.splice(at, 2, d * (shape[at + 1] ?? 1));
    else if (shape.length < 5) shape.splice(at, 0, 1);
  }
  const count = x.shape.reduce((n, d) => n * d, 1);
  const open = m.chance(0.3) && count > 0 && shape.length > 0 ? m.int(0, shape.length - 1) : -1;
  m.op('Reshape', [x, m.ints(shape.map((d, i) => (i === open ? -1 : d)))], shape.includes(0) ? { allowzero: 1 } : {});
}

function slice(m: Maker): void {
  const x = anyOf(m, 1, 5);
  const axes = x.shape.map((_, i) => i).filter((i) => m.chance(0.6) && (x.shape[i] ?? 0) > 0);
  if (axes.length === 0) throw new Skip('no axis');
  const picked = axes.map((axis) => {
    const d = x.shape[axis] ?? 1;
    const step = m.pick([1, 1, 1, 2, 3, -1, -2]);
    const [a, b] = [m.int(0, d - 1), m.int(0, d - 1)];
    const [lo, hi] = [Math.min(a, b), Math.max(a, b)];
    return step > 0 ? [lo, m.chance(0.03) ? lo : hi + 1, step] : [hi, m.chance(0.3) ? -1000 : lo - 1 < 0 ? -1000 : lo - 1, step];
  });
  const column = (i: number): Made => m.ints(picked.map((p) => p[i] ?? 0));
  m.op('Slice', [x, column(0), column(1), m.ints(axes), column(2)]);
}

function concat(m: Maker): void {
  const x = anyOf(m, 1, 5);
  const axis = m.int(0, x.shape.length - 1);
  const same = (v: Made): boolean =>
    v.dtype === x.dtype && v.shape.length === x.shape.length && v.shape.every((d, i) => i === axis || d === x.shape[i]);
  const other = (): Made => {
    const found = m.chance(0.7) ? m.value(same) : null;
    return found ?? m.constant(x.shape.with(axis, m.int(m.chance(0.1) ? 0 : 1, 3)), x.dtype);
  };
  m.op('Concat', [x, other(), ...(m.chance(0.3) ? [other()] : [])], { axis });
}

function split(m: Maker): void {
  const x = anyOf(m, 1, 5);
  const axis = m.int(0, x.shape.length - 1);
  const d = x.shape[axis] ?? 1;
  if (d < 2) throw new Skip('too short');
  const first = m.int(1, d - 1);
  m.ops('Split', [x, m.ints([first, d - first])], 2, { axis });
}

function pad(m: Maker): void {
  const x = anyOf(m, 1, 4);
  const mode = m.pick(['constant', 'constant', 'edge', 'reflect', 'wrap']);
  if (mode !== 'constant' && (x.shape.includes(0) || x.dtype === 'bool')) throw new Skip('nothing to repeat');
  const most = x.shape.map((d) => (mode === 'constant' ? 3 : mode === 'reflect' ? Math.min(3, d - 1) : Math.min(3, d)));
  const pads = [...most, ...most].map((d) => (m.chance(0.5) ? m.int(0, d) : 0));
  const value = mode === 'constant' && m.chance(0.5) ? [m.numbers(x.dtype, [], [x.dtype === 'bool' ? 1 : 2])] : [];
  m.op('Pad', [x, m.ints(pads), ...value], { mode });
}

function resize(m: Maker): void {
  const x = m.value((v) => v.dtype === m.float && v.shape.length >= 3 && v.shape.length <= 4 && !v.shape.includes(0));
  if (x === null) throw new Skip('no image');
  const linear = m.chance(0.4);
  const sizes = x.shape.map((d, i) => (i < 2 ? d : m.chance(0.6) ? d * m.int(1, 3) : m.int(1, 2 * d)));
  const coordinate = m.pick(['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel']);
  const nearest = { nearest_mode: m.pick(['floor', 'round_prefer_floor', 'ceil', 'round_prefer_ceil']) };
  m.op('Resize', [x, null, null, m.ints(sizes)], {
    mode: linear ? 'linear' : 'nearest',
    coordinate_transformation_mode: coordinate,
    ...(linear ? {} : nearest),
  });
}

function gather(m: Maker): void {
  const x = anyOf(m, 1, 4);
  const axis = m.int(0, x.shape.length - 1);
  const d = x.shape[axis] ?? 0;
  if (d === 0) throw new Skip('nothing to gather');
  const shape = m.pick([[], [m.int(1, 5)], [2, 2], [m.chance(0.2) ? 0 : 1]]);
  const count = shape.reduce((n, e) => n * e, 1);
  const indices = m.numbers(
    'int64',
    shape,
    Array.from({ length: count }, () => m.int(-d, d - 1)),
  );
  m.op('Gather', [x, indices], { axis });
}

function depthSpace(m: Maker): void {
  const x = anyOf(m, 4, 4);
  const [, c = 1, h = 1, w = 1] = x.shape;
  const b = 2;
  if (c % (b * b) === 0 && m.chance(0.7)) m.op('DepthToSpace', [x], { blocksize: b, mode: m.pick(['DCR', 'CRD']) });
  else if (h % b === 0 && w % b === 0) m.op('SpaceToDepth', [x], { blocksize: b });
  else throw new Skip('odd sides');
}

function expand(m: Maker): void {
  const x = anyOf(m, 0, 4);
  if (m.chance(0.4)) {
    m.op('Tile', [x, m.ints(x.shape.map(() => m.pick([1, 1, 2, 3])))]);
    return;
  }
  const shape = x.shape.map((d) => (d === 1 ? m.int(1, 4) : m.chance(0.5) ? 1 : d));
  m.op('Expand', [x, m.ints(m.chance(0.3) ? [m.int(1, 2), ...shape] : shape)]);
}

function axes(m: Maker): void {
  const x = anyOf(m, 0, 4);
  const ones = x.shape.flatMap((d, i) => (d === 1 ? [i] : []));
  if (ones.length > 0 && m.chance(0.5)) m.op('Squeeze', [x, m.ints([m.pick(ones as [number, ...number[]])])]);
  else if (m.chance(0.4)) m.op('Flatten', [x], { axis: m.int(0, x.shape.length) });
  else m.op('Unsqueeze', [x, m.ints([m.int(0, x.shape.length)])]);
}

export const moveSteps: readonly (readonly [weight: number, step: Step])[] = [
  [5, transpose],
  [5, reshape],
  [5, slice],
  [4, concat],
  [2, split],
  [3, pad],
  [3, resize],
  [2.5, gather],
  [2, depthSpace],
  [2, expand],
  [2, axes],
];
