/**
 * Dimensions: a number, or a symbolic expression over named symbols. Arithmetic stays symbolic; `bindDim` makes numbers.
 *
 * Canonical form: a polynomial with integer coefficients over atoms. An atom is a symbol, a floor division or a maximum
 * that does not simplify. The constructors below always return canonical expressions, so equal polynomials compare equal.
 * Numbers are never -0 (hence the `+ 0` below). `ceilDiv` by a number is written as a floor division, ceil(a / n) = floor((a + n - 1) / n).
 */
import { fail, graphMessages, type Location } from '../core/index.ts';
import { dimRange } from './dim-range.ts';

export type Dim = number | DimExpr;

export type DimExpr =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'add' | 'sub' | 'mul' | 'floorDiv' | 'ceilDiv' | 'max'; readonly left: Dim; readonly right: Dim };

export function symbolDim(name: string): DimExpr {
  return { kind: 'symbol', name };
}

export function addDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  return fromPolynomial(addPolynomials(toPolynomial(left), toPolynomial(right), 1));
}

export function subDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return fromPolynomial(addPolynomials(toPolynomial(left), toPolynomial(right), -1));
}

export function mulDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return left * right + 0;
  return fromPolynomial(mulPolynomials(toPolynomial(left), toPolynomial(right)));
}

export function floorDivDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return Math.floor(left / right) + 0;
  return fromPolynomial(divide(toPolynomial(left), toPolynomial(right), 'floorDiv'));
}

export function ceilDivDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return Math.ceil(left / right) + 0;
  return fromPolynomial(divide(toPolynomial(left), toPolynomial(right), 'ceilDiv'));
}

export function maxDim(left: Dim, right: Dim): Dim {
  if (typeof left === 'number' && typeof right === 'number') return Math.max(left, right) + 0;
  return maxOf([left, right]);
}

/** The largest of one or more. In one step: each maximum of two would put all before it in order again. */
export function maxOf(dims: readonly Dim[]): Dim {
  return greatest([...new Set(dims.flatMap((d) => maxOperands(canonical(d))))]);
}

function maxOperands(dim: Dim): readonly Dim[] {
  return typeof dim !== 'number' && dim.kind === 'max' ? [...maxOperands(dim.left), ...maxOperands(dim.right)] : [dim];
}

/** Of canonical operands: those that another always reaches are dropped, the rest in the order of their text, so that max is commutative. */
function greatest(operands: readonly Dim[]): Dim {
  const kept: Dim[] = [];
  for (const operand of operands) {
    if (kept.some((k) => reaches(k, operand))) continue;
    const beaten = kept.filter((k) => reaches(operand, k));
    for (const k of beaten) kept.splice(kept.indexOf(k), 1);
    kept.push(operand);
  }
  const sorted = kept.map((dim) => ({ dim, text: printDim(dim) })).sort((x, y) => (x.text < y.text ? -1 : x.text > y.text ? 1 : 0));
  return sorted
    .map((x) => x.dim)
    .reduce((left, right) => {
      const max: DimExpr = { kind: 'max', left, right };
      canonicalMaxima.add(max);
      return max;
    });
}

/** Maxima that need not be put in order again. */
const canonicalMaxima = new WeakSet<DimExpr>();

/** a >= b for every binding, as far as can be told. */
function reaches(a: Dim, b: Dim): boolean {
  const [left, right] = [typeof a === 'number' ? null : a, typeof b === 'number' ? null : b];
  // The common case, without arithmetic: bare symbols bound each other only where they are the same.
  if (right?.kind === 'symbol' && (left === null || left.kind === 'symbol')) return left?.kind === 'symbol' && left.name === right.name;
  return dimRange(subDim(a, b))[0] >= 0;
}

/** a + b - max(a, b), which needs no kind of its own. */
export function minDim(left: Dim, right: Dim): Dim {
  return subDim(addDim(left, right), maxDim(left, right));
}

/** Product of all dims; 1 for none. */
export function productDim(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>(mulDim, 1);
}

/** True when the two are the same for every binding that the canonical form can tell. */
export function equalDim(left: Dim, right: Dim): boolean {
  if (left === right) return true;
  if (typeof left === 'number' || typeof right === 'number') {
    if (typeof left === typeof right) return false;
  } else if (left.kind === 'symbol' && right.kind === 'symbol') return left.name === right.name;
  return subDim(left, right) === 0;
}

