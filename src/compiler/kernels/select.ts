/**
 * Graph -> kernels: every node that is not a view becomes, alone or as the anchor of a fused group, one kernel
 * with its class, engine and bound sizes. What no engine can do becomes a host kernel with the reason.
 */
import type { DType } from '../../core/index.ts';
import { isRepeatBegin, isRepeatEnd, isView, opDef, repeatRanges, type Graph, type Node, type ValueId } from '../../graph/index.ts';
import type { Cache } from './cache-layout.ts';
import type { NotHere, SelectContext } from './context.ts';
import { selectContraction } from './contraction.ts';
import type { Refusal } from './engine-types.ts';
import type { PlacedValue } from './in-place.ts';
import { joinHostKernels, selectHost } from './host.ts';
import { attentionInBlocks } from './attention.ts';
import { isLookup, selectLookup } from './lookup.ts';
import { isMove, selectMove } from './move.ts';
import { selectNorm } from './norm.ts';
import { isReduction, selectReduce } from './reduce.ts';
import { kernelRegion, placeInRegions, type KernelRegion } from './regions.ts';
import { selectSoftmax } from './softmax.ts';
import { selectPool } from './window.ts';
import type { KernelSpec } from './spec.ts';
import { storedOperands } from './stored-operands.ts';
import { turnedOperands } from './turned.ts';
import { isElementwise } from './elementwise-forms.ts';
import { lowerElementwise } from './vector-plan.ts';
import { resolveViews, type ViewMap } from './views.ts';

export interface Selection {
  readonly kernels: readonly KernelSpec[];
  readonly views: ViewMap;
  readonly viewNodes: readonly Node[];
  /** Values that lie in others. */
  readonly placed: ReadonlyMap<ValueId, PlacedValue>;
  /** Tensors of the state, which model inputs and outputs share. */
  readonly caches: readonly Cache[];
  /** Repeated regions. Their kernels follow one another, and name them. */
  readonly regions: readonly KernelRegion[];
}

/**
 * @param declined  why lowering left nodes whole, by node name
 * @param refuse    why this machine's engines cannot run a kernel of theirs; null where they can
 */
export function selectKernels(graph: Graph, declined: ReadonlyMap<string, NotHere> = new Map(), refuse: Refusal = () => null): Selection {
  const { views, nodes, viewNodes } = resolveViews(graph);
  const all = turnedOperands(graph, nodes);
  const turned = new Map(all);
  const stored = new Map(storedOperands(graph, nodes));
  for (;;) {
    const { kernels, nothing, sides } = selectAll(graph, views, nodes, declined, refuse, { turned, stored });
    // A product that no array runs needs its operand as the file has it.
    const needed = kernels
      .filter((k) => k.kind !== 'contraction')
      .flatMap((k) =>
        k.nodes.flatMap((n) => n.inputs.filter((id) => id !== null && [turned.delete(id), stored.delete(id)].includes(true))),
      );
    if (needed.length > 0) continue;
    const shown = [...viewNodes, ...nothing];
    const joined = joinHostKernels(graph, views, kernels, shown, sides);
    const regions = repeatRanges(graph.nodes).map((range) => kernelRegion(graph, views, range));
    return placeInRegions(graph, { kernels: joined, views, viewNodes: shown, placed: new Map(), caches: [], regions });
  }
}

/** Nodes that products read through. */
type Through = Pick<SelectContext, 'turned' | 'stored'>;

interface Selected {
  readonly kernels: readonly KernelSpec[];
  /** Nodes that make no elements, or none that anybody makes something of. */
  readonly nothing: readonly Node[];
  /** Of each kernel, how many ends of repeated regions come before it. */
  readonly sides: readonly number[];
}

