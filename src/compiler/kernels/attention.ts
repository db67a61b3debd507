/**
 * Products, softmax and products behind one another as one kernel, so that scores never leave the chip:
 *
 *     %s = MatMul(%q, %k)   [%m = Add(%s, %mask)]   %w = Softmax(%m)   %y = MatMul(%w, %v)
 *
 * Each part computes what it would alone, rounded and quantized as it would be, so the result is the same bit for bit.
 */
import { elementCount, rowMajorStrides } from '../../core/index.ts';
import { attributeInt, tableOf, type Graph, type Node, type ValueId } from '../../graph/index.ts';
import { collapse } from './contraction.ts';
import type { Selection } from './select.ts';
import { blockSoftmax } from './softmax-blocks.ts';
import {
  kernelReads,
  type AttentionKernel,
  type ContractionKernel,
  type ElementwiseKernel,
  type KernelSpec,
  type SoftmaxKernel,
} from './spec.ts';

/** @param pays  whether the machine is better off with one kernel than with these, and has the room for it */
export function joinAttention(
  graph: Graph,
  selection: Selection,
  pays: (joined: AttentionKernel, apart: readonly KernelSpec[]) => boolean,
): Selection {
  const facts = factsOf(graph, selection);
  const made = new Map<KernelSpec, AttentionKernel>();
  const gone = new Set<KernelSpec>();
  for (const k of selection.kernels) {
    if (k.kind !== 'contraction') continue;
    const found = attentionOf(facts, k);
    if (found === null || !pays(found.kernel, found.parts)) continue;
    made.set(k, found.kernel);
    for (const part of found.parts) if (part !== k) gone.add(part);
  }
  if (made.size === 0) return selection;
  const kernels = selection.kernels.flatMap((k): readonly KernelSpec[] => (gone.has(k) ? [] : [made.get(k) ?? k]));
  return { ...selection, kernels };
}

interface Facts {
  /** The kernel that makes a value. */
  readonly makers: ReadonlyMap<ValueId, KernelSpec>;
  /** How many kernels read a value. */
  readonly readers: ReadonlyMap<ValueId, number>;
  /** Values with a home whatever becomes of their readers. */
  readonly kept: ReadonlySet<ValueId>;
}

function factsOf(graph: Graph, { kernels, views, placed }: Pick<Selection, 'kernels' | 'views' | 'placed'>): Facts {
  const makers = new Map<ValueId, KernelSpec>();
  const readers = new Map<ValueId, number>();
  for (const k of kernels) {
    if (k.kind !== 'host') makers.set(k.out.root, k);
    for (const root of new Set(kernelReads(k).map((v) => v.root))) readers.set(root, (readers.get(root) ?? 0) + 1);
  }
  return { makers, readers, kept: new Set([...graph.outputs.map((id) => views.rootOf(id)), ...placed.keys()]) };
}

interface Found {
  readonly kernel: AttentionKernel;
  readonly parts: readonly KernelSpec[];
}

function attentionOf(facts: Facts, values: ContractionKernel): Found | null {
  const softmax = onlyMaker(facts, values, values.x.root);
  if (softmax?.kind !== 'softmax' || !isRows(softmax) || !takesRows(values, softmax.out.shape)) return null;
  const { geometry } = values;
  if (softmax.length !== geometry.cg || softmax.outer !== geometry.groups * geometry.ow) return null;
  return joined(facts, values, softmax, [softmax]);
}

/** The kernel of a SoftmaxMatMul: its product as `values` has it, with the kernels that make its scores. null where those have other readers. */
export function attentionInBlocks(
  graph: Graph,
  selection: Pick<Selection, 'kernels' | 'views' | 'placed'>,
  values: ContractionKernel,
  node: Node,
): Found | null {
  const softmax = blockSoftmax(values.x, values.dtype, attributeInt(node, 'block', 0), tableOf(node));
  return takesRows(values, values.x.shape) ? joined(factsOf(graph, selection), values, softmax, []) : null;
}

