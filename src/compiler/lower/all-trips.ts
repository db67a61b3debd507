/** Nodes of a trip as nodes of all trips at once, and products cut so that a part of them can be. */
import { bytesOf, elementCount } from '../../core/index.ts';
import { attributeFloat, attributeInt, attributeInts, opDef } from '../../graph/index.ts';
import type { Constant, Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import { writtenOpset } from './writer.ts';

/** How a value of the body comes about: the same in every trip; from entries of one direction alone; or from what is carried too. */
export type Comes = 'same' | 'forward' | 'backward' | 'carried';

export interface Maker {
  readonly trips: number;
  at(id: ValueId): Value;
  shape(id: ValueId): readonly number[];
  value(like: ValueId, suffix: string, shape: readonly number[]): ValueId;
  ints(name: string, list: readonly number[]): ValueId;
}

export function startMaker(values: Value[], trips: number): Maker {
  const add = (name: string, type: TensorType, constant: Constant | null, quantization: Quantization | null): ValueId => {
    const id = values.length;
    values.push({ id, name: `${name}#${id}`, type, layout: 'row-major', quantization, constant });
    return id;
  };
  const at = (id: ValueId): Value => values[id] as Value;
  return {
    trips,
    at,
    shape: (id) => staticShape(at(id).type) ?? [],
    value: (like, suffix, shape) => add(`${at(like).name}:${suffix}`, { ...at(like).type, shape }, null, at(like).quantization),
    ints(name, list) {
      const tensor = { dtype: 'int64' as const, shape: [list.length], data: BigInt64Array.from(list, BigInt) };
      return add(name, tensor, { kind: 'bytes', bytes: bytesOf(tensor) }, null);
    },
  };
}

export function isProduct({ op, domain }: Node): boolean {
  return domain === '' && (op === 'MatMul' || op === 'Gemm' || op === 'MatMulInteger' || op === 'Conv' || op === 'ConvInteger');
}

const reshapes: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** Where all that a node reads comes from entries of one direction or never changes, and the node means the same of all trips at once. */
export function fromEntries(make: Maker, node: Node, how: readonly Comes[]): Comes {
  const [direction, ...others] = new Set(how.filter((h) => h !== 'same'));
  if (direction === undefined || direction === 'carried' || others.length > 0) return 'carried';
  return isByRows(make, node, how) ? direction : 'carried';
}

function isByRows(make: Maker, node: Node, how: readonly Comes[]): boolean {
  const [out] = node.outputs;
  if (node.domain !== '' || out === undefined || node.outputs.length !== 1 || make.shape(out).includes(0)) return false;
  const isByChannel = (id: ValueId): boolean => (make.at(id).quantization?.axis ?? null) !== null && make.at(id).constant === null;
  if ([...node.inputs, ...node.outputs].some((id) => id !== null && isByChannel(id))) return false;
  const rank = (i: number): number => make.shape(node.inputs[i] ?? out).length;
  const varies = (i: number): boolean => how[i] !== undefined && how[i] !== 'same';
  const onlyFirst = how.every((h, i) => i === 0 || h === 'same');
  switch (node.op) {
    case 'MatMul':
    case 'MatMulInteger':
      return onlyFirst && rank(1) === 2 && rank(0) > 0 && isPlain(make, node.inputs[2]);
    case 'Gemm': {
      const bias = node.inputs[2] ?? null;
      const isRow = bias === null || rank(2) < 2 || make.shape(bias)[0] === 1;
      return onlyFirst && attributeInt(node, 'transA', 0) === 0 && isRow;
    }
    case 'Conv':
    case 'ConvInteger':
      return onlyFirst && isPlain(make, node.inputs[2]);
    case 'Transpose':
      return true;
    default:
  }
  if (reshapes.has(node.op)) return onlyFirst;
  if (opDef('', node.op)?.kernelClass !== 'elementwise') return false;
  if (/^(De)?[Qq]uantizeLinear$/.test(node.op)) return onlyFirst && node.inputs.slice(1).every((id) => isPlain(make, id));
  const own = make.shape(out).length;
  return how.every((_, i) => node.inputs[i] === null || (varies(i) ? rank(i) === own : rank(i) <= own));
}

/** No operand, or one number. */
function isPlain(make: Maker, id: ValueId | null | undefined): boolean {
  return id === null || id === undefined || elementCount(make.shape(id)) === 1;
}

/** The node on all trips at once. `whole`: of entries, and of what nodes before made of them; of its result from now on. */
export function onAllTrips(make: Maker, node: Node, whole: Map<ValueId, ValueId>): readonly Node[] {
  const { trips } = make;
  const [out = -1] = node.outputs;
  const shape = make.shape(out);
  const inputs = node.inputs.map((id) => (id === null ? null : (whole.get(id) ?? id)));
  const reshape = (x: ValueId, to: ValueId): Node => ({
    op: 'Reshape',
    domain: '',
    name: `${node.name}:${make.at(to).name}`,
    inputs: [x, make.ints(node.name, make.shape(to))],
    outputs: [to],
    attributes: { allowzero: { kind: 'int', value: 1 } },
    version: writtenOpset,
    origin: node.origin,
  });
  const result = make.value(out, 'all', [trips, ...shape]);
  whole.set(out, result);
  const [x = -1] = inputs;
  if (reshapes.has(node.op)) return [reshape(x as ValueId, result)];
  if (node.op === 'Transpose') {
    const perm = attributeInts(
      node,
      'perm',
      shape.map((_, i) => shape.length - 1 - i),
    );
    const attributes: Node['attributes'] = { perm: { kind: 'ints', value: [0, ...perm.map((p) => p + 1)] } };
    return [{ ...node, inputs, outputs: [result], attributes }];
  }
  if (node.op !== 'Gemm' && node.op !== 'Conv' && node.op !== 'ConvInteger') return [{ ...node, inputs, outputs: [result] }];
  const joined = (list: readonly number[]): readonly number[] => [trips * (list[0] ?? 1), ...list.slice(1)];
  const rows = make.value(node.inputs[0] as ValueId, 'rows', joined(make.shape(node.inputs[0] as ValueId)));
  const product = make.value(out, 'rows', joined(shape));
  return [reshape(x as ValueId, rows), { ...node, inputs: [rows, ...inputs.slice(1)], outputs: [product] }, reshape(product, result)];
}

/**
 * A product of float32 whose left operand joins what comes from entries and what is carried, as a sum of two; null for others.
 *
 *     MatMul(Concat(%x, %h), %w)  =>  Add(MatMul(%h, %w[k:]), MatMul(%x, %w[:k]))
 */
export function cutProduct(make: Maker, node: Node, join: Node, of: (id: ValueId | null) => Comes): readonly Node[] | null {
  const [, weights = null, bias = null] = node.inputs;
  const [out = -1] = node.outputs;
  const rank = make.shape(out).length;
  const isGemm = node.op === 'Gemm';
  if (node.domain !== '' || (!isGemm && node.op !== 'MatMul') || weights === null || of(weights) !== 'same') return null;
  const axis = attributeInt(join, 'axis', 0);
  if ((axis + rank) % rank !== rank - 1 || make.shape(weights).length !== 2) return null;
  if (isGemm && [attributeFloat(node, 'alpha', 1), attributeFloat(node, 'beta', 1)].some((f) => f !== 1)) return null;
  if (attributeInt(node, 'transA', 0) !== 0) return null;
  const operands = join.inputs.flatMap((id) => (id === null ? [] : [id]));
  const isReal = (id: ValueId): boolean => make.at(id).quantization === null && make.at(id).type.dtype === 'float32';
  if (![...operands, weights, out].every(isReal)) return null;
  const isEntry = (id: ValueId): boolean => of(id) === 'forward' || of(id) === 'backward';
  const total = operands.reduce((n, id) => n + (make.shape(id).at(-1) ?? 0), 0);
  if (!operands.some(isEntry) || operands.every((id) => of(id) !== 'carried')) return null;

  // Neighbours of a kind stay together.
  const runs: { readonly ids: ValueId[]; readonly begin: number; end: number }[] = [];
  let at = 0;
  for (const id of operands) {
    const extent = make.shape(id).at(-1) ?? 0;
    const run = runs.at(-1);
    if (run !== undefined && isEntry(run.ids[0] as ValueId) === isEntry(id)) {
      run.ids.push(id);
      run.end += extent;
    } else runs.push({ ids: [id], begin: at, end: at + extent });
    at += extent;
  }
  const kAxis = isGemm && attributeInt(node, 'transB', 0) !== 0 ? 1 : 0;
  const common = { domain: '', version: writtenOpset, origin: node.origin };
  const made: Node[] = [];
  let given = 0;
  let sum: ValueId | null = null;
  // The bias goes with a product in front.
  const home = runs.findIndex((r) => isEntry(r.ids[0] as ValueId));
  runs.forEach((run, i) => {
    const width = run.end - run.begin;
    const lead = make.shape(run.ids[0] as ValueId).slice(0, -1);
    let left = run.ids[0] as ValueId;
    if (run.ids.length > 1) {
      left = make.value(left, 'joined', [...lead, width]);
      made.push({ ...common, op: 'Concat', name: `${node.name}:join${i}`, inputs: run.ids, outputs: [left], attributes: join.attributes });
    }
    const [rows = 0, columns = 0] = make.shape(weights);
    const part = make.value(weights, `${run.begin}`, kAxis === 0 ? [width, columns] : [rows, width]);
    const limits = [[run.begin], [run.end], [kAxis], [1]].map((list) => make.ints(node.name, list));
    made.push({ ...common, op: 'Slice', name: `${node.name}:weights${i}`, inputs: [weights, ...limits], outputs: [part], attributes: {} });
    const product = make.value(out, `part${i}`, make.shape(out));
    const upTo = node.macs === undefined ? 0 : i === runs.length - 1 ? node.macs : Math.floor((node.macs * run.end) / total);
    made.push({
      ...node,
      name: `${node.name}:part${i}`,
      inputs: isGemm && bias !== null && i === home ? [left, part, bias] : [left, part],
      outputs: [product],
      ...(node.macs === undefined ? {} : { macs: upTo - given }),
    });
    given = upTo;
    if (sum === null) {
      sum = product;
      return;
    }
    const next = i === runs.length - 1 ? out : make.value(out, `sum${i}`, make.shape(out));
    made.push({
      ...common,
      op: 'Add',
      name: i === runs.length - 1 ? node.name : `${node.name}:sum${i}`,
      inputs: [product, sum],
      outputs: [next],
      attributes: {},
    });
    sum = next;
  });
  return made;
}
