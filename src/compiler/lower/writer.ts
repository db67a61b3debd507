/** Writes the nodes that take the place of one: types by inference, names and origin after the node. */
import { bytesOf, elementCount, type DType, type Tensor } from '../../core/index.ts';
import { constantOf, equalDim, opDef, repeatDomain, startInference, type Inference } from '../../graph/index.ts';
import type { Attribute, Attributes, Constant, Graph, Node, TensorType, UnknownDim, Value, ValueId } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import { derivedConstant } from './derived.ts';
import { convertConstant } from './float-types.ts';
import { unrolledTrips, unrollLimit } from './rule.ts';

/** Version of ai.onnx that written nodes follow, whatever the file imports. */
export const writtenOpset = 24;

type AttributeValue = number | string | readonly number[] | { readonly float: number };

export interface Writer {
  readonly opset: number;
  /** Whether the array multiplies float32. */
  readonly floatProducts: boolean;
  value(id: ValueId): Value;
  /** Sizes; every value a lowering meets is bound. */
  shape(id: ValueId): readonly number[];
  isConstant(id: ValueId): boolean;
  /** The numbers of a constant; null where it is none, or absent. Weights are read by this: ask for small ones only. */
  numbers(id: ValueId | null | undefined): readonly number[] | null;
  /** A constant of few elements, no text; null for other values. */
  smallTensor(id: ValueId): Tensor | null;
  /** Whether all sizes are numbers. */
  readonly isBound: boolean;
  /**
   * A node of ai.onnx, or of a domain before a dot, with one output, which is a constant where all inputs are.
   * @param macs  as the original counts them, where that is not what this operator counts
   */
  op(op: string, inputs: readonly (ValueId | null)[], attributes?: Readonly<Record<string, AttributeValue>>, macs?: number): ValueId;
  /** A copy of a node of this graph with other inputs or attributes: its outputs are new values. */
  node(node: Node): readonly ValueId[];
  /** A node of a body, its inputs already values of this graph. `outputs`: names, and types where its operator has no definition. */
  inlined(node: Node, outputs: readonly NewOutput[]): readonly ValueId[];
  /** `made`, whose integers stand for numbers as those of `like` do, where they do; axes are counted from the last. */
  held(made: ValueId, like: ValueId): ValueId;
  /** A constant. */
  tensor(tensor: Tensor): ValueId;
  lazy(type: TensorType, constant: Constant): ValueId;
  /** A constant of a body, under its own name. */
  constant(value: Value): ValueId;
  /** One number, of the floating type the node computes in; the same of float32 constants above. */
  float(x: number): ValueId;
  /** An int64 vector. */
  ints(list: readonly number[]): ValueId;
  reshape(x: ValueId, shape: readonly number[]): ValueId;
  transpose(x: ValueId, perm: readonly number[]): ValueId;
  /** x[..., begin:end, ...] along `axis`. */
  slice(x: ValueId, axis: number, begin: number, end: number, step?: number): ValueId;
  /** One entry of an axis, the axis kept; other sizes may be open. */
  cut(x: ValueId, axis: number, at: number): ValueId;
  concat(list: readonly ValueId[], axis: number): ValueId;
  /** Whether what is written stands in a repeated region. */
  readonly isInside: boolean;
  /** Whether so many trips of about so many nodes are better a repeated region here, and may be one: regions do not nest. */
  canRepeat(trips: number, nodes: number): boolean;
  /**
   * A repeated region, its body written once. null where a trip would leave other types behind than it found: what was written until then
   * is to be thrown away.
   */
  repeat(region: Region): Repeated | null;
  /** Throws away what was written for the node at hand. */
  again(): void;
}

export interface Region {
  readonly trips: number;
  /** Carried values as they start. */
  readonly initial: readonly ValueId[];
  /** Tensors whose entries along axis 0 the trips get, from the end where reversed. */
  readonly scanned: readonly { readonly whole: ValueId; readonly reversed: boolean }[];
  /** Writes one trip. */
  readonly body: (carried: readonly ValueId[], entries: readonly ValueId[]) => Trip;
}

