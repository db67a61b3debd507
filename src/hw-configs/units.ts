/**
 * Units of a machine description: a table of unit names, a parser for literals ("12.8 GB/s") and the kinds of quantity a field can be.
 *
 * Our own small table, not a library: loading a description must not need mathjs (about half a second to load), and general
 * unit systems read `cycle` as an angle and have no bytes per cycle.
 */

/** Exponents of [bytes, seconds, joules, metres, volts, operations]. */
export type Dimension = readonly [number, number, number, number, number, number];

/** A number with its dimension, in SI base units (seconds, joules, metres) and bytes. */
export interface Amount {
  readonly value: number;
  readonly dimension: Dimension;
}

const none: Dimension = [0, 0, 0, 0, 0, 0];
const byte: Dimension = [1, 0, 0, 0, 0, 0];
const second: Dimension = [0, 1, 0, 0, 0, 0];
const hertz: Dimension = [0, -1, 0, 0, 0, 0];
const joule: Dimension = [0, 0, 1, 0, 0, 0];
const watt: Dimension = [0, -1, 1, 0, 0, 0];
const metre: Dimension = [0, 0, 0, 1, 0, 0];
const squareMetre: Dimension = [0, 0, 0, 2, 0, 0];
const volt: Dimension = [0, 0, 0, 0, 1, 0];
const operation: Dimension = [0, 0, 0, 0, 0, 1];
const operationRate: Dimension = [0, -1, 0, 0, 0, 1];

/** Every unit name there is. `cycle` stands apart: its length is the clock's, see `unitAmount`. */
const units: ReadonlyMap<string, Amount> = new Map<string, Amount>(
  (
    [
      ['B', 1, byte],
      ['kB', 1e3, byte],
      ['MB', 1e6, byte],
      ['GB', 1e9, byte],
      ['TB', 1e12, byte],
      ['KiB', 2 ** 10, byte],
      ['MiB', 2 ** 20, byte],
      ['GiB', 2 ** 30, byte],
      ['TiB', 2 ** 40, byte],
      ['bit', 1 / 8, byte],
      ['Hz', 1, hertz],
      ['kHz', 1e3, hertz],
      ['MHz', 1e6, hertz],
      ['GHz', 1e9, hertz],
      ['s', 1, second],
      ['ms', 1e-3, second],
      ['us', 1e-6, second],
      ['µs', 1e-6, second],
      ['ns', 1e-9, second],
      ['ps', 1e-12, second],
      ['J', 1, joule],
      ['mJ', 1e-3, joule],
      ['uJ', 1e-6, joule],
      ['nJ', 1e-9, joule],
      ['pJ', 1e-12, joule],
      ['fJ', 1e-15, joule],
      ['W', 1, watt],
      ['mW', 1e-3, watt],
      ['uW', 1e-6, watt],
      ['V', 1, volt],
      ['mV', 1e-3, volt],
      ['mm', 1e-3, metre],
      ['um', 1e-6, metre],
      ['nm', 1e-9, metre],
      ['mm2', 1e-6, squareMetre],
      ['um2', 1e-12, squareMetre],
      ['op', 1, operation],
      ['OPS', 1, operationRate],
      ['MOPS', 1e6, operationRate],
      ['GOPS', 1e9, operationRate],
      ['TOPS', 1e12, operationRate],
    ] as const
  ).map(([name, value, dimension]) => [name, { value, dimension }]),
);

export const unitNames: readonly string[] = [...units.keys(), 'cycle', 'cycles'];

export function isUnit(name: string): boolean {
  return units.has(name) || isCycle(name);
}

export function isCycle(name: string): boolean {
  return name === 'cycle' || name === 'cycles';
}

/** One of a unit. `clockHz` gives `cycle` its length; null where the field has no clock. */
export function unitAmount(name: string, clockHz: number | null): Amount | null {
  if (isCycle(name)) return clockHz === null ? null : { value: 1 / clockHz, dimension: second };
  return units.get(name) ?? null;
}

