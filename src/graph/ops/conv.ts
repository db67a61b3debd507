import { elementCount, type Tensor } from '../../core/index.ts';
import { printDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  hasInput,
  intAttribute,
  intsAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { productDouble, productFloat, addProducts } from './product.ts';
import { readConcreteWindow, readWindow, windowOutput, type ConcreteWindow } from './window.ts';

export const conv: OpDef = defineOp({
  name: 'Conv',
  since: [1, 11, 22],
  kernelClass: 'contraction',
  attributes: { auto_pad: 'NOTSET', dilations: 'computed', group: 1, kernel_shape: 'computed', pads: 'computed', strides: 'computed' },
  infer(context) {
    const { x, w, spatial } = checkConvolution(context);
    const group = intAttribute(context, 'group', 1);
    if (group < 1) badAttribute(context, 'group', String(group), 'a whole number of at least 1');
    const [batch = 1, channels = 1] = x.shape;
    const [outChannels = 1, weightChannels = 1] = w.shape;
    if (typeof channels === 'number' && typeof weightChannels === 'number' && channels !== weightChannels * group) {
      misfit(
        context,
        `the input ${printShape(x.shape)} has ${channels} channels, the weights ${printShape(w.shape)} take ${weightChannels} in ${group} group${group === 1 ? '' : 's'}`,
        `Weights must take ${channels / group} channels`,
      );
    }
    if (typeof outChannels === 'number' && outChannels % group !== 0) {
      misfit(context, `${outChannels} output channels do not divide into ${group} groups`);
    }
    const window = spatial === null ? null : readWindow(context, spatial, x.shape.slice(2));
    const out = x.shape
      .slice(2)
      .map((size, i) =>
        window === null ? context.unknownDim(null, 'the size of the weights') : windowOutput(context, window, i, size, 'floor'),
      );
    return [{ dtype: x.dtype, shape: [batch, outChannels, ...out] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const w = requiredTensor(context, 1, 'W');
    const type = outputType(context);
    const geometry = convGeometry(context, x.shape, w.shape, type.shape);
    if (type.dtype === 'float64') return [convolveDouble(context, geometry, x, w)];
    const out = new Float32Array(elementCount(type.shape));
    convolve(geometry, floatsOf(x), floatsOf(w), out);
    if (hasInput(context, 2)) addChannelBias(out, floatsOf(requiredTensor(context, 2, 'B')), geometry);
    return [tensorOf(type.dtype, type.shape, out)];
  },
  macs(context) {
    const w = context.inputs[1];
    const out = context.outputs[0];
    if (w === null || w === undefined || out === undefined) return 0;
    return elementCount(out.shape) * elementCount(w.shape.slice(1));
  },
});

/** Ranks and kernel size of Conv and ConvTranspose; `spatial` is the kernel size as numbers, null where it stays open. */
export function checkConvolution(context: InferContext): { x: TensorType; w: TensorType; spatial: readonly number[] | null } {
  const x = requiredType(context, 0, 'X');
  const w = requiredType(context, 1, 'W');
  if (x.shape.length < 3 || x.shape.length > 5) {
    misfit(
      context,
      `the input ${printShape(x.shape)} has rank ${x.shape.length}`,
      'Batch, channels and one to three spatial axes are needed',
    );
  }
  if (w.shape.length !== x.shape.length) {
    misfit(context, `the input ${printShape(x.shape)} and the weights ${printShape(w.shape)} differ in rank`);
  }
  const own = w.shape.slice(2);
  const stated = intsAttribute(context, 'kernel_shape');
  const kernel = stated === null || stated.length === 0 ? own : stated;
  if (kernel.length !== own.length || own.some((k, i) => typeof k === 'number' && k !== kernel[i])) {
    badAttribute(context, 'kernel_shape', printShape(kernel), `${printShape(own)}, the size of the weights`);
  }
  const spatial = kernel.filter((k) => typeof k === 'number');
  const bias = context.inputs[2] ?? null;
  // What makes a Conv of itself (QLinearConv, FusedConv) too; the weights of ConvTranspose lie the other way round.
  const channels = context.node.op === 'ConvTranspose' ? undefined : w.shape[0];
  if (bias !== null && channels !== undefined && (bias.shape.length !== 1 || differs(bias.shape[0] ?? 0, channels))) {
    misfit(context, `the bias ${printShape(bias.shape)} does not give one number for each of ${printDim(channels)} output channels`);
  }
  return { x, w, spatial: spatial.length === kernel.length ? spatial : null };
}

function differs(a: Dim, b: Dim): boolean {
  return typeof a === 'number' && typeof b === 'number' && a !== b;
}

/** All sizes of one convolution, spatial axes filled up to depth, height, width. */
export interface ConvGeometry {
  readonly batch: number;
  readonly groups: number;
  /** Input and output channels of one group. */
  readonly inChannels: number;
  readonly outChannels: number;
  readonly input: readonly [number, number, number];
  readonly output: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly strides: readonly [number, number, number];
  readonly dilations: readonly [number, number, number];
  readonly pads: readonly [number, number, number];
}

/** Three numbers from the last spatial sizes, `fill` for the axes that are not there. */
function three(list: readonly number[], fill: number): readonly [number, number, number] {
  const [a = fill, b = fill, c = fill] = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [a, b, c];
}

export function convGeometry(context: OpContext, x: readonly number[], w: readonly number[], out: readonly number[]): ConvGeometry {
  const window: ConcreteWindow = readConcreteWindow(context, w.slice(2), x.slice(2));
  const groups = intAttribute(context, 'group', 1);
  return {
    batch: x[0] ?? 1,
    groups,
    inChannels: w[1] ?? 1,
    outChannels: (w[0] ?? 1) / groups,
    input: three(x.slice(2), 1),
    output: three(out.slice(2), 1),
    kernel: three(window.kernel, 1),
    strides: three(window.strides, 1),
    dilations: three(window.dilations, 1),
    pads: three(window.padBegin, 0),
  };
}

/** Output positions worked on at once: the unrolled input of a block should stay in the second-level cache. */
const blockColumns = 512;

/**
 * out[n, g·oc, p] += Σ_k w[oc, k] · x[k at p], k over channel, then kernel depth, row, column.
 * The input is unrolled block by block into [k][positions], taps in the padding as 0, and multiplied.
 */
export function convolve(g: ConvGeometry, x: Float32Array, w: Float32Array, out: Float32Array): void {
  if (!w.every(Number.isFinite)) return convolveTaps(g, x, w, out);
  const k = g.inChannels * g.kernel[0] * g.kernel[1] * g.kernel[2];
  const positions = g.output[0] * g.output[1] * g.output[2];
  const plane = g.input[0] * g.input[1] * g.input[2];
  const columns = new Float32Array(k * Math.min(positions, blockColumns));
  for (let n = 0; n < g.batch; n++) {
    for (let group = 0; group < g.groups; group++) {
      const xOffset = (n * g.groups + group) * g.inChannels * plane;
      const cOffset = (n * g.groups + group) * g.outChannels * positions;
      for (let p = 0; p < positions; p += blockColumns) {
        const count = Math.min(blockColumns, positions - p);
        unroll(g, x, xOffset, { first: p, count }, columns);
        productFloat(w, columns, out, {
          m: g.outChannels,
          n: count,
          k,
          aOffset: group * g.outChannels * k,
          cOffset: cOffset + p,
          cStride: positions,
        });
      }
    }
  }
}

/** Tap by tap, where zeros under the padding would not be nothing: an infinite weight times 0 is not a number. */
function convolveTaps(g: ConvGeometry, x: Float32Array, w: Float32Array, out: Float32Array): void {
  const [id, ih, iw] = g.input;
  const [od, oh, ow] = g.output;
  const [kd, kh, kw] = g.kernel;
  const inside = (axis: 0 | 1 | 2, position: number, tap: number): number => {
    const at = position * g.strides[axis] + tap * g.dilations[axis] - g.pads[axis];
    return at < g.input[axis] ? at : -1;
  };
  let at = 0;
  for (let n = 0; n < g.batch; n++) {
    for (let o = 0; o < g.groups * g.outChannels; o++) {
      const first = (n * g.groups + Math.floor(o / g.outChannels)) * g.inChannels;
      for (let p = 0; p < od * oh * ow; p++, at++) {
        const [z, y, c] = [Math.floor(p / (oh * ow)), Math.floor(p / ow) % oh, p % ow];
        for (let k = 0; k < g.inChannels * kd * kh * kw; k++) {
          const depth = inside(0, z, Math.floor(k / (kh * kw)) % kd);
          const row = inside(1, y, Math.floor(k / kw) % kh);
          const column = inside(2, c, k % kw);
          if (depth < 0 || row < 0 || column < 0) continue;
          const from = (((first + Math.floor(k / (kd * kh * kw))) * id + depth) * ih + row) * iw + column;
          out[at] = (out[at] ?? 0) + Math.fround((w[o * g.inChannels * kd * kh * kw + k] ?? 0) * (x[from] ?? 0));
        }
      }
    }
  }
}

/** Of float64 operands, in double. */
function convolveDouble(context: EvaluateContext, g: ConvGeometry, x: Tensor, w: Tensor): Tensor {
  const type = outputType(context);
  const [source, weights] = [Float64Array.from(numbersOf(x)), numbersOf(w)];
  const out = new Float64Array(elementCount(type.shape));
  const k = g.inChannels * g.kernel[0] * g.kernel[1] * g.kernel[2];
  const positions = elementCount(g.output);
  const plane = elementCount(g.input);
  const columns = new Float64Array(k * positions);
  for (let n = 0; n < g.batch * g.groups; n++) {
    unroll(g, source, n * g.inChannels * plane, { first: 0, count: positions }, columns);
    const shape = { m: g.outChannels, n: positions, k, cOffset: n * g.outChannels * positions, cStride: positions };
    productDouble(weights, columns, out, { ...shape, aOffset: (n % g.groups) * g.outChannels * k });
  }
  const bias = hasInput(context, 2) ? numbersOf(requiredTensor(context, 2, 'B')) : null;
  if (bias !== null) for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) + (bias[Math.floor(i / positions) % bias.length] ?? 0);
  return tensorOf(type.dtype, type.shape, out);
}

/** The same on integers: x and w with zero points already subtracted, so a tap in the padding is 0. */
export function convolveInt(g: ConvGeometry, x: Int16Array, w: Int16Array, out: Int32Array | Float64Array): void {
  const k = g.inChannels * g.kernel[0] * g.kernel[1] * g.kernel[2];
  const positions = g.output[0] * g.output[1] * g.output[2];
  const plane = g.input[0] * g.input[1] * g.input[2];
  const columns = new Int16Array(k * Math.min(positions, blockColumns));
  for (let n = 0; n < g.batch; n++) {
    for (let group = 0; group < g.groups; group++) {
      const xOffset = (n * g.groups + group) * g.inChannels * plane;
      const cOffset = (n * g.groups + group) * g.outChannels * positions;
      for (let p = 0; p < positions; p += blockColumns) {
        const count = Math.min(blockColumns, positions - p);
        unroll(g, x, xOffset, { first: p, count }, columns);
        addProducts(w, columns, out, {
          m: g.outChannels,
          n: count,
          k,
          aOffset: group * g.outChannels * k,
          cOffset: cOffset + p,
          cStride: positions,
        });
      }
    }
  }
}

/** Writes columns[k][j] = the input under tap k of output position first + j. */
function unroll(
  g: ConvGeometry,
  x: Float32Array | Float64Array | Int16Array,
  xOffset: number,
  block: { readonly first: number; readonly count: number },
  columns: Float32Array | Float64Array | Int16Array,
): void {
  const [id, ih, iw] = g.input;
  const [, oh, ow] = g.output;
  const [kd, kh, kw] = g.kernel;
  const [sd, sh, sw] = g.strides;
  const [dd, dh, dw] = g.dilations;
  const [pd, ph, pw] = g.pads;
  const end = block.first + block.count;
  let row = 0;
  for (let c = 0; c < g.inChannels; c++) {
    for (let d = 0; d < kd; d++) {
      for (let r = 0; r < kh; r++) {
        for (let s = 0; s < kw; s++, row += block.count) {
          let at = row;
          for (let p = block.first; p < end;) {
            const line = Math.floor(p / ow);
            const x0 = p - line * ow;
            const x1 = Math.min(ow, x0 + end - p);
            const depth = Math.floor(line / oh) * sd + d * dd - pd;
            const height = (line % oh) * sh + r * dh - ph;
            if (depth < 0 || depth >= id || height < 0 || height >= ih) {
              for (let j = x0; j < x1; j++) columns[at++] = 0;
            } else {
              const from = xOffset + ((c * id + depth) * ih + height) * iw;
              let column = x0 * sw + s * dw - pw;
              for (let j = x0; j < x1; j++, column += sw) {
                columns[at++] = column >= 0 && column < iw ? (x[from + column] ?? 0) : 0;
              }
            }
            p += x1 - x0;
          }
        }
      }
    }
  }
}

function addChannelBias(out: Float32Array, bias: Float32Array, g: ConvGeometry): void {
  const positions = g.output[0] * g.output[1] * g.output[2];
  const channels = g.groups * g.outChannels;
  for (let n = 0, at = 0; n < g.batch; n++) {
    for (let c = 0; c < channels; c++) {
      const b = bias[c] ?? 0;
      for (let p = 0; p < positions; p++, at++) out[at] = (out[at] ?? 0) + b;
    }
  }
}
