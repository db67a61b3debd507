import { attributeFloat, attributeInt } from '../../graph/index.ts';
import type { Constant, Node, TensorType, ValueId } from '../../graph/ir.ts';
import { combine, staticCount, type Operand } from './constants.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';

/**
 * y = x·scale[c] + shift[c] moves into whatever makes x: BatchNormalization, and Mul, Add, Sub and Div by one constant per channel.
 *
 *     %c = Conv(%x, %w, %b)
 *     %n = BatchNormalization(%c, …)    =>    %r = Conv(%x, %w', %b')
 *     %m = Mul(%n, %k)                        w' = w·scale[c]   b' = b·scale[c] + shift[c]
 *     %r = Add(%m, %d)
 *
 *     %n = BatchNormalization(%concat, …)     %n = ScaleShift(%concat, %scale, %shift)
 *     %m = Mul(%n, %k)                  =>    (and the Mul joins it)
 *
 * Weights are multiplied when they are first read, splats at once. Results differ by rounding: one product less per element.
 * Does not apply to a contraction whose result has other readers or is a graph output, whose weights are not constant, or to a
 * grouped ConvTranspose. An Add of a constant to a contraction without bias, and to nothing else, is exact.
 */
export const foldBatchNorm: Pass = {
  name: 'fold-batch-norm',
  summary: 'Folds BatchNormalization and per-channel constants into convolutions and Gemm; what is left becomes ScaleShift',
  run: (graph) =>
    rewrite(graph, (node, edit) => {
      const affine = readAffine(node, edit);
      if (affine === null) return false;
      return foldIntoContraction(node, affine, edit) || mergeIntoScaleShift(node, affine, edit) || becomeScaleShift(node, affine, edit);
    }),
};

/** y = x·scale + shift, each operand one number per channel or one for all; null: 1 and 0. */
interface Affine {
  readonly x: ValueId;
  readonly scale: Operand | null;
  readonly shift: Operand | null;
  readonly channels: number;
}

function readAffine(node: Node, edit: Edit): Affine | null {
  const [out] = node.outputs;
  if (out === undefined) return null;
  const type = edit.value(out).type;
  const channels = type.shape[1];
  if (type.dtype !== 'float32' || type.shape.length < 2 || typeof channels !== 'number') return null;
  if (node.domain === 'systole' && node.op === 'ScaleShift') return readScaleShift(node, channels, edit);
  if (node.domain !== '') return null;
  switch (node.op) {
    case 'BatchNormalization':
      return readBatchNorm(node, channels, edit);
    case 'Mul':
    case 'Add':
    case 'Sub':
    case 'Div':
      return readArithmetic(node, type, channels, edit);
    default:
      return null;
  }
}

function readScaleShift(node: Node, channels: number, edit: Edit): Affine | null {
  const [x = null, scale = null, shift = null] = node.inputs;
  const k = vectorOperand(scale, channels, edit);
  const d = vectorOperand(shift, channels, edit);
  return x === null || k === null || d === null ? null : { x, scale: k, shift: d, channels };
}

function vectorOperand(id: ValueId | null, count: number, edit: Edit): Operand | null {
  const constant = edit.constant(id);
  const isVector = id !== null && staticCount(edit.value(id).type) === count;
  return constant === null || !isVector ? null : { constant, count, inner: 1 };
}

function readBatchNorm(node: Node, channels: number, edit: Edit): Affine | null {
  const [x = null, ...parameters] = node.inputs;
  const [, ...statistics] = node.outputs;
  // Training normalizes by the batch's own statistics.
  if (attributeInt(node, 'training_mode', 0) !== 0 || x === null || statistics.some((id) => edit.uses(id) > 0)) return null;
  const [scale, shift, mean, variance] = parameters.map((id) => vectorOperand(id, channels, edit));
  if (!scale || !shift || !mean || !variance) return null;
  const epsilon = Math.fround(attributeFloat(node, 'epsilon', 1e-5));
  const factor = (s: number, v: number): number => s / Math.fround(Math.sqrt(Math.fround(v + epsilon)));
  const k = combine([scale, variance], channels, ([s = 0, v = 0]) => factor(s, v));
  const d = combine([scale, shift, mean, variance], channels, ([s = 0, b = 0, m = 0, v = 0]) => b - m * factor(s, v));
  return { x, scale: { constant: k, count: channels, inner: 1 }, shift: { constant: d, count: channels, inner: 1 }, channels };
}

function readArithmetic(node: Node, type: TensorType, channels: number, edit: Edit): Affine | null {
  const sides: readonly (readonly [number, number])[] =
    node.op === 'Mul' || node.op === 'Add'
      ? [
          [0, 1],
          [1, 0],
        ]
      : [[0, 1]];
  for (const [at, other] of sides) {
    const x = node.inputs[at] ?? null;
    const c = node.inputs[other] ?? null;
    if (x === null || c === null || edit.constant(x) !== null) continue;
    const operand = channelOperand(c, edit.value(x).type, type, channels, edit);
    if (operand === null) continue;
    switch (node.op) {
      case 'Mul':
        return { x, scale: operand, shift: null, channels };
      case 'Div':
        return { x, scale: mapped(operand, (c) => 1 / c), shift: null, channels };
      case 'Add':
        return { x, scale: null, shift: operand, channels };
      default:
        return { x, scale: null, shift: mapped(operand, (c) => -c), channels };
    }
  }
  return null;
}

function mapped(operand: Operand, f: (c: number) => number): Operand {
  return { ...operand, constant: combine([operand], operand.count, ([c = 0]) => f(c)) };
}

