/** How references and flags lie in the words of a row: what writer and reader share. */
export const reduceKinds = ['sum', 'max', 'sumSquares', 'product'] as const;

/** Header word of a reference: dtype in bits 0-4, rank in 5-8, ring in 9, wide (64-bit extents and strides) in 10, space above. */
export const rankShift: number = 5;
export const ringBit: number = 1 << 9;
export const wideBit: number = 1 << 10;
export const spaceShift: number = 11;

/** Flag bits of a contraction. */
export const accumulateBit: number = 1;
export const drainBit: number = 2;
export const biasBit: number = 4;
export const multiplierBit: number = 8;

/** Flag bit of a move, above its operand. */
export const indexBit: number = 8;

export const two32: number = 4294967296;