/** The symbols of a dimension, in alphabetical order. */
export function symbolsOf(dim: Dim): readonly string[] {
  const found = new Set<string>();
  const pending: Dim[] = [dim];
  for (let d = pending.pop(); d !== undefined; d = pending.pop()) {
    if (typeof d === 'number') continue;
    if (d.kind === 'symbol') found.add(d.name);
    else pending.push(d.left, d.right);
  }
  return [...found].sort();
}

/** Replaces the symbols that `env` names; a number when all of them are. */
export function bindDim(dim: Dim, env: Readonly<Record<string, number>>): Dim {
  return replaceSymbols(dim, (name) => (Object.hasOwn(env, name) ? env[name] : undefined));
}

/** Puts other dimensions in place of symbols; undefined leaves one as it is. */
export function replaceSymbols(dim: Dim, by: (name: string) => Dim | undefined): Dim {
  if (typeof dim === 'number') return dim;
  if (dim.kind === 'symbol') return by(dim.name) ?? dim;
  const left = replaceSymbols(dim.left, by);
  const right = replaceSymbols(dim.right, by);
  return left === dim.left && right === dim.right ? dim : combine[dim.kind](left, right);
}

const combine: Readonly<Record<Exclude<DimExpr['kind'], 'symbol'>, (left: Dim, right: Dim) => Dim>> = {
  add: addDim,
  sub: subDim,
  mul: mulDim,
  floorDiv: floorDivDim,
  ceilDiv: ceilDivDim,
  max: maxDim,
};

const bareSymbol = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/** "batch", "2*seq+1", "floor((h-1)/2)", "max(a,b)"; symbols of other characters in single quotes. */
export function printDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim);
  const known = texts.get(dim);
  if (known !== undefined) return known;
  const text = textOf(dim);
  texts.set(dim, text);
  return text;
}

/** Expressions never change, and graphs hold the same ones again and again. */
const texts = new WeakMap<DimExpr, string>();

function textOf(dim: DimExpr): string {
  switch (dim.kind) {
    case 'symbol':
      return bareSymbol.test(dim.name) ? dim.name : `'${dim.name.replace(/[\\']/g, '\\$&')}'`;
    case 'add':
      return `${printDim(dim.left)}+${printAtom(dim.right, ['add', 'sub'])}`;
    case 'sub':
      return `${dim.left === 0 ? '' : printDim(dim.left)}-${printAtom(dim.right, ['add', 'sub'])}`;
    case 'mul':
      return `${printAtom(dim.left, ['add', 'sub'])}*${printAtom(dim.right, ['add', 'sub', 'mul'])}`;
    case 'floorDiv':
      return `floor(${printAtom(dim.left, ['add', 'sub'])}/${printAtom(dim.right, ['add', 'sub', 'mul'])})`;
    case 'ceilDiv':
      return `ceil(${printAtom(dim.left, ['add', 'sub'])}/${printAtom(dim.right, ['add', 'sub', 'mul'])})`;
    case 'max':
      return `max(${printDim(dim.left)},${printDim(dim.right)})`;
  }
}

function printAtom(dim: Dim, parenthesize: readonly string[]): string {
  const text = printDim(dim);
  const wrap = typeof dim === 'number' ? dim < 0 : parenthesize.includes(dim.kind);
  return wrap ? `(${text})` : text;
}

/** Reads what `printDim` writes, and any sum, product, floor(a/b), ceil(a/b), max(a,b) of symbols and integers. */
export function parseDim(text: string, location?: Location): Dim {
  const tokens = text.match(/'(?:\\.|[^'\\])*'|[A-Za-z_][A-Za-z0-9_.]*|\d+|[-+*/(),]|\S/g) ?? [];
  let at = 0;
  const bad = (): never =>
    fail(graphMessages.badDimension({ text, found: tokens[at] ?? 'the end' }, location === undefined ? {} : { location }));
  const expect = (token: string): void => {
    if (tokens[at++] !== token) {
      at--;
      bad();
    }
  };
  const sum = (): Dim => {
    const negative = tokens[at] === '-';
    if (negative) at++;
    let value = negative ? subDim(0, product()) : product();
    for (let t = tokens[at]; t === '+' || t === '-'; t = tokens[at]) {
      at++;
      value = t === '+' ? addDim(value, product()) : subDim(value, product());
    }
    return value;
  };
  const product = (): Dim => {
    let value = factor();
    while (tokens[at] === '*') {
      at++;
      value = mulDim(value, factor());
    }
    return value;
  };
  const factor = (): Dim => {
    const token = tokens[at++];
    if (token === '(') {
      const value = sum();
      expect(')');
      return value;
    }
    if (token !== undefined && /^\d+$/.test(token)) return Number(token);
    if (token?.startsWith("'") === true && token.length >= 2) return symbolDim(token.slice(1, -1).replace(/\\(.)/g, '$1'));
    if (token !== undefined && tokens[at] === '(' && ['floor', 'ceil', 'max'].includes(token)) {
      at++;
      const left = token === 'max' ? sum() : product();
      expect(token === 'max' ? ',' : '/');
      const right = token === 'max' ? sum() : product();
      expect(')');
      return token === 'max' ? maxDim(left, right) : token === 'floor' ? floorDivDim(left, right) : ceilDivDim(left, right);
    }
    if (token !== undefined && bareSymbol.test(token)) return symbolDim(token);
    at--;
    return bad();
  };
  const value = sum();
  if (at < tokens.length) bad();
  return value;
}

