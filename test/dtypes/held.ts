/** How numbers of an element type are held: as they are, or as integers with a scale and a zero point; and what they become when stored. */
import { integerRange, isFloat, seededRandom, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { numbersOf, tensorOf } from '../../src/graph/index.ts';
import { isFloat8, nearestFloat8 } from './float8.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';
import { randomNumbers } from '../random/maker.ts';
import { pick, type Case } from './run.ts';

export const f32: (x: number) => number = Math.fround;

export interface Scale {
  readonly scale: number;
  readonly zero: number;
}

/** An operand: its numbers as stored, and what they stand for in fp32. */
export interface Operand {
  readonly id: number;
  readonly shape: readonly number[];
  readonly stored: readonly number[];
  readonly real: readonly number[];
  /** null: held as they are. */
  readonly held: Scale | null;
}

/** A graph on its way. */
export interface Bench {
  readonly random: Random;
  readonly w: GraphWriter;
  readonly dtype: DType;
  /** An input of the element type; integers with a scale where `scaled`. */
  input(shape: readonly number[], scale?: Scale): Operand;
  /** The same, known before the run. */
  constant(shape: readonly number[], scale?: Scale | null): Operand;
  /** Scales short of bits, so that results fall on ties. */
  scale(size: number): Scale;
  /** Ends the graph with what `id` holds, quantized where `scaled`. */
  finish(id: number, out?: Scale): Case;
}

/** @param scaled  whether integers stand for reals: DequantizeLinear behind every operand, QuantizeLinear before the output */
export function startBench(dtype: DType, scaled: boolean, seed: number): Bench {
  const random = seededRandom(seed);
  const w = writeGraph(23, seed);
  const inputs = new Map<string, Tensor>();
  const parameters = ({ scale, zero }: Scale): readonly [number, number] => [
    w.constant(tensorOf('float32', [], Float32Array.of(scale))),
    w.constant(tensorOf(dtype, [], [zero])),
  ];
  const operand = (id: number, tensor: Tensor, held: Scale | null): Operand => {
    const stored = Array.from(numbersOf(tensor) as ArrayLike<number>, Number);
    if (held === null) return { id, shape: tensor.shape, stored, real: stored, held };
    const [real = id] = w.node('DequantizeLinear', [id, ...parameters(held)]);
    return { id: real, shape: tensor.shape, stored, real: stored.map((q) => f32((q - held.zero) * held.scale)), held };
  };
  const bench: Bench = {
    random,
    w,
    dtype,
    input(shape, scale = bench.scale(1)) {
      const name = `in${inputs.size}`;
      const tensor = randomNumbers(random, dtype, shape, 'wild', 1);
      inputs.set(name, tensor);
      return operand(w.input(name, shape, dtype), tensor, scaled ? scale : null);
    },
    constant(shape, scale = bench.scale(1)) {
      const tensor = randomNumbers(random, dtype, shape, 'wild', 1);
      return operand(w.constant(tensor), tensor, scaled ? scale : null);
    },
    scale(size) {
      const [lo, hi] = integerRange(isFloat(dtype) ? 'int8' : dtype);
      return {
        scale: (random.integer(1, 31) / 1024) * size * (256 / (hi - lo + 1)),
        zero: isFloat(dtype) ? 0 : pick(random, [0, random.integer(lo, hi)]),
      };
    },
    finish(id, out = bench.scale(2)) {
      if (!scaled) return { graph: w.finish(id), inputs };
      const [q = id] = w.node('QuantizeLinear', [id, ...parameters(out)]);
      return { graph: w.finish(q), inputs };
    },
  };
  return bench;
}

/** As the type holds a result: floats rounded once, integers saturated. */
export function stored(dtype: DType, numbers: readonly number[]): readonly number[] {
  if (isFloat(dtype)) return Array.from(numbersOf(tensorOf(dtype, [numbers.length], Float32Array.from(numbers))) as Float32Array);
  return numbers;
}

export function halfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function saturated(dtype: DType, q: number): number {
  const [lo, hi] = integerRange(dtype);
  return Number.isNaN(q) ? lo : Math.min(hi, Math.max(lo, q));
}

export function quantized(dtype: DType, reals: readonly number[], { scale, zero }: Scale): readonly number[] {
  if (isFloat8(dtype)) return reals.map((x) => nearestFloat8(dtype, f32(x / scale)));
  return reals.map((x) => saturated(dtype, halfEven(f32(x / scale)) + zero));
}
