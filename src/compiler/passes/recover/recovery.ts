/** Recoveries: composites that exporters split are put together again, each by one pattern, each with a line in the report. */
import { compilerMessages } from '../../../core/index.ts';
import type { Constant, Graph, Node, TensorType, Value, ValueId } from '../../../graph/ir.ts';
import { joinOrigins } from '../edit.ts';
import type { Pass } from '../pass.ts';
import { output, patternOf, sameShape, type Pattern } from './match.ts';

/** What one pattern found: these nodes are that node. */
export interface Found {
  /** Every node of the pattern; the anchor is the last. Values between them must have no reader outside. */
  readonly nodes: readonly Node[];
  /** Nodes in front of the pattern (casts, transpositions) that go with it where nobody else reads them; the nearest first. */
  readonly also?: readonly Node[];
  readonly op: string;
  readonly version: number;
  readonly inputs: readonly (ValueId | null)[];
  /** Outputs of the pattern that stay, in the composite's order; the anchor's alone when left out. */
  readonly outputs?: readonly ValueId[];
  readonly attributes?: Node['attributes'];
  /** Nodes to put before the composite (a transposition of an operand, say). */
  readonly before?: readonly Node[];
  /** Nodes to put behind it: then `outputs` are new values, and these make the anchor's from them. */
  readonly after?: readonly Node[];
  /** Values inside that `after` makes as well. */
  readonly keeps?: readonly ValueId[];
  /** The node whose place the composite takes, where that is not the anchor's: what it reads is there before. */
  readonly at?: Node;
  /** Where the dimensions of values inside are still to be had, for those who read nothing but their shape: by axis, a value and its axis. */
  readonly shapes?: ReadonlyMap<ValueId, readonly (readonly [ValueId, number])[]>;
  /** A few words for the report: "erf form", "causal, 2 of 8 heads for keys and values". */
  readonly detail: string;
}

/** Makes values that the composite needs and the pattern lacks. */
export interface Maker {
  value(name: string, type: TensorType): ValueId;
  constant(name: string, type: TensorType, constant: Constant): ValueId;
  /** The value that `make` answers the first time `key` is asked for. */
  shared(key: string, make: () => ValueId): ValueId;
  /** Puts nodes right behind the one that makes `of`, or in front of all where it is an input or a constant. */
  behind(of: ValueId, nodes: readonly Node[]): void;
}

export interface Recovery {
  /** Name of the pass. */
  readonly name: string;
  readonly summary: string;
  /** Operators of the last node of the pattern. */
  readonly anchors: readonly string[];
  /** What the pattern is, in the order of preference: the first that nobody outside looks into is taken. */
  find(anchor: Node, pattern: Pattern, make: Maker): Found | readonly Found[] | null;
}

/** Nodes are visited last to first, so that the longest form of a pattern is met first. Linear in the size of the graph. */
export function recoveryPass(recovery: Recovery): Pass {
  return {
    name: recovery.name,
    summary: recovery.summary,
    run(graph, cx) {
      if (!graph.nodes.some((node) => isAnchor(recovery, node))) return graph;
      const rebuilt = createRebuilt(graph);
      const pattern = patternOf(graph, rebuilt.values);
      const told = new Map<string, string[]>();
      for (let i = graph.nodes.length - 1; i >= 0; i--) {
        const anchor = graph.nodes[i];
        if (anchor === undefined || !isAnchor(recovery, anchor) || rebuilt.isGone(anchor)) continue;
        const answer = recovery.find(anchor, pattern, rebuilt.make);
        for (const found of answer === null ? [] : 'nodes' in answer ? [answer] : answer) {
          if (found.nodes.some((n) => rebuilt.isGone(n))) continue;
          const closed = closureOf(found, anchor, pattern, rebuilt.make);
          if (closed === null) continue;
          rebuilt.replace(anchor, found, closed);
          const line = `${found.op}${found.detail === '' ? '' : ` (${found.detail})`}`;
          const list = told.get(line);
          if (list === undefined) told.set(line, [anchor.name]);
          else list.push(anchor.name);
          break;
        }
      }
      if (told.size === 0) return graph;
      for (const [what, at] of told) {
        cx.report(compilerMessages.recovered({ what, count: at.length, nodes: at.toReversed() }, { origin: at.toReversed() }));
      }
      return rebuilt.finish();
    },
  };
}

