/** Shape and type inference over a graph, node by node in topological order. */
import { compilerMessages, elementCount, fail, graphMessages, isInteger, SystoleError, type Tensor } from '../core/index.ts';
import { constantOf } from './constant.ts';
import { checkOperands, checkRanks, checkSizes } from './infer-checks.ts';
import { equalDim, symbolsOf, type Dim } from './dim.ts';
import {
  countable,
  dimSource,
  holds,
  isComputed,
  isSmall,
  isTooLong,
  joinSources,
  longestShape,
  looks,
  mostBodyWork,
  nodesInBodies,
  several,
  usualBodyWork,
  withoutError,
  type Source,
  type Work,
} from './infer-limits.ts';
import { inferUnranked, isUnranked } from './infer-unranked.ts';
import type { Graph, Node, TensorType, UnknownDim, Value, ValueId } from './ir.ts';
import { concreteShape } from './ops/contents.ts';
import { opDef, suggestOp } from './ops/index.ts';
import { numbersOf, tensorOf } from './ops/numbers.ts';
import type { ContentsContext, Element, InferContext, OpDef } from './ops/op-def.ts';
import { placeholder, startUnknowns, symbolsIn, type Asked, type AssumedRank, type Unknowns } from './unknowns.ts';

export interface Inference {
  /**
   * The types of a node's outputs, one for each. Call it for nodes in order: it remembers the contents of small integer values,
   * so that shapes computed from shapes are known, symbols included. Throws coded errors. Not for `Fused`: infer its body.
   */
  infer(node: Node): readonly TensorType[];
  /** Integers of a value of rank 0 or 1 where all are known; null otherwise. */
  dims(id: ValueId): readonly Dim[] | null;
  /** The node with types in its bodies as `infer` found them; the same node where it has none. */
  withBodies(node: Node): Node;
  /** Dimensions that only a run decides, in the order in which nodes asked for them: what `Graph.unknowns` holds. */
  unknowns(): readonly UnknownDim[];
  /** Those that took their upper bound; only of an inference with sizes. */
  assumed(): readonly { readonly unknown: UnknownDim; readonly size: number }[];
  /** Values of unknown rank that took the largest type they can have; only of an inference with sizes. */
  assumedRanks(): readonly AssumedRank[];
}

export interface InferenceOptions {
  /** The graph that is inferred anew: what was unknown keeps its symbols. */
  readonly graph?: Graph;
  /** Where there is no graph yet: its input values, and the symbols that unknown dimensions may not take. */
  readonly inputs?: readonly Value[];
  /** Sizes by symbol; unknown dimensions without one take their upper bound where it is a number. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Unknown dimensions without a size stay symbols. */
  readonly partial?: boolean;
  /** Called for nodes of bodies whose operands contradict them, each time they are inferred: their outputs keep the types they had. */
  readonly leftOpen?: (node: Node, problem: SystoleError) => void;
  /** How many nodes of bodies may be looked at while one node is inferred, if they are no more; beyond, what bodies make is left open. */
  readonly bodyWork?: number;
}

/** Splats of more elements are not written out to be looked at. */
const longestSplat = 2 ** 20;

/** @param value  the current state of a value: its type must be known when a node that reads it is inferred */
export function startInference(opset: number, value: (id: ValueId) => Value, options: InferenceOptions = {}): Inference {
  const { graph, inputs = [], sizes } = options;
  const taken = graph === undefined ? new Set(inputs.flatMap((v) => v.type.shape.flatMap(symbolsOf))) : symbolsIn(graph);
  const unknowns = startUnknowns(taken, graph?.unknowns ?? [], sizes ?? null, options.partial !== true);
  const given = new Set(graph === undefined ? inputs.map((v) => v.id) : graph.inputs);
  return startScope({
    opset,
    value,
    previous: (id) => graph?.values[id],
    unknowns,
    outer: () => undefined,
    isInput: (id) => given.has(id),
    leftOpen: options.leftOpen ?? (() => undefined),
    work: { left: 0, total: mostBodyWork },
    perNode: options.bodyWork ?? usualBodyWork,
  });
}

/** What is known of a value outside the body that captures it. */
interface Facts {
  readonly elements: readonly Element[] | null;
  readonly tensor: Tensor | null;
  readonly source: Source;
}