function joined(facts: Facts, values: ContractionKernel, softmax: AttentionKernel['softmax'], own: readonly SoftmaxKernel[]): Found | null {
  const reader = own[0] ?? values;
  const before = onlyMaker(facts, reader, softmax.x.root);
  const between = before?.kind === 'elementwise' && isWhole(softmax.x, before.shape) ? before : null;
  const scores = between === null ? before : scoresOf(facts, values, between);
  if (scores?.kind !== 'contraction' || !isScores(scores, values) || !isWhole(softmax.x, scores.out.shape)) return null;
  const together = between === null ? values.geometry.ow : rowsTogether(between, scores);
  if (together === 0) return null;
  const parts = [scores, ...(between === null ? [] : [between]), ...own, values];
  const kernel: AttentionKernel = {
    kind: 'attention',
    name: values.name,
    origin: [...new Set(parts.flatMap((k) => k.origin))],
    class: 'attention',
    engine: 'matrix',
    dtype: scores.dtype,
    macs: parts.reduce((n, k) => n + k.macs, 0),
    out: values.out,
    nodes: parts.flatMap((k) => k.nodes),
    scores,
    between,
    softmax,
    values,
    rowsTogether: greatestDivisor(values.geometry.ow, together),
  };
  return { kernel, parts };
}

/** The kernel that makes a value for one reader alone, in no repeated region: what a trip reads late another may have written over. */
function onlyMaker({ makers, readers, kept }: Facts, reader: KernelSpec, root: ValueId): KernelSpec | null {
  const maker = makers.get(root);
  if (maker === undefined || readers.get(root) !== 1 || kept.has(root)) return null;
  return maker.region === undefined && reader.region === undefined ? maker : null;
}

/** All of a value, whatever shape it is read in. */
function isWhole({ offset = 0, shape }: { readonly offset?: number; readonly shape: readonly number[] }, of: readonly number[]): boolean {
  return offset === 0 && elementCount(shape) === elementCount(of);
}

function isRows(k: SoftmaxKernel): boolean {
  return k.inner === 1 && k.quotient !== null;
}

/** A product of what a run computes. Products write their rows behind one another, group by group. */
function isProduct(k: ContractionKernel): boolean {
  return k.op === 'MATMUL' && k.sums !== 'int64' && !k.wConstant && k.wPacked === null && k.drain.bias === null;
}

/** The left operand is the weights, row by row. */
function takesRows(values: ContractionKernel, weights: readonly number[]): boolean {
  const { groups, ow, cg } = values.geometry;
  const { c, x, g } = values.xStrides;
  return isProduct(values) && isWhole(values.x, weights) && (ow === 1 || x === cg * c) && (groups === 1 || g === ow * cg * c);
}

/** The product behind an elementwise kernel that reads it element by element, and nothing else of it. */
function scoresOf(facts: Facts, values: ContractionKernel, between: ElementwiseKernel): KernelSpec | null {
  if ((between.plan.tables?.length ?? 0) > 0) return null;
  const dense = rowMajorStrides(between.shape);
  for (const { view, strides } of between.plan.operands) {
    const maker = onlyMaker(facts, values, view.root);
    if (maker?.kind !== 'contraction' || !isWhole(view, between.shape)) continue;
    const own = between.plan.operands.filter((o) => o.view.root === view.root);
    const inOrder = strides.every((s, i) => s === dense[i] || between.shape[i] === 1);
    return inOrder && own.length === 1 ? maker : null;
  }
  return null;
}

function isScores(scores: ContractionKernel, values: ContractionKernel): boolean {
  const [s, v] = [scores.geometry, values.geometry];
  return isProduct(scores) && s.groups === v.groups && s.ow === v.ow && s.mg === v.cg;
}

/** Rows of scores behind one another that every operand walks with one stride. */
function rowsTogether({ shape, plan }: ElementwiseKernel, { geometry }: ContractionKernel): number {
  const rows = shape.slice(0, -1);
  // The last axis may be part of a row only where it is the whole row.
  if (shape.at(-1) !== geometry.mg) return 0;
  for (let first = 0; first < rows.length; first++) {
    const walked = plan.operands.every((o) => collapse(rows.slice(first), o.strides.slice(first, rows.length)) !== null);
    if (walked) return elementCount(rows.slice(first));
  }
  return 1;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
