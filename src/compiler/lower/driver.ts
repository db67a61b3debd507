/** Walks a graph and puts what rules write in the place of nodes, again and again until no rule applies. */
import { SystoleError, type Diagnostic } from '../../core/index.ts';
import { isRepeatBegin, isRepeatEnd, macsOf, meaningType, opDef, printShape, repeatRanges, tensorOf } from '../../graph/index.ts';
import type { Graph, Node, TensorType, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { staticShape } from '../passes/constants.ts';
import { derivedConstant } from './derived.ts';
import { unrollLimit, type Rule } from './rule.ts';
import { asFloat32, roundsOnce, roundsTwice } from './rounding.ts';
import { isControlFlow, keepsQuantization, readsReals } from './rules.ts';
import { storedFloats } from './stored-moves.ts';
import { sameType, startWriter, type Regions, type WriterState } from './writer.ts';
import { prepareWritten } from './written-bodies.ts';

export interface Rewritten {
  /** The same graph where no rule applied. */
  readonly graph: Graph;
  readonly declined: ReadonlyMap<string, NotHere>;
  /** What the passes found in bodies. */
  readonly told: readonly Diagnostic[];
}

export interface RewriteOptions {
  /** false: the array multiplies no float32, so products of 16-bit floats stay in their type and round each. Default true. */
  readonly products?: boolean;
  /** `long`: only in place of what would be too many nodes. Default `never`. */
  readonly regions?: Regions;
}

/**
 * A node on float16 or bfloat16 rounds once, when its result is done. Where nodes that take its place would round one behind the other, it is
 * first written in float32, with casts around it.
 *
 * @param sizes  `bound`: every size is a number, and what only a run decides takes its upper bound
 */
export function rewriteNodes(
  graph: Graph,
  ruleOf: (node: Node) => Rule | undefined,
  sizes: 'bound' | 'open',
  { products = true, regions = 'never' }: RewriteOptions = {},
): Rewritten {
  const w = startWriter(graph, sizes, { products, regions });
  const driver = startDriver(graph, w, ruleOf, { always: sizes === 'open', products });
  for (const node of graph.nodes) driver.take(node);
  const { nodes, declined, retired, told } = driver;
  const outputs = driver.outputs();
  const same =
    nodes.length === graph.nodes.length && nodes.every((n, i) => n === graph.nodes[i]) && outputs.every((id, i) => id === graph.outputs[i]);
  if (same) return { graph, declined, told };
  const unknowns = w.unknowns();
  const { unknowns: _, ...rest } = graph;
  return { graph: { ...rest, values: w.values, nodes, outputs, retired, ...(unknowns.length === 0 ? {} : { unknowns }) }, declined, told };
}

const enough: NotHere = {
  reason: 'the loops around it have become too many nodes already',
  limit: { what: 'nodes of a body unrolled', actual: `more than ${unrollLimit}`, allowed: String(unrollLimit) },
};

interface Driver {
  readonly nodes: Node[];
  readonly declined: Map<string, NotHere>;
  readonly retired: Graph['retired'];
  readonly told: Diagnostic[];
  take(node: Node): void;
  outputs(): readonly ValueId[];
}

function startDriver(
  graph: Graph,
  w: WriterState,
  ruleOf: (node: Node) => Rule | undefined,
  { always, products }: { readonly always: boolean; readonly products: boolean },
): Driver {
  const nodes: Node[] = [];
  const declined = new Map<string, NotHere>();
  const retired: Record<string, Graph['retired'][string]> = { ...graph.retired };
  const told: Diagnostic[] = [];
  const isOutput = new Set(graph.outputs);
  const isRead = new Set<ValueId | null>([...graph.outputs, ...graph.nodes.flatMap((n) => n.inputs)]);
  /** Values that others stand for. */
  const standIns = new Map<ValueId, ValueId>();
  /** Values whose type is no longer what the graph said. */
  const retyped = new Set<ValueId>();
  const standIn = (id: ValueId): ValueId => {
    let at = id;
    for (let next = standIns.get(at); next !== undefined; next = standIns.get(at)) at = next;
    return at;
  };

  const retype = (id: ValueId, type: TensorType): void => {
    const value = w.value(id);
    // A quantized value keeps the element type it is held in.
    const held = value.quantization === null ? type : { ...type, dtype: value.type.dtype };
    if (sameType(value.type, held)) return;
    w.values[id] = { ...value, type: held };
    retyped.add(id);
  };
  /** The node as it is, with types and, where everything is known, contents. */
  const keep = (node: Node): void => {
    if (isRepeatBegin(node)) w.setInside(true);
    else if (isRepeatEnd(node)) w.setInside(false);
    const def = opDef(node.domain, node.op);
    const stale = node.inputs.some((id) => id !== null && retyped.has(id));
    // Sizes that are open may hang on contents: inference has to see every node.
    if (def !== undefined && (stale || always)) {
      const types = w.infer(node);
      node.outputs.forEach((id, i) => {
        const type = types[i];
        if (type !== undefined) retype(id, type);
      });
    }
    const [out] = node.outputs;
    if (
      def !== undefined &&
      out !== undefined &&
      node.outputs.length === 1 &&
      !isOutput.has(out) &&
      isSmall(node, w) &&
      !isLeftToPasses(node, w)
    ) {
      const operands = node.inputs.map((id) => (id === null ? null : w.value(id)));
      const constant = derivedConstant(def, node, node.version ?? graph.opset, operands, w.value(out));
      if (constant !== null) {
        w.values[out] = { ...w.value(out), constant };
        for (const name of node.origin) retired[name] ??= 'folded';
        return;
      }
    }
    nodes.push(node);
  };

  /** Puts results in the place of outputs: the node that makes a result makes the output, where that can be. */
  const settle = (node: Node, results: readonly (ValueId | null)[], made: Node[]): void => {
    const renamed = new Map<ValueId, ValueId>();
    const owns = new Set(made.flatMap((n) => n.outputs));
    node.outputs.forEach((id, i) => {
      const result = results[i] ?? null;
      if (result === null) return;
      checkSame(node, meaningType(w.value(id)), meaningType(w.value(result)));
      if (owns.has(result) && !renamed.has(result)) {
        renamed.set(result, id);
        retype(id, w.value(result).type);
      } else if (isOutput.has(id)) {
        retype(id, w.value(result).type);
        made.push({
          op: 'Identity',
          domain: '',
          name: `${node.name}:${i}`,
          inputs: [result],
          outputs: [id],
          attributes: {},
          origin: node.origin,
        });
      } else {
        standIns.set(id, result);
      }
    });
    if (renamed.size === 0) return;
    const swap = (id: ValueId): ValueId => renamed.get(id) ?? id;
    made.forEach((n, i) => {
      made[i] = { ...n, inputs: n.inputs.map((id) => (id === null ? null : swap(id))), outputs: n.outputs.map(swap) };
    });
  };

  const take = (start: Node): void => {
    const waiting: Node[] = [start];
    /** Nodes that bodies have become: trip counts of loops in loops multiply, also where only the copies know them. */
    let unrolled = 0;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const inputs = next.inputs.map((id) => (id === null ? null : standIn(id)));
      const node = inputs.every((id, i) => id === next?.inputs[i]) ? next : { ...next, inputs };
      const isBody = isControlFlow(node);
      const isEnough = isBody && unrolled > unrollLimit;
      if (isEnough) declined.set(node.name, enough);
      const rule = isEnough ? undefined : ruleOf(node);
      const done = rule === undefined ? null : apply(rule, node);
      if (isBody) unrolled += done?.length ?? 0;
      if (done === null) keep(node);
      else waiting.push(...done.reverse());
    }
  };

  const apply = (rule: Rule, node: Node): Node[] | null => {
    w.begin(node);
    if (node.outputs.some((id) => !isBound(w.value(id).type)) && node.inputs.some((id) => id !== null && retyped.has(id))) refresh(node);
    if (!isControlFlow(node) && ![...node.inputs, ...node.outputs].every((id) => id === null || isBound(w.value(id).type))) return null;
    if (!keepsQuantization(node) && [...node.inputs, ...node.outputs].some((id) => id !== null && w.value(id).quantization !== null))
      return onReals(node);
    const results = attempt(rule, w, node);
    if (results === null) return null;
    if ('reason' in results) {
      declined.set(node.name, results);
      return null;
    }
    if (node.outputs.some((id, i) => (results[i] ?? null) === null && isRead.has(id))) {
      declined.set(node.name, { reason: 'one of the outputs that are read is not written out' });
      return null;
    }
    const inFloat32 = roundsOnce(node, w) && roundsTwice(w.written(), products) ? asFloat32(w, node) : null;
    const body = isControlFlow(node) && w.isBound ? prepareWritten(w, w.written(), results) : null;
    for (const [name, fate] of Object.entries(body?.retired ?? {})) retired[name] ??= fate;
    told.push(...(body?.told ?? []));
    const shared = shareMacs(node, body?.nodes ?? w.written(), w);
    settle(node, inFloat32 ?? body?.results ?? results, shared);
    if (shared.length === 0) for (const name of node.origin) retired[name] ??= 'folded';
    return shared;
  };
  /** The node on the reals that its operands stand for; null for those that integers have a rule of their own for. */
  const onReals = (node: Node): Node[] | null => {
    const isHeld = (id: ValueId): boolean => w.value(id).quantization !== null;
    if (!readsReals(node) || node.outputs.some(isHeld)) return null;
    const meanings = node.inputs.flatMap((id) => (id === null ? [] : (w.value(id).quantization ?? [])));
    if (meanings.some((q) => q.axis !== null || q.source === 'placeholder')) return null;
    const inputs = node.inputs.map((id) => (id === null || !isHeld(id) ? id : realOf(w, id)));
    const results = w.node({ ...node, inputs });
    const made = w.written().slice();
    settle(node, results, made);
    return made;
  };
  const refresh = (node: Node): void => {
    w.infer(node).forEach((type, i) => {
      const id = node.outputs[i];
      if (id !== undefined) retype(id, type);
    });
  };

  return {
    nodes,
    declined,
    retired,
    told,
    take,
    outputs: () => graph.outputs.map(standIn),
  };
}

