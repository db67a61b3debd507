/**
 * The kernels as functions on one memory of their own. Made at start-up from the bytes in this folder; where WebAssembly, its vector
 * instructions, or compiling in the middle of a page are not to be had, there are none, and the plain form runs.
 */
import { convertFunctions } from './convert-code.ts';
import { elementFunctions } from './element-code.ts';
import { functionFunctions } from './function-code.ts';
import { gemmFunctions } from './gemm-code.ts';
import { assemble } from './module.ts';
import { packFunctions } from './pack-code.ts';
import { rowFunctions } from './row-code.ts';

type ReduceKind = 'sum' | 'max' | 'product' | 'sumSquares';

export type KernelName =
  | 'gemmInts'
  | 'gemmFloats'
  | 'tapsInts'
  | 'tapsFloats'
  | 'tapsMaxInts'
  | 'tapsMaxFloats'
  | 'pairsS'
  | 'pairsU'
  | 'intsS'
  | 'intsU'
  | 'interleave'
  | 'panels'
  | 'blocks'
  | 'patches'
  | 'pad'
  | 'drainChannels'
  | 'drainColumns'
  | 'drainChannelsFloat'
  | 'drainColumnsFloat'
  | 'mark'
  | 'loadS'
  | 'loadU'
  | 'storeBytes'
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'max'
  | 'min'
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'floor'
  | 'dequantize'
  | 'quantize'
  | 'requantize'
  | 'less'
  | 'equal'
  | 'select'
  | 'exp'
  | 'sigmoid'
  | 'tanh'
  | 'erf'
  | 'log'
  | 'toFloat16'
  | 'toBfloat16'
  | 'halfToFloat'
  | 'bfloatToFloat'
  | 'floatToHalf'
  | 'floatToBfloat'
  | 'vectorFloats'
  | 'vectorS'
  | 'vectorU'
  | FoldName;

/** Folds of 32-bit lanes: each row into one number, or rows into one row. */
export type FoldName = `${ReduceKind}${'Floats' | 'Ints'}${'Along' | 'Across'}`;

/** Addresses and counts in, a count out where the kernel has one. What each takes stands where it is written. */
export type Kernel = (...args: readonly number[]) => number;

export interface Kernels {
  readonly run: Readonly<Record<KernelName, Kernel>>;
  /** The memory as it is now; older buffers are empty after `room`. */
  readonly buffer: () => ArrayBuffer;
  /**
   * Byte addresses of areas of these sizes, multiples of 16, each with slack after it for whole registers; null where that is more than
   * a command may take. What earlier areas held is lost.
   */
  readonly room: (sizes: readonly number[]) => readonly number[] | null;
}

/** The platform's own, as far as it is used here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};
interface Exports extends Record<KernelName, Kernel> {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

const pageBytes = 65536;
const mostBytes = 2 ** 30;
/** A loop in whole registers reads and writes less than this past the end. */
const slackBytes = 128;

let compiled: object | null | undefined;

/** The bytes of the module. */
export function kernelModule(): Uint8Array {
  return assemble([...gemmFunctions(0), ...packFunctions, ...elementFunctions, ...functionFunctions, ...convertFunctions, ...rowFunctions]);
}

/** Kernels with a memory of their own, or null where this platform has no such thing. */
export function createKernels(): Kernels | null {
  if (compiled === null) return null;
  try {
    compiled ??= new WebAssembly.Module(kernelModule());
    return kernelsOf(new WebAssembly.Instance(compiled).exports as Exports);
  } catch {
    // Forbidden by a content policy, or vector instructions are missing.
    compiled = null;
    return null;
  }
}

function kernelsOf(exports: Exports): Kernels {
  const { memory } = exports;
  const room = (sizes: readonly number[]): readonly number[] | null => {
    let end = slackBytes;
    const starts = sizes.map((size) => {
      const start = end;
      end = Math.ceil((start + size + slackBytes) / 16) * 16;
      return start;
    });
    if (end > mostBytes) return null;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    return starts;
  };
  return { run: exports, buffer: () => memory.buffer, room };
}
