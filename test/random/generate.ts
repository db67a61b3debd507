/** Random graphs: a flavour (element types, sort of numbers, precision asked for), an input or two, and steps drawn by weight. */
import { elementCount, isFloat, seededRandom, SystoleError, type DType, type Tensor } from '../../src/core/index.ts';
import type { Precision } from '../../src/compiler/index.ts';
import { floatsOf, interpret, type Graph } from '../../src/graph/index.ts';
import { contractionSteps, type Step } from './contractions.ts';
import { elementSteps } from './elements.ts';
import { mostElements, Skip, startMaking, type Made, type Maker, type NumberSort } from './maker.ts';
import { moveSteps } from './moves.ts';
import { integerSteps, quantizing } from './quantized.ts';

export const flavours = ['fp32', 'int8', 'fp16', 'bf16', 'float16', 'bfloat16', 'qdq', 'integer'] as const;
export type Flavour = (typeof flavours)[number];

export interface RandomCase {
  readonly seed: number;
  readonly flavour: Flavour;
  readonly sort: NumberSort;
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly precision: Precision | 'auto';
}

const precisionOf: Readonly<Record<Flavour, Precision | 'auto'>> = {
  fp32: 'fp32',
  int8: 'int8',
  fp16: 'fp16',
  bf16: 'bf16',
  float16: 'auto',
  bfloat16: 'auto',
  qdq: 'auto',
  integer: 'auto',
};

export function randomCase(seed: number): RandomCase {
  const random = seededRandom(seed * 7919 + 13);
  const pick = <T>(items: readonly [T, ...T[]]): T => items[random.integer(0, items.length - 1)] ?? items[0];
  const flavour = pick([...flavours, 'fp32', 'int8', 'qdq'] as [Flavour, ...Flavour[]]);
  const float = flavour === 'float16' || flavour === 'bfloat16' ? flavour : 'float32';
  // Ranges of int8 come from numbers without infinities.
  const sort = pick<NumberSort>(flavour === 'int8' || flavour === 'qdq' ? ['bell', 'whole'] : ['bell', 'bell', 'whole', 'wild']);
  const making = startMaking(random.nextUint32(), float, sort);
  const m = flavour === 'qdq' ? quantizing(making.maker) : making.maker;
  const first = firstInput(m, flavour);
  const steps: readonly (readonly [number, Step])[] =
    flavour === 'integer'
      ? [...integerSteps, ...elementSteps, ...moveSteps]
      : [
          ...contractionSteps,
          ...(flavour === 'qdq' ? integerSteps.map(([w, s]) => [w / 4, s] as const) : []),
          ...elementSteps,
          ...moveSteps,
        ];
  const wanted = random.integer(1, 7);
  let done = 0;
  for (let tries = 0; done < wanted && tries < 60; tries++) if (attempt(m, drawn(random.next(), steps))) done++;
  if (done === 0) m.op('Identity', [first]);
  const made = making.finish();
  const asked = flavour === 'int8' && !isFinite(made.graph, made.inputs) ? 'fp32' : flavour;
  return { seed, flavour: asked, sort, ...made, precision: precisionOf[asked] };
}

/** Infinities have no int8 scale. */
function isFinite(graph: Graph, inputs: ReadonlyMap<string, Tensor>): boolean {
  const outputs = graph.nodes.flatMap((n) => n.outputs);
  return [...interpret({ ...graph, outputs }, inputs).values()].every((t) => !isFloat(t.dtype) || floatsOf(t).every(Number.isFinite));
}

/** Steps that do not fit, or that the operator refuses, leave nothing behind but a constant or two. */
function attempt(m: Maker, step: Step): boolean {
  try {
    step(m);
    return true;
  } catch (error) {
    if (error instanceof Skip || error instanceof SystoleError) return false;
    throw error;
  }
}

function drawn(u: number, steps: readonly (readonly [number, Step])[]): Step {
  let rest = u * steps.reduce((n, [weight]) => n + weight, 0);
  for (const [weight, step] of steps) {
    rest -= weight;
    if (rest < 0) return step;
  }
  throw new Error('no step');
}

/** Images most of all; other ranks, scalars and tensors without elements too. */
function firstInput(m: Maker, flavour: Flavour): Made {
  const side = (): number => (m.chance(0.15) ? 1 : m.int(2, 13));
  const ranks: Readonly<Record<number, () => number[]>> = {
    0: () => [],
    1: () => [m.int(1, 300)],
    2: () => [m.int(1, 20), m.int(1, 40)],
    3: () => [m.int(1, 3), m.int(1, 9), m.int(1, 40)],
    4: () => [m.int(1, 2), m.int(1, 12), side(), side()],
    5: () => [m.int(1, 2), m.int(1, 5), m.int(1, 5), m.int(1, 6), m.int(1, 6)],
  };
  const rank = m.pick([0, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5]);
  let shape = ranks[rank]?.() ?? [];
  while (elementCount(shape) > mostElements) shape = shape.map((d) => Math.ceil(d / 2));
  if (m.chance(0.03) && shape.length > 0) shape = shape.with(m.int(0, shape.length - 1), 0);
  const types: readonly DType[] = flavour === 'integer' ? ['int32', 'int16', 'int8', 'uint8', 'bool'] : [m.float];
  const x = m.input(shape, m.pick(types as [DType, ...DType[]]));
  if (m.chance(0.3)) m.input(shape, m.pick(types as [DType, ...DType[]]));
  return x;
}