interface ScopeParts {
  readonly opset: number;
  readonly value: (id: ValueId) => Value;
  /** The value as it was before this inference; undefined for one that is new. */
  readonly previous: (id: ValueId) => Value | undefined;
  readonly unknowns: Unknowns;
  readonly outer: (id: ValueId) => Facts | undefined;
  readonly isInput: (id: ValueId) => boolean;
  readonly leftOpen: (node: Node, problem: SystoleError) => void;
  readonly work: Work;
  /** What a node of this scope may spend; null in a body, which spends what its node may. */
  readonly perNode: number | null;
}

interface Scope extends Inference {
  facts(id: ValueId): Facts;
}

function startScope(parts: ScopeParts): Scope {
  const { opset, value, previous, unknowns, outer, isInput, leftOpen, work, perNode } = parts;
  const contents = new Map<ValueId, readonly Element[]>();
  /** Small values computed from constants and shapes only. */
  const computed = new Map<ValueId, Tensor>();
  const sources = new Map<ValueId, Source>();
  const typed = new Map<Graph, InferredBody>();

  const elements = (id: ValueId): readonly Element[] | null => {
    const known = contents.get(id) ?? outer(id)?.elements;
    if (known !== undefined && known !== null) return known;
    const v = value(id);
    const shape = concreteShape(v.type);
    if (shape === null || v.quantization !== null || !countable(v.type.dtype) || elementCount(shape) > longestShape) return null;
    const constant = computed.get(id) ?? (v.constant === null || v.constant.kind === 'absent' ? null : v.constant);
    if (constant === null)
      return isInteger(v.type.dtype) || v.type.dtype === 'bool' ? new Array<Element>(elementCount(shape)).fill(null) : null;
    const read = Array.from(numbersOf('kind' in constant ? constantOf(v.type, constant, v.name, '') : constant), (n): Element =>
      Number.isInteger(n) ? n + 0 : null,
    );
    contents.set(id, read);
    return read;
  };
  const dims = (id: ValueId): readonly Dim[] | null => {
    const { type } = value(id);
    // Contents of a sequence are its length, whatever its elements are.
    if (type.shape.length > 1 && type.container === undefined) return null;
    const list = elements(id);
    const known = list?.filter((e) => e !== null) ?? null;
    return known === null || known.length !== list?.length ? null : known;
  };
  const tensor = (id: ValueId): Tensor | null => {
    const made = computed.get(id) ?? outer(id)?.tensor;
    if (made !== undefined && made !== null) return made;
    const v = value(id);
    if (v.constant !== null) {
      const isLong = v.constant.kind === 'splat' && elementCount(v.type.shape.map(Number)) > longestSplat;
      return v.constant.kind === 'absent' || isLong ? null : constantOf(v.type, v.constant, v.name, '');
    }
    const known = contents.get(id);
    const shape = concreteShape(v.type);
    if (known === undefined || shape === null || !known.every((e) => typeof e === 'number')) return null;
    return tensorOf(v.type.dtype, shape, known);
  };
  const source = (id: ValueId): Source => {
    const known = sources.get(id);
    if (known !== undefined) return known;
    const v = value(id);
    return v.constant !== null ? null : isInput(id) ? v.name : (outer(id)?.source ?? several);
  };

  /** All outputs where all inputs are small and known; null otherwise. */
  const compute = (def: OpDef, node: Node, types: readonly TensorType[], version: number): readonly Tensor[] | null => {
    if (!isComputed(def) || !types.every(isSmall)) return null;
    const inputs: (Tensor | null)[] = [];
    for (const id of node.inputs) {
      const known = id === null || !isSmall(value(id).type) || value(id).quantization !== null ? null : tensor(id);
      if (id !== null && (known === null || !sameType(known, value(id).type))) return null;
      inputs.push(known);
    }
    const outputs = types.map((t) => ({ dtype: t.dtype, shape: t.shape.map(Number) }));
    return withoutError(() => def.evaluate({ node, opset: version, inputs, outputs }));
  };

  const inferGraph = (node: Node, body: Graph, types: readonly TensorType[]): readonly TensorType[] => {
    const captures = node.captures ?? 0;
    const captured = new Map<ValueId, ValueId>();
    for (let k = 1; k <= captures; k++) {
      const [inner, from] = [body.inputs.at(-k), node.inputs.at(-k)];
      if (inner !== undefined && from !== undefined && from !== null) captured.set(inner, from);
    }
    work.left -= body.nodes.length + 1;
    work.total -= body.nodes.length + 1;
    if (Math.min(work.left, work.total) < 0)
      return body.outputs.map((id) => ({ ...valueOf(body.values, id).type, shape: [], unranked: true }));
    // Each fact asks outside for others: not remembered, a value captured through n bodies would be asked for 3^n times.
    const asked = new Map<ValueId, Facts>();
    const found = inferBody(body, types, {
      unknowns,
      outer(inner) {
        const id = captured.get(inner);
        if (id === undefined) return undefined;
        const known = asked.get(inner) ?? facts(id);
        asked.set(inner, known);
        return known;
      },
      isInput: () => false,
      leftOpen,
      work,
      tolerant: true,
    });
    typed.set(body, found);
    return found.graph.outputs.map((id) => valueOf(found.graph.values, id).type);
  };

  /** If hands on what the branch that runs makes, or either branch where that is the same. */
  const learnFromBranches = (node: Node): void => {
    const condition = node.inputs[0] ?? null;
    const known = condition === null ? null : tensor(condition);
    const holds = known === null ? null : Number(known.data[0]) !== 0;
    const factsOf = (name: string): readonly Facts[] | null => {
      const body = node.attributes[name];
      return body?.kind === 'graph' ? (typed.get(body.value)?.facts ?? null) : null;
    };
    const then = factsOf(holds === false ? 'else_branch' : 'then_branch');
    const other = holds === null ? factsOf('else_branch') : then;
    for (const [i, id] of node.outputs.entries()) {
      const [a, b] = [then?.[i], other?.[i]];
      if (a === undefined || b === undefined) continue;
      if (holds !== null && a.tensor !== null && elementCount(a.tensor.shape) <= longestShape) computed.set(id, a.tensor);
      if (a.elements === null || a.elements.length !== b.elements?.length) continue;
      const same = a.elements.map((e, k): Element => {
        const twin = b.elements?.[k] ?? null;
        return e !== null && twin !== null && equalDim(e, twin) ? e : null;
      });
      if (same.some((e) => e !== null)) contents.set(id, same);
    }
  };

  /** Contents of the outputs, and what they hang on. */
  const learn = (def: OpDef, context: InferContext, types: readonly TensorType[]): void => {
    const { node } = context;
    const from =
      node.op === 'Shape' || node.op === 'Size'
        ? joinSources(context.inputs.flatMap((t) => t?.shape.flatMap(symbolsOf) ?? []).map((s) => dimSource(unknowns, s)))
        : joinSources(node.inputs.map((id) => (id === null ? null : source(id))));
    const about: ContentsContext = { ...context, outputs: types };
    let open = false;
    for (const [i, id] of node.outputs.entries()) {
      const type = types[i];
      if (type === undefined) continue;
      const small = isSmall(type) || type.container === 'sequence';
      sources.set(id, small || type.shape.length < 2 ? from : from === null ? null : several);
      const found = !small
        ? null
        : withoutError(() => (i === 0 && def.contents !== undefined ? def.contents(about) : (def.contentsOf?.(about, i) ?? null)));
      const count = type.container === 'sequence' ? 1 : elementCount(type.shape.map(Number));
      const inRange = (e: Element): boolean => type.container !== undefined || holds(type.dtype, e);
      const known =
        found === null || found.length !== count ? null : found.map((e) => (e === null || isTooLong(e) || !inRange(e) ? null : e));
      if (known !== null && (count === 0 || known.some((e) => e !== null))) contents.set(id, known);
      if (known === null || !known.every((e) => typeof e === 'number')) open = true;
    }
    if (node.op === 'If' && node.domain === '') learnFromBranches(node);
    if (!open) return;
    const made = compute(def, node, types, context.opset);
    if (made === null) return;
    for (const [i, id] of node.outputs.entries()) {
      const result = made[i];
      if (result === undefined) continue;
      computed.set(id, result);
      contents.delete(id);
    }
  };

  const facts = (id: ValueId): Facts => ({
    elements: elements(id),
    tensor: isSmall(value(id).type) ? tensor(id) : null,
    source: source(id),
  });

  return {
    facts,
    dims,
    infer(node) {
      const def = definitionOf(node);
      if (perNode !== null) work.left = Math.max(perNode, looks * nodesInBodies(node));
      const asked: Asked[] = [];
      /** Inputs whose contents were wanted and are not known. */
      const missed = new Set<number>();
      const read = <T>(index: number, of: (id: ValueId) => T | null, complete: (found: T) => boolean): T | null => {
        const id = node.inputs[index] ?? null;
        const found = id === null ? null : of(id);
        if (id !== null && (found === null || !complete(found))) missed.add(index);
        return found;
      };
      const context: InferContext = {
        node,
        opset: node.version ?? opset,
        inputs: node.inputs.map((id) => (id === null ? null : meaningType(value(id)))),
        tensor: (i) => read(i, tensor, () => true),
        dims: (i) => read(i, dims, () => true),
        elements: (i) => read(i, elements, (list) => list.every((e) => e !== null)),
        unknownDim(upper, why) {
          const hangsOn = missed.size > 0 ? [...missed].map((i) => node.inputs[i] ?? null) : node.inputs;
          const input = joinSources(hangsOn.map((id) => (id === null ? null : source(id))));
          asked.push({ upper, why, input: input === several ? null : input });
          return placeholder(asked.length - 1);
        },
        inferGraph: (body, types) => inferGraph(node, body, types),
        contradicts: (body) => typed.get(body)?.contradicts === true,
        unknownRank: (choices, why) => unknowns.rank(node, choices, why),
      };
      checkOperands(def, context);
      const hasBody = Object.values(node.attributes).some((a) => a.kind === 'graph');
      const inferred = !hasBody && context.inputs.some(isUnranked) ? inferUnranked(def, context, node.outputs.length) : def.infer(context);
      if (inferred.length < node.outputs.length) {
        const parts = { op: node.op, node: node.name, outputs: node.outputs.length, most: inferred.length };
        fail(compilerMessages.tooManyOutputs(parts, { origin: node.origin }));
      }
      checkRanks(context, inferred);
      const shortened = inferred
        .slice(0, node.outputs.length)
        .map((type) =>
          type.shape.some(isTooLong)
            ? { ...type, shape: type.shape.map((d) => (isTooLong(d) ? context.unknownDim(null, 'many open sizes at once') : d)) }
            : type,
        );
      const types = unknowns.name(node, shortened, asked, (i) => previous(node.outputs[i] ?? -1)?.type);
      checkSizes(node, types, (i) => {
        const name = previous(node.outputs[i] ?? -1)?.name;
        return name === undefined ? String(i) : `"${name}"`;
      });
      learn(def, context, types);
      return types;
    },
    withBodies(node) {
      const changed = Object.entries(node.attributes).flatMap(([name, a]) =>
        a.kind === 'graph' ? [[name, { ...a, value: typed.get(a.value)?.graph ?? boundGraph(a.value, unknowns) }] as const] : [],
      );
      return changed.length === 0 ? node : { ...node, attributes: { ...node.attributes, ...Object.fromEntries(changed) } };
    },
    unknowns: () => unknowns.records(),
    assumed: () => unknowns.assumed(),
    assumedRanks: () => unknowns.assumedRanks(),
  };
}

