/** Numbers as people read them; the same on every platform (no locale). */
import { formatBytes, formatCount } from '../core/index.ts';

const prefixes: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
  [1e-3, 'm'],
  [1e-6, 'µ'],
  [1e-9, 'n'],
  [1e-12, 'p'],
];

/** Three significant digits with an SI prefix: 0.0048123 s -> "4.81 ms". */
export function formatSi(value: number, unit: string): string {
  if (!Number.isFinite(value)) return `– ${unit}`;
  if (value === 0) return `0 ${unit}`;
  const size = Math.abs(value);
  // Megaseconds are nobody's unit.
  if (unit === 's' && size >= 999.5) return `${formatCount(Math.round(value))} s`;
  // 0.5 % below a step, three digits already round up to it: 999.7 m is written as 1.00.
  const [factor, prefix] = prefixes.find(([step]) => size >= step * 0.9995) ?? [1e-12, 'p'];
  const scaled = value / factor;
  const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${prefix}${unit}`;
}

/** A rate per second with three significant digits and thousands separators: 207.8 -> "208", 1234.5 -> "1,235". */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 99.95) return formatCount(value);
  return value >= 9.995 ? value.toFixed(1) : value >= 0.01 || value === 0 ? value.toFixed(2) : value.toExponential(1);
}

/** A count at the right of a column with a blank before it; one too long for that with three digits and a prefix: "6.76 T". */
export function columnCount(n: number, width: number): string {
  const text = formatCount(n);
  return (text.length < width ? text : formatSi(n, '').trim()).padStart(width);
}

/** 0.8321 -> "83.2 %". */
export function formatShare(value: number): string {
  return Number.isFinite(value) ? `${(value * 100).toFixed(1)} %` : '–';
}

/** `part` of `whole`, 0 where there is nothing to be a part of. */
export function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

export { formatBytes, formatCount };
