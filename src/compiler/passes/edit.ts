/**
 * The tool passes edit with: one forward walk over the nodes, writing a new list. What was already written may still be
 * changed, so that a node can be merged into its producer. Use counts stay exact all along. Linear in the size of the graph.
 */
import { invariant } from '../../core/index.ts';
import type { Constant, Graph, Node, TensorType, Value, ValueId } from '../../graph/ir.ts';

type Fate = Graph['retired'][string];

export interface Edit {
  /** The value as it stands now. */
  value(id: ValueId): Value;
  /** Known contents, or null. */
  constant(id: ValueId | null | undefined): Constant | null;
  /** How many node inputs and graph outputs read the value, those of the node being visited not counted. */
  uses(id: ValueId): number;
  isOutput(id: ValueId): boolean;
  /** The node, already written, that makes the value; null for inputs, constants and nodes not reached yet. */
  producer(id: ValueId | null | undefined): Node | null;
  /** Place of a written node: the later, the larger. */
  position(node: Node): number;
  /** A new value; its name is made unique by a suffix. */
  add(name: string, type: TensorType, constant?: Constant | null): ValueId;
  /** Changes a value in place. */
  update(id: ValueId, change: Partial<Value>): void;
  /** Appends a node. */
  emit(node: Node): void;
  /** Puts `node` where `old`, which makes one of its values or a value it merges, stood. */
  replaceNode(old: Node, node: Node): void;
  /** Takes a written node out again. */
  removeNode(old: Node): void;
  /** Everybody who reads `from`, now or later, reads `to`. Where `from` is a graph output, `to` takes over its name. */
  redirect(from: ValueId, to: ValueId): void;
  /** Says what became of ONNX nodes that are no longer part of any node. */
  retire(origin: readonly string[], fate: Fate): void;
}

/**
 * Walks the nodes in order. `visit` answers true when it dealt with the node (emitted a replacement, merged or dropped it);
 * otherwise the node is kept. The same graph comes back when nothing was dealt with.
 */
export function rewrite(graph: Graph, visit: (node: Node, edit: Edit) => boolean): Graph {
  const state = new EditState(graph);
  let changed = false;
  for (const original of graph.nodes) {
    const node = state.current(original);
    state.release(original);
    if (visit(node, state)) changed = true;
    else state.emit(node);
  }
  return changed ? state.finish() : graph;
}

class EditState implements Edit {
  private readonly graph: Graph;
  private readonly values: Value[];
  private readonly useCounts: number[];
  private readonly written: (Node | null)[] = [];
  private readonly producers: number[];
  private readonly redirected = new Map<ValueId, ValueId>();
  private readonly outputs: ValueId[];
  private readonly outputSet: Set<ValueId>;
  private readonly retired: Record<string, Fate>;
  private names: Set<string> | null = null;

  constructor(graph: Graph) {
    this.graph = graph;
    this.values = graph.values.slice();
    this.useCounts = graph.values.map(() => 0);
    this.producers = graph.values.map(() => -1);
    this.outputs = graph.outputs.slice();
    this.outputSet = new Set(graph.outputs);
    this.retired = { ...graph.retired };
    for (const node of graph.nodes) this.count(node, 1);
    for (const id of graph.outputs) this.bump(id, 1);
  }

  value(id: ValueId): Value {
    const value = this.values[id];
    invariant(value !== undefined, `no value ${id}`);
    return value;
  }

  constant(id: ValueId | null | undefined): Constant | null {
    return id === null || id === undefined ? null : this.value(id).constant;
  }

  uses(id: ValueId): number {
    return this.useCounts[id] ?? 0;
  }

  isOutput(id: ValueId): boolean {
    return this.outputSet.has(id);
  }

  producer(id: ValueId | null | undefined): Node | null {
    return id === null || id === undefined ? null : (this.written[this.producers[id] ?? -1] ?? null);
  }

  position(node: Node): number {
    return this.place(node);
  }

  add(name: string, type: TensorType, constant: Constant | null = null): ValueId {
    this.names ??= new Set(this.values.map((v) => v.name));
    let unique = name;
    for (let i = 2; this.names.has(unique); i++) unique = `${name}_${i}`;
    this.names.add(unique);
    const id = this.values.length;
    this.values.push({ id, name: unique, type, layout: 'row-major', quantization: null, constant });
    this.useCounts.push(0);
    this.producers.push(-1);
    return id;
  }

  update(id: ValueId, change: Partial<Value>): void {
    this.values[id] = { ...this.value(id), ...change, id };
  }

  emit(node: Node): void {
    const at = this.written.length;
    this.written.push(node);
    this.count(node, 1);
    for (const output of node.outputs) this.producers[output] = at;
  }

  replaceNode(old: Node, node: Node): void {
    const at = this.place(old);
    this.count(old, -1);
    for (const output of old.outputs) this.producers[output] = -1;
    this.written[at] = node;
    this.count(node, 1);
    for (const output of node.outputs) this.producers[output] = at;
  }

  removeNode(old: Node): void {
    const at = this.place(old);
    this.count(old, -1);
    for (const output of old.outputs) this.producers[output] = -1;
    this.written[at] = null;
  }

  redirect(from: ValueId, to: ValueId): void {
    const target = this.resolve(to);
    this.redirected.set(from, target);
    this.bump(target, this.uses(from));
    this.useCounts[from] = 0;
    if (!this.outputSet.has(from)) return;
    const outputName = this.value(from).name;
    this.update(from, { name: this.value(target).name });
    this.update(target, { name: outputName });
    for (let i = 0; i < this.outputs.length; i++) if (this.outputs[i] === from) this.outputs[i] = target;
    this.outputSet.delete(from);
    this.outputSet.add(target);
  }

  retire(origin: readonly string[], fate: Fate): void {
    for (const name of origin) this.retired[name] = fate;
  }

  /** The node reading what its inputs were redirected to. */
  current(node: Node): Node {
    if (this.redirected.size === 0 || !node.inputs.some((id) => id !== null && this.redirected.has(id))) return node;
    return { ...node, inputs: node.inputs.map((id) => (id === null ? null : this.resolve(id))) };
  }

  /** The node leaves the old list: its reads no longer count. */
  release(original: Node): void {
    this.count(original, -1);
  }

  finish(): Graph {
    const nodes = this.written.filter((node) => node !== null);
    return { ...this.graph, values: this.values, nodes, outputs: this.outputs, retired: this.retired };
  }

  private resolve(id: ValueId): ValueId {
    let at = id;
    for (let next = this.redirected.get(at); next !== undefined; next = this.redirected.get(at)) at = next;
    return at;
  }

  private place(node: Node): number {
    // A node is known by its first output: no two nodes make the same value.
    const at = this.producers[node.outputs[0] ?? -1] ?? -1;
    invariant(this.written[at] === node, `${node.name} is not a written node`);
    return at;
  }

  private bump(id: ValueId, by: number): void {
    const at = this.resolve(id);
    this.useCounts[at] = (this.useCounts[at] ?? 0) + by;
  }

  private count(node: Node, by: number): void {
    for (const id of node.inputs) if (id !== null) this.bump(id, by);
  }
}

/** Origins of several nodes together, each once, in order. */
export function joinOrigins(...nodes: readonly Node[]): string[] {
  return [...new Set(nodes.flatMap((node) => node.origin))];
}
