/** Products of com.microsoft on real numbers: transposed, scaled and activated ones, and those with packed or quantized weights. */
import { elementCount, type Tensor } from '../../core/index.ts';
import type { Dim } from '../dim.ts';
import { evaluateAs, macsAs, withInputs } from './delegate.ts';
import { fusedActivation } from './fused-activation.ts';
import { gemm, matMul } from './matmul.ts';
import { geluTanh } from './microsoft-activations.ts';
import { transposed } from './move.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import {
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  outputType,
  printShape,
  requiredTensor,
  requiredType,
  type AttributeDefault,
  type EvaluateContext,
  type InferContext,
  type MacsContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';
import type { TensorType } from '../ir.ts';

const round = Math.fround;

/**
 * How an operand is turned before the product. transBatch moves the first axis (of the batch) before the last: [M, B1.., K] with
 * B1.. the batch; trans exchanges the last two axes after that.
 */
function order(context: OpContext, side: 'A' | 'B', rank: number): readonly number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  if (rank < 2) return axes;
  const batch = intAttribute(context, `transBatch${side}`, 0) !== 0 && rank > 2;
  const turned = batch ? [...axes.slice(1, rank - 1), 0, rank - 1] : axes;
  if (intAttribute(context, `trans${side}`, 0) === 0) return turned;
  return [...turned.slice(0, -2), turned.at(-1) ?? 0, turned.at(-2) ?? 0];
}

function turn(x: Tensor, perm: readonly number[]): Tensor {
  return perm.every((p, i) => p === i) ? x : transposed(x, perm);
}

function inferFused(context: InferContext): readonly TensorType[] {
  const [a, b] = [requiredType(context, 0, 'A'), requiredType(context, 1, 'B')];
  const permuted = (t: TensorType, side: 'A' | 'B'): TensorType => ({
    ...t,
    shape: order(context, side, t.shape.length).map((p) => t.shape[p] ?? 1),
  });
  return matMul.infer({ ...context, inputs: [permuted(a, 'A'), permuted(b, 'B')] });
}

function evaluateFused(context: EvaluateContext): Float32Array {
  const [a, b] = [requiredTensor(context, 0, 'A'), requiredTensor(context, 1, 'B')];
  const left = turn(a, order(context, 'A', a.shape.length));
  const right = turn(b, order(context, 'B', b.shape.length));
  const type = outputType(context);
  const [y] = evaluateAs(matMul, context, [left, right], [{ dtype: 'float32', shape: type.shape }]);
  const out = y === undefined ? new Float32Array(0) : floatsOf(y);
  const alpha = floatAttribute(context, 'alpha', 1);
  return alpha === 1 ? out : out.map((v) => v * alpha);
}

function macsOfFused(context: MacsContext): number {
  const a = context.inputs[0]?.shape ?? [];
  const k = a[order(context, 'A', a.length).at(-1) ?? 0] ?? 1;
  return elementCount(context.outputs[0]?.shape ?? [0]) * k;
}

const fusedAttributes: Readonly<Record<string, AttributeDefault>> = { alpha: 1, transA: 0, transB: 0, transBatchA: 0, transBatchB: 0 };

/** alpha · A'·B', with A' and B' transposed as the attributes say. */
function fusedMatMul(name: string): OpDef {
  return defineOp({
    domain: 'com.microsoft',
    name,
    since: [1],
    kernelClass: 'contraction',
    attributes: fusedAttributes,
    infer: inferFused,
    evaluate: (context) => [tensorOf(outputType(context).dtype, outputType(context).shape, evaluateFused(context))],
    macs: macsOfFused,
  });
}

const activationParts = { activation: 'activation', alpha: 'activation_alpha', beta: 'activation_beta' } as const;

const fusedMatMulActivation: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'FusedMatMulActivation',
  since: [1],
  kernelClass: 'contraction',
  attributes: {
    ...fusedAttributes,
    activation: 'required',
    activation_alpha: 'computed',
    activation_axis: 'computed',
    activation_beta: 'computed',
    activation_gamma: 'computed',
  },
  infer(context) {
    fusedActivation(context, activationParts);
    return inferFused(context);
  },
  evaluate(context) {
    const f = fusedActivation(context, activationParts);
    const out = evaluateFused(context);
    return [tensorOf(outputType(context).dtype, outputType(context).shape, f === null ? out : out.map(f))];
  },
  macs: macsOfFused,
});

/** Gemm, then the activation. */
const fusedGemm: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'FusedGemm',
  since: [1],
  kernelClass: 'contraction',
  attributes: {
    activation: 'computed',
    activation_alpha: 'computed',
    activation_beta: 'computed',
    activation_gamma: 'computed',
    alpha: 1,
    beta: 1,
    transA: 0,
    transB: 0,
  },
  infer(context) {
    fusedActivation(context, activationParts);
    return gemm.infer(context);
  },
  evaluate(context) {
    const f = fusedActivation(context, activationParts);
    const [y] = evaluateAs(gemm, context, context.inputs);
    return y === undefined ? [] : [f === null ? y : tensorOf(y.dtype, y.shape, floatsOf(y).map(f))];
  },
  macs: (context) => gemm.macs(context),
});

/** FastGelu(X·W + bias) */
const gemmFastGelu: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'GemmFastGelu',
  since: [1],
  kernelClass: 'contraction',
  infer: (context) => matMul.infer(withInputs(context, [0, 1])),
  evaluate(context) {
    const [y] = evaluateAs(matMul, context, [requiredTensor(context, 0, 'X'), requiredTensor(context, 1, 'W')]);
    const bias = optionalTensor(context, 2);
    const b = bias === null ? null : floatsOf(bias);
    if (y === undefined) return [];
    return [
      tensorOf(
        y.dtype,
        y.shape,
        floatsOf(y).map((v, i) => geluTanh(b === null ? v : round(v + (b[i % b.length] ?? 0)))),
      ),
    ];
  },
  macs: (context) => macsAs(matMul, context, [0, 1]),
});

