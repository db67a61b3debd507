/** How an operator's work is shaped: tiling, lowering and pricing are tables keyed by this. */
export const kernelClasses = ['contraction', 'window', 'elementwise', 'reduce', 'softmax', 'attention', 'move', 'gather', 'host'] as const;
export type KernelClass = (typeof kernelClasses)[number];
