/** Fourier transforms as products with constant matrices: the transform is linear, its matrix is what it makes of unit vectors. */
import { elementCount, type Tensor } from '../../core/index.ts';
import { attributeInt, evaluateNode } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { constantScalar } from '../kernels/values.ts';
import { unrollLimit, type Rule, type Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** Elements of a transform's matrix: 16 MiB of fp32. */
const largestMatrix = 2 ** 22;

interface Transform {
  /** Elements of a line, and numbers of each: 1 real, 2 complex. */
  readonly size: number;
  readonly parts: number;
  readonly bins: number;
  readonly binParts: number;
}

/** %y = %x · matrix for lines [..., size · parts]; null where the matrix would be too large. */
function transformed(w: Writer, lines: ValueId, t: Transform, node: Node, operands: readonly (Tensor | null)[]): ValueId | null {
  const from = t.size * t.parts;
  const to = t.bins * t.binParts;
  if (from * Math.max(from, to) > largestMatrix) return null;
  const unit = new Float32Array(from * from);
  for (let i = 0; i < from; i++) unit[i * from + i] = 1;
  const [matrix] = evaluateNode(node, w.opset, [{ dtype: 'float32', shape: [from, t.size, t.parts], data: unit }, ...operands]);
  if (matrix === undefined) return null;
  return w.op('MatMul', [lines, w.tensor({ dtype: 'float32', shape: [from, to], data: matrix.data })], {}, 0);
}

function tooLong(size: number): {
  readonly reason: string;
  readonly limit: { readonly what: string; readonly actual: string; readonly allowed: string };
} {
  return {
    reason: `its matrix over ${size} elements is too large`,
    limit: { what: 'elements of the matrix of a transform', actual: `more than ${largestMatrix}`, allowed: String(largestMatrix) },
  };
}

function scalar(w: Writer, dtype: 'int64', x: number): Tensor {
  return { dtype, shape: [], data: BigInt64Array.of(BigInt(x)) };
}

const dft: Rule = (w, node) => {
  const [x = null, lengthId = null, axisId = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(x).includes(0) || w.shape(out).includes(0)) return null;
  const length = lengthId === null ? null : constantScalar(w.value(lengthId));
  if (lengthId !== null && length === null) return { reason: 'its length is computed at run time' };
  const version = node.version ?? w.opset;
  const rank = w.shape(x).length;
  const given = version < 20 ? attributeInt(node, 'axis', 1) : axisId === null ? -2 : constantScalar(w.value(axisId));
  if (given === null) return { reason: 'its axis is computed at run time' };
  const axis = (given + rank) % rank;
  const t: Transform = {
    size: w.shape(x)[axis] ?? 1,
    parts: w.shape(x).at(-1) ?? 1,
    bins: w.shape(out)[axis] ?? 1,
    binParts: w.shape(out).at(-1) ?? 1,
  };
  const outer = w
    .shape(x)
    .slice(0, -1)
    .filter((_, i) => i !== axis);
  const others = outer.map((_, i) => (i < axis ? i : i + 1));
  const lines = w.reshape(w.transpose(x, [...others, axis, rank - 1]), [elementCount(outer), t.size * t.parts]);
  const plain: Node = {
    ...node,
    version: 20,
    attributes: Object.fromEntries(Object.entries(node.attributes).filter(([name]) => name !== 'axis')),
    inputs: [0, length === null ? null : 1, 2],
    outputs: [3],
  };
  const spectra = transformed(w, lines, t, plain, [length === null ? null : scalar(w, 'int64', length), scalar(w, 'int64', 1)]);
  if (spectra === null) return tooLong(t.size);
  const back = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 2 : i === rank - 1 ? rank - 1 : others.indexOf(i)));
  return [w.transpose(w.reshape(spectra, [...outer, t.bins, t.binParts]), back)];
};

/** Frames of the signal, each times the window, transformed together. */
const stft: Rule = (w, node) => {
  const [x = null, stepId = null, window = null, lengthId = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || stepId === null || out === undefined || w.shape(x).includes(0) || w.shape(out).includes(0)) return null;
  const step = constantScalar(w.value(stepId));
  const stated = lengthId === null ? null : constantScalar(w.value(lengthId));
  if (step === null || (lengthId !== null && stated === null)) return { reason: 'its frames are computed at run time' };
  const [batch = 1, size = 1, parts = 1] = w.shape(x);
  const [, frames = 1, bins = 1] = w.shape(out);
  const length = stated ?? (window === null ? size : (w.shape(window)[0] ?? 1));
  if (frames > unrollLimit || (window !== null && w.shape(window)[0] !== length)) return { reason: 'its window does not fill its frames' };
  const signal = w.reshape(x, [batch, size, parts]);
  const cut = Array.from({ length: frames }, (_, f) => w.slice(signal, 1, f * step, f * step + length));
  const cuts = w.reshape(w.concat(cut, 1), [batch * frames, length, parts]);
  const shaped = window === null ? cuts : w.op('Mul', [cuts, w.reshape(window, [1, length, 1])]);
  const t: Transform = { size: length, parts, bins, binParts: 2 };
  const plain: Node = {
    ...node,
    op: 'DFT',
    version: 20,
    attributes: { onesided: { kind: 'int', value: attributeInt(node, 'onesided', 1) } },
    inputs: [0, null, 2],
    outputs: [3],
  };
  const spectra = transformed(w, w.reshape(shaped, [batch * frames, length * parts]), t, plain, [null, scalar(w, 'int64', 1)]);
  return spectra === null ? tooLong(length) : [w.reshape(spectra, w.shape(out))];
};

export const spectrumRules: Rules = { DFT: dft, STFT: stft };