/** A constant that broadcasts along every axis but the channels, and does not enlarge x. */
function channelOperand(c: ValueId, x: TensorType, out: TensorType, channels: number, edit: Edit): Operand | null {
  const { type, constant } = edit.value(c);
  const count = staticCount(type);
  if (constant === null || count === null || x.shape.length !== out.shape.length || type.shape.length > out.shape.length) return null;
  if (x.shape[1] !== channels) return null;
  if (count === 1) return { constant, count, inner: 1 };
  const axis = type.shape.length - (out.shape.length - 1);
  return count === channels && type.shape[axis] === channels ? { constant, count, inner: 1 } : null;
}

function foldIntoContraction(node: Node, affine: Affine, edit: Edit): boolean {
  const { x, channels } = affine;
  const made = edit.producer(x);
  const [out] = node.outputs;
  if (made === null || out === undefined || made.domain !== '' || edit.uses(x) > 0 || edit.isOutput(x)) return false;
  const [input, w = null, b = null] = made.inputs;
  const inner = w === null || input === undefined ? null : weightsInside(made, edit.value(w).type);
  if (w === null || input === undefined || inner === null) return false;
  const weights = edit.value(w);
  const count = staticCount(weights.type);
  const bias = b === null ? null : vectorOperand(b, channels, edit);
  if (count === null || (b !== null && bias === null) || weights.type.dtype !== 'float32') return false;
  let scaled = w;
  if (affine.scale !== null) {
    if (weights.constant === null) return false;
    const scale = { ...affine.scale, inner };
    const constant = combine([{ constant: weights.constant, count, inner: 1 }, scale], count, ([v = 0, k = 0]) => v * k);
    scaled = edit.add(`${weights.name}.scaled`, weights.type, constant);
  }
  const inputs = [input, scaled];
  if (bias !== null || affine.shift !== null) {
    inputs.push(edit.add(`${edit.value(out).name}.bias`, { dtype: 'float32', shape: [channels] }, affineOf(bias, affine)));
  }
  edit.replaceNode(made, { ...made, inputs, outputs: [out], origin: joinOrigins(made, node) });
  return true;
}

/** How many neighbouring weights belong to one output channel; null for operators whose weights are not so ordered. */
function weightsInside(node: Node, weights: TensorType): number | null {
  const inside = (axis: number): number | null => staticCount({ ...weights, shape: weights.shape.slice(axis + 1) });
  switch (node.op) {
    case 'Conv':
      return inside(0);
    case 'ConvTranspose':
      return attributeInt(node, 'group', 1) === 1 ? inside(1) : null;
    case 'Gemm': {
      const isPlain = attributeFloat(node, 'alpha', 1) === 1 && attributeFloat(node, 'beta', 1) === 1;
      return isPlain ? inside(attributeInt(node, 'transB', 0) === 0 ? 1 : 0) : null;
    }
    default:
      return null;
  }
}

/** before·scale + shift as one vector over the channels; `before` null: 0. */
function affineOf(before: Operand | null, { scale, shift, channels }: Affine): Constant {
  const operands = [before, scale, shift];
  const given = operands.filter((o) => o !== null);
  const place = operands.map((o) => (o === null ? -1 : given.indexOf(o)));
  const [atBefore = -1, atScale = -1, atShift = -1] = place;
  return combine(given, channels, (numbers) => {
    const b = numbers[atBefore] ?? 0;
    const k = atScale < 0 ? 1 : (numbers[atScale] ?? 1);
    return Math.fround(b * k) + (numbers[atShift] ?? 0);
  });
}

function mergeIntoScaleShift(node: Node, affine: Affine, edit: Edit): boolean {
  const { x, channels } = affine;
  const made = edit.producer(x);
  const [out] = node.outputs;
  if (made === null || out === undefined || made.domain !== 'systole' || made.op !== 'ScaleShift' || edit.uses(x) > 0 || edit.isOutput(x))
    return false;
  const [input, k = null, d = null] = made.inputs;
  const scale = vectorOperand(k, channels, edit);
  const shift = vectorOperand(d, channels, edit);
  if (input === undefined || k === null || d === null || scale === null || shift === null) return false;
  const type: TensorType = { dtype: 'float32', shape: [channels] };
  const name = edit.value(out).name;
  const newScale =
    affine.scale === null
      ? k
      : edit.add(
          `${name}.scale`,
          type,
          combine([scale, affine.scale], channels, ([a = 0, c = 0]) => a * c),
        );
  const newShift = edit.add(`${name}.shift`, type, affineOf(shift, affine));
  edit.replaceNode(made, { ...made, inputs: [input, newScale, newShift], outputs: [out], origin: joinOrigins(made, node) });
  return true;
}

/** Only BatchNormalization: Mul and Add alone are cheaper as they are. */
function becomeScaleShift(node: Node, affine: Affine, edit: Edit): boolean {
  const [out] = node.outputs;
  const { scale, shift, channels } = affine;
  if (node.op !== 'BatchNormalization' || out === undefined || scale === null || shift === null) return false;
  const type: TensorType = { dtype: 'float32', shape: [channels] };
  const name = edit.value(out).name;
  const k = edit.add(`${name}.scale`, type, scale.constant);
  const d = edit.add(`${name}.shift`, type, shift.constant);
  edit.emit({ ...node, op: 'ScaleShift', domain: 'systole', inputs: [affine.x, k, d], outputs: [out], attributes: {} });
  return true;
}