/** What a rule writes may contradict sizes that were assumed (an upper bound inside a body): the node then stays whole. */
function attempt(rule: Rule, w: WriterState, node: Node): ReturnType<Rule> {
  try {
    return rule(w, node);
  } catch (error) {
    if (error instanceof SystoleError) return { reason: error.diagnostics[0]?.message ?? error.message };
    throw error;
  }
}

/** Largest result computed on the spot; longer constants are left to the folding pass. */
const smallCount = 1024;

function isSmall(node: Node, w: WriterState): boolean {
  return [...node.inputs, ...node.outputs].every((id) => {
    if (id === null) return true;
    const shape = staticShape(w.value(id).type);
    return shape !== null && shape.reduce((n, d) => n * d, 1) <= smallCount;
  });
}

function realOf(w: WriterState, id: ValueId): ValueId {
  const { type, quantization } = w.value(id);
  const scale = w.tensor({ dtype: 'float32', shape: [], data: Float32Array.of(quantization?.scale[0] ?? 1) });
  return w.op('DequantizeLinear', [id, scale, w.tensor(tensorOf(type.dtype, [], [quantization?.zeroPoint[0] ?? 0]))]);
}

/**
 * What integers stand for is decided by passes that come before sizes are bound; of floats of 8 bits it is settled with the machine: see
 * `stored-floats.ts`.
 */
