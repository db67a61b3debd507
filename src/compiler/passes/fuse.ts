import { bitsOf, isEngineFloat, isNarrowFloat } from '../../core/index.ts';
import { equalDim, isRepeatBegin, isRepeatEnd, opDef } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';
import type { Pass } from './pass.ts';

/**
 * Elementwise nodes join the node that makes their operand, so that the value between them never leaves the chip.
 *
 *     %c = Conv(%x, %w, %b)               %r = Fused(%x, %w, %b, %y) {
 *     %s = Add(%c, %y)            =>        %c = Conv(%x, %w, %b)
 *     %r = Relu(%s)                         %s = Add(%c, %y)
 *                                           %r = Relu(%s)
 *                                         }
 *
 * The body is the same nodes in the same order, so the result is the same bit for bit, quantized or not. The group stands where
 * its last node stood, so every other operand is there by then. Of two candidates (a residual Add reads two convolutions) the one
 * that comes last takes the node; a contraction or pool before an elementwise group. Does not apply when the value between is
 * read by anybody else, is a graph output or has another shape than the result, or when the body would exceed `longestBody`, or across the ends of a
 * repeated region.
 */
export const fuseElementwise: Pass = {
  name: 'fuse-elementwise',
  summary: 'Joins activations, residual adds and other elementwise nodes with the node that makes their operand',
  run: (graph: Graph) => {
    /** The last end of a repeated region: groups lie on one side of it. */
    let fence: Node | null = null;
    return rewrite(graph, (node, edit) => {
      if (isRepeatBegin(node) || isRepeatEnd(node)) fence = node;
      if (!isEpilogue(node, edit)) return false;
      const host = chooseHost(node, edit, fence);
      if (host === null) return false;
      const joined = conversionsInto(node, host, edit, fence);
      const body = [...(host.body ?? [host]), ...joined, node];
      for (const each of [host, ...joined]) edit.removeNode(each);
      edit.emit({
        op: 'Fused',
        domain: 'systole',
        name: host.name,
        inputs: externalInputs(body),
        outputs: node.outputs,
        attributes: {},
        origin: joinOrigins(host, ...joined, node),
        body,
      });
      return true;
    });
  },
};

/**
 * Nodes in one body. A VECTOR program keeps every operand of its body as a tile in the scratchpad and every value between in a
 * register; more than eight steps save no traffic that matters (no network here has a longer chain) but shrink the tiles.
 */
const longestBody = 8;

/** What a VECTOR program expresses exactly; other elementwise operators (comparisons, Where, Pow, …) run on their own. */
const epilogueOperators: ReadonlySet<string> = new Set([
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Clip',
  'Sigmoid',
  'HardSigmoid',
  'HardSwish',
  'Tanh',
  'Exp',
  'Sqrt',
  'Erf',
  'Abs',
  'Neg',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Max',
  'Min',
  'ScaleShift',
  'SpanStep',
  'QuantizeLinear',
  'DequantizeLinear',
  'Cast',
]);

function isEpilogue(node: Node, edit: Edit): boolean {
  const [out] = node.outputs;
  if (out === undefined || node.outputs.length !== 1 || !epilogueOperators.has(node.op)) return false;
  const [x = null] = node.inputs;
  if (node.op === 'Cast' && (x === null || !(isReal(x, edit) || isSum(x, edit)))) return false;
  // Rounded as it is stored: what reads it next reads it from memory.
  const isLast = (node.op === 'Cast' || node.op === 'QuantizeLinear') && isStored(out, edit);
  return isReal(out, edit) || isLast || isWholeArithmetic(node, edit);
}

/** Arithmetic on plain int32, as the corrections of zero points are. */
function isWholeArithmetic(node: Node, edit: Edit): boolean {
  return ['Add', 'Sub', 'Mul'].includes(node.op) && [...node.inputs, ...node.outputs].every((id) => id !== null && isWhole(id, edit));
}

function isWhole(id: ValueId, edit: Edit): boolean {
  const { type, quantization } = edit.value(id);
  return type.dtype === 'int32' && quantization === null;
}

