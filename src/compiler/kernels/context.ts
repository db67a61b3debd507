/** What selectors know of the group of nodes at hand. */
import type { Graph, Node, Value, ValueId } from '../../graph/index.ts';
import type { VectorPlan, View } from './spec.ts';
import type { Through } from './read-through.ts';
import { lowerElementwise } from './vector-plan.ts';
import type { ViewMap } from './views.ts';

/** A bound of the machine or the compiler that a node exceeds, in the user's words and numbers. */
export interface Limit {
  readonly what: string;
  readonly actual: string;
  readonly allowed: string;
}

/** What a selector returns when the node is not for its engine: why, in the user's words. */
export interface NotHere {
  readonly reason: string;
  readonly limit?: Limit;
  /** What to change, where it is more than the operator's usual advice. */
  readonly fix?: string;
}

/** An operand whose elements no engine computes on. */
export function wrongType({ name, type }: Value): NotHere {
  const limit = { what: `element type of ${name}`, actual: type.dtype, allowed: 'a float, or integers with a scale' };
  return { reason: `operand ${name} is ${type.dtype} without quantization`, limit };
}

/** Windows over more axes than an engine walks. */
export function wrongRank(what: string, rank: number): NotHere {
  return { reason: `a ${rank}-D ${what}`, limit: { what: 'spatial axes', actual: String(rank), allowed: '1 or 2' } };
}

export interface SelectContext {
  readonly graph: Graph;
  readonly views: ViewMap;
  /** Epilogue nodes behind the anchor; empty when the node stands alone. */
  readonly epilogue: readonly Node[];
  /** ONNX nodes of the whole group. */
  readonly group: readonly Node[];
  readonly origin: readonly string[];
  readonly name: string;
  /** Right operands of products that lie as they were before a Transpose. */
  readonly turned: ReadonlyMap<ValueId, Through>;
  /** Floats of 8 bits that products take as they are. */
  readonly stored: ReadonlyMap<ValueId, Through>;
}

/** The output of the whole group. */
export function groupOutput(cx: SelectContext): View {
  const last = cx.group[cx.group.length - 1] as Node;
  return cx.views.view(last.outputs[0] as number);
}

/** Vector program of `nodes` behind an anchor value, or null when there are none. */
export function epiloguePlan(cx: SelectContext, nodes: readonly Node[], anchor: ValueId): VectorPlan | null {
  return nodes.length === 0 ? null : lowerElementwise(cx.graph, nodes, anchor, (id) => cx.views.view(id));
}
