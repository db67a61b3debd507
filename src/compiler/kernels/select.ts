/**
 * Graph -> kernels: every node that is not a view becomes, alone or as the anchor of a fused group, one kernel
 * with its class, engine and bound sizes. What no engine can do becomes a host kernel with the reason.
 */
import type { Graph, Node } from '../../graph/index.ts';
import type { NotHere, SelectContext } from './context.ts';
import { selectContraction } from './contraction.ts';
import { joinHostKernels, selectHost } from './host.ts';
import { isMove, selectMove } from './move.ts';
import { selectNorm } from './norm.ts';
import { isReduction, selectReduce } from './reduce.ts';
import { selectPool, selectSoftmax } from './window.ts';
import type { KernelSpec } from './spec.ts';
import { isElementwise, lowerElementwise } from './vector-plan.ts';
import { resolveViews, type ViewMap } from './views.ts';

export interface Selection {
  readonly kernels: readonly KernelSpec[];
  readonly views: ViewMap;
  readonly viewNodes: readonly Node[];
}

/** @param declined  why lowering left nodes whole, by node name */
export function selectKernels(graph: Graph, declined: ReadonlyMap<string, NotHere> = new Map()): Selection {
  const { views, nodes, viewNodes } = resolveViews(graph);
  const kernels: KernelSpec[] = [];
  for (const node of nodes) {
    const body = node.body ?? [node];
    const kernel = selectOne(graph, views, body);
    if (isKernel(kernel)) kernels.push(kernel);
    else {
      // The group cannot run as one: each of its nodes by itself, in order.
      for (const part of body) {
        const single = selectOne(graph, views, [part]);
        kernels.push(isKernel(single) ? single : selectHost(context(graph, views, [part]), part, declined.get(part.name) ?? single));
      }
    }
  }
  return { kernels: joinHostKernels(graph, views, kernels, viewNodes), views, viewNodes };
}

function isKernel(k: KernelSpec | NotHere): k is KernelSpec {
  return 'kind' in k;
}

function context(graph: Graph, views: ViewMap, body: readonly Node[]): SelectContext {
  const anchor = body[0] as Node;
  const origin = [...new Set(body.flatMap((n) => n.origin))];
  return { graph, views, epilogue: body.slice(1), group: body, origin, name: nameOf(anchor, origin) };
}

/** The ONNX node's name; of a node that lowering wrote its own, which tells it from the others of that ONNX node. */
function nameOf(anchor: Node, origin: readonly string[]): string {
  const [first] = anchor.origin;
  return first !== undefined && anchor.name.startsWith(`${first}:`) ? anchor.name : (origin[0] ?? anchor.name);
}

function selectOne(graph: Graph, views: ViewMap, body: readonly Node[]): KernelSpec | NotHere {
  const anchor = body[0] as Node;
  const cx = context(graph, views, body);
  const isEmpty = (id: number | null | undefined): boolean => typeof id === 'number' && (graph.values[id]?.type.shape.includes(0) ?? false);
  // Empty operands behind the first are optional ones left out (the region of a Resize).
  if (
    body.some(
      (n) =>
        isEmpty(n.inputs[0]) ||
        n.outputs.some(isEmpty) ||
        n.inputs.some((id) => isEmpty(id) && graph.values[id as number]?.constant === null),
    )
  ) {
    return { reason: 'an operand has no elements' };
  }
  if (body.slice(1).some((n) => !isElementwise(graph, n))) return { reason: 'the group has an operator the vector engine lacks' };
  if (isElementwise(graph, anchor)) return selectElementwise(cx);
  if (isMove(anchor)) return selectMove(cx, anchor);
  if (isReduction(anchor)) return selectReduce(cx, anchor);
  switch (anchor.domain === '' ? anchor.op : '') {
    case 'Conv':
    case 'Gemm':
    case 'MatMul':
    case 'ConvInteger':
    case 'MatMulInteger':
      return selectContraction(cx, anchor);
    case 'MaxPool':
    case 'AveragePool':
    case 'GlobalMaxPool':
      return selectPool(cx, anchor);
    case 'Softmax':
      return selectSoftmax(cx, anchor);
    case 'LayerNormalization':
    case 'RMSNormalization':
    case 'InstanceNormalization':
    case 'GroupNormalization':
      return selectNorm(cx, anchor);
    default:
      return { reason: `no engine of the machine runs ${anchor.op}` };
  }
}

function selectElementwise(cx: SelectContext): KernelSpec {
  const last = cx.group[cx.group.length - 1] as Node;
  const out = cx.views.view(last.outputs[0] as number);
  const plan = lowerElementwise(cx.graph, cx.group, null, (id) => cx.views.view(id));
  return {
    kind: 'elementwise',
    name: cx.name,
    origin: cx.origin,
    class: 'elementwise',
    engine: 'vector',
    dtype: out.dtype,
    macs: 0,
    out,
    nodes: cx.group,
    shape: out.shape,
    plan,
  };
}