function isAnchor(recovery: Recovery, node: Node): boolean {
  return node.domain === '' && recovery.anchors.includes(node.op);
}

interface Rebuilt {
  readonly values: readonly Value[];
  readonly make: Maker;
  isGone(node: Node): boolean;
  replace(anchor: Node, found: Found, closed: Closure): void;
  finish(): Graph;
}

/** The graph being written anew: which nodes go, and what stands in place of, in front of and behind those that stay. */
function createRebuilt(graph: Graph): Rebuilt {
  const values: Value[] = [...graph.values];
  const names = new Set(values.map((v) => v.name));
  const gone = new Set<Node>();
  const inPlace = new Map<Node, readonly Node[]>();
  const behind = new Map<ValueId, Node[]>();
  const first: Node[] = [];
  const shared = new Map<string, ValueId>();
  const produced = new Set(graph.nodes.flatMap((n) => n.outputs));
  const add = (name: string, type: TensorType, constant: Constant | null): ValueId => {
    let unique = name;
    for (let i = 1; names.has(unique); i++) unique = `${name}_${i}`;
    names.add(unique);
    values.push({ id: values.length, name: unique, type, layout: 'row-major', quantization: null, constant });
    return values.length - 1;
  };
  const make: Maker = {
    value: (name, type) => add(name, type, null),
    constant: add,
    shared(key, build) {
      const known = shared.get(key);
      if (known !== undefined) return known;
      const made = build();
      shared.set(key, made);
      return made;
    },
    behind(of, nodes) {
      if (!produced.has(of)) first.push(...nodes);
      else behind.set(of, [...(behind.get(of) ?? []), ...nodes]);
    },
  };
  return {
    values,
    make,
    isGone: (node) => gone.has(node),
    replace(anchor, found, { inside, rewritten }) {
      for (const node of inside) gone.add(node);
      for (const [node, nodes] of rewritten) inPlace.set(node, nodes);
      const origin = joinOrigins(...inside);
      const node: Node = {
        op: found.op,
        domain: '',
        name: anchor.name,
        inputs: found.inputs,
        outputs: found.outputs ?? [output(anchor)],
        attributes: found.attributes ?? {},
        version: found.version,
        origin,
      };
      const around = (nodes: readonly Node[] | undefined): readonly Node[] => (nodes ?? []).map((n) => ({ ...n, origin }));
      inPlace.set(found.at ?? anchor, [...around(found.before), node, ...around(found.after)]);
    },
    finish() {
      const nodes = graph.nodes.flatMap((n) => {
        const here = inPlace.get(n) ?? (gone.has(n) ? [] : [n]);
        return [...here, ...n.outputs.flatMap((id) => behind.get(id) ?? [])];
      });
      return { ...graph, values, nodes: [...first, ...nodes] };
    },
  };
}

interface Closure {
  /** In the order of the graph. */
  readonly inside: readonly Node[];
  /** Nodes that asked for the shape of a value inside, and what answers them now. */
  readonly rewritten: ReadonlyMap<Node, readonly Node[]>;
}

