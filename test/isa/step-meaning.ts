/** What the steps of VECTOR programs mean, read off `src/isa/command.ts`: a second opinion that shares only the functions of `core` with the simulator. */
import {
  acos64,
  acosh64,
  asin64,
  asinh64,
  atan64,
  atanh64,
  bfloat16FromFloat32,
  cos64,
  cosh64,
  erf32,
  exp32,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  log32,
  pow32,
  powInt32,
  rescaleFixed,
  roundHalfEven,
  sigmoid32,
  sin64,
  sinh64,
  tan64,
  tableFunctions,
  tanh32,
} from '../../src/core/index.ts';

const f32 = Math.fround;

interface StepLike {
  readonly op: string;
  readonly immediate: number;
}

const trigonometric: Readonly<Record<string, (x: number) => number>> = {
  sin: sin64,
  cos: cos64,
  tan: tan64,
  asin: asin64,
  acos: acos64,
  atan: atan64,
  sinh: sinh64,
  cosh: cosh64,
  asinh: asinh64,
  acosh: acosh64,
  atanh: atanh64,
};

const tables = {
  expTable: 'exp',
  sigmoidTable: 'sigmoid',
  tanhTable: 'tanh',
  erfTable: 'erf',
  inverseRootTable: 'inverseRoot',
} as const;

const orSmallest = (q: number): number => (Number.isNaN(q) ? -Infinity : q);

/** What a step makes of its registers. Loads and stores are the caller's. */
export function meaningOf(s: StepLike, a: number, b: number, c: number): number {
  switch (s.op) {
    case 'immediate':
      return f32(s.immediate);
    case 'add':
      return f32(a + b);
    case 'sub':
      return f32(a - b);
    case 'mul':
      return f32(a * b);
    case 'div':
      return f32(a / b);
    case 'max':
      return Math.max(a, b);
    case 'min':
      return Math.min(a, b);
    case 'neg':
      return -a;
    case 'abs':
      return Math.abs(a);
    case 'sqrt':
      return f32(Math.sqrt(a));
    case 'exp':
      return exp32(a);
    case 'tanh':
      return tanh32(a);
    case 'erf':
      return erf32(a);
    case 'log':
      return log32(a);
    case 'sigmoid':
      return sigmoid32(a);
    case 'floor':
      return Math.floor(a);
    case 'round':
      return Math.abs(a) < 2 ** 51 ? roundHalfEven(a) : a;
    case 'pow':
      return pow32(a, b);
    case 'remainder':
      return a % b;
    case 'dequantize':
      return f32((a - b) * c);
    case 'quantize':
      return orSmallest(roundHalfEven(f32(a / b)) + c);
    case 'requantize':
      return orSmallest(roundHalfEven(f32(f32(a) * b)) + c);
    case 'rescale':
      return rescaleFixed(a, b, c);
    case 'addInt':
      return (a + b) | 0;
    case 'powInt':
      return powInt32(a, b);
    case 'expTable':
    case 'sigmoidTable':
    case 'tanhTable':
    case 'erfTable':
    case 'inverseRootTable':
      return tableFunctions(s.immediate)[tables[s.op]](a);
    case 'mulInt':
      return Math.imul(a, b);
    case 'divInt':
      return (a / b) | 0;
    case 'bitAnd':
      return a & b;
    case 'bitOr':
      return a | b;
    case 'bitXor':
      return a ^ b;
    case 'less':
      return a < b ? 1 : 0;
    case 'equal':
      return a === b ? 1 : 0;
    case 'select':
      return a !== 0 ? b : c;
    case 'unpack':
      return a;
    case 'toFloat16':
      return float32FromFloat16(float16FromFloat32(a));
    case 'toBfloat16':
      return float32FromBfloat16(bfloat16FromFloat32(a));
    default: {
      const f = trigonometric[s.op];
      if (f === undefined) throw new Error(`no meaning of ${s.op} here`);
      return f32(f(a));
    }
  }
}
