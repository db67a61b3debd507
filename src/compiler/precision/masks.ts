/**
 * Scores with a mask on them stay float32 in an int8 program. What a mask adds (−10⁴, −10⁹, −∞) is thousands of times what scores are: a scale for both
 * has no steps left for the scores, and a scale for the scores alone cannot say −∞, so that what is hidden would still count.
 * The scores before the mask are int8 in a scale of their own, and so are the weights behind the softmax.
 */
import { viewBytes } from '../../core/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';

/** From −10⁴ (a common stand-in of exporters for minus infinity) on down a number hides a score. */
const hides = -9999;
/** Numbers of a constant that are looked at; larger ones are taken for tables, not masks. */
const mostLookedAt = 2 ** 20;
/** Nodes between a mask and what it is made of. */
const deepest = 12;

/** Operators that say the same of a mask's numbers elsewhere or by another name. */
const moves: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Transpose',
  'Slice',
  'Split',
  'Expand',
  'Tile',
  'Concat',
  'Pad',
  'Gather',
  'Cast',
]);
const arithmetic: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Max', 'Min', 'Where', 'Clip']);
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);
/** What tells from a mask whether a query sees any key. */
const surveys: ReadonlySet<string> = new Set(['Add', 'ReduceMax', 'ReduceMin', ...moves]);

type Sort = 'product' | 'mask' | 'number';

/** @returns masks, what they are made of, and scores with masks on them, as far as they are floats */
export function maskedValues(graph: Graph, nodes: readonly Node[]): ReadonlySet<ValueId> {
  const softmaxes = nodes.filter((n) => n.domain === '' && n.op === 'Softmax');
  const kept = new Set<ValueId>();
  if (softmaxes.length === 0) return kept;
  const makers = new Map<ValueId, Node>();
  const multiplied = new Set<ValueId>();
  for (const node of nodes) {
    for (const id of node.outputs) makers.set(id, node);
    if (node.domain === '' && products.has(node.op)) for (const id of node.inputs) if (id !== null) multiplied.add(id);
  }
  const inputs = new Set(graph.inputs);
  const isFloat = (id: ValueId): boolean => graph.values[id]?.type.dtype === 'float32' && graph.values[id].quantization === null;
  const made = (id: ValueId): Node | null => {
    const node = makers.get(id);
    return node !== undefined && node.domain === '' ? node : null;
  };

  const found = new Map<ValueId, Sort>();
  /** Scores come of a product; a mask is made of what hides something or is given, and of no product. */
  const sortOf = (id: ValueId, depth: number): Sort => {
    const known = found.get(id);
    if (known !== undefined) return known;
    const node = made(id);
    let sort: Sort = inputs.has(id) || hidesSomething(graph, id) ? 'mask' : 'number';
    if (node !== null && products.has(node.op)) sort = 'product';
    else if (node !== null && depth > 0 && (moves.has(node.op) || arithmetic.has(node.op))) {
      const sorts = operands(node).map((operand) => sortOf(operand, depth - 1));
      sort = sorts.includes('product') ? 'product' : sorts.includes('mask') ? 'mask' : 'number';
    }
    found.set(id, sort);
    return sort;
  };
  const isMask = (id: ValueId): boolean => sortOf(id, deepest) === 'mask';
  const keepMask = (id: ValueId, depth: number): void => {
    if (!isFloat(id) || multiplied.has(id) || kept.has(id)) return;
    const node = made(id);
    if (node === null && (graph.values[id]?.constant ?? null) === null && !inputs.has(id)) return;
    if (node !== null && !moves.has(node.op) && !arithmetic.has(node.op)) return;
    kept.add(id);
    if (node !== null && depth > 0) for (const operand of operands(node)) keepMask(operand, depth - 1);
  };
  /** Whether there is a mask on these scores; they are kept then, and so is the mask. */
  const keepScores = (id: ValueId, depth: number): boolean => {
    const node = made(id);
    if (node === null || depth === 0 || multiplied.has(id)) return false;
    const [first, second, third] = node.inputs;
    let masked = false;
    if (node.op === 'Add' && typeof first === 'number' && typeof second === 'number') {
      const [a, b] = [isMask(first), isMask(second)];
      // Of two things that might be masks neither is known to be the scores.
      if (a !== b) {
        keepMask(a ? first : second, deepest);
        keepScores(a ? second : first, depth - 1);
        masked = true;
      } else if (!a) masked = [first, second].map((operand) => keepScores(operand, depth - 1)).includes(true);
    } else if (node.op === 'Where' && typeof second === 'number' && typeof third === 'number') {
      const [a, b] = [hidesSomething(graph, second), hidesSomething(graph, third)];
      masked = a !== b;
      if (masked) keepScores(a ? third : second, depth - 1);
    } else if (moves.has(node.op) || node.op === 'Max' || node.op === 'Mul' || node.op === 'Div')
      masked = typeof first === 'number' && keepScores(first, depth - 1);
    if (masked && isFloat(id)) kept.add(id);
    return masked;
  };
  for (const {
    inputs: [scores],
  } of softmaxes)
    if (typeof scores === 'number') keepScores(scores, deepest);
  if (kept.size > 0) keepSurveys(graph, nodes, kept, (id) => isFloat(id) && !multiplied.has(id));
  return kept;
}

/** What is found out about masks alone is float32 as they are. */
function keepSurveys(graph: Graph, nodes: readonly Node[], kept: Set<ValueId>, mayStay: (id: ValueId) => boolean): void {
  for (const node of nodes) {
    if (node.domain !== '' || !surveys.has(node.op)) continue;
    const read = operands(node).filter((id) => (graph.values[id]?.constant ?? null) === null);
    if (read.length > 0 && read.every((id) => kept.has(id))) for (const id of node.outputs) if (mayStay(id)) kept.add(id);
  }
}

/** What the numbers of a node come from: not shapes, axes and conditions. */
function operands(node: Node): readonly ValueId[] {
  const read =
    node.op === 'Where' ? node.inputs.slice(1) : arithmetic.has(node.op) || node.op === 'Concat' ? node.inputs : node.inputs.slice(0, 1);
  return read.filter((id) => id !== null);
}

/** Whether a constant hides scores somewhere. */
function hidesSomething(graph: Graph, id: ValueId): boolean {
  const value = graph.values[id];
  const constant = value?.constant ?? null;
  if (value === undefined || constant === null || value.type.dtype !== 'float32') return false;
  if (constant.kind !== 'bytes' && constant.kind !== 'splat') return false;
  const count = constant.kind === 'splat' ? 1 : value.type.shape.reduce<number>((n, d) => n * (typeof d === 'number' ? d : Infinity), 1);
  if (count > mostLookedAt) return false;
  const numbers = viewBytes('float32', constant.kind === 'splat' ? constant.element : constant.bytes);
  for (const x of numbers) if (Number(x) <= hides) return true;
  return false;
}
