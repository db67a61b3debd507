/**
 * An independent oracle: a grid of processing elements, stepped tick by tick, register by register, on real numbers. It knows no closed form.
 * It is given folds and finds, fold by fold, the earliest ticks at which the array can take them: a start is too early when a register would
 * be overwritten before it was used, or used before it was loaded. That is seen by running.
 *
 * A tick: every element reads what its neighbours held at the end of the tick before (or what is fed at an edge), and writes at its end.
 */
export interface GridRun {
  /** Ticks until the last result has left the array, from the first load. */
  readonly ticks: number;
  /** Ticks until the last operand has entered the corner element; where sums stay in the elements, until its sum has left it too. */
  readonly occupied: number;
  /** Per fold, what left the array. */
  readonly results: readonly (readonly (readonly number[])[])[];
}

/** Too early. */
class Hazard extends Error {}

type Grid<T> = T[][];
const grid = <T>(rows: number, cols: number, value: T): Grid<T> => Array.from({ length: rows }, () => new Array<T>(cols).fill(value));
const cell = <T>(g: readonly (readonly T[])[], r: number, c: number): T => {
  const value = g[r]?.[c];
  if (value === undefined) throw new Error(`no element ${r}, ${c}`);
  return value;
};
const put = <T>(g: Grid<T>, r: number, c: number, value: T): void => {
  const row = g[r];
  if (row === undefined) throw new Error(`no row ${r}`);
  row[c] = value;
};

// An operand stays (weights: ws; inputs: is).

export interface StationaryFold {
  /** rows × cols numbers that stay. */
  readonly stationary: readonly (readonly number[])[];
  /** steps × rows numbers that stream. */
  readonly stream: readonly (readonly number[])[];
}

export interface StationaryArray {
  readonly rows: number;
  readonly cols: number;
  readonly doubleBuffered: boolean;
}

interface Times {
  /** Tick at which row 0 of the stationary operand enters column 0. */
  readonly load: number;
  /** Tick at which the first number of the stream enters row 0. */
  readonly stream: number;
}

export function runStationary(array: StationaryArray, folds: readonly StationaryFold[]): GridRun {
  const times: Times[] = [];
  folds.forEach((_, f) => {
    const before = times[f - 1];
    const steps = folds[f - 1]?.stream.length ?? 0;
    // The chain and the rows take one number a tick: these are the earliest ticks at which they are free.
    let load = before === undefined ? 0 : before.load + array.rows;
    let stream = before === undefined ? 0 : before.stream + steps;
    for (;;) {
      const trouble = tryStationary(array, folds.slice(0, f + 1), [...times, { load, stream }]);
      if (trouble === null) break;
      if (trouble === 'load') load++;
      else stream++;
    }
    times.push({ load, stream });
  });
  const run = stepStationary(array, folds, times);
  const last = times.at(-1)?.stream ?? 0;
  return { ...run, occupied: last + (folds.at(-1)?.stream.length ?? 0) };
}

function tryStationary(array: StationaryArray, folds: readonly StationaryFold[], times: readonly Times[]): 'load' | 'stream' | null {
  try {
    stepStationary(array, folds, times);
    return null;
  } catch (error) {
    if (error instanceof Hazard) return error.message === 'load' ? 'load' : 'stream';
    throw error;
  }
}

/**
 * Element (r, c) has: what moves right (input, and whether it is the first of a fold), the sum that moves down, a number passing down on its way
 * to its row, the stationary number in use and, double-buffered, a spare that is put to use by the first input of a fold. The stationary row r
 * enters column c at load + r + c, the input of row r at stream + step + r.
 */