/**
 * A graph with the types its values have when its inputs have these; nodes without a definition keep the types they have.
 * Bodies of its nodes are typed too.
 * Throws coded errors where operands do not fit.
 */
export function inferGraphTypes(graph: Graph, inputs: readonly TensorType[]): Graph {
  const unknowns = startUnknowns(symbolsIn(graph), graph.unknowns ?? [], null, false);
  const own = new Set(graph.inputs);
  const { graph: found } = inferBody(graph, inputs, {
    unknowns,
    outer: () => undefined,
    isInput: (id) => own.has(id),
    leftOpen: () => undefined,
    work: { left: mostBodyWork, total: mostBodyWork },
    tolerant: false,
  });
  const records = unknowns.records();
  return records.length === 0 ? found : { ...found, unknowns: records };
}

interface InferredBody {
  readonly graph: Graph;
  /** Of its outputs, in order. */
  readonly facts: readonly Facts[];
  /** A node does not take its operands: it cannot run. */
  readonly contradicts: boolean;
}

interface BodyParts extends Pick<ScopeParts, 'unknowns' | 'outer' | 'isInput' | 'leftOpen' | 'work'> {
  /**
   * Whether nodes may contradict their operands. Exporters write branches for shapes the model never has: whether such a node ever
   * runs is not known here. It tells when it does.
   */
  readonly tolerant: boolean;
}