/** What contractions of integers make, corrected or not. */
function isSum(id: ValueId, edit: Edit): boolean {
  const maker = edit.producer(id);
  const last = maker?.body?.at(-1) ?? maker;
  return isWhole(id, edit) && last !== null && last !== undefined && (last.op.endsWith('Integer') || isWholeArithmetic(last, edit));
}

/** Float, or a quantized stand-in for it: integer arithmetic on shapes stays on the host. */
function isReal(id: ValueId, edit: Edit): boolean {
  const { type, quantization } = edit.value(id);
  return isEngineFloat(type.dtype) || quantization !== null;
}

function isStored(id: ValueId, edit: Edit): boolean {
  const { dtype } = edit.value(id).type;
  return isNarrowFloat(dtype) && bitsOf(dtype) === 8;
}

/** What makes numbers of floats of 8 bits for other operands of the node, and for nobody else: lanes do that as they load. */
function conversionsInto(node: Node, host: Node, edit: Edit, fence: Node | null): readonly Node[] {
  const [out] = node.outputs;
  const found: Node[] = [];
  for (const id of node.inputs) {
    const maker = id === null || edit.uses(id) > 0 || out === undefined || !sameShape(id, out, edit) ? null : edit.producer(id);
    if (maker === null || maker === host || found.includes(maker) || (maker.op !== 'Cast' && maker.op !== 'DequantizeLinear')) continue;
    const [codes = null] = maker.inputs;
    const isBehind = fence === null || edit.position(maker) > edit.position(fence);
    if (codes !== null && isStored(codes, edit) && isBehind && (host.body?.length ?? 1) + found.length < longestBody) found.push(maker);
  }
  return found;
}

/** 2 contraction or pool, 1 elementwise, 0 cannot be an anchor. */
function anchorRank(node: Node): number {
  const anchor = node.body?.[0] ?? node;
  if (node.outputs.length !== 1) return 0;
  if (anchor.op === 'MatMul' || anchor.op === 'Gemm' || anchor.op === 'Conv' || anchor.op === 'ConvTranspose') return 2;
  const kernelClass = opDef(anchor.domain, anchor.op)?.kernelClass;
  if (kernelClass === 'contraction' || kernelClass === 'window') return 2;
  return epilogueOperators.has(anchor.op) ? 1 : 0;
}

function isWindow(node: Node): boolean {
  const anchor = node.body?.[0] ?? node;
  return opDef(anchor.domain, anchor.op)?.kernelClass === 'window';
}

function chooseHost(node: Node, edit: Edit, fence: Node | null): Node | null {
  const [out] = node.outputs;
  if (out === undefined) return null;
  let best: Node | null = null;
  let bestRank = 0;
  for (const id of node.inputs) {
    if (id === null || edit.uses(id) > 0 || !sameShape(id, out, edit)) continue;
    if (!isReal(id, edit) && !((node.op === 'Cast' || isWholeArithmetic(node, edit)) && isSum(id, edit))) continue;
    const host = edit.producer(id);
    if (host === null || (host.body?.length ?? 1) >= longestBody) continue;
    if (fence !== null && edit.position(host) < edit.position(fence)) continue;
    // A pooling stores its result where the group's result goes.
    if (isWindow(host) && edit.value(id).type.dtype !== edit.value(out).type.dtype) continue;
    const rank = anchorRank(host);
    if (rank > bestRank || (rank === bestRank && rank > 0 && best !== null && edit.position(host) > edit.position(best))) {
      best = host;
      bestRank = rank;
    }
  }
  return best;
}

function sameShape(a: ValueId, b: ValueId, edit: Edit): boolean {
  const left = edit.value(a).type.shape;
  const right = edit.value(b).type.shape;
  return left.length === right.length && left.every((d, i) => equalDim(d, right[i] ?? 0));
}

/** What a body reads from outside, each once, in order of first use. */
export function externalInputs(body: readonly Node[]): readonly ValueId[] {
  const made = new Set(body.flatMap((node) => node.outputs));
  const read = new Set<ValueId>();
  for (const node of body) for (const id of node.inputs) if (id !== null && !made.has(id)) read.add(id);
  return [...read];
}