function stepStationary(
  { rows, cols, doubleBuffered }: StationaryArray,
  folds: readonly StationaryFold[],
  times: readonly Times[],
): { ticks: number; results: number[][][] } {
  interface Input {
    readonly value: number;
    readonly fold: number;
    readonly step: number;
  }
  interface Passing {
    readonly value: number;
    readonly row: number;
    readonly fold: number;
  }
  interface Held {
    readonly value: number;
    readonly fold: number;
  }
  let inputs = grid<Input | null>(rows, cols, null);
  let sums = grid(rows, cols, 0);
  let passing = grid<Passing | null>(rows, cols, null);
  const used = grid<Held | null>(rows, cols, null);
  const spare = grid<Held | null>(rows, cols, null);
  const results = folds.map((fold) => grid(fold.stream.length, cols, NaN));
  let left = folds.reduce((n, fold) => n + fold.stream.length * cols, 0);

  const feedInput = (r: number, t: number): Input | null => {
    for (const [f, fold] of folds.entries()) {
      const step = t - r - (times[f]?.stream ?? 0);
      if (step >= 0 && step < fold.stream.length) return { value: cell(fold.stream, step, r), fold: f, step };
    }
    return null;
  };
  const feedStationary = (c: number, t: number): Passing | null => {
    for (const [f, fold] of folds.entries()) {
      const row = t - c - (times[f]?.load ?? 0);
      if (row >= 0 && row < rows) return { value: cell(fold.stationary, row, c), row, fold: f };
    }
    return null;
  };

  let t = 0;
  for (; left > 0; t++) {
    const nextInputs = grid<Input | null>(rows, cols, null);
    const nextSums = grid(rows, cols, 0);
    const nextPassing = grid<Passing | null>(rows, cols, null);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const input = c === 0 ? feedInput(r, t) : cell(inputs, r, c - 1);
        const weight = r === 0 ? feedStationary(c, t) : cell(passing, r - 1, c);
        put(nextInputs, r, c, input);
        put(nextPassing, r, c, weight);
        if (input !== null) {
          if (doubleBuffered && input.step === 0) {
            const next = cell(spare, r, c);
            if (next?.fold !== input.fold) throw new Hazard('stream');
            put(used, r, c, next);
            put(spare, r, c, null);
          }
          const stationary = cell(used, r, c);
          if (stationary?.fold !== input.fold) throw new Hazard('stream');
          const sum = (r === 0 ? 0 : cell(sums, r - 1, c)) + input.value * stationary.value;
          put(nextSums, r, c, sum);
          if (r === rows - 1) {
            const result = results[input.fold];
            if (result === undefined) throw new Error('no fold');
            put(result, input.step, c, sum);
            left--;
          }
        }
        if (weight === null || weight.row !== r) continue;
        const held = { value: weight.value, fold: weight.fold };
        if (doubleBuffered) {
          if (cell(spare, r, c) !== null) throw new Hazard('load');
          put(spare, r, c, held);
        } else {
          // One register, a latch: not written in the tick it multiplies, nor before the fold it serves has passed.
          const old = cell(used, r, c);
          const steps = old === null ? 0 : (folds[old.fold]?.stream.length ?? 0);
          const lastUse = old === null ? -1 : (times[old.fold]?.stream ?? 0) + steps - 1 + r + c;
          if (t <= lastUse) throw new Hazard('load');
          put(used, r, c, held);
        }
      }
    }
    inputs = nextInputs;
    sums = nextSums;
    passing = nextPassing;
  }
  return { ticks: t, results };
}

// Sums stay (os).

export interface OutputFold {
  /** steps × rows numbers that enter from the left, and steps × cols from above. */
  readonly left: readonly (readonly number[])[];
  readonly above: readonly (readonly number[])[];
}

export function runOutputStationary(array: StationaryArray, folds: readonly OutputFold[]): GridRun {
  const starts: number[] = [];
  folds.forEach((_, f) => {
    let start = (starts[f - 1] ?? 0) + (folds[f - 1]?.left.length ?? 0);
    while (!fits(array, folds.slice(0, f + 1), [...starts, start])) start++;
    starts.push(start);
  });
  const run = stepOutputs(array, folds, starts);
  const steps = folds.at(-1)?.left.length ?? 0;
  return { ...run, occupied: (starts.at(-1) ?? 0) + steps + (array.doubleBuffered ? 0 : array.rows) };
}