/** The nodes that go; null where somebody outside reads what lies inside. */
function closureOf(found: Found, anchor: Node, pattern: Pattern, make: Maker): Closure | null {
  const inside = new Set(found.nodes);
  const kept = new Set([...(found.after === undefined ? (found.outputs ?? []) : []), ...(found.keeps ?? []), ...anchor.outputs]);
  const rewritten = new Map<Node, readonly Node[]>();
  const at = pattern.position(found.at ?? anchor);
  if (found.at !== undefined && !isReady(found, pattern, at)) return null;
  for (const node of found.nodes) {
    for (const id of node.outputs) {
      const outside = pattern.users(id).filter((user) => !inside.has(user));
      if (kept.has(id)) {
        // The composite stands where the anchor stood: what it makes is not there before.
        if (outside.some((user) => pattern.position(user) < at)) return null;
        continue;
      }
      if (pattern.isOutput(id)) return null;
      for (const user of outside) {
        const answer = askShape(user, id, found, pattern, make);
        if (answer === null) return null;
        rewritten.set(user, answer);
      }
    }
  }
  for (const node of found.also ?? []) {
    const closed = node.outputs.every((id) => !pattern.isOutput(id) && pattern.users(id).every((user) => inside.has(user)));
    if (closed) inside.add(node);
  }
  return { inside: [...inside].sort((a, b) => pattern.position(a) - pattern.position(b)), rewritten };
}

/** All that the composite reads from outside is made before this place. */
function isReady(found: Found, pattern: Pattern, at: number): boolean {
  const made = new Set((found.before ?? []).flatMap((n) => n.outputs));
  const read = [...found.inputs, ...(found.before ?? []).flatMap((n) => n.inputs)].filter((id) => id !== null && !made.has(id));
  return read.every((id) => {
    const producer = pattern.producer(id);
    return producer === null || pattern.position(producer) < at;
  });
}

/** A Shape of a value that goes, of values that stay instead. */
function askShape(user: Node, id: ValueId, found: Found, pattern: Pattern, make: Maker): readonly Node[] | null {
  if (user.op !== 'Shape' || user.domain !== '') return null;
  const shape = pattern.shape(id);
  const before = (x: ValueId): boolean => {
    const producer = pattern.producer(x);
    const made = found.nodes.includes(producer ?? user) || pattern.value(x).constant !== null;
    return !made && (producer === null || pattern.position(producer) < pattern.position(user));
  };
  const made = new Set((found.before ?? []).flatMap((n) => n.outputs));
  const alike = found.inputs.find((x) => x !== null && !made.has(x) && sameShape(pattern.shape(x), shape) && before(x));
  if (alike !== undefined && pattern.value(id).type.unranked !== true) return [{ ...user, inputs: [alike] }];
  const axes = found.shapes?.get(id);
  if (axes === undefined || user.attributes['start'] !== undefined || user.attributes['end'] !== undefined) return null;
  if (!axes.every(([x]) => before(x))) return null;
  return gatherShape(user, axes, pattern, make);
}

/** Dimensions of several values as one shape. */
function gatherShape(user: Node, axes: readonly (readonly [ValueId, number])[], pattern: Pattern, make: Maker): readonly Node[] {
  const int64 = (n: number): TensorType => ({ dtype: 'int64', shape: [n] });
  const number = (name: string, n: number): ValueId =>
    make.constant(`${user.name}/${name}`, int64(1), { kind: 'splat', element: new Uint8Array(BigInt64Array.of(BigInt(n)).buffer) });
  const base = { domain: '', origin: user.origin, version: 13 } as const;
  const nodes: Node[] = [];
  const parts = axes.map(([x, axis], i) => {
    const all = make.value(`${user.name}/shape${i}`, int64(pattern.shape(x).length));
    const one = make.value(`${user.name}/axis${i}`, int64(1));
    nodes.push({ ...base, op: 'Shape', name: `${user.name}/shape${i}`, inputs: [x], outputs: [all], attributes: {} });
    const slice = [all, number(`from${i}`, axis), number(`to${i}`, axis + 1)];
    nodes.push({ ...base, op: 'Slice', name: `${user.name}/axis${i}`, inputs: slice, outputs: [one], attributes: {} });
    return one;
  });
  return [...nodes, { ...user, ...base, op: 'Concat', inputs: parts, attributes: { axis: { kind: 'int', value: 0 } } }];
}
