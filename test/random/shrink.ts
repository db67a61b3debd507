/** Makes a failing case small: fewer outputs, fewer nodes, values given as inputs in place of computed, fewer settings of the machine. */
import type { Tensor } from '../../src/core/index.ts';
import { buildGraph, compactGraph, indexGraph, interpret, type Graph, type ValueId } from '../../src/graph/index.ts';
import type { MachineChoice } from './machines.ts';

export interface Shrinkable {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly machine: MachineChoice;
  /** null: the best mapping. */
  readonly mappingSeed: number | null;
}

/** Changes are tried until none keeps the failure, or for so many tries. */
const mostTries = 400;

export async function shrink(start: Shrinkable, fails: (candidate: Shrinkable) => Promise<boolean>): Promise<Shrinkable> {
  let best = start;
  let tries = 0;
  for (let better = true; better;) {
    better = false;
    for (const candidate of candidates(best)) {
      if (tries++ >= mostTries) return best;
      if (!(await fails(candidate))) continue;
      best = candidate;
      better = true;
      break;
    }
  }
  return best;
}

function* candidates(c: Shrinkable): Generator<Shrinkable> {
  const { graph } = c;
  if (c.mappingSeed !== null) yield { ...c, mappingSeed: null };
  if (graph.outputs.length > 1) for (const id of graph.outputs) yield { ...c, ...trimmed(c, [id]) };
  const { producerOf } = indexGraph(graph);
  for (const node of graph.nodes.toReversed()) {
    const made = node.inputs.filter((id): id is ValueId => id !== null && (producerOf[id] ?? -1) >= 0);
    if (made.length > 0) for (const id of made) yield { ...c, ...trimmed(c, [id]) };
  }
  const values = everyValue(c);
  for (const node of graph.nodes) {
    for (const id of node.outputs) {
      const tensor = values.get(id);
      if (tensor !== undefined && !graph.outputs.includes(id)) yield { ...c, ...given(c, id, tensor) };
    }
  }
  for (const node of graph.nodes) {
    const [from] = node.outputs;
    const type = JSON.stringify(graph.values[from ?? -1]?.type);
    const same = node.inputs.find((id) => id !== null && JSON.stringify(graph.values[id]?.type) === type) ?? null;
    if (from !== undefined && same !== null && graph.nodes.length > 1) yield { ...c, ...bypassed(c, from, same) };
  }
  for (const [i] of c.machine.settings.entries()) yield { ...c, machine: { ...c.machine, settings: c.machine.settings.toSpliced(i, 1) } };
}

type Changed = Pick<Shrinkable, 'graph' | 'inputs'>;

/** Without nodes that no output needs. */
function trimmed({ graph, inputs }: Changed, outputs: readonly ValueId[]): Changed {
  const needed = new Set(outputs);
  const nodes = graph.nodes.toReversed().filter((n) => {
    if (!n.outputs.some((id) => needed.has(id))) return false;
    for (const id of n.inputs) if (id !== null) needed.add(id);
    return true;
  });
  const kept = graph.inputs.filter((id) => needed.has(id));
  const names = new Set(kept.map((id) => graph.values[id]?.name));
  const whole = compactGraph({ ...graph, outputs, inputs: kept, nodes: nodes.toReversed() });
  return { graph: whole, inputs: new Map([...inputs].filter(([name]) => names.has(name))) };
}

/** The value is an input, with the numbers it had. */
function given({ graph, inputs }: Changed, id: ValueId, tensor: Tensor): Changed {
  const name = graph.values[id]?.name ?? '';
  const b = buildGraph(graph);
  const fresh = b.addValue({ name: `${name}_given`, type: { dtype: tensor.dtype, shape: tensor.shape } });
  b.addInput(fresh);
  b.replaceUses(id, fresh);
  const next = b.finish();
  return trimmed({ graph: next, inputs: new Map([...inputs, [`${name}_given`, tensor]]) }, next.outputs);
}

function bypassed(c: Changed, from: ValueId, to: ValueId): Changed {
  const b = buildGraph(c.graph);
  b.replaceUses(from, to);
  const graph = b.finish();
  return trimmed({ graph, inputs: c.inputs }, graph.outputs);
}

function everyValue({ graph, inputs }: Changed): ReadonlyMap<ValueId, Tensor> {
  const made = graph.nodes.flatMap((n) => n.outputs);
  try {
    const named = interpret({ ...graph, outputs: made }, inputs);
    return new Map(
      made.flatMap((id) => {
        const tensor = named.get(graph.values[id]?.name ?? '');
        return tensor === undefined ? [] : [[id, tensor] as const];
      }),
    );
  } catch {
    return new Map();
  }
}
