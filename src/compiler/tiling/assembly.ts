/**
 * Assembling an output tile by tile: which boxes of which sources a tile of the output is made of.
 *
 * Parts are strided loops over a source and the output. The output is seen as dims (mixed radix digits of an element's place) such that every
 * loop of every part walks within one dim; a tile is a range of each dim, and what a part gives to it is a product of ranges of its loops.
 *
 * Example: nearest Resize ×2 of [4, 5] to [8, 10]: loops (4, 2, 5, 2) with output steps (20, 10, 2, 1) are dim 8 = loops 4 (step 2) and 2
 * (step 1), dim 10 = loops 5 (step 2) and 2 (step 1). The tile rows 2–5, columns 0–9 gets source rows 1–2, all of each row.
 */

/** Loops of a part; strides in elements of either side. Strides of the output are positive and meet every element once. */
export interface PartLoops {
  readonly extents: readonly number[];
  readonly srcOffset: number;
  readonly srcStrides: readonly number[];
  readonly dstOffset: number;
  readonly dstStrides: readonly number[];
}

export interface OutputDims {
  /** Outermost first. */
  readonly extents: readonly number[];
  /** Elements between neighbours of each dim. */
  readonly strides: readonly number[];
}

/** A loop of a part within a dim: `step` in indices of the dim. */
interface DimLoop {
  /** Which loop of the part. */
  readonly loop: number;
  readonly extent: number;
  readonly step: number;
}

interface PartDim {
  /** First index of the dim that the part reaches. */
  readonly offset: number;
  /** Longest step first. */
  readonly loops: readonly DimLoop[];
  /** Indices from the first to the last one reached. */
  readonly span: number;
}

export interface AssemblyPart extends PartLoops {
  /** One for each dim. */
  readonly dims: readonly PartDim[];
}

export interface Assembly {
  readonly dims: OutputDims;
  readonly parts: readonly AssemblyPart[];
}

/** A range of every dim. */
export interface DimTile {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
}

/** What a part gives to a tile: ranges of its loops. */
export interface PartBox {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
}

/**
 * @param shape  of the output: where dims may be cut
 * @returns null where parts do not meet every element of the output exactly once
 */
export function createAssembly(shape: readonly number[], parts: readonly PartLoops[]): Assembly | null {
  const total = shape.reduce((n, e) => n * e, 1);
  const covered = parts.reduce((n, p) => n + p.extents.reduce((m, e) => m * e, 1), 0);
  if (total === 0 || covered !== total) return null;
  const cuts: number[] = [];
  let stride = total;
  for (const extent of shape) {
    stride /= extent;
    if (stride < (cuts.at(-1) ?? total) && parts.every((p) => mayCut(p, stride))) cuts.push(stride);
  }
  if (cuts.at(-1) !== 1) cuts.push(1);
  const extents = cuts.map((cut, i) => (cuts[i - 1] ?? total) / cut);
  const dims = { extents, strides: cuts };
  return { dims, parts: parts.map((p) => ({ ...p, dims: cuts.map((cut, d) => partDim(p, cut, extents[d] ?? 1)) })) };
}

/** Whether every loop stays within one side of a cut. */
function mayCut(p: PartLoops, cut: number): boolean {
  let within = p.dstOffset % cut;
  for (const [i, step] of p.dstStrides.entries()) {
    const extent = p.extents[i] ?? 1;
    if (extent === 1) continue;
    if (step < cut) within += (extent - 1) * step;
    else if (step % cut !== 0) return false;
  }
  return within < cut;
}

function partDim(p: PartLoops, cut: number, extent: number): PartDim {
  const loops = p.dstStrides
    .map((step, loop) => ({ loop, step: step / cut, extent: p.extents[loop] ?? 1 }))
    .filter((l) => l.extent > 1 && l.step >= 1 && l.step < extent)
    .toSorted((a, b) => b.step - a.step);
  return { offset: Math.floor(p.dstOffset / cut) % extent, loops, span: 1 + loops.reduce((n, l) => n + (l.extent - 1) * l.step, 0) };
}

/** The boxes of a part in a tile: few, and one where the tile's edges are multiples of the loops' steps. */
export function boxesIn(part: AssemblyPart, tile: DimTile): PartBox[] {
  let boxes: PartBox[] = [{ starts: part.extents.map(() => 0), sizes: part.extents.map(() => 1) }];
  for (const [d, dim] of part.dims.entries()) {
    const lo = (tile.starts[d] ?? 0) - dim.offset;
    const ranges = rangesIn(dim.loops, 0, lo, lo + (tile.sizes[d] ?? 1));
    if (ranges.length === 0) return [];
    boxes = boxes.flatMap((box) =>
      ranges.map((r) => {
        const [starts, sizes] = [[...box.starts], [...box.sizes]];
        dim.loops.forEach((l, i) => {
          [starts[l.loop], sizes[l.loop]] = r[i] ?? [0, 1];
        });
        return { starts, sizes };
      }),
    );
  }
  return boxes;
}

