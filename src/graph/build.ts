/** Making and changing graphs: an index of who uses what, and a builder for passes and import. */
import type { Constant, Graph, Node, Quantization, TensorType, Value, ValueId } from './ir.ts';

export interface GraphIndex {
  /** By value id: the position in `graph.nodes` of its producer, -1 for inputs and constants. */
  readonly producerOf: readonly number[];
  /** By value id: positions of the nodes that read it, ascending, each once. A Fused node reads what its inputs list. */
  readonly usersOf: readonly (readonly number[])[];
}

export function indexGraph(graph: Graph): GraphIndex {
  const producerOf = new Array<number>(graph.values.length).fill(-1);
  const usersOf: number[][] = graph.values.map(() => []);
  for (const [position, node] of graph.nodes.entries()) {
    for (const id of node.outputs) producerOf[id] = position;
    for (const id of new Set(node.inputs)) if (id !== null) usersOf[id]?.push(position);
  }
  return { producerOf, usersOf };
}

/** What `addValue` needs; the name is made unique by a suffix where it is taken. */
export interface NewValue {
  readonly name: string;
  readonly type: TensorType;
  readonly quantization?: Quantization | null;
  readonly constant?: Constant | null;
}

/** Edits a graph that others keep: nothing is shared back until `finish`. */
export interface GraphBuilder {
  /** Current state of a value. */
  value(id: ValueId): Value;
  /** Nodes as they stand, in their current order. */
  nodes(): readonly Node[];
  /** The node that computes a value now; undefined for inputs and constants. */
  producer(id: ValueId): Node | undefined;
  /** Nodes that read a value now, in order. */
  users(id: ValueId): readonly Node[];
  addValue(value: NewValue): ValueId;
  setValue(id: ValueId, changes: Partial<Pick<Value, 'name' | 'type' | 'layout' | 'quantization' | 'constant'>>): void;
  /** Appends; `finish` moves nodes behind the producers of their inputs, so order is no concern. Returns the node. */
  addNode(node: Node): Node;
  /** Puts nodes where `old` was; none removes it. `old` must be a node of this builder, by identity. */
  replaceNode(old: Node, ...replacements: readonly Node[]): void;
  removeNode(node: Node): void;
  /** Every reader of `from`, graph outputs too, reads `to` from now on. A graph output keeps its name: see `finish`. */
  replaceUses(from: ValueId, to: ValueId): void;
  addInput(id: ValueId): void;
  setOutputs(ids: readonly ValueId[]): void;
  setName(name: string): void;
  /** Notes what became of ONNX nodes that are no longer nodes. */
  retire(names: readonly string[], fate: 'folded' | 'view' | 'dead'): void;
  /**
   * The graph: nodes in topological order (unchanged where they already were), values that nothing mentions dropped and ids
   * renumbered: inputs, constants, then outputs of nodes in order. Returns the original graph if nothing was changed.
   */
  finish(): Graph;
}

export function emptyGraph(name: string, opset: number): Graph {
  return { name, opset, inputs: [], outputs: [], values: [], nodes: [], retired: {} };
}

export function buildGraph(from: Graph): GraphBuilder {
  const values: Value[] = [...from.values];
  const names = new Set(values.map((v) => v.name));
  const nodes: (Node | null)[] = [...from.nodes];
  let inputs = from.inputs;
  let outputs = from.outputs;
  let graphName = from.name;
  let retired = from.retired;
  let changed = false;
  const positions = new Map<Node, number>(from.nodes.map((n, i) => [n, i]));
  /** Readers and producers by value; bodies of Fused nodes are not looked into. */
  const readers = new Map<ValueId, Set<Node>>();
  const producers = new Map<ValueId, Node>();
  const link = (node: Node): void => {
    for (const id of node.outputs) producers.set(id, node);
    for (const id of node.inputs) {
      if (id === null) continue;
      const set = readers.get(id);
      if (set === undefined) readers.set(id, new Set([node]));
      else set.add(node);
    }
  };
  const unlink = (node: Node): void => {
    for (const id of node.outputs) if (producers.get(id) === node) producers.delete(id);
    for (const id of node.inputs) if (id !== null) readers.get(id)?.delete(node);
  };
  for (const node of from.nodes) link(node);

  const at = (node: Node): number => {
    const position = positions.get(node);
    if (position === undefined) throw new Error(`${node.op} "${node.name}" is not a node of this builder`);
    return position;
  };
  const valueAt = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  /** Several nodes may take the place of one: they share its position and are laid out by `current`. */
  const groups = new Map<number, Node[]>();
  const current = (): Node[] => {
    const list: Node[] = [];
    for (const [i, node] of nodes.entries()) {
      const group = groups.get(i);
      if (group !== undefined) list.push(...group);
      else if (node !== null) list.push(node);
    }
    return list;
  };
  const replace = (old: Node, replacements: readonly Node[]): void => {
    const position = at(old);
    const group = groups.get(position) ?? [old];
    const next = group.flatMap((n) => (n === old ? replacements : [n]));
    unlink(old);
    positions.delete(old);
    groups.set(position, next);
    nodes[position] = null;
    for (const node of replacements) {
      positions.set(node, position);
      link(node);
    }
    changed = true;
  };
  return {
    value: valueAt,
    nodes: current,
    producer: (id) => producers.get(id),
    users: (id) => [...(readers.get(id) ?? [])].sort((a, b) => at(a) - at(b)),
    addValue(value) {
      let name = value.name;
      for (let i = 1; names.has(name); i++) name = `${value.name}_${i}`;
      names.add(name);
      const id = values.length;
      values.push({
        id,
        name,
        type: value.type,
        layout: 'row-major',
        quantization: value.quantization ?? null,
        constant: value.constant ?? null,
      });
      changed = true;
      return id;
    },
    setValue(id, changes) {
      const old = valueAt(id);
      if (changes.name !== undefined && changes.name !== old.name) {
        if (names.has(changes.name)) throw new Error(`the value name "${changes.name}" is taken`);
        names.delete(old.name);
        names.add(changes.name);
      }
      values[id] = { ...old, ...changes };
      changed = true;
    },
    addNode(node) {
      positions.set(node, nodes.length);
      nodes.push(node);
      link(node);
      changed = true;
      return node;
    },
    replaceNode: (old, ...replacements) => replace(old, replacements),
    removeNode: (node) => replace(node, []),
    replaceUses(from, to) {
      if (from === to) return;
      // A copy: `replace` changes the set.
      const reading = Array.from(readers.get(from) ?? []);
      for (const node of reading) replace(node, [renameInputs(node, from, to)]);
      if (outputs.includes(from)) outputs = outputs.map((id) => (id === from ? to : id));
      changed = true;
    },
    addInput(id) {
      inputs = [...inputs, id];
      changed = true;
    },
    setOutputs(ids) {
      outputs = ids;
      changed = true;
    },
    setName(name) {
      graphName = name;
      changed = true;
    },
    retire(list, fate) {
      if (list.length === 0) return;
      retired = { ...retired, ...Object.fromEntries(list.map((name) => [name, fate])) };
      changed = true;
    },
    finish() {
      if (!changed) return from;
      return compactGraph({
        name: graphName,
        opset: from.opset,
        inputs,
        outputs,
        values,
        nodes: sortNodes(current(), values.length),
        retired,
        ...(from.unknowns === undefined ? {} : { unknowns: from.unknowns }),
      });
    },
  };
}

