/** Whether a computed value is the expected one. */
import { isTensor, type DType, type OptionalValue, type RuntimeValue, type Tensor, type TensorSequence } from '../../src/core/index.ts';
import { numbersOf } from '../../src/graph/index.ts';

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** As ONNX's own runner judges node tests. */
export const nodeTolerance: Tolerance = { relative: 1e-3, absolute: 1e-7 };

/** One unit in the last place, relative, of types coarser than the tolerance. */
const unit: Readonly<Partial<Record<DType, number>>> = { float16: 2 ** -10, bfloat16: 2 ** -7 };

/** `value`: numbers within the tolerance; `type`: element type and shape only, for results drawn at random. */
export type Judging = 'value' | 'type';

/** null when they agree; otherwise the first difference, in words. */
export function difference(
  got: RuntimeValue | undefined,
  want: RuntimeValue,
  judging: Judging = 'value',
  tolerance: Tolerance = nodeTolerance,
): string | null {
  if (got === undefined) return 'no output';
  if (isTensor(want)) {
    return isTensor(got) ? tensorDifference(got, want, judging, tolerance) : `${describe(got)} instead of ${describe(want)}`;
  }
  if (isTensor(got) || got.kind !== want.kind) return `${describe(got)} instead of ${describe(want)}`;
  if (want.kind === 'sequence') return sequenceDifference(got as TensorSequence, want, judging, tolerance);
  const held = (got as OptionalValue).value;
  if (want.value === null || held === null) return want.value === held ? null : `${describe(got)} instead of ${describe(want)}`;
  return difference(held, want.value, judging, tolerance);
}

function sequenceDifference(got: TensorSequence, want: TensorSequence, judging: Judging, tolerance: Tolerance): string | null {
  if (got.elements.length !== want.elements.length || got.dtype !== want.dtype) return `${describe(got)} instead of ${describe(want)}`;
  for (const [i, element] of want.elements.entries()) {
    const problem = difference(got.elements[i], element, judging, tolerance);
    if (problem !== null) return `tensor ${i} of the sequence: ${problem}`;
  }
  return null;
}

export function describe(value: RuntimeValue): string {
  if (isTensor(value)) return `${value.dtype}[${value.shape.join(', ')}]`;
  if (value.kind === 'sequence') return `a sequence of ${value.elements.length} ${value.dtype} tensors`;
  return value.value === null ? 'an empty optional' : `an optional of ${describe(value.value)}`;
}

function tensorDifference(got: Tensor, want: Tensor, judging: Judging, tolerance: Tolerance): string | null {
  if (got.dtype !== want.dtype || got.shape.join() !== want.shape.join()) return `${describe(got)} instead of ${describe(want)}`;
  if (judging === 'type') return null;
  const [a, b] = [got.data, want.data];
  if (a.length !== b.length) return `${a.length} stored elements instead of ${b.length}`;
  if (!isFloatingPoint(want.dtype)) return exactDifference(got, want);
  const [g, w] = [numbersOf(got), numbersOf(want)];
  const relative = Math.max(tolerance.relative, unit[want.dtype] ?? 0);
  let wrong = 0;
  let first = '';
  for (let i = 0; i < w.length; i++) {
    const [x = NaN, y = NaN] = [g[i], w[i]];
    // An infinite expectation has an infinite tolerance: only itself will do.
    const near = Number.isFinite(y) && Math.abs(x - y) <= relative * Math.abs(y) + tolerance.absolute;
    if (near || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (wrong++ === 0) first = `element ${i} is ${x} instead of ${y}`;
  }
  return wrong === 0 ? null : `${first} (${wrong} of ${w.length} differ)`;
}

function isFloatingPoint(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}

/** Integers, booleans, strings: equal or not. The unused half of the last byte of a packed type does not count. */
function exactDifference(got: Tensor, want: Tensor): string | null {
  const bits = /^u?int([24])$/.exec(want.dtype)?.[1];
  const count = want.shape.reduce((n, d) => n * d, 1);
  const perByte = bits === undefined || want.data.length === count ? 1 : 8 / Number(bits);
  const element = (t: Tensor, i: number): string => {
    const stored = t.data[Math.floor(i / perByte)];
    return perByte === 1 ? String(stored) : String((Number(stored) >> ((i % perByte) * Number(bits))) & (2 ** Number(bits) - 1));
  };
  let wrong = 0;
  let first = '';
  const length = perByte === 1 ? want.data.length : count;
  for (let i = 0; i < length; i++) {
    const [x, y] = [element(got, i), element(want, i)];
    if (x !== y && wrong++ === 0) first = `element ${i} is ${x} instead of ${y}`;
  }
  return wrong === 0 ? null : `${first} (${wrong} of ${length} differ)`;
}
