/** Recoveries: composites that exporters split are put together again, each by one pattern, each with a line in the report. */
import { compilerMessages } from '../../../core/index.ts';
import type { Constant, Graph, Node, TensorType, Value, ValueId } from '../../../graph/ir.ts';
import type { Pass } from '../pass.ts';
import { output, patternOf, type Pattern } from './match.ts';

/** What one pattern found: these nodes are that node. */
export interface Found {
  /** Every node of the pattern; the anchor is the last. Values between them must have no reader outside. */
  readonly nodes: readonly Node[];
  readonly op: string;
  readonly version: number;
  readonly inputs: readonly (ValueId | null)[];
  /** Outputs of the pattern that stay, in the composite's order; the anchor's first. */
  readonly outputs?: readonly ValueId[];
  readonly attributes?: Node['attributes'];
  /** Nodes to put before the composite (a transposition of an operand, say). */
  readonly before?: readonly Node[];
  /** A few words for the report: "erf form", "causal, 2 of 8 heads for keys and values". */
  readonly detail: string;
}

/** Makes values that the composite needs and the pattern lacks. */
export interface Maker {
  value(name: string, type: TensorType): ValueId;
  constant(name: string, type: TensorType, constant: Constant): ValueId;
}

export interface Recovery {
  /** Name of the pass. */
  readonly name: string;
  readonly summary: string;
  /** Operators of the last node of the pattern. */
  readonly anchors: readonly string[];
  find(anchor: Node, pattern: Pattern, make: Maker): Found | null;
}

/** Nodes are visited last to first, so that the longest form of a pattern is met first. Linear in the size of the graph. */
export function recoveryPass(recovery: Recovery): Pass {
  return {
    name: recovery.name,
    summary: recovery.summary,
    run(graph, cx) {
      if (!graph.nodes.some((node) => node.domain === '' && recovery.anchors.includes(node.op))) return graph;
      const values: Value[] = [...graph.values];
      const pattern = patternOf(graph, values);
      const gone = new Set<Node>();
      const composites = new Map<Node, readonly Node[]>();
      const told = new Map<string, string[]>();
      const names = new Set(values.map((v) => v.name));
      const add = (name: string, type: TensorType, constant: Constant | null): ValueId => {
        let unique = name;
        for (let i = 1; names.has(unique); i++) unique = `${name}_${i}`;
        names.add(unique);
        values.push({ id: values.length, name: unique, type, layout: 'row-major', quantization: null, constant });
        return values.length - 1;
      };
      const make: Maker = { value: (name, type) => add(name, type, null), constant: add };
      for (let i = graph.nodes.length - 1; i >= 0; i--) {
        const anchor = graph.nodes[i];
        if (anchor === undefined || anchor.domain !== '' || !recovery.anchors.includes(anchor.op) || gone.has(anchor)) continue;
        const found = recovery.find(anchor, pattern, make);
        if (found === null || found.nodes.some((n) => gone.has(n)) || !isClosed(found, anchor, pattern)) continue;
        for (const node of found.nodes) gone.add(node);
        const origin = inOrder(graph, found.nodes);
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
        composites.set(anchor, [...(found.before ?? []).map((n) => ({ ...n, origin })), node]);
        const line = `${found.op}${found.detail === '' ? '' : ` (${found.detail})`}`;
        const list = told.get(line);
        if (list === undefined) told.set(line, [anchor.name]);
        else list.push(anchor.name);
      }
      if (composites.size === 0) return graph;
      for (const [what, at] of told) {
        cx.report(compilerMessages.recovered({ what, count: at.length, nodes: at.toReversed() }, { origin: at.toReversed() }));
      }
      return { ...graph, values, nodes: graph.nodes.flatMap((n) => composites.get(n) ?? (gone.has(n) ? [] : [n])) };
    },
  };
}

/** Nobody else reads what lies inside. */
function isClosed(found: Found, anchor: Node, pattern: Pattern): boolean {
  const inside = new Set(found.nodes);
  const kept = new Set([...(found.outputs ?? []), ...anchor.outputs]);
  return found.nodes.every((node) =>
    node.outputs.every((id) => kept.has(id) || (!pattern.isOutput(id) && pattern.users(id).every((user) => inside.has(user)))),
  );
}

function inOrder(graph: Graph, nodes: readonly Node[]): readonly string[] {
  const inside = new Set(nodes);
  return [...new Set(graph.nodes.filter((n) => inside.has(n)).flatMap((n) => n.origin))];
}