function selectAll(
  graph: Graph,
  views: ViewMap,
  nodes: readonly Node[],
  declined: ReadonlyMap<string, NotHere>,
  refuse: Refusal,
  through: Through,
): Selected {
  const kernels: KernelSpec[] = [];
  const nothing: Node[] = [];
  /** How many ends of regions came before: odd inside of one. */
  let ends = 0;
  const sides: number[] = [];
  const add = (kernel: KernelSpec): void => {
    kernels.push(ends % 2 === 0 ? kernel : { ...kernel, region: (ends - 1) / 2 });
    sides.push(ends);
  };
  const select = (body: readonly Node[]): KernelSpec | NotHere => {
    const kernel = selectOne(context(graph, views, body, through));
    return isKernel(kernel) ? (refuse(kernel) ?? kernel) : kernel;
  };
  const isRead = readers(graph);
  const weighted = new Map<KernelSpec, Node>();
  for (const node of nodes) {
    if (isRepeatBegin(node) || isRepeatEnd(node)) {
      ends++;
      continue;
    }
    const [first = -1] = node.outputs;
    if (through.turned.has(first) || through.stored.has(first)) continue;
    if (makesNothing(graph, node) || !isRead(node)) {
      nothing.push(node);
      continue;
    }
    if (isSoftmaxMatMul(node)) {
      const product = select([{ ...node, op: 'MatMul', domain: '' }]);
      if (isKernel(product)) {
        add(product);
        weighted.set(kernels[kernels.length - 1] as KernelSpec, node);
        continue;
      }
    }
    const body = node.body ?? [node];
    const kernel = select(body);
    if (isKernel(kernel)) add(kernel);
    else {
      // The group cannot run as one: each of its nodes by itself, in order.
      for (const part of body) {
        const single = select([part]);
        add(isKernel(single) ? single : selectHost(context(graph, views, [part], through), part, declined.get(part.name) ?? single));
      }
    }
  }
  return { ...withBlocks(graph, views, { kernels, sides }, weighted, through), nothing };
}

function isSoftmaxMatMul(node: Node): boolean {
  return node.op === 'SoftmaxMatMul' && node.domain === 'systole';
}

/** Products that stand for a SoftmaxMatMul as what they are: joined with what makes their scores, or on the host. */
function withBlocks(
  graph: Graph,
  views: ViewMap,
  { kernels, sides }: Pick<Selected, 'kernels' | 'sides'>,
  weighted: ReadonlyMap<KernelSpec, Node>,
  through: Through,
): Pick<Selected, 'kernels' | 'sides'> {
  if (weighted.size === 0) return { kernels, sides };
  const made = new Map<KernelSpec, KernelSpec | null>();
  for (const [product, node] of weighted) {
    const found = product.kind === 'contraction' ? attentionInBlocks(graph, { kernels, views, placed: new Map() }, product, node) : null;
    for (const part of found?.parts ?? []) made.set(part, null);
    const reason = { reason: 'its scores are read by others, or made otherwise than by a product' };
    made.set(product, found?.kernel ?? selectHost(context(graph, views, [node], through), node, reason));
  }
  const kept = kernels.flatMap((k, i) => {
    const now = made.has(k) ? (made.get(k) ?? null) : k;
    return now === null ? [] : [{ now, side: sides[i] ?? 0 }];
  });
  return { kernels: kept.map((k) => k.now), sides: kept.map((k) => k.side) };
}

/** Results without elements: there is nothing to compute. */
function makesNothing(graph: Graph, node: Node): boolean {
  return node.outputs.every((id) => {
    const type = graph.values[id]?.type;
    return type !== undefined && type.container === undefined && type.shape.includes(0);
  });
}

/** Whether anybody needs a node's results who makes something of them. */
function readers(graph: Graph): (node: Node) => boolean {
  const needed = new Set(graph.outputs);
  const isRead = (node: Node): boolean => node.outputs.some((id) => needed.has(id));
  for (const node of graph.nodes.toReversed()) {
    if (makesNothing(graph, node) || !isRead(node)) continue;
    for (const id of node.inputs) if (id !== null) needed.add(id);
  }
  return isRead;
}