/** Bits `bits` wide, packed from the lowest of each byte; `perRow` numbers in rows of whole bytes. */
export function unpackBits(bytes: ArrayLike<number>, bits: number, perRow: number, rowBytes: number, rows: number): Uint8Array {
  const out = new Uint8Array(rows * perRow);
  const mask = (1 << bits) - 1;
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < perRow; i++) {
      const bit = i * bits;
      const at = r * rowBytes + (bit >> 3);
      // A number may reach into the next byte where bits does not divide 8.
      const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      out[r * perRow + i] = (word >> (bit & 7)) & mask;
    }
  }
  return out;
}

interface Blocks {
  readonly n: number;
  readonly k: number;
  readonly bits: number;
  readonly block: number;
  readonly blocks: number;
}

function blocksOf(context: OpContext): Blocks {
  const [n, k] = [intAttribute(context, 'N', 0), intAttribute(context, 'K', 0)];
  const block = intAttribute(context, 'block_size', 0);
  const bits = intAttribute(context, 'bits', 4);
  if (n < 1 || k < 1 || block < 1 || bits < 2 || bits > 8) {
    misfit(context, `N is ${n}, K ${k}, block_size ${block}, bits ${bits}`, 'All are needed: sizes from 1, bits from 2 to 8');
  }
  return { n, k, bits, block, blocks: Math.ceil(k / block) };
}

/** Weights [K, N] of a MatMulNBits: (q - zeroPoint) · scale of the block, 2^(bits - 1) where zero points are left out. */
export function unpackedWeights(context: EvaluateContext): Tensor {
  const { n, k, bits, block, blocks } = blocksOf(context);
  const blobBytes = Math.ceil((block * bits) / 8);
  const codes = unpackBits(numbersOf(requiredTensor(context, 1, 'B')), bits, block, blobBytes, n * blocks);
  const scales = floatsOf(requiredTensor(context, 2, 'scales'));
  const given = optionalTensor(context, 3);
  const zeros =
    given === null
      ? null
      : given.dtype === 'uint8'
        ? unpackBits(numbersOf(given), bits, blocks, Math.ceil((blocks * bits) / 8), n)
        : floatsOf(given);
  const groups = optionalTensor(context, 4);
  const groupOf = groups === null ? null : numbersOf(groups);
  const out = new Float32Array(k * n);
  for (let row = 0; row < n; row++) {
    for (let p = 0; p < k; p++) {
      const at = row * blocks + (groupOf === null ? Math.floor(p / block) : (groupOf[p] ?? 0));
      const zero = zeros === null ? 2 ** (bits - 1) : (zeros[at] ?? 0);
      const code = codes[(row * blocks + Math.floor(p / block)) * block + (p % block)] ?? 0;
      out[p * n + row] = round(code - zero) * (scales[at] ?? 1);
    }
  }
  return { dtype: 'float32', shape: [k, n], data: out };
}

/** A · dequantized weights + bias. Inputs: A, B, scales, zero_points, g_idx, bias. */
const matMulNBits: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'MatMulNBits',
  since: [1],
  kernelClass: 'contraction',
  attributes: { K: 'required', N: 'required', accuracy_level: 0, bits: 4, block_size: 'required', weight_prepacked: 0 },
  infer(context) {
    const a = requiredType(context, 0, 'A');
    const packed = requiredType(context, 1, 'B').shape;
    requiredType(context, 2, 'scales');
    const { n, k, bits, block, blocks } = blocksOf(context);
    const bytes = n * blocks * Math.ceil((block * bits) / 8);
    const isPlain = intAttribute(context, 'weight_prepacked', 0) === 0;
    if (isPlain && packed.every((d) => typeof d === 'number') && elementCount(packed) !== bytes) {
      misfit(
        context,
        `B ${printShape(packed)} does not hold ${n} × ${blocks} blocks of ${block} numbers of ${bits} bits, which are ${bytes} bytes`,
      );
    }
    const inner: Dim = a.shape.at(-1) ?? 1;
    if (a.shape.length === 0 || (typeof inner === 'number' && inner !== k)) {
      misfit(context, `A ${printShape(a.shape)} does not end in K = ${k}`);
    }
    return [{ dtype: a.dtype, shape: [...a.shape.slice(0, -1), n] }];
  },
  evaluate(context) {
    const a = requiredTensor(context, 0, 'A');
    const type = outputType(context);
    if (intAttribute(context, 'weight_prepacked', 0) !== 0)
      misfit(context, 'the weights are packed for one machine', 'Export plain weights');
    const bias = optionalTensor(context, 5);
    const b = bias === null ? null : floatsOf(bias);
    const [y] = evaluateAs(matMul, context, [a, unpackedWeights(context)], [{ dtype: 'float32', shape: type.shape }]);
    const out = y === undefined ? new Float32Array(0) : floatsOf(y);
    return [tensorOf(type.dtype, type.shape, b === null ? out : out.map((v, i) => v + (b[i % b.length] ?? 0)))];
  },
  macs(context) {
    const a = context.inputs[0]?.shape ?? [0];
    return elementCount(a) * intAttribute(context, 'N', 0);
  },
});

export const microsoftMatMulOps: readonly OpDef[] = [
  fusedMatMul('FusedMatMul'),
  fusedMatMul('TransposeMatMul'),
  fusedMatMulActivation,
  fusedGemm,
  gemmFastGelu,
  matMulNBits,
];