/** One product of atoms with its coefficient; `key` names the product. The constant has no factors. */
interface Term {
  readonly key: string;
  readonly factors: readonly DimExpr[];
  readonly coefficient: number;
}

type Polynomial = ReadonlyMap<string, Term>;

function atomPolynomial(atom: DimExpr): Polynomial {
  const key = printDim(atom);
  return new Map([[key, { key, factors: [atom], coefficient: 1 }]]);
}

function constantPolynomial(n: number): Polynomial {
  return n === 0 ? new Map() : new Map([['', { key: '', factors: [], coefficient: n }]]);
}

function toPolynomial(dim: Dim): Polynomial {
  if (typeof dim === 'number') return constantPolynomial(dim);
  const known = polynomials.get(dim);
  if (known !== undefined) return known;
  const found = polynomialOf(dim);
  polynomials.set(dim, found);
  return found;
}

/** Of expressions seen before. */
const polynomials = new WeakMap<DimExpr, Polynomial>();

function polynomialOf(dim: DimExpr): Polynomial {
  switch (dim.kind) {
    case 'symbol':
      return atomPolynomial(dim);
    case 'add':
      return addPolynomials(toPolynomial(dim.left), toPolynomial(dim.right), 1);
    case 'sub':
      return addPolynomials(toPolynomial(dim.left), toPolynomial(dim.right), -1);
    case 'mul':
      return mulPolynomials(toPolynomial(dim.left), toPolynomial(dim.right));
    case 'floorDiv':
    case 'ceilDiv':
      return divide(toPolynomial(dim.left), toPolynomial(dim.right), dim.kind);
    case 'max': {
      if (canonicalMaxima.has(dim)) return atomPolynomial(dim);
      const largest = greatest([...maxOperands(canonical(dim.left)), ...maxOperands(canonical(dim.right))]);
      return typeof largest !== 'number' && largest.kind === 'max' ? atomPolynomial(largest) : toPolynomial(largest);
    }
  }
}

function canonical(dim: Dim): Dim {
  return fromPolynomial(toPolynomial(dim));
}

function constantOf(p: Polynomial): number | null {
  if (p.size === 0) return 0;
  return p.size === 1 ? (p.get('')?.coefficient ?? null) : null;
}

function collect(terms: Iterable<Term>): Polynomial {
  const sum = new Map<string, Term>();
  for (const term of terms) {
    const coefficient = (sum.get(term.key)?.coefficient ?? 0) + term.coefficient;
    if (coefficient === 0) sum.delete(term.key);
    else sum.set(term.key, { ...term, coefficient });
  }
  return sum;
}

function addPolynomials(a: Polynomial, b: Polynomial, sign: 1 | -1): Polynomial {
  return collect([...a.values(), ...[...b.values()].map((t) => ({ ...t, coefficient: sign * t.coefficient }))]);
}

function mulPolynomials(a: Polynomial, b: Polynomial): Polynomial {
  const terms: Term[] = [];
  for (const x of a.values()) {
    for (const y of b.values()) terms.push(makeTerm([...x.factors, ...y.factors], x.coefficient * y.coefficient));
  }
  return collect(terms);
}

function makeTerm(factors: readonly DimExpr[], coefficient: number): Term {
  const sorted = factors.map((atom) => ({ atom, text: printDim(atom) })).sort((x, y) => (x.text < y.text ? -1 : x.text > y.text ? 1 : 0));
  return { key: sorted.map((x) => x.text).join('*'), factors: sorted.map((x) => x.atom), coefficient };
}