function fits(array: StationaryArray, folds: readonly OutputFold[], starts: readonly number[]): boolean {
  try {
    stepOutputs(array, folds, starts);
    return true;
  } catch (error) {
    if (error instanceof Hazard) return false;
    throw error;
  }
}

/**
 * Element (r, c) multiplies what moves right and what moves down and adds to its own sum; after the last step of a fold the sum is done. When the
 * lowest element of a column is done, its R sums shift down and out, one a tick: element r takes part until the r sums above it have passed.
 * Double-buffered, a done sum moves to a register of its own at once, and those shift; otherwise the sum registers do.
 */
function stepOutputs(
  { rows, cols, doubleBuffered }: StationaryArray,
  folds: readonly OutputFold[],
  starts: readonly number[],
): { ticks: number; results: number[][][] } {
  interface Moving {
    readonly value: number;
    readonly fold: number;
    readonly step: number;
  }
  interface Done {
    readonly value: number;
    readonly fold: number;
    readonly row: number;
  }
  let right = grid<Moving | null>(rows, cols, null);
  let down = grid<Moving | null>(rows, cols, null);
  const sums = grid<number | null>(rows, cols, null);
  const done = grid<Done | null>(rows, cols, null);
  /** Per column, how many shifts are done of those under way; -1: none. */
  const shifted = new Array<number>(cols).fill(-1);
  const results = folds.map(() => grid(rows, cols, NaN));
  let left = folds.length * rows * cols;

  const feed = (t: number, skew: number, of: (fold: OutputFold, step: number) => number): Moving | null => {
    for (const [f, fold] of folds.entries()) {
      const step = t - skew - (starts[f] ?? 0);
      if (step >= 0 && step < fold.left.length) return { value: of(fold, step), fold: f, step };
    }
    return null;
  };

  let t = 0;
  for (; left > 0; t++) {
    // Columns whose lowest element was done before this tick shift; `handing[c]` is the element that hands its last sum on.
    const handing = new Array<number>(cols).fill(-1);
    for (let c = 0; c < cols; c++) {
      if (shifted[c] === -1) {
        if (cell(done, rows - 1, c) === null) continue;
        shifted[c] = 0;
      }
      const step = shifted[c] ?? 0;
      handing[c] = step;
      const out = cell(done, rows - 1, c);
      if (out === null) throw new Error('nothing to shift out');
      const result = results[out.fold];
      if (result === undefined) throw new Error('no fold');
      put(result, out.row, c, out.value);
      left--;
      for (let r = rows - 1; r > step; r--) put(done, r, c, cell(done, r - 1, c));
      put(done, step, c, null);
      shifted[c] = step + 1 === rows ? -1 : step + 1;
    }
    const nextRight = grid<Moving | null>(rows, cols, null);
    const nextDown = grid<Moving | null>(rows, cols, null);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++) {
        const x = c === 0 ? feed(t, r, (fold, step) => cell(fold.left, step, r)) : cell(right, r, c - 1);
        const w = r === 0 ? feed(t, c, (fold, step) => cell(fold.above, step, c)) : cell(down, r - 1, c);
        put(nextRight, r, c, x);
        put(nextDown, r, c, w);
        if (x === null || w === null) continue;
        if (x.fold !== w.fold || x.step !== w.step) throw new Error('operands out of step');
        // The sum register still holds, or in this very tick passes on, a done sum.
        if (!doubleBuffered && (cell(done, r, c) !== null || handing[c] === r)) throw new Hazard('sum in use');
        const sum = (cell(sums, r, c) ?? 0) + x.value * w.value;
        put(sums, r, c, sum);
        if (x.step + 1 < (folds[x.fold]?.left.length ?? 0)) continue;
        if (cell(done, r, c) !== null) throw new Hazard('done sum in the way');
        put(done, r, c, { value: sum, fold: x.fold, row: r });
        put(sums, r, c, null);
      }
    }
    right = nextRight;
    down = nextDown;
  }
  return { ticks: t, results };
}
