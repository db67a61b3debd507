/** What steps of a random graph are made with: seeded choices, typed operands of a chosen sort of numbers, and the values made so far. */
import { elementCount, integerRange, isFloat, seededRandom, type DType, type Random, type Tensor } from '../../src/core/index.ts';
import { tensorOf, type Graph } from '../../src/graph/index.ts';
import { writeGraph, type GraphWriter } from '../compiler/lower/build.ts';

export interface Made {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Of floats: bell-shaped; small whole numbers, whose sums are exact; infinities, NaN, zeros of both signs, denormals and ties among them. */
export const numberSorts = ['bell', 'whole', 'wild'] as const;
export type NumberSort = (typeof numberSorts)[number];

type Attributes = Parameters<GraphWriter['node']>[2];

export interface Maker {
  readonly random: Random;
  /** The float type of this graph. */
  readonly float: DType;
  int(lo: number, hi: number): number;
  chance(p: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** One of the values so far, late ones more likely; null where none fits. */
  value(fits: (v: Made) => boolean): Made | null;
  input(shape: readonly number[], dtype?: DType): Made;
  constant(shape: readonly number[], dtype?: DType, scale?: number): Made;
  /** A constant of given numbers. */
  numbers(dtype: DType, shape: readonly number[], list: readonly number[]): Made;
  ints(list: readonly number[]): Made;
  /** The node's first output, which later steps may read. @throws Skip where it is larger than these graphs should have */
  op(op: string, inputs: readonly (Made | null)[], attributes?: Attributes): Made;
  ops(op: string, inputs: readonly (Made | null)[], outputs: number, attributes?: Attributes): readonly Made[];
}

/** The step cannot go on: another is taken. */
export class Skip extends Error {}

/** Elements of a value: more only cost time. */
export const mostElements = 3600;

export interface Making {
  readonly maker: Maker;
  finish(): { readonly graph: Graph; readonly inputs: ReadonlyMap<string, Tensor> };
}

export function startMaking(seed: number, float: DType, sort: NumberSort): Making {
  const random = seededRandom(seed);
  const writer = writeGraph(23, seed);
  const values: Made[] = [];
  const made = new Set<number>();
  const read = new Set<number>();
  const inputs = new Map<string, Tensor>();
  const known = (id: number): Made => ({ id, dtype: writer.dtype(id), shape: writer.shape(id) });
  const constant = (tensor: Tensor): Made => known(writer.constant(tensor));
  const maker: Maker = {
    random,
    float,
    int: (lo, hi) => random.integer(lo, hi),
    chance: (p) => random.next() < p,
    pick: (items) => items[random.integer(0, items.length - 1)] ?? items[0],
    value(fits) {
      const fitting = values.filter(fits);
      const back = Math.min(random.integer(0, fitting.length), random.integer(0, fitting.length));
      return fitting[fitting.length - 1 - back] ?? fitting.at(-1) ?? null;
    },
    input(shape, dtype = float) {
      const name = `in${inputs.size}`;
      inputs.set(name, randomNumbers(random, dtype, shape, sort, 1));
      const v = known(writer.input(name, shape, dtype));
      values.push(v);
      return v;
    },
    constant: (shape, dtype = float, scale = 1) => constant(randomNumbers(random, dtype, shape, sort === 'wild' ? 'bell' : sort, scale)),
    numbers: (dtype, shape, list) => constant(tensorOf(dtype, shape, list)),
    ints: (list) => known(writer.ints(list)),
    op: (op, given, attributes) => maker.ops(op, given, 1, attributes)[0] ?? fail(`${op} has an output`),
    ops(op, given, outputs, attributes = {}) {
      const ids = writer.node(
        op,
        given.map((v) => v?.id ?? null),
        attributes,
        { outputs },
      );
      const results = ids.map(known);
      if (results.some((v) => elementCount(v.shape) > mostElements || v.shape.length > 6)) throw new Skip(op);
      for (const v of given) if (v !== null) read.add(v.id);
      for (const v of results) {
        values.push(v);
        made.add(v.id);
      }
      return results;
    },
  };
  return {
    maker,
    finish() {
      const ends = values.filter((v) => made.has(v.id) && !read.has(v.id)).slice(-3);
      const outputs = ends.length > 0 ? ends : values.slice(-1);
      return { graph: writer.finish(...outputs.map((v) => v.id)), inputs };
    },
  };
}

function fail(problem: string): never {
  throw new Error(problem);
}

const oddFloats = [0, -0, Infinity, -Infinity, NaN, 1e-40, -1e-40, 6e-8, 1e-7, 0.5, 1.5, 2.5, -0.5, -2.5, 65504, 3e38, -3e38, 2 ** 24 + 2];

/** Integers of eight bits cover their range with its ends more likely; wider ones are small, now and then at an end. */
export function randomNumbers(random: Random, dtype: DType, shape: readonly number[], sort: NumberSort, scale: number): Tensor {
  const next = (): number => {
    if (isFloat(dtype)) {
      if (sort === 'wild' && random.next() < 0.2) return oddFloats[random.integer(0, oddFloats.length - 1)] ?? 0;
      return sort === 'whole' ? random.integer(-4, 4) : random.bell() * scale;
    }
    const [lo, hi] = dtype === 'int64' ? [-5, 5] : integerRange(dtype);
    if (random.next() < 0.08) return random.next() < 0.5 ? lo : hi;
    return hi - lo < 256 ? random.integer(lo, hi) : random.integer(Math.max(lo, -100), 100);
  };
  return tensorOf(dtype, shape, Array.from({ length: elementCount(shape) }, next));
}