type Range = readonly [start: number, size: number];

/** Ranges of the loops from `i` on whose indices Σ index·step lie in [lo, hi). */
function rangesIn(loops: readonly DimLoop[], i: number, lo: number, hi: number): (readonly Range[])[] {
  const loop = loops[i];
  if (loop === undefined) return lo <= 0 && 0 < hi ? [[]] : [];
  const { extent, step } = loop;
  let inner = 0;
  for (let k = i + 1; k < loops.length; k++) inner += ((loops[k]?.extent ?? 1) - 1) * (loops[k]?.step ?? 0);
  const first = Math.max(0, Math.ceil((lo - inner) / step));
  const last = Math.min(extent - 1, Math.floor((hi - 1) / step));
  // From `from` to `to` the inner loops are whole.
  const from = Math.max(first, Math.ceil(lo / step));
  const to = Math.min(last, Math.floor((hi - 1 - inner) / step));
  const found: (readonly Range[])[] = [];
  const cutAt = (index: number): void => {
    for (const rest of rangesIn(loops, i + 1, lo - index * step, hi - index * step)) found.push([[index, 1], ...rest]);
  };
  if (from > to) {
    for (let index = first; index <= last; index++) cutAt(index);
    return found;
  }
  for (let index = first; index < from; index++) cutAt(index);
  found.push([[from, to - from + 1], ...loops.slice(i + 1).map((l): Range => [0, l.extent])]);
  for (let index = to + 1; index <= last; index++) cutAt(index);
  return found;
}

/** Where a box begins in its source, and in the output. Elements. */
export function boxBegin(part: PartLoops, box: PartBox): { readonly src: number; readonly dst: number } {
  let [src, dst] = [part.srcOffset, part.dstOffset];
  box.starts.forEach((s, i) => {
    src += s * (part.srcStrides[i] ?? 0);
    dst += s * (part.dstStrides[i] ?? 0);
  });
  return { src, dst };
}

/** How a box of a source is fetched: a dense copy of its bytes, in the order of the source. */
export interface Fetch {
  /** Elements from the box's first one to the lowest one fetched: negative where loops run backwards. */
  readonly from: number;
  /** What is read of the source, outermost first; strides in elements. */
  readonly extents: readonly number[];
  readonly strides: readonly number[];
  /** Contiguous elements of each run. */
  readonly run: number;
  /** Elements of the copy, gaps between wanted ones included. */
  readonly elements: number;
  /** Of the copy, for every loop of the box; and the place of the box's first element. Elements. */
  readonly localStrides: readonly number[];
  readonly localOffset: number;
  /** Whether the copy holds exactly the box's elements, each once. */
  readonly exact: boolean;
}

/**
 * Runs are joined over gaps where whole bursts cost less than fetching them apart.
 * Example: columns 0, 2, 4, … of a row of 64 bytes: one burst, not 32.
 * @param burst  elements that one burst holds
 */
export function fetchOf(sizes: readonly number[], srcStrides: readonly number[], burst: number): Fetch {
  const loops = sizes
    .map((size, loop) => ({ loop, size, stride: srcStrides[loop] ?? 0 }))
    .filter((l) => l.size > 1 && l.stride !== 0)
    .toSorted((a, b) => Math.abs(a.stride) - Math.abs(b.stride));
  const localStrides = sizes.map(() => 0);
  const [extents, strides]: [number[], number[]] = [[], []];
  let [from, run, elements, localOffset] = [0, 1, 1, 0];
  let [exact, joined] = [true, true];
  for (const { loop, size, stride } of loops) {
    const step = Math.abs(stride);
    if (stride < 0) from += (size - 1) * stride;
    const span = (size - 1) * step + run;
    // Loops that overlap must be joined; others are when it costs no more bursts.
    joined &&= step <= run || Math.ceil(span / burst) < size * Math.ceil(run / burst);
    const local = joined ? step : elements;
    if (joined) {
      exact &&= step === run;
      run = elements = span;
    } else {
      extents.unshift(size);
      strides.unshift(step);
      elements *= size;
    }
    localStrides[loop] = stride < 0 ? -local : local;
    if (stride < 0) localOffset += (size - 1) * local;
  }
  const repeats = sizes.some((size, i) => size > 1 && srcStrides[i] === 0);
  return { from, extents: [...extents, run], strides: [...strides, 1], run, elements, localStrides, localOffset, exact: exact && !repeats };
}
