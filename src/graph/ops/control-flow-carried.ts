/** Types of the values an iteration hands to the next: those that hold for every iteration, and those after the last. */
import { addDim, equalDim, maxDim, mulDim, subDim, symbolDim, symbolsOf, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { mergeTypes, sameShape, sameType, unranked } from './control-flow-types.ts';
import { misfit, type InferContext } from './op-def.ts';

interface Trips {
  readonly exact: Dim | null;
  readonly most: Dim | null;
}

interface Carried {
  /** After the last iteration. */
  readonly carried: readonly TensorType[];
  /** What the body makes in each iteration besides: a type that holds for all of them. */
  readonly each: readonly TensorType[];
}

/** Loops of up to this many iterations whose values change shape are followed one by one. */
const followed = 16;

/**
 * @param run  types of the body's outputs (carried values, then those of each iteration) for types of carried values
 */
export function inferCarried(
  context: InferContext,
  initial: readonly TensorType[],
  run: (carried: readonly TensorType[]) => readonly TensorType[],
  trips: Trips,
): Carried {
  const count = initial.length;
  const first = run(initial);
  initial.forEach((type, j) => {
    const made = first[j];
    if (made === undefined) misfit(context, `its body has no output for carried value ${j}`);
    if (made.dtype !== type.dtype) misfit(context, `carried value ${j} is ${type.dtype}, the body makes it ${made.dtype}`);
  });
  if (trips.exact === 0) return { carried: initial, each: first.slice(count) };
  const steady = initial.every((type, j) => sameShape(type, first[j] ?? type));
  // An optional that is given first may be a sequence from then on.
  if (steady && (trips.exact !== null || initial.every((type, j) => sameType(type, first[j] ?? type)))) {
    return { carried: first.slice(0, count), each: first.slice(count) };
  }
  if (typeof trips.exact === 'number' && trips.exact <= followed) return follow(context, first, count, run, trips.exact);
  return widen(context, initial, run, trips);
}

/** Iteration by iteration. */
function follow(
  context: InferContext,
  first: readonly TensorType[],
  count: number,
  run: (carried: readonly TensorType[]) => readonly TensorType[],
  trips: number,
): Carried {
  const rounds = [first];
  for (let i = 1; i < trips; i++) rounds.push(run((rounds.at(-1) ?? first).slice(0, count)));
  const last = rounds.at(-1) ?? first;
  const each = first.slice(count).map((_, k) =>
    mergeTypes(
      context,
      rounds.map((r) => r[count + k] ?? { dtype: 'float32', shape: [], unranked: true }),
      'the iteration',
    ),
  );
  return { carried: last.slice(0, count), each };
}

/** Sizes that an iteration changes become symbols of their own until nothing else changes; then it is seen how they grow. */
function widen(
  context: InferContext,
  initial: readonly TensorType[],
  run: (carried: readonly TensorType[]) => readonly TensorType[],
  trips: Trips,
): Carried {
  let current: TensorType[] = [...initial];
  let made = run(current);
  const open = new Map<string, { readonly value: number; readonly axis: number }>();
  for (let changed = true; changed;) {
    changed = false;
    const next = current.map((type, j): TensorType => {
      const out = made[j] ?? type;
      if (type.unranked === true) return type;
      if (out.unranked === true || out.shape.length !== type.shape.length) {
        changed = true;
        return unranked(type);
      }
      const shape = type.shape.map((d, axis): Dim => {
        const symbol = symbolName(context, j, axis);
        if (open.has(symbol) || equalDim(d, out.shape[axis] ?? 0)) return d;
        open.set(symbol, { value: j, axis });
        changed = true;
        return symbolDim(symbol);
      });
      return { ...type, shape };
    });
    if (!changed) break;
    current = next;
    made = run(current);
  }
  const local = (d: Dim): boolean => symbolsOf(d).some((s) => open.has(s));
  const carried = current.map((type, j): TensorType => {
    const out = made[j] ?? type;
    if (type.unranked === true || out.unranked === true) return unranked(out);
    const shape = type.shape.map((d, axis): Dim => {
      const start = initial[j]?.shape[axis] ?? 0;
      return open.has(symbolName(context, j, axis)) ? grown(context, start, d, out.shape[axis] ?? 0, trips, local) : start;
    });
    return { ...out, shape };
  });
  const each = made.slice(initial.length).map((type): TensorType => ({
    ...type,
    shape: type.shape.map((d) => (local(d) ? context.unknownDim(null, 'the iteration') : d)),
  }));
  return { carried, each };
}

function symbolName(context: InferContext, value: number, axis: number): string {
  return `${context.node.name}/carried ${value}, axis ${axis}`;
}

/** A size after the last iteration, of which each makes `after` from `before`. */
function grown(context: InferContext, start: Dim, before: Dim, after: Dim, trips: Trips, local: (d: Dim) => boolean): Dim {
  const why = 'how often the loop runs';
  const step = subDim(after, before);
  if (!local(step)) {
    if (trips.exact !== null) return addDim(start, mulDim(trips.exact, step));
    const bounded = trips.most !== null && (typeof step !== 'number' || step >= 0);
    return context.unknownDim(
      bounded ? addDim(start, mulDim(trips.most ?? 0, step)) : typeof step === 'number' && step < 0 ? start : null,
      why,
    );
  }
  if (local(after)) return context.unknownDim(null, why);
  if (typeof trips.exact === 'number' && trips.exact > 0) return after;
  return context.unknownDim(maxDim(start, after), why);
}
