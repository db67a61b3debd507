/** Sizes to judge fates at where a model leaves dimensions open: guesses by name, tried until every stage takes them. */
import { SystoleError } from '../core/index.ts';
import { bindPartly, openDims, type Graph, type UnknownDim } from '../graph/index.ts';

/** A dimension without a size. */
export interface OpenSize {
  readonly symbol: string;
  /** What fates were judged at. */
  readonly assumed: number;
  /** Where only a run decides it: the operator and node, and what it hangs on. Null for a dimension of an input. */
  readonly why: string | null;
  /** The input whose contents would settle it too; null where that is not one input alone. */
  readonly input: string | null;
}

type Guess = (symbol: string) => number;

/** What exporters call batch, image and sequence; lengths that are sums (past + sequence) are sums. */
function byName(length: number, side: number): Guess {
  return (symbol) => {
    if (/batch|^[nb]$/i.test(symbol) && !/len|seq/i.test(symbol)) return 1;
    if (/height|width|image|^[hw]$/i.test(symbol)) return side;
    return /total|past.*(plus|and|\+)/i.test(symbol) ? 2 * length : length;
  };
}

/**
 * Most likely first. Few positions come last but one (toy models know 8), frames of sound last; then the same size for all, which is
 * what dimensions that must agree under different names need.
 */
const guesses: readonly Guess[] = [byName(16, 224), byName(8, 64), byName(512, 512), byName(1, 32), () => 16, () => 1, () => 64, () => 224];

/**
 * Sizes for what is open, each list a try: sizes of the inputs first, then what still stays open with those. Empty lists where nothing
 * is open. Guesses by name come first, then sizes of inputs and constants where a guess contradicts something; the last tries also fix dimensions
 * that would take their upper bound: one element is what most bodies expect.
 */
export function* sizesToTry(graph: Graph, dims: Readonly<Record<string, number>>): Generator<readonly OpenSize[]> {
  const binder = startBinder(graph);
  const seen = new Set<string>();
  for (const bounded of [false, true]) {
    const by =
      (guess: Guess): Choice =>
      (symbol, unknown) =>
        (unknown?.upper ?? null) === null ? guess(symbol) : 1;
    const choices = [...guesses.map(by), bounded ? null : fitting(binder, dims)];
    for (const choice of choices) {
      if (binder.isSpent()) return;
      const sizes = choice === null ? null : settle(binder, dims, bounded, choice);
      const key = JSON.stringify(sizes);
      if (sizes === null || seen.has(key)) continue;
      seen.add(key);
      yield sizes;
    }
  }
}

type Choice = (symbol: string, unknown: UnknownDim | null, settled: Readonly<Record<string, number>>) => number;

/** Sizes that inputs and constants have, at most so many: each costs an inference. */
const mostCandidates = 24;

/** The first size that contradicts nothing: by name, 1, or one that an input or a constant of the model has along some axis. */
function fitting(binder: Binder, dims: Readonly<Record<string, number>>): Choice {
  const { graph } = binder;
  const [byNames] = guesses;
  const inputs = new Set(graph.inputs);
  const extents = graph.values.flatMap(({ id, constant, type }) => (constant !== null || inputs.has(id) ? type.shape.map(Number) : []));
  const found = [...new Set(extents)].filter((n) => n > 1).slice(0, mostCandidates);
  return (symbol, _, settled) => {
    const candidates = [byNames?.(symbol) ?? 16, 1, ...found];
    return candidates.find((size) => binder.bind({ ...settled, [symbol]: size, ...dims }) !== null) ?? 1;
  };
}

/** Rounds of asking: each settles what the round before brought to light. */
const rounds = 6;

function settle(binder: Binder, dims: Readonly<Record<string, number>>, bounded: boolean, choose: Choice): readonly OpenSize[] | null {
  const found = new Map<string, OpenSize>();
  const sizes = (): Record<string, number> => Object.fromEntries([...found.values()].map((s) => [s.symbol, s.assumed]));
  for (let round = 0; round < rounds; round++) {
    const bound = binder.bind({ ...sizes(), ...dims });
    if (bound === null) return null;
    const open = openDims(bound).filter(
      (o) => o.symbol !== null && !found.has(o.symbol) && (bounded || (o.unknown?.upper ?? null) === null),
    );
    const ofInputs = open.filter((o) => o.unknown === null);
    const asked = ofInputs.length > 0 ? ofInputs : open;
    if (asked.length === 0) return [...found.values()];
    for (const { symbol, unknown } of asked) {
      if (symbol === null) continue;
      const why = unknown === null ? null : `${unknown.op} "${unknown.node}": ${unknown.why}`;
      found.set(symbol, { symbol, assumed: choose(symbol, unknown, sizes()), why, input: unknown?.input ?? null });
    }
  }
  return [...found.values()];
}

interface Binder {
  readonly graph: Graph;
  /** Null where the sizes do not fit each other, or no more may be tried. */
  bind(dims: Readonly<Record<string, number>>): Graph | null;
  isSpent(): boolean;
}

/** Nodes that may be inferred in all tries together, and how often a larger graph may be inferred as a whole. */
const mostInferred = 60_000;
const fewestTries = 12;

/** Each try infers the whole graph: what no likely size fits is judged without sizes before that takes long. */
function startBinder(graph: Graph): Binder {
  let left = Math.max(fewestTries, Math.floor(mostInferred / Math.max(1, graph.nodes.length)));
  return {
    graph,
    isSpent: () => left <= 0,
    bind(dims) {
      if (left-- <= 0) return null;
      try {
        return bindPartly(graph, dims);
      } catch (error) {
        if (error instanceof SystoleError) return null;
        throw error;
      }
    },
  };
}