function isLeftToPasses(node: Node, w: WriterState): boolean {
  const [codes = null] = node.inputs;
  if (codes === null) return false;
  const isStored = storedFloats.includes(w.value(codes).type.dtype);
  return node.op === 'DequantizeLinear' ? isStored || !w.isBound : node.op === 'Cast' && isStored;
}

function isBound(type: TensorType): boolean {
  return type.unranked !== true && type.container === undefined && staticShape(type) !== null;
}

/** A rule that gives another shape is wrong, wherever both are known. */
function checkSame(node: Node, was: TensorType, is: TensorType): void {
  if (!isBound(was) || !isBound(is) || sameType(was, is)) return;
  throw new Error(`lowering ${node.op} "${node.name}" gives ${is.dtype} ${printShape(is.shape)} for ${was.dtype} ${printShape(was.shape)}`);
}

/**
 * Hands the MACs the original counts to the nodes made of it, in proportion to their own, so that the sum is exact. What is inside a
 * repeated region counts for all trips.
 */
function shareMacs(node: Node, made: readonly Node[], w: WriterState): Node[] {
  const graph = { name: '', opset: w.opset, inputs: [], outputs: [], values: w.values, nodes: [], retired: {} };
  const def = opDef(node.domain, node.op);
  const isSized = (n: Node): boolean => [...n.inputs, ...n.outputs].every((id) => id === null || isBound(w.value(id).type));
  if (![node, ...made].every(isSized)) return made.slice();
  const total = def === undefined ? 0 : macsOf(graph, node);
  const times = tripsOf(made);
  if (total === 0 && times.every((n) => n === 1)) return made.slice();
  const own = made.map((n, i) => macsOf(graph, n) * (times[i] ?? 1));
  const sum = own.reduce((a, b) => a + b, 0);
  if (sum === 0) return made.slice();
  if (sum === total || total === 0) return made.map((n, i) => (times[i] === 1 || own[i] === 0 ? n : { ...n, macs: own[i] ?? 0 }));
  let before = 0;
  let given = 0;
  return made.map((n, i) => {
    const mine = own[i] ?? 0;
    if (mine === 0) return n;
    before += mine;
    const upTo = before === sum ? total : Math.floor((before / sum) * total);
    const macs = upTo - given;
    given = upTo;
    return { ...n, macs };
  });
}

/** How often each node runs. */
function tripsOf(nodes: readonly Node[]): readonly number[] {
  const times = nodes.map(() => 1);
  for (const { begin, end, form } of repeatRanges(nodes)) times.fill(form.trips, begin + 1, end);
  return times;
}