/** "64 B/cycle" taken apart: the number, and unit names with their exponents. Names are not checked here. */
export interface Literal {
  readonly value: number;
  readonly factors: readonly { readonly unit: string; readonly exponent: number }[];
}

const literalPattern =
  /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*((?:[A-Za-zµ][\w]*(?:\^\d)?)(?:\s*[/*]\s*[A-Za-zµ][\w]*(?:\^\d)?)*)?$/;

/** Reads a number with an optional unit; null when the text has another form (it is then a formula). */
export function parseLiteral(text: string): Literal | null {
  const match = literalPattern.exec(text.trim());
  if (match === null) return null;
  const factors: { unit: string; exponent: number }[] = [];
  for (const part of (match[2] ?? '').matchAll(/([/*]?)\s*([A-Za-zµ]\w*)(?:\^(\d))?/g)) {
    factors.push({ unit: part[2] ?? '', exponent: (part[1] === '/' ? -1 : 1) * Number(part[3] ?? 1) });
  }
  return { value: Number(match[1]), factors };
}

export function literalAmount(literal: Literal, clockHz: number | null): Amount | null {
  let result: Amount = { value: literal.value, dimension: none };
  for (const { unit, exponent } of literal.factors) {
    const one = unitAmount(unit, clockHz);
    if (one === null) return null;
    result = multiply(result, power(one, exponent));
  }
  return result;
}

export function plain(value: number): Amount {
  return { value, dimension: none };
}

export function multiply(a: Amount, b: Amount): Amount {
  return { value: a.value * b.value, dimension: mapDimension((i) => (a.dimension[i] ?? 0) + (b.dimension[i] ?? 0)) };
}

export function power(a: Amount, exponent: number): Amount {
  // 1/x rather than x ** -1: 1 / 1e-9 is exactly 1e9, Math.pow need not be.
  const value = exponent === -1 ? 1 / a.value : exponent === 1 ? a.value : a.value ** exponent;
  return { value, dimension: mapDimension((i) => (a.dimension[i] ?? 0) * exponent) };
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return a.every((exponent, i) => exponent === b[i]);
}

export function isPlain(a: Amount): boolean {
  return sameDimension(a.dimension, none);
}

function mapDimension(f: (i: number) => number): Dimension {
  return [f(0), f(1), f(2), f(3), f(4), f(5)];
}

/** A dimension for people: "a size", "B/s"; falls back to base units. */
export function dimensionName(dimension: Dimension): string {
  for (const { name, of } of namedDimensions) if (sameDimension(of, dimension)) return name;
  const symbols = ['B', 's', 'J', 'm', 'V', 'op'];
  return dimension
    .map((exponent, i) => (exponent === 0 ? '' : exponent === 1 ? symbols[i] : `${symbols[i]}^${exponent}`))
    .filter((text) => text !== '')
    .join('·');
}

const namedDimensions: readonly { readonly name: string; readonly of: Dimension }[] = [
  { name: 'a plain number', of: none },
  { name: 'a size', of: byte },
  { name: 'a time', of: second },
  { name: 'a frequency', of: hertz },
  { name: 'a bandwidth', of: [1, -1, 0, 0, 0, 0] },
  { name: 'an energy', of: joule },
  { name: 'an energy per byte', of: [-1, 0, 1, 0, 0, 0] },
  { name: 'a power', of: watt },
  { name: 'a length', of: metre },
  { name: 'an area', of: squareMetre },
  { name: 'a voltage', of: volt },
  { name: 'a rate of operations', of: operationRate },
];

/**
 * What a field holds. `perClock` fields are counted in ticks of the field's clock: a time becomes ticks, a bandwidth bytes per tick.
 * `base` converts SI to the unit of `Machine`.
 */
export interface QuantityKind {
  readonly dimension: Dimension;
  readonly base: number;
  readonly perClock: 'ticks' | 'bytesPerTick' | null;
  /** `down`: a part of a unit is dropped (a cycle at 700 MHz is 1428.57 ps, and clock edges are floored to picoseconds). */
  readonly whole: 'no' | 'required' | 'down';
  readonly least: 'positive' | 'zero';
  readonly expects: string;
  readonly example: string | number;
}

const amount = { base: 1, perClock: null, whole: 'no', least: 'positive' } as const;

export type QuantityKindName =
  | 'size'
  | 'frequency'
  | 'bandwidth'
  | 'time'
  | 'ticks'
  | 'bytesPerTick'
  | 'energy'
  | 'energyPerByte'
  | 'power'
  | 'voltage'
  | 'length'
  | 'area'
  | 'operationRate'
  | 'count'
  | 'ratio';

export const quantityKinds: Readonly<Record<QuantityKindName, QuantityKind>> = {
  size: { ...amount, dimension: byte, whole: 'required', expects: 'a size in whole bytes', example: '512 KiB' },
  frequency: { ...amount, dimension: hertz, whole: 'required', expects: 'a frequency in whole hertz', example: '1 GHz' },
  bandwidth: { ...amount, dimension: [1, -1, 0, 0, 0, 0], expects: 'a bandwidth', example: '12.8 GB/s' },
  time: { ...amount, dimension: second, base: 1e12, whole: 'down', least: 'zero', expects: 'a time', example: '80 ns' },
  ticks: {
    ...amount,
    dimension: second,
    perClock: 'ticks',
    whole: 'required',
    least: 'zero',
    expects: 'whole cycles of the core clock',
    example: '16 cycles',
  },
  bytesPerTick: { ...amount, dimension: [1, -1, 0, 0, 0, 0], perClock: 'bytesPerTick', expects: 'a bandwidth', example: '64 B/cycle' },
  energy: { ...amount, dimension: joule, base: 1e12, least: 'zero', expects: 'an energy', example: '0.2 pJ' },
  energyPerByte: { ...amount, dimension: [-1, 0, 1, 0, 0, 0], base: 1e12, least: 'zero', expects: 'an energy per byte', example: '5 pJ/B' },
  power: { ...amount, dimension: watt, least: 'zero', expects: 'a power', example: '1.5 W' },
  voltage: { ...amount, dimension: volt, expects: 'a voltage', example: '0.9 V' },
  length: { ...amount, dimension: metre, base: 1e9, expects: 'a length', example: '28 nm' },
  area: { ...amount, dimension: squareMetre, base: 1e6, least: 'zero', expects: 'an area', example: '1.5 mm2' },
  operationRate: { ...amount, dimension: operationRate, expects: 'a rate of operations', example: '2 GOPS' },
  count: { ...amount, dimension: none, whole: 'required', expects: 'a whole number', example: 32 },
  ratio: { ...amount, dimension: none, expects: 'a number', example: 0.5 },
};

/** Why an amount is not what a field wants. */
export type QuantityFault = 'dimension' | 'sign' | 'whole' | 'finite';

/** An amount in the machine's base unit for its kind, or what is wrong with it. */
export function toBase(given: Amount, kind: QuantityKind, clockHz: number | null): number | QuantityFault {
  if (!sameDimension(given.dimension, kind.dimension)) return 'dimension';
  let value = given.value * kind.base;
  if (kind.perClock === 'ticks') value *= clockHz ?? NaN;
  if (kind.perClock === 'bytesPerTick') value /= clockHz ?? NaN;
  // 80 × 1e-9 × 1e12 is not exactly 80000: 14 digits take the noise off.
  if (!Number.isSafeInteger(value)) value = Number(value.toPrecision(14));
  if (kind.whole === 'down') value = Math.floor(value);
  if (!Number.isFinite(value)) return 'finite';
  if (kind.least === 'positive' ? value <= 0 : value < 0) return 'sign';
  if (kind.whole === 'required' && !Number.isSafeInteger(value)) return 'whole';
  return value;
}

/** The way back, for formulas that refer to a resolved field. */
export function fromBase(value: number, kind: QuantityKind, clockHz: number | null): Amount {
  const scale = kind.perClock === 'ticks' ? 1 / (clockHz ?? NaN) : kind.perClock === 'bytesPerTick' ? (clockHz ?? NaN) : 1;
  return { value: (value * scale) / kind.base, dimension: kind.dimension };
}
