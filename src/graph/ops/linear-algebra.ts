/** Sums of products by index letters (Einsum), and determinants. */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import { equalDim, maxDim, type Dim } from '../dim.ts';
import { roundingOf } from './elements.ts';
import { allocate, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  stringAttribute,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

/** Letters of each operand and of the output; the axes of an ellipsis are named "0", "1", … counted from the last one. */
export interface Einsum {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Reads the equation for operands of these ranks. Coded errors where it does not fit. */
export function readEinsum(context: OpContext, ranks: readonly number[]): Einsum {
  const equation = stringAttribute(context, 'equation', '').replace(/\s/g, '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  const wrong = (why: string): never => badAttribute(context, 'equation', `"${equation}"`, why);
  if (terms.length !== ranks.length) wrong(`one term for each of the ${ranks.length} operands`);
  const pattern = /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/;
  const expand = (term: string, count: number): readonly string[] => {
    if (!pattern.test(term)) wrong('letters, with ... for any other axes, as in "bij,bjk->bik"');
    const [before = '', after] = term.split('...');
    if (after === undefined) return before.split('');
    return [...before.split(''), ...Array.from({ length: count }, (_, i) => String(count - 1 - i)), ...after.split('')];
  };
  let widest = 0;
  const inputs = terms.map((term, i) => {
    const named = term.replace('...', '').length;
    const rank = ranks[i] ?? 0;
    const spare = rank - named;
    if (spare < 0 || (spare > 0 && !term.includes('...'))) wrong(`${rank} letters for operand ${i}, which has rank ${rank}`);
    widest = Math.max(widest, spare);
    return expand(term, spare);
  });
  if (right !== undefined) return { inputs, output: expand(right, widest) };
  // Without an arrow: the axes of the ellipsis, then letters that occur once, in alphabetical order.
  const all = inputs.flat();
  const once = [...new Set(all)].filter((l) => /[A-Za-z]/.test(l) && all.indexOf(l) === all.lastIndexOf(l)).sort();
  return { inputs, output: [...Array.from({ length: widest }, (_, i) => String(widest - 1 - i)), ...once] };
}

/** Size of every letter. */
function letterSizes(context: InferContext, e: Einsum): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>();
  for (const [i, letters] of e.inputs.entries()) {
    const shape = requiredType(context, i, 'Inputs').shape;
    for (const [axis, letter] of letters.entries()) {
      const d = shape[axis] ?? 1;
      const known = sizes.get(letter);
      if (known === undefined || known === 1) sizes.set(letter, d);
      else if (typeof d === 'number' && typeof known === 'number') {
        if (d !== known && d !== 1) misfit(context, `"${letter}" is ${known} and ${d}`, 'A letter must mean one size');
      } else if (d !== 1 && !equalDim(known, d))
        sizes.set(letter, typeof d === 'number' ? d : typeof known === 'number' ? known : maxDim(known, d));
    }
  }
  return sizes;
}

export const einsum: OpDef = defineOp({
  name: 'Einsum',
  since: [12],
  kernelClass: 'contraction',
  attributes: { equation: 'required' },
  infer(context) {
    const types = context.inputs.map((_, i) => requiredType(context, i, 'Inputs'));
    const e = readEinsum(
      context,
      types.map((t) => t.shape.length),
    );
    const sizes = letterSizes(context, e);
    const shape = e.output.map((letter) => {
      const size = sizes.get(letter);
      return (
        size ??
        badAttribute(
          context,
          'equation',
          `"${stringAttribute(context, 'equation', '')}"`,
          `an output without "${letter}", which no operand has`,
        )
      );
    });
    return [{ dtype: types[0]?.dtype ?? 'float32', shape }];
  },
  /** out = Σ Π operands, products from the left, each rounded, the sum over the letters that vanish in order of their appearance. */
  evaluate(context) {
    const operands = context.inputs.map((_, i) => requiredTensor(context, i, 'Inputs'));
    const type = outputType(context);
    const e = readEinsum(
      context,
      operands.map((t) => t.shape.length),
    );
    const summed = [...new Set(e.inputs.flat())].filter((l) => !e.output.includes(l));
    const letters = [...e.output, ...summed];
    const sizes = letters.map((l) => Math.max(1, ...e.inputs.map((own, i) => largest(own, l, operands[i]?.shape ?? []))));
    if (operands.some((t) => elementCount(t.shape) === 0)) {
      return [tensorOf(type.dtype, type.shape, allocate(type.dtype, elementCount(type.shape)))];
    }
    const strides = operands.map((t, i) => {
      const own = rowMajorStrides(t.shape);
      // A letter that occurs twice in a term walks the diagonal.
      return letters.map((l) => (e.inputs[i] ?? []).reduce((s, x, axis) => (x === l && t.shape[axis] !== 1 ? s + (own[axis] ?? 0) : s), 0));
    });
    const out = allocate(type.dtype, elementCount(type.shape));
    sumProducts(operands.map(numbersOf), strides, sizes, e.output.length, out, roundingOf(type.dtype));
    return [tensorOf(type.dtype, type.shape, out)];
  },
  macs(context) {
    const shapes = context.inputs.map((t) => t?.shape ?? []);
    if (shapes.length < 2) return 0;
    const e = readEinsum(
      context,
      shapes.map((s) => s.length),
    );
    const letters = [...new Set(e.inputs.flat())];
    if (letters.every((l) => e.output.includes(l))) return 0;
    const total = elementCount(letters.map((l) => Math.max(1, ...e.inputs.map((own, i) => largest(own, l, shapes[i] ?? [])))));
    return total * (shapes.length - 1);
  },
});

function largest(own: readonly string[], letter: string, shape: readonly number[]): number {
  return own.reduce((m, l, axis) => (l === letter ? Math.max(m, shape[axis] ?? 1) : m), 1);
}

/** The first `kept` letters index the result, the others are summed; the last letter is the inner loop. */
function sumProducts(
  operands: readonly Numbers[],
  strides: readonly (readonly number[])[],
  sizes: readonly number[],
  kept: number,
  out: Numbers,
  round: (x: number) => number,
): void {
  const rank = sizes.length;
  const innerSize = rank > kept ? (sizes[rank - 1] ?? 1) : 1;
  const outerRank = rank > kept ? rank - 1 : rank;
  const perResult = elementCount(sizes.slice(kept, outerRank));
  const index = new Array<number>(outerRank).fill(0);
  const at = operands.map(() => 0);
  const steps = strides.map((s) => (rank > kept ? (s[rank - 1] ?? 0) : 0));
  const [a, b] = operands;
  for (let o = 0; o < out.length; o++) {
    let sum = 0;
    for (let p = 0; p < perResult; p++) {
      if (a !== undefined && b !== undefined && operands.length === 2) {
        const [stepA = 0, stepB = 0] = steps;
        for (let i = 0, x = at[0] ?? 0, y = at[1] ?? 0; i < innerSize; i++, x += stepA, y += stepB) {
          sum = round(sum + round((a[x] ?? 0) * (b[y] ?? 0)));
        }
      } else {
        for (let i = 0; i < innerSize; i++) {
          let product = operands[0]?.[(at[0] ?? 0) + i * (steps[0] ?? 0)] ?? 0;
          for (let k = 1; k < operands.length; k++) product = round(product * (operands[k]?.[(at[k] ?? 0) + i * (steps[k] ?? 0)] ?? 0));
          sum = round(sum + product);
        }
      }
      advance(index, sizes, strides, at);
    }
    out[o] = sum;
  }
}

/** The next index tuple, and where it stands in every operand. */
function advance(index: number[], sizes: readonly number[], strides: readonly (readonly number[])[], at: number[]): void {
  for (let axis = index.length - 1; axis >= 0; axis--) {
    const i = (index[axis] ?? 0) + 1;
    const wraps = i === sizes[axis];
    for (let k = 0; k < at.length; k++) at[k] = (at[k] ?? 0) + (strides[k]?.[axis] ?? 0) * (wraps ? 1 - i : 1);
    index[axis] = wraps ? 0 : i;
    if (!wraps) return;
  }
}

export const det: OpDef = defineOp({
  name: 'Det',
  since: [11, 22],
  kernelClass: 'host',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const [rows, columns] = x.shape.slice(-2);
    if (x.shape.length < 2 || (typeof rows === 'number' && typeof columns === 'number' && rows !== columns)) {
      misfit(context, `the input ${printShape(x.shape)} does not hold square matrices`);
    }
    return [{ dtype: x.dtype, shape: x.shape.slice(0, -2) }];
  },
  /** Gaussian elimination with row exchanges, in double, rounded once. */
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const type = outputType(context);
    const n = x.shape.at(-1) ?? 1;
    const source = Float64Array.from(numbersOf(x));
    const out = new Float64Array(elementCount(type.shape));
    for (let m = 0; m < out.length; m++) out[m] = determinant(source.subarray(m * n * n, (m + 1) * n * n), n);
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

/** Destroys the matrix. */
function determinant(a: Float64Array, n: number): number {
  let result = 1;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r * n + c] ?? 0) > Math.abs(a[pivot * n + c] ?? 0)) pivot = r;
    const value = a[pivot * n + c] ?? 0;
    if (value === 0) return 0;
    if (pivot !== c) {
      result = -result;
      for (let k = c; k < n; k++) [a[c * n + k], a[pivot * n + k]] = [a[pivot * n + k] ?? 0, a[c * n + k] ?? 0];
    }
    result *= value;
    for (let r = c + 1; r < n; r++) {
      const factor = (a[r * n + c] ?? 0) / value;
      for (let k = c; k < n; k++) a[r * n + k] = (a[r * n + k] ?? 0) - factor * (a[c * n + k] ?? 0);
    }
  }
  return result;
}

export const linearAlgebraOps: readonly OpDef[] = [einsum, det];
