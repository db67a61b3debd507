/**
 * 64-bit integers of the codec. protobufjs gives `Long` objects where the `long` package is present and plain numbers where it is
 * not; it takes plain numbers in either case, exactly up to ±(2^53 − 1). Nothing outside this room sees a Long.
 */
export type Int64 = number | { readonly low: number; readonly high: number; readonly unsigned: boolean };

/** The nearest double; exact where it is a safe integer. */
export function toNumber(value: Int64): number {
  if (typeof value === 'number') return value;
  return (value.unsigned ? value.high >>> 0 : value.high) * 2 ** 32 + (value.low >>> 0);
}

export function isExact(value: Int64): boolean {
  return Number.isSafeInteger(toNumber(value));
}

/** In full, for messages. */
export function toText(value: Int64): string {
  if (typeof value === 'number') return String(value);
  const bits = (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
  return (value.unsigned ? BigInt.asUintN(64, bits) : bits).toString();
}