/**
 * floor or ceil of a / b. By a number n > 0 the multiples of n leave the division: (n·Q + R) / n = Q + R / n, and
 * floor((floor(x / m) + c) / n) = floor((x + c·m) / (m·n)), so a chain of strided convolutions stays one division.
 */
function divide(a: Polynomial, b: Polynomial, kind: 'floorDiv' | 'ceilDiv'): Polynomial {
  const n = constantOf(b);
  if (n === null) return divideBySymbols(a, b, kind);
  if (n < 0) return divide(addPolynomials(new Map(), a, -1), constantPolynomial(-n), kind);
  if (n === 0) return atomPolynomial({ kind, left: fromPolynomial(a), right: 0 });
  if (n === 1) return a;
  const up = kind === 'ceilDiv' ? addPolynomials(a, constantPolynomial(n - 1), 1) : a;
  const whole: Term[] = [];
  const rest: Term[] = [];
  for (const term of up.values()) {
    const q = Math.floor(term.coefficient / n);
    if (q !== 0) whole.push({ ...term, coefficient: q });
    if (term.coefficient !== q * n) rest.push({ ...term, coefficient: term.coefficient - q * n });
  }
  const remainder = collect(rest);
  const constant = remainder.get('')?.coefficient ?? 0;
  const others = [...remainder.values()].filter((t) => t.key !== '');
  const [only] = others;
  let quotient: Polynomial;
  if (only === undefined) {
    quotient = new Map();
  } else {
    const inner = only.factors[0];
    if (
      others.length === 1 &&
      only.coefficient === 1 &&
      only.factors.length === 1 &&
      inner?.kind === 'floorDiv' &&
      typeof inner.right === 'number' &&
      inner.right > 0
    ) {
      const shifted = addPolynomials(toPolynomial(inner.left), constantPolynomial(constant * inner.right), 1);
      quotient = divide(shifted, constantPolynomial(n * inner.right), 'floorDiv');
    } else {
      quotient = atomPolynomial({ kind: 'floorDiv', left: fromPolynomial(remainder), right: n });
    }
  }
  return addPolynomials(collect(whole), quotient, 1);
}

/** Exact when one product divides every term (the total of a Reshape over a known part), an atom otherwise. */
function divideBySymbols(a: Polynomial, b: Polynomial, kind: 'floorDiv' | 'ceilDiv'): Polynomial {
  if (a.size === 0) return a;
  const [divisor] = b.values();
  if (b.size === 1 && divisor !== undefined) {
    const terms: Term[] = [];
    for (const term of a.values()) {
      const keys = term.factors.map(printDim);
      const left = [...term.factors];
      let exact = term.coefficient % divisor.coefficient === 0;
      for (const factor of divisor.factors) {
        const i = keys.indexOf(printDim(factor));
        if (i < 0) {
          exact = false;
          break;
        }
        keys.splice(i, 1);
        left.splice(i, 1);
      }
      if (!exact) break;
      terms.push(makeTerm(left, term.coefficient / divisor.coefficient));
    }
    if (terms.length === a.size) return collect(terms);
  }
  if (addPolynomials(a, b, -1).size === 0) return constantPolynomial(1);
  return atomPolynomial({ kind, left: fromPolynomial(a), right: fromPolynomial(b) });
}

/** The canonical tree: terms by falling degree, then by name, the constant last. */
function fromPolynomial(p: Polynomial): Dim {
  const terms = [...p.values()].sort((x, y) => y.factors.length - x.factors.length || (x.key < y.key ? -1 : x.key > y.key ? 1 : 0));
  // A leading minus is legal but reads badly: start with a positive term where there is one.
  const first = terms.findIndex((t) => t.coefficient > 0);
  if (first > 0) terms.unshift(...terms.splice(first, 1));
  let sum: Dim | undefined;
  for (const term of terms) {
    const size = Math.abs(term.coefficient);
    let value: Dim = size;
    for (const [i, factor] of term.factors.entries()) {
      value = i === 0 && size === 1 ? factor : { kind: 'mul', left: value, right: factor };
    }
    if (sum === undefined) sum = term.coefficient > 0 ? value : typeof value === 'number' ? -value : { kind: 'sub', left: 0, right: value };
    else sum = { kind: term.coefficient > 0 ? 'add' : 'sub', left: sum, right: value };
  }
  return sum ?? 0;
}