interface Trip {
  /** What the next trip finds. */
  readonly next: readonly ValueId[];
  /** What is stacked. */
  readonly made: readonly { readonly entry: ValueId; readonly reversed: boolean }[];
}

export interface Repeated {
  /** Carried values after the last trip. */
  readonly final: readonly ValueId[];
  /** What the trips made, along a new axis 0. */
  readonly stacked: readonly ValueId[];
}

export interface NewOutput {
  readonly name: string;
  readonly type: TensorType;
}

/** A writer together with what the driver needs of it. */
export interface WriterState extends Writer {
  /** Values so far, in place. */
  readonly values: Value[];
  /** Types of a node's outputs from its inputs as they are now. */
  infer(node: Node): readonly TensorType[];
  /** Starts a replacement: nodes written from now on are the node's. */
  begin(node: Node): void;
  /** What was written since `begin`. */
  written(): Node[];
  /** What follows is written inside a region, or no longer. */
  setInside(inside: boolean): void;
  /** A value as it stands in another graph, under a name of its own. */
  adopt(value: Value): ValueId;
  /** Dimensions that only a run decides, of the graph and of what was written. */
  unknowns(): readonly UnknownDim[];
}

/** When a repeated region is better than its trips one by one. */
export type Regions = 'never' | 'always' | 'long';

export interface WriterOptions {
  /** Whether the array multiplies float32. */
  readonly products: boolean;
  readonly regions: Regions;
}

