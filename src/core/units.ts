/** Branded units. Make them with the constructors below; add with `plus`. Plain numbers only inside a loop body. */
declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Clock ticks of a named clock (the machine's reference clock unless said otherwise). */
export type Cycles = Unit<'cycles'>;
export type Bytes = Unit<'bytes'>;
/** Simulated time: integer picoseconds. */
export type Picoseconds = Unit<'ps'>;
export type Picojoules = Unit<'pJ'>;

export const cycles = (n: number): Cycles => n as Cycles;
export const bytes = (n: number): Bytes => n as Bytes;
export const picoseconds = (n: number): Picoseconds => n as Picoseconds;
export const picojoules = (n: number): Picojoules => n as Picojoules;

export function plus<U extends Cycles | Bytes | Picoseconds | Picojoules>(a: U, b: U): U {
  return ((a as number) + (b as number)) as U;
}

/** Smallest integer q with q * b >= a, for a >= 0 and b > 0. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

/** `n` rounded up to a multiple of `step`. */
export function alignUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

/** "1.5 MiB", "802.8 KB"-style text for messages: binary units, at most one decimal. */
export function formatBytes(n: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = n;
  let i = 0;
  while (value >= 1024 && i < names.length - 1) {
    value /= 1024;
    i++;
  }
  const digits = i === 0 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${names[i]}`;
}

/** Thousands separated by commas: 1814073344 -> "1,814,073,344". */
export function formatCount(n: number): string {
  if (Math.abs(n) > Number.MAX_SAFE_INTEGER) return n.toExponential(3);
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}
