/**
 * What bodies were written out as goes through the passes that the rest of the graph went through before its sizes were bound: composites put
 * together, normalizations folded, quantization absorbed. Each stretch between two ends of repeated regions is a graph of its own there, so
 * nothing moves in or out of a region.
 */
import type { Diagnostic } from '../../core/index.ts';
import { isRepeatBegin, isRepeatEnd, repeatDomain } from '../../graph/index.ts';
import type { Graph, Node, Value, ValueId } from '../../graph/ir.ts';
import { preparePasses } from '../passes/index.ts';
import { runPasses } from '../passes/pass.ts';
import type { WriterState } from './writer.ts';

export interface WrittenBodies {
  readonly nodes: readonly Node[];
  /** What stands for each value that is read behind them. */
  readonly results: readonly (ValueId | null)[];
  readonly retired: Graph['retired'];
  readonly told: readonly Diagnostic[];
}

export function prepareWritten(w: WriterState, written: readonly Node[], results: readonly (ValueId | null)[]): WrittenBodies {
  const nodes: Node[] = [];
  const retired: Record<string, Graph['retired'][string]> = {};
  const told: Diagnostic[] = [];
  /** Values whose place another took. */
  const replaced = new Map<ValueId, ValueId>();
  const now = (id: ValueId): ValueId => replaced.get(id) ?? id;
  const reading = (node: Node): Node =>
    node.inputs.some((id) => id !== null && replaced.has(id))
      ? { ...node, inputs: node.inputs.map((id) => (id === null ? null : now(id))) }
      : node;
  const asked = new Set(results);
  const last = lastReaders(written);
  let stretch: Node[] = [];
  const close = (end: number): void => {
    if (stretch.length > 0) {
      const inside = stretch.map(reading);
      const isRead = (id: ValueId): boolean => asked.has(id) || (last.get(id) ?? -1) >= end;
      const done = prepared(w, inside, isRead);
      nodes.push(...done.nodes);
      for (const [from, to] of done.replaced) replaced.set(from, to);
      Object.assign(retired, done.retired);
      told.push(...done.told);
    }
    stretch = [];
  };
  written.forEach((node, at) => {
    if (!isRepeatBegin(node) && !isRepeatEnd(node)) return void stretch.push(node);
    close(at);
    nodes.push(reading(node));
  });
  close(written.length);
  return { nodes, results: results.map((id) => (id === null ? null : now(id))), retired, told };
}

/** Of every value the last node that reads it, by index. */
function lastReaders(nodes: readonly Node[]): ReadonlyMap<ValueId, number> {
  const last = new Map<ValueId, number>();
  nodes.forEach((node, at) => {
    for (const id of node.inputs) if (id !== null) last.set(id, at);
  });
  return last;
}

interface Prepared extends Pick<WrittenBodies, 'nodes' | 'retired' | 'told'> {
  readonly replaced: ReadonlyMap<ValueId, ValueId>;
}

function prepared(w: WriterState, stretch: readonly Node[], isRead: (id: ValueId) => boolean): Prepared {
  const before = graphOf(w, stretch, isRead);
  const told: Diagnostic[] = [];
  const after = runPasses(before.graph, preparePasses, { report: (d) => told.push(d) });
  if (after === before.graph) return { nodes: stretch, retired: {}, told, replaced: new Map() };

  const outer = new Map<ValueId, ValueId>();
  after.inputs.forEach((id, i) => outer.set(id, before.inputs[i] as ValueId));
  const known = new Map(before.graph.values.map((v) => [v.name, v]));
  const idOf = (id: ValueId): ValueId => {
    const found = outer.get(id);
    if (found !== undefined) return found;
    const value = after.values[id] as Value;
    const was = known.get(value.name);
    const own = was === undefined ? null : (before.ids[was.id] as ValueId);
    const isSame =
      was !== undefined && was.type === value.type && was.constant === value.constant && was.quantization === value.quantization;
    // A constant may be read elsewhere as it was.
    const made = own === null || (was?.constant !== null && !isSame) ? w.adopt(value) : own;
    if (made === own && !isSame) w.values[made] = { ...value, id: made, name: w.value(made).name };
    outer.set(id, made);
    return made;
  };
  const replaced = new Map<ValueId, ValueId>();
  after.outputs.forEach((id, k) => {
    const [was, is] = [before.outputs[k] as ValueId, idOf(id)];
    if (was !== is) replaced.set(was, is);
  });
  const nodes = after.nodes.flatMap((node): Node[] => {
    if (before.shields.has(node.name)) {
      outer.set(node.outputs[0] as ValueId, idOf(node.inputs[0] as ValueId));
      return [];
    }
    return [{ ...node, inputs: node.inputs.map((id) => (id === null ? null : idOf(id))), outputs: node.outputs.map(idOf) }];
  });
  return { nodes, retired: after.retired, told, replaced };
}

interface Stretch {
  readonly graph: Graph;
  /** What values of the graph are outside, by id. */
  readonly ids: readonly ValueId[];
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** Names of nodes that stand in front of inputs. */
  readonly shields: ReadonlySet<string>;
}

function graphOf(w: WriterState, stretch: readonly Node[], isRead: (id: ValueId) => boolean): Stretch {
  const made = new Set(stretch.flatMap((n) => n.outputs));
  const ids = [...new Set(stretch.flatMap((n) => [...n.inputs.filter((id) => id !== null), ...n.outputs]))];
  const at = new Map(ids.map((id, i) => [id, i]));
  const values: Value[] = ids.map((id, i) => ({ ...w.value(id), id: i }));
  const inputs = ids.filter((id) => !made.has(id) && w.value(id).constant === null);
  const outputs = ids.filter((id) => made.has(id) && isRead(id));
  // What integers from outside stand for is not for this graph to say: whoever made them holds them so.
  const shields: Node[] = [];
  const given = new Map<ValueId, ValueId>();
  for (const id of inputs) {
    const value = w.value(id);
    const own = at.get(id) as ValueId;
    if (!/^u?int(4|8|16|32)$/.test(value.type.dtype) || value.quantization !== null) continue;
    const outside: Value = { ...value, id: values.length, name: `${value.name}:given` };
    values.push(outside);
    given.set(id, outside.id);
    shields.push({
      op: 'Copy',
      domain: repeatDomain,
      name: `${value.name}:given`,
      inputs: [outside.id],
      outputs: [own],
      attributes: {},
      origin: [],
    });
  }
  const graph: Graph = {
    name: 'body',
    opset: w.opset,
    inputs: inputs.map((id) => given.get(id) ?? (at.get(id) as ValueId)),
    outputs: outputs.map((id) => at.get(id) as ValueId),
    values,
    nodes: [
      ...shields,
      ...stretch.map((n) => ({
        ...n,
        inputs: n.inputs.map((id) => (id === null ? null : (at.get(id) as ValueId))),
        outputs: n.outputs.map((id) => at.get(id) as ValueId),
      })),
    ],
    retired: {},
  };
  return { graph, ids, inputs, outputs, shields: new Set(shields.map((n) => n.name)) };
}