export function startWriter(graph: Graph, sizes: 'bound' | 'open', { products: floatProducts, regions }: WriterOptions): WriterState {
  const values: Value[] = graph.values.slice();
  const valueNames = uniqueNames(values.map((v) => v.name));
  const nodeNames = uniqueNames(graph.nodes.map((n) => n.name));
  const at = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };
  const inferences = new Map<number, Inference>();
  const inferenceFor = (opset: number): Inference => {
    const known = inferences.get(opset) ?? startInference(opset, at, sizes === 'bound' ? { graph, sizes: {} } : { graph });
    inferences.set(opset, known);
    return known;
  };
  /** Constants of bodies: all iterations read the same. */
  const shared = new Map<Value, ValueId>();
  let from: Node | null = null;
  let nodes: Node[] = [];
  let inside = false;
  /** What the node at hand computes in: float constants of rules are of that type. */
  let real: DType = 'float32';
  const add = (name: string, type: TensorType, constant: Constant | null): ValueId => {
    const id = values.length;
    values.push({ id, name: valueNames(name), type, layout: 'row-major', quantization: null, constant });
    return id;
  };
  const owner = (): Node => {
    if (from === null) throw new Error('nothing is being lowered');
    return from;
  };
  const infer = (node: Node): readonly TensorType[] => {
    const opset = node.version ?? graph.opset;
    // Written nodes follow one operator set; what inference remembers of small contents is the same either way.
    return inferenceFor(opset).infer(node);
  };

  const state: WriterState = {
    values,
    opset: graph.opset,
    floatProducts,
    value: at,
    shape(id) {
      const { type } = at(id);
      return (type.unranked === true || type.container !== undefined ? null : staticShape(type)) ?? unbound(at(id));
    },
    isConstant: (id) => at(id).constant !== null,
    numbers(id) {
      if (id === null || id === undefined) return null;
      const { constant, type, name } = at(id);
      if (constant === null || constant.kind === 'absent' || constant.kind === 'strings') return null;
      return Array.from(constantOf(type, constant, name, '').data, Number);
    },
    smallTensor(id) {
      const { constant, type, name } = at(id);
      const shape = staticShape(type);
      if (constant === null || constant.kind === 'absent' || constant.kind === 'strings' || shape === null || elementCount(shape) > 1024)
        return null;
      return constantOf(type, constant, name, '');
    },
    isBound: sizes === 'bound',
    get isInside() {
      return inside;
    },
    infer,
    begin(node) {
      from = node;
      nodes = [];
      real = [...node.inputs, ...node.outputs].map((id) => (id === null ? undefined : at(id).type.dtype)).find(isHalfType) ?? 'float32';
    },
    written: () => nodes,
    again() {
      nodes = [];
    },
    adopt(value) {
      const id = add(value.name, value.type, value.constant);
      values[id] = { ...value, id, name: at(id).name };
      return id;
    },
    setInside(now) {
      inside = now;
    },
    canRepeat(trips, size) {
      const isLong = trips * size > unrollLimit;
      return !inside && trips > 1 && (isLong ? regions !== 'never' : regions === 'always' && trips > unrolledTrips);
    },
    repeat: ({ trips, initial, scanned, body: writeTrip }) => {
      const { name } = owner();
      const flags = (list: readonly { readonly reversed: boolean }[]): Attribute => ({
        kind: 'ints',
        value: list.map((x) => (x.reversed ? 1 : 0)),
      });
      const end = (op: string, inputs: readonly ValueId[], directions: Attribute): Node => ({
        op,
        domain: repeatDomain,
        name: `${name}:${op.toLowerCase()}`,
        inputs,
        outputs: [],
        attributes: { trips: { kind: 'int', value: trips }, carried: { kind: 'int', value: initial.length }, directions },
        origin: owner().origin,
      });
      const own = (id: ValueId, what: string): ValueId => {
        const node: Node = { ...end('Copy', [id], flags([])), name: `${name}:${what}`, attributes: {} };
        return place(node, [{ name: `${name}:${what}`, type: null }])[0] as ValueId;
      };
      const inputs = [
        ...initial.map((id) => own(id, 'start')),
        ...scanned.map(({ whole }) => (at(whole).constant === null ? whole : own(whole, 'entries'))),
      ];
      const begun = place(
        end('RepeatBegin', inputs, flags(scanned)),
        inputs.map((_, i) => ({ name: `${name}:${i < initial.length ? 'state' : 'entry'}`, type: null })),
      );
      const { next, made } = writeTrip(begun.slice(0, initial.length), begun.slice(initial.length));
      const same = next.every((id, i) => sameType(at(id).type, at(begun[i] ?? -1).type));
      const fits = (id: ValueId): boolean => at(id).type.container === undefined && (sizes === 'open' || staticShape(at(id).type) !== null);
      if (!same || !nodes.flatMap((n) => n.outputs).every(fits)) return null;

      const ended = place(
        end('RepeatEnd', [begun[0] ?? -1, ...next, ...made.map((m) => m.entry)], flags(made)),
        [...next, ...made].map((_, i) => ({ name: `${name}:${i < next.length ? 'final' : 'stack'}`, type: null })),
      );
      return { final: ended.slice(0, next.length), stacked: ended.slice(next.length) };
    },
    unknowns: () => [
      ...new Map([...(graph.unknowns ?? []), ...[...inferences.values()].flatMap((i) => i.unknowns())].map((u) => [u.symbol, u])).values(),
    ],
    op(op, inputs, attributes = {}, macs) {
      const dot = op.lastIndexOf('.');
      const base = `${owner().name}:${op.slice(dot + 1).toLowerCase()}`;
      const node: Node = {
        op: op.slice(dot + 1),
        domain: op.slice(0, Math.max(0, dot)),
        name: base,
        inputs,
        outputs: [],
        attributes: attributesOf(attributes),
        version: writtenOpset,
        origin: owner().origin,
        ...(macs === undefined ? {} : { macs }),
      };
      const [id] = place(node, [{ name: base, type: null }]);
      return id as ValueId;
    },
    node: (node) => place(node, node.outputs.map(at)),
    // What integers stand for is decided where they are read, by passes yet to come.
    inlined: (node, outputs) => place(node, outputs, node.op !== 'DequantizeLinear'),
    held(made, like) {
      const { quantization: q, type } = at(like);
      if (q === null) return made;
      const axis = q.axis === null ? null : q.axis + state.shape(made).length - type.shape.length;
      values[made] = { ...at(made), type: { ...at(made).type, dtype: type.dtype }, quantization: { ...q, axis } };
      return made;
    },
    tensor: (tensor) => state.lazy({ dtype: tensor.dtype, shape: tensor.shape }, { kind: 'bytes', bytes: bytesOf(tensor) }),
    constant(value) {
      const before = shared.get(value);
      if (before !== undefined) return before;
      const id = add(value.name, value.type, value.constant);
      values[id] = { ...at(id), quantization: value.quantization };
      shared.set(value, id);
      return id;
    },
    lazy(type, constant) {
      const name = `${owner().name}:const`;
      if (type.dtype !== 'float32' || real === 'float32') return add(name, type, constant);
      return add(name, { ...type, dtype: real }, convertConstant(type, constant, real, name));
    },
    float: (x) => state.tensor({ dtype: 'float32', shape: [], data: Float32Array.of(x) }),
    ints: (list) => state.tensor({ dtype: 'int64', shape: [list.length], data: BigInt64Array.from(list, BigInt) }),
    reshape(x, shape) {
      const now = state.shape(x);
      if (now.length === shape.length && now.every((d, i) => d === shape[i])) return x;
      if (elementCount(now) !== elementCount(shape)) throw new Error(`${owner().name}: [${now.join(', ')}] is not [${shape.join(', ')}]`);
      return state.op('Reshape', [x, state.ints(shape)], { allowzero: 1 });
    },
    transpose(x, perm) {
      return perm.every((p, i) => p === i) ? x : state.op('Transpose', [x], { perm });
    },
    slice(x, axis, begin, end, step = 1) {
      if (begin === 0 && end === state.shape(x)[axis] && step === 1) return x;
      return state.op('Slice', [x, state.ints([begin]), state.ints([end]), state.ints([axis]), state.ints([step])]);
    },
    cut: (x, axis, at) => state.op('Slice', [x, state.ints([at]), state.ints([at + 1]), state.ints([axis]), state.ints([1])]),
    concat(list, axis) {
      const [only] = list;
      return list.length === 1 && only !== undefined ? only : state.op('Concat', list, { axis });
    },
  };

  /** Infers a node whose outputs do not exist yet, and makes them. */
  function place(
    source: Node,
    outputs: readonly { readonly name: string; readonly type: TensorType | null }[],
    folds: boolean = true,
  ): readonly ValueId[] {
    const first = values.length;
    const probe: Node = { ...source, outputs: outputs.map((_, i) => first + i) };
    const def = opDef(probe.domain, probe.op);
    const types = def === undefined ? outputs.map((o) => o.type) : infer(probe);
    const ids = outputs.map(({ name }, i) => {
      const type = types[i] ?? null;
      if (type === null) throw new Error(`${source.op} "${source.name}" has no type for output ${i}`);
      return add(name, type, null);
    });
    const [only] = ids;
    if (folds && def !== undefined && ids.length === 1 && only !== undefined) {
      const operands = probe.inputs.map((id) => (id === null ? null : at(id)));
      const constant = derivedConstant(def, probe, probe.version ?? graph.opset, operands, at(only));
      if (constant !== null) {
        values[only] = { ...at(only), constant };
        return ids;
      }
    }
    nodes.push({ ...probe, name: nodeNames(source.name) });
    return ids;
  }

  return state;
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return (
    a.dtype === b.dtype &&
    a.container === b.container &&
    a.unranked === b.unranked &&
    a.shape.length === b.shape.length &&
    a.shape.every((d, i) => equalDim(d, b.shape[i] ?? 0))
  );
}

/** Makes names unique by a suffix, in time linear in what is asked for. */
function uniqueNames(taken: readonly string[]): (base: string) => string {
  const names = new Set(taken);
  const counters = new Map<string, number>();
  return (base) => {
    let name = base;
    while (names.has(name)) {
      const next = (counters.get(base) ?? 1) + 1;
      counters.set(base, next);
      name = `${base}_${next}`;
    }
    names.add(name);
    return name;
  };
}

function isHalfType(dtype: DType | undefined): dtype is 'float16' | 'bfloat16' {
  return dtype === 'float16' || dtype === 'bfloat16';
}

function unbound(value: Value): never {
  throw new Error(`"${value.name}" has an open dimension: bind first`);
}

function attributesOf(given: Readonly<Record<string, AttributeValue>>): Attributes {
  const made: Record<string, Attribute> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'number') made[name] = { kind: 'int', value };
    else if (typeof value === 'string') made[name] = { kind: 'string', value };
    else if ('float' in value) made[name] = { kind: 'float', value: value.float };
    else made[name] = { kind: 'ints', value };
  }
  return made;
}
