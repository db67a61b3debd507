/** Operators of signal processing: window functions, DFT, STFT, MelWeightMatrix. */
import { cos64, elementCount, exp64, log1p64, rowMajorStrides, type Tensor } from '../../core/index.ts';
import { addDim, floorDivDim, mulDim, subDim, type Dim } from '../dim.ts';
import { requiredDtype } from './cast.ts';
import { oneNumber } from './contents.ts';
import { fourier, type Complex } from './fourier.ts';
import { floatsOf, numbersOf, tensorOf, type Numbers } from './numbers.ts';
import {
  defineOp,
  hasInput,
  intAttribute,
  misfit,
  normalizeAxis,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const tau = 6.283185307179586;

/** y[n] = a0 - a1 · cos(2πn/N) + a2 · cos(4πn/N), N the size, or the size less 1 for a symmetric window. */
function windowOp(name: string, [a0, a1, a2]: readonly [number, number, number]): OpDef {
  return defineOp({
    name,
    since: [17],
    kernelClass: 'host',
    attributes: { output_datatype: 'float32', periodic: 1 },
    infer(context) {
      requiredType(context, 0, 'size');
      const size = oneNumber(context, 0, 'size') ?? context.unknownDim(null, 'the value of input 0 (size)');
      return [{ dtype: requiredDtype(context, 'output_datatype', 'float32'), shape: [size] }];
    },
    evaluate(context) {
      const type = outputType(context);
      const size = type.shape[0] ?? 0;
      const period = intAttribute(context, 'periodic', 1) !== 0 ? size : size - 1;
      const out = new Float64Array(size);
      for (let n = 0; n < size; n++) {
        const phase = period === 0 ? 0 : (tau * n) / period;
        out[n] = a0 - a1 * cos64(phase) + a2 * cos64(2 * phase);
      }
      return [tensorOf(type.dtype, type.shape, out)];
    },
  });
}

/** The axis of DFT: an attribute (default 1) in opset 17, an input (default -2) from 20 on; null while it is not known. */
function dftAxis(context: OpContext, rank: number, given: number | null | undefined): number | null {
  if (context.opset < 20) return normalizeAxis(context, intAttribute(context, 'axis', 1), rank);
  if (given === null) return null;
  return normalizeAxis(context, given ?? -2, rank);
}

function dftType(context: InferContext): readonly Dim[] {
  const x = requiredType(context, 0, 'input');
  const rank = x.shape.length;
  const last = x.shape.at(-1);
  if (rank < 2 || (typeof last === 'number' && last !== 1 && last !== 2)) {
    misfit(context, `the input ${printShape(x.shape)} does not end in an axis of 1 (real) or 2 (complex)`);
  }
  const axisKnown = hasInput(context, 2) ? oneNumber(context, 2, 'axis') : undefined;
  const axis = dftAxis(context, rank, typeof axisKnown === 'number' ? axisKnown : axisKnown === undefined ? undefined : null);
  const onesided = intAttribute(context, 'onesided', 0) !== 0;
  const inverse = intAttribute(context, 'inverse', 0) !== 0;
  const parts = onesided && inverse ? 1 : 2;
  const length = hasInput(context, 1)
    ? (oneNumber(context, 1, 'dft_length') ?? context.unknownDim(null, 'the value of input 1 (dft_length)'))
    : null;
  if (axis === null) {
    // Any of the axes may be the one that changes.
    const why = 'the value of input 2 (axis)';
    return x.shape.map((d, i) => (i === rank - 1 ? parts : length === null && !onesided ? d : context.unknownDim(null, why)));
  }
  return x.shape.map((d, i) => (i === rank - 1 ? parts : i !== axis ? d : dftOutput(length, d, onesided, inverse)));
}

/** Half of the spectrum of a real signal is the mirror of the other: onesided keeps, or reads, floor(n / 2) + 1 of it. */
function dftOutput(length: Dim | null, size: Dim, onesided: boolean, inverse: boolean): Dim {
  if (onesided && inverse) return length ?? mulDim(2, subDim(size, 1));
  return onesided ? addDim(floorDivDim(length ?? size, 2), 1) : (length ?? size);
}

export const dft: OpDef = defineOp({
  name: 'DFT',
  since: [17, 20],
  kernelClass: 'host',
  attributes: { axis: 1, inverse: 0, onesided: 0 },
  infer: (context) => [{ dtype: requiredType(context, 0, 'input').dtype, shape: dftType(context) }],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'input');
    const type = outputType(context);
    const given = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'axis'))[0] : undefined;
    const axis = dftAxis(context, x.shape.length, given) ?? 0;
    const onesided = intAttribute(context, 'onesided', 0) !== 0;
    const inverse = intAttribute(context, 'inverse', 0) !== 0;
    const stated = hasInput(context, 1) ? numbersOf(requiredTensor(context, 1, 'dft_length'))[0] : undefined;
    const size = x.shape[axis] ?? 1;
    const length = stated ?? (onesided && inverse ? 2 * (size - 1) : size);
    const out = new Float64Array(elementCount(type.shape));
    const source = numbersOf(x);
    const parts = x.shape.at(-1) ?? 1;
    const outParts = type.shape.at(-1) ?? 2;
    const outSize = type.shape[axis] ?? 1;
    const stride = rowMajorStrides(x.shape.slice(0, -1))[axis] ?? 1;
    const lines = elementCount(x.shape.slice(0, -1)) / Math.max(1, size);
    for (let line = 0; line < lines; line++) {
      const inner = line % stride;
      const outer = Math.floor(line / stride);
      const spectrum = fourier(
        lineOf(source, { start: outer * size * stride + inner, stride, size, parts }, length, onesided && inverse),
        inverse,
      );
      for (let k = 0; k < outSize; k++) {
        const at = (outer * outSize * stride + k * stride + inner) * outParts;
        const divisor = inverse ? length : 1;
        out[at] = (spectrum.re[k] ?? 0) / divisor;
        if (outParts === 2) out[at + 1] = (spectrum.im[k] ?? 0) / divisor;
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

interface Line {
  readonly start: number;
  readonly stride: number;
  readonly size: number;
  readonly parts: number;
}

/** `length` elements of a line, cut or filled with zeros; `mirror` completes a onesided spectrum with its conjugates. */
function lineOf(source: Numbers, line: Line, length: number, mirror: boolean): Complex {
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  const kept = Math.min(line.size, mirror ? Math.floor(length / 2) + 1 : length);
  for (let n = 0; n < kept; n++) {
    const at = (line.start + n * line.stride) * line.parts;
    re[n] = source[at] ?? 0;
    if (line.parts === 2) im[n] = source[at + 1] ?? 0;
  }
  if (mirror) {
    im[0] = 0;
    if (length % 2 === 0) im[length / 2] = 0;
    for (let n = Math.floor(length / 2) + 1; n < length; n++) {
      re[n] = re[length - n] ?? 0;
      im[n] = -(im[length - n] ?? 0);
    }
  }
  return { re, im };
}

export const stft: OpDef = defineOp({
  name: 'STFT',
  since: [17],
  kernelClass: 'host',
  attributes: { onesided: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'signal');
    requiredType(context, 1, 'frame_step');
    if (x.shape.length < 2 || x.shape.length > 3) misfit(context, `the signal ${printShape(x.shape)} is not [batch, length, 1 or 2]`);
    const [batch = 1, length = 1] = x.shape;
    const frame = frameLength(context);
    const step = oneNumber(context, 1, 'frame_step') ?? undefined;
    if (typeof step === 'number' && step < 1) misfit(context, `frame_step is ${step}`, 'It must be 1 or more');
    const frames =
      step === undefined
        ? context.unknownDim(length, 'the value of input 1 (frame_step)')
        : addDim(floorDivDim(subDim(length, frame), step), 1);
    const bins = intAttribute(context, 'onesided', 1) !== 0 ? addDim(floorDivDim(frame, 2), 1) : frame;
    return [{ dtype: x.dtype, shape: [batch, frames, bins, 2] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'signal');
    const type = outputType(context);
    const [batches = 1, frames = 0, bins = 0] = type.shape;
    const step = numbersOf(requiredTensor(context, 1, 'frame_step'))[0] ?? 1;
    const window = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'window')) : null;
    const length = evaluatedFrameLength(context, window, x);
    const size = x.shape[1] ?? 1;
    const parts = x.shape[2] ?? 1;
    const source = numbersOf(x);
    const out = new Float64Array(elementCount(type.shape));
    for (let n = 0; n < batches; n++) {
      for (let f = 0; f < frames; f++) {
        const frame = lineOf(
          source,
          { start: n * size + f * step, stride: 1, size: Math.min(length, size - f * step), parts },
          length,
          false,
        );
        if (window !== null) {
          // A window shorter than the frame is followed by zeros.
          for (let i = 0; i < length; i++) {
            frame.re[i] = (frame.re[i] ?? 0) * (window[i] ?? 0);
            frame.im[i] = (frame.im[i] ?? 0) * (window[i] ?? 0);
          }
        }
        const spectrum = fourier(frame, false);
        for (let k = 0, at = (n * frames + f) * bins * 2; k < bins; k++, at += 2) {
          out[at] = spectrum.re[k] ?? 0;
          out[at + 1] = spectrum.im[k] ?? 0;
        }
      }
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

/** Stated, or the length of the window, or of the signal. */
function frameLength(context: InferContext): Dim {
  if (hasInput(context, 3)) return oneNumber(context, 3, 'frame_length') ?? context.unknownDim(null, 'the value of input 3 (frame_length)');
  return context.inputs[2]?.shape[0] ?? requiredType(context, 0, 'signal').shape[1] ?? 1;
}

function evaluatedFrameLength(context: EvaluateContext, window: Numbers | null, x: Tensor): number {
  const stated = hasInput(context, 3) ? numbersOf(requiredTensor(context, 3, 'frame_length'))[0] : undefined;
  return stated ?? window?.length ?? x.shape[1] ?? 1;
}

const ln10 = 2.302585092994046;

function melOf(hertz: number): number {
  return (2595 * log1p64(hertz / 700)) / ln10;
}

/** Weights that turn the bins of a onesided spectrum into triangular bands, evenly spaced on the mel scale. */
export const melWeightMatrix: OpDef = defineOp({
  name: 'MelWeightMatrix',
  since: [17],
  kernelClass: 'host',
  attributes: { output_datatype: 'float32' },
  infer(context) {
    const scalar = (index: number, what: string): Dim => {
      requiredType(context, index, what);
      return oneNumber(context, index, what) ?? context.unknownDim(null, `the value of input ${index} (${what})`);
    };
    const bins = scalar(0, 'num_mel_bins');
    const length = scalar(1, 'dft_length');
    return [{ dtype: requiredDtype(context, 'output_datatype', 'float32'), shape: [addDim(floorDivDim(length, 2), 1), bins] }];
  },
  evaluate(context) {
    const type = outputType(context);
    const [bins = 0, length = 0, rate = 1, low = 0, high = 0] = [0, 1, 2, 3, 4].map(
      (i) =>
        floatsOf(
          requiredTensor(context, i, ['num_mel_bins', 'dft_length', 'sample_rate', 'lower_edge_hertz', 'upper_edge_hertz'][i] ?? ''),
        )[0],
    );
    const rows = type.shape[0] ?? 0;
    const [from, to] = [melOf(low), melOf(high)];
    const edges = Array.from({ length: bins + 2 }, (_, i) => {
      const mel = from + (i * (to - from)) / (bins + 2);
      const hertz = 700 * (exp64((mel / 2595) * ln10) - 1);
      return Math.floor(((length + 1) * hertz) / rate);
    });
    const out = new Float64Array(rows * bins);
    const set = (row: number, band: number, value: number): void => {
      if (row >= 0 && row < rows) out[row * bins + band] = value;
    };
    for (let i = 0; i < bins; i++) {
      const [lower = 0, center = 0, upper = 0] = edges.slice(i, i + 3);
      if (center === lower) set(center, i, 1);
      else for (let j = lower; j <= center; j++) set(j, i, (j - lower) / (center - lower));
      for (let j = center; j < upper; j++) set(j, i, (upper - j) / (upper - center));
    }
    return [tensorOf(type.dtype, type.shape, out)];
  },
});

export const signalOps: readonly OpDef[] = [
  windowOp('HannWindow', [0.5, 0.5, 0]),
  windowOp('HammingWindow', [25 / 46, 21 / 46, 0]),
  windowOp('BlackmanWindow', [0.42, 0.5, 0.08]),
  dft,
  stft,
  melWeightMatrix,
];