function inferBody(graph: Graph, inputs: readonly TensorType[], parts: BodyParts): InferredBody {
  const { unknowns, outer, isInput, leftOpen, work, tolerant } = parts;
  unknowns.recognise(graph);
  const values: Value[] = graph.values.map((v) => ({ ...v, type: unknowns.bind(v.type) }));
  const setType = (id: ValueId, type: TensorType): void => {
    const v = values[id];
    if (v !== undefined) values[id] = { ...v, type };
  };
  graph.inputs.forEach((id, i) => {
    const type = inputs[i];
    if (type !== undefined) setType(id, type);
  });
  const scope = startScope({
    opset: graph.opset,
    value: (id) => valueOf(values, id),
    previous: (id) => graph.values[id],
    unknowns,
    outer,
    isInput,
    leftOpen,
    work,
    perNode: null,
  });
  let contradicts = false;
  const nodes = graph.nodes.map((node) => {
    try {
      return inferInPlace(node, scope, setType);
    } catch (error) {
      if (!tolerant || !(error instanceof SystoleError)) throw error;
      leftOpen(node, error);
      contradicts = true;
      return scope.withBodies(node);
    }
  });
  return { graph: { ...graph, values, nodes }, facts: graph.outputs.map((id) => scope.facts(id)), contradicts };
}

