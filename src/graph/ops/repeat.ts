/**
 * Ours: the two ends of a repeated region. The nodes between them run `trips` times.
 *
 *     %h, %x = systole.RepeatBegin(%h0, %xs) {trips = 3, carried = 1, directions = [0]}
 *     %n = Add(%h, %x)
 *     %hn, %ns = systole.RepeatEnd(%h, %n, %n) {trips = 3, carried = 1, directions = [0]}
 *
 * Begin: carried values as they start, then tensors whose entries along axis 0 are handed out one a trip, from the end where `directions` say 1.
 * End: the first output of its Begin (which tells whose end it is), carried values for the next trip, then values to be stacked along a
 * new axis 0, from its end where `directions` say 1. Out come the carried values after the last trip, and the stacks. Regions do not nest.
 */
import type { Dim } from '../dim.ts';
import { attributeInt, attributeInts, type Node, type TensorType, type ValueId } from '../ir.ts';
import {
  defineOp,
  intAttribute,
  misfit,
  requiredTensor,
  requiredType,
  type EvaluateContext,
  type InferContext,
  type OpDef,
} from './op-def.ts';

export const repeatDomain = 'systole';

function trips(context: InferContext): number {
  const count = intAttribute(context, 'trips', 1);
  return count >= 1 ? count : misfit(context, `a region of ${count} trips`);
}

const repeatBegin: OpDef = defineOp({
  domain: repeatDomain,
  name: 'RepeatBegin',
  since: [1],
  kernelClass: 'host',
  attributes: { trips: 'required', carried: 'required', directions: 'computed' },
  infer(context) {
    const carried = intAttribute(context, 'carried', 0);
    return context.inputs.map((_, i): TensorType => {
      const type = requiredType(context, i, 'a carried or scanned value');
      if (i < carried) return type;
      const [length, ...rest] = type.shape;
      if (length !== trips(context)) misfit(context, `scanned value ${i - carried} has not ${trips(context)} entries`);
      return { ...type, shape: rest };
    });
  },
  evaluate: insideOnly,
  evaluateValues: insideOnly,
});

const repeatEnd: OpDef = defineOp({
  domain: repeatDomain,
  name: 'RepeatEnd',
  since: [1],
  kernelClass: 'host',
  attributes: { trips: 'required', carried: 'required', directions: 'computed' },
  infer(context) {
    const carried = intAttribute(context, 'carried', 0);
    return context.inputs.slice(1).map((_, i): TensorType => {
      const type = requiredType(context, i + 1, 'a carried value or one to be stacked');
      return i < carried ? type : { ...type, shape: [trips(context), ...type.shape] satisfies readonly Dim[] };
    });
  },
  evaluate: insideOnly,
  evaluateValues: insideOnly,
});

function insideOnly(context: Pick<EvaluateContext, 'node'>): never {
  throw new Error(`${context.node.op} "${context.node.name}" means nothing without its other end: the interpreter runs both`);
}

/** Ours: the same numbers in bytes of their own, constants too: what a region carries starts in a copy. */
const copy: OpDef = defineOp({
  domain: repeatDomain,
  name: 'Copy',
  since: [1],
  kernelClass: 'move',
  infer: (context) => [requiredType(context, 0, 'input')],
  evaluate: (context) => [requiredTensor(context, 0, 'input')],
});

export const repeatOps: readonly OpDef[] = [repeatBegin, repeatEnd, copy];

/** Whether a node makes a copy, which no pass takes away or makes a constant. */
export function isCopy(node: Node): boolean {
  return node.domain === repeatDomain && node.op === 'Copy';
}

export function isRepeatBegin(node: Node): boolean {
  return node.domain === repeatDomain && node.op === 'RepeatBegin';
}

export function isRepeatEnd(node: Node): boolean {
  return node.domain === repeatDomain && node.op === 'RepeatEnd';
}

/** What one region carries, hands out and stacks. */
export interface RepeatForm {
  readonly trips: number;
  readonly carried: readonly { readonly initial: ValueId; readonly seen: ValueId; readonly next: ValueId; readonly final: ValueId }[];
  readonly scanned: readonly { readonly whole: ValueId; readonly entry: ValueId; readonly reversed: boolean }[];
  readonly stacked: readonly { readonly entry: ValueId; readonly whole: ValueId; readonly reversed: boolean }[];
}

export function repeatForm(begin: Node, end: Node): RepeatForm {
  const carried = attributeInt(begin, 'carried', 0);
  const isReversed = (node: Node, k: number): boolean => attributeInts(node, 'directions', [])[k] === 1;
  const at = (list: readonly (ValueId | null)[], i: number): ValueId => {
    const id = list[i];
    if (id === null || id === undefined) throw new Error(`${begin.name} has no operand ${i}`);
    return id;
  };
  return {
    trips: attributeInt(begin, 'trips', 1),
    carried: Array.from({ length: carried }, (_, i) => ({
      initial: at(begin.inputs, i),
      seen: at(begin.outputs, i),
      next: at(end.inputs, i + 1),
      final: at(end.outputs, i),
    })),
    scanned: begin.inputs.slice(carried).map((_, k) => ({
      whole: at(begin.inputs, carried + k),
      entry: at(begin.outputs, carried + k),
      reversed: isReversed(begin, k),
    })),
    stacked: end.inputs.slice(1 + carried).map((_, k) => ({
      entry: at(end.inputs, 1 + carried + k),
      whole: at(end.outputs, carried + k),
      reversed: isReversed(end, k),
    })),
  };
}

/** A region of a list of nodes: both ends, by index. */
export interface RepeatRange {
  readonly begin: number;
  readonly end: number;
  readonly form: RepeatForm;
}

/** The regions of a list of nodes, in order. @throws where an end is missing: a graph that is not one */
export function repeatRanges(nodes: readonly Node[]): readonly RepeatRange[] {
  const ranges: RepeatRange[] = [];
  let open = -1;
  nodes.forEach((node, at) => {
    if (isRepeatBegin(node)) {
      if (open >= 0) throw new Error(`the region of "${node.name}" begins inside another`);
      open = at;
    } else if (isRepeatEnd(node)) {
      const begin = nodes[open];
      if (begin === undefined || node.inputs[0] !== begin.outputs[0]) throw new Error(`"${node.name}" ends no region`);
      ranges.push({ begin: open, end: at, form: repeatForm(begin, node) });
      open = -1;
    }
  });
  if (open >= 0) throw new Error(`the region of "${nodes[open]?.name}" does not end`);
  return ranges;
}
