/**
 * Clocks. Edge n of a clock of f hertz is at floor(n × 10¹² / f) picoseconds, in exact reduced rational arithmetic, so that
 * edges never drift: edge 700,000,000 of a 700 MHz clock is exactly one second.
 *
 * Worked example (700 MHz: 10¹² / f = 10000 / 7): edge(1) = floor(1428.57…) = 1428, edge(2) = 2857, edge(7) = 10000.
 * ticksUntil(1428) = 1, ticksUntil(1429) = 2: a time between two edges counts as the later one.
 *
 * Limits: times up to 2^53 ps (9,007 s); whole hertz from 1 to 10¹².
 */
import { invariant } from '../../core/index.ts';

export interface Clock {
  readonly hertz: number;
  /** Time of edge `n` in ps. */
  readonly edge: (n: number) => number;
  /** Smallest n with edge(n) ≥ `time`. */
  readonly ticksUntil: (time: number) => number;
}

const picosecondsPerSecond = 1e12;

export function createClock(hertz: number): Clock {
  invariant(Number.isInteger(hertz) && hertz >= 1 && hertz <= picosecondsPerSecond, `a clock of ${hertz} Hz`);
  const common = greatestCommonDivisor(picosecondsPerSecond, hertz);
  const p = picosecondsPerSecond / common;
  const q = hertz / common;
  const whole = Math.floor(p / q);
  const rest = p - whole * q;

  // A quotient a / b of integers below 2^53, rounded by the division, still has the right floor and ceiling: a quotient that is
  // not whole is at least 1/b from the next whole number k, which is more than half a unit in the last place of k (k·b < 2^53).
  const edge = (n: number): number => {
    const product = n * rest;
    if (product <= Number.MAX_SAFE_INTEGER) return n * whole + Math.floor(product / q);
    return n * whole + Number((BigInt(n) * BigInt(rest)) / BigInt(q));
  };
  const ticksUntil = (time: number): number => {
    // floor(n·p/q) ≥ t ⇔ n·p/q ≥ t for whole t ⇔ n ≥ t·q/p.
    const product = time * q;
    if (product <= Number.MAX_SAFE_INTEGER) return Math.ceil(product / p);
    return Number((BigInt(time) * BigInt(q) + BigInt(p) - 1n) / BigInt(p));
  };
  return { hertz, edge, ticksUntil };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