/** Infers one node (of a body: each of its nodes), tells the types, and gives the node with typed bodies. */
export function inferInPlace(node: Node, inference: Inference, setType: (id: ValueId, type: TensorType) => void): Node {
  if (node.body !== undefined) {
    const body = node.body.map((n) => inferInPlace(n, inference, setType));
    return body.every((n, i) => n === node.body?.[i]) ? node : { ...node, body };
  }
  if (opDef(node.domain, node.op) === undefined) return inference.withBodies(node);
  const types = inference.infer(node);
  for (const [i, id] of node.outputs.entries()) {
    const type = types[i];
    if (type !== undefined) setType(id, type);
  }
  return inference.withBodies(node);
}

/** Whether numbers are of this type: that of a node that contradicts its operands is what the file says, not what was computed. */
function sameType({ dtype, shape }: Tensor, type: TensorType): boolean {
  return dtype === type.dtype && shape.length === type.shape.length && shape.every((d, i) => d === type.shape[i]);
}

function boundGraph(graph: Graph, unknowns: Unknowns): Graph {
  if (graph.values.every((v) => unknowns.bind(v.type) === v.type)) return graph;
  return { ...graph, values: graph.values.map((v) => ({ ...v, type: unknowns.bind(v.type) })) };
}

function valueOf(values: readonly Value[], id: ValueId): Value {
  const value = values[id];
  if (value === undefined) throw new Error(`no value ${id}`);
  return value;
}

/** Quantized values stand for real numbers: operators see them as float32. */
export function meaningType(value: Value): TensorType {
  return value.quantization === null ? value.type : { ...value.type, dtype: 'float32' };
}

/** The definition of a node's operator; a coded error names the nearest one where there is none. */
export function definitionOf(node: Node): OpDef {
  return (
    opDef(node.domain, node.op) ??
    fail(
      graphMessages.unknownOperator(
        { op: node.op, domain: node.domain, node: node.name, near: suggestOp(node.op) },
        { origin: node.origin },
      ),
    )
  );
}

/** The nodes that compute: bodies in place of `Fused` nodes, order kept. */
export function leafNodes(nodes: readonly Node[]): readonly Node[] {
  return nodes.some((n) => n.body !== undefined) ? nodes.flatMap((n) => (n.body === undefined ? [n] : leafNodes(n.body))) : nodes;
}
