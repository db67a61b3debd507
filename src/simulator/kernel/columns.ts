/**
 * Reads of typed columns whose index is known to be inside. One function per array type keeps each read monomorphic, which is
 * worth a factor in the event loop.
 */
export const real = (column: Float64Array, index: number): number => column[index] as number;
export const int = (column: Int32Array, index: number): number => column[index] as number;
export const uint = (column: Uint32Array, index: number): number => column[index] as number;
export const short = (column: Uint16Array, index: number): number => column[index] as number;
export const byte = (column: Uint8Array, index: number): number => column[index] as number;

/** Adds to one cell. */
export const add = (column: Float64Array, index: number, amount: number): void => {
  column[index] = (column[index] as number) + amount;
};