function renameInputs(node: Node, from: ValueId, to: ValueId): Node {
  const renamed = { ...node, inputs: node.inputs.map((id) => (id === from ? to : id)) };
  return node.body === undefined ? renamed : { ...renamed, body: node.body.map((n) => renameInputs(n, from, to)) };
}

/** Each node behind the producers of its inputs; order is kept wherever it may be. Iterative: chains are thousands long. */
export function sortNodes(nodes: readonly Node[], valueCount: number): readonly Node[] {
  const producer = new Array<number>(valueCount).fill(-1);
  for (const [i, node] of nodes.entries()) for (const id of node.outputs) producer[id] = i;
  const state = new Uint8Array(nodes.length);
  const sorted: Node[] = [];
  for (let start = 0; start < nodes.length; start++) {
    const stack = [start];
    while (stack.length > 0) {
      const i = stack.at(-1) ?? 0;
      const node = nodes[i];
      if (node === undefined || state[i] === 2) {
        stack.pop();
        continue;
      }
      const waiting = node.inputs.flatMap((id) => {
        const p = id === null ? -1 : (producer[id] ?? -1);
        return p >= 0 && state[p] !== 2 ? [p] : [];
      });
      if (waiting.length === 0) {
        state[i] = 2;
        sorted.push(node);
        stack.pop();
      } else {
        if (state[i] === 1) throw new Error(`${node.op} "${node.name}" depends on itself`);
        state[i] = 1;
        stack.push(...waiting.reverse());
      }
    }
  }
  return sorted;
}

/** Drops values that nothing mentions and renumbers: inputs, constants, outputs of nodes in order. */
export function compactGraph(graph: Graph): Graph {
  const used = new Set<ValueId>([...graph.inputs, ...graph.outputs]);
  const computed: ValueId[] = [];
  const visit = (node: Node): void => {
    for (const id of node.inputs) if (id !== null) used.add(id);
    for (const n of node.body ?? []) visit(n);
    for (const id of node.outputs) {
      used.add(id);
      computed.push(id);
    }
  };
  for (const node of graph.nodes) visit(node);
  const order = new Set<ValueId>(graph.inputs);
  const produced = new Set(computed);
  for (const value of graph.values) if (used.has(value.id) && !produced.has(value.id)) order.add(value.id);
  for (const id of computed) order.add(id);
  const kept = [...order];
  if (kept.length === graph.values.length && kept.every((id, i) => id === i)) return graph;
  const renumbered = new Map(kept.map((id, i) => [id, i]));
  const map = (id: ValueId): ValueId => renumbered.get(id) ?? 0;
  const mapNode = (node: Node): Node => ({
    ...node,
    inputs: node.inputs.map((id) => (id === null ? null : map(id))),
    outputs: node.outputs.map(map),
    ...(node.body === undefined ? {} : { body: node.body.map(mapNode) }),
  });
  return {
    ...graph,
    inputs: graph.inputs.map(map),
    outputs: graph.outputs.map(map),
    values: kept.flatMap((id, i) => {
      const value = graph.values[id];
      return value === undefined ? [] : [{ ...value, id: i }];
    }),
    nodes: graph.nodes.map(mapNode),
  };
}