function isKernel(k: KernelSpec | NotHere): k is KernelSpec {
  return 'kind' in k;
}

function context(graph: Graph, views: ViewMap, body: readonly Node[], through: Through): SelectContext {
  const anchor = body[0] as Node;
  const origin = [...new Set(body.flatMap((n) => n.origin))];
  return { graph, views, epilogue: body.slice(1), group: body, origin, name: nameOf(anchor, origin), ...through };
}

/** The ONNX node's name; of a node that lowering wrote its own, which tells it from the others of that ONNX node. */
function nameOf(anchor: Node, origin: readonly string[]): string {
  const [first] = anchor.origin;
  return first !== undefined && anchor.name.startsWith(`${first}:`) ? anchor.name : (origin[0] ?? anchor.name);
}

function selectOne(cx: SelectContext): KernelSpec | NotHere {
  const { graph, group: body } = cx;
  const anchor = body[0] as Node;
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
  if (isLookup(anchor)) return selectLookup(cx, anchor);
  if (isReduction(anchor)) return selectReduce(cx, anchor);
  const own = anchor.domain === '' && Object.hasOwn(selectors, anchor.op) ? selectors[anchor.op] : undefined;
  return own === undefined ? noEngine(graph, anchor) : own.select(cx, anchor);
}

interface Selector {
  readonly engine: 'matrix' | 'vector';
  select(cx: SelectContext, node: Node): KernelSpec | NotHere;
}

const contraction: Selector = { engine: 'matrix', select: selectContraction };
const pool: Selector = { engine: 'vector', select: selectPool };
const softmax: Selector = { engine: 'vector', select: selectSoftmax };
const norm: Selector = { engine: 'vector', select: selectNorm };

/** Operators with a selector of their own; elementwise ones, moves and reductions are known by their form. */
const selectors: Readonly<Record<string, Selector>> = {
  Conv: contraction,
  Gemm: contraction,
  MatMul: contraction,
  ConvInteger: contraction,
  MatMulInteger: contraction,
  MaxPool: pool,
  AveragePool: pool,
  GlobalMaxPool: pool,
  Softmax: softmax,
  LogSoftmax: softmax,
  LayerNormalization: norm,
  RMSNormalization: norm,
  InstanceNormalization: norm,
  GroupNormalization: norm,
};

/** The engine that runs an operator of ai.onnx where its operands allow it; null for the host. */
export function engineOf(node: Node, isElementwiseSomehow: boolean): 'matrix' | 'vector' | 'movement' | 'view' | null {
  if (isView(node)) return 'view';
  if (isElementwiseSomehow) return 'vector';
  if (isMove(node) || isLookup(node)) return 'movement';
  if (isReduction(node)) return 'vector';
  return node.domain === '' && Object.hasOwn(selectors, node.op) ? (selectors[node.op]?.engine ?? null) : null;
}

/** Elements that no engine computes on, and what to use in their place. */
const wide: ReadonlySet<DType> = new Set<DType>(['int64', 'uint64', 'uint32', 'float64', 'string', 'complex64', 'complex128']);

/** Operators with a form on an engine are here for their element types; of the others there is no more to say. */
function noEngine(graph: Graph, node: Node): NotHere {
  const known = opDef(node.domain, node.op);
  const reason = `no engine of the machine runs ${node.op}`;
  if (known === undefined || known.kernelClass === 'host') return { reason };
  const ids = [...node.inputs.filter((id) => id !== null), ...node.outputs];
  const found = ids.map((id) => graph.values[id]).find((v) => v !== undefined && v.constant === null && wide.has(v.type.dtype));
  if (found === undefined) return { reason };
  const { dtype } = found.type;
  return {
    reason: `${node.op} of ${dtype} elements ("${found.name}")`,
    limit: { what: 'element type', actual: dtype, allowed: 'floats, int32 and shorter integers' },
    fix: `export "${found.name}" as ${dtype === 'float64' ? 'float32' : 'int32'}, or do this part before or after the model`,
  };
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
