/** From a decoded file to a graph: one named step a line, each in its own file. */
import { compilerMessages, elementCount, fail, tensorBytes, type Diagnostic } from '../../core/index.ts';
import { compactGraph, opDef, startInference, suggestOp, symbolDim, type Dim } from '../../graph/index.ts';
import type { Attribute, Graph, Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { decodeModel, type ExternalReader } from '../../onnx/index.ts';
import type { OnnxGraph, OnnxModel, OnnxType, OnnxValueInfo } from '../../onnx/model.ts';
import { inlineFunctions, type NamedNode } from './functions.ts';
import { nameNodes } from './names.ts';
import { integersWithoutScales } from './prequantized.ts';
import { readAttribute, readConstantNode, readExternal, readTensor, type ExternalData, type KnownTensor } from './tensors.ts';
import { sortNodes } from './topological.ts';

export interface ImportOptions {
  /** What the model is called in reports. */
  readonly name: string;
  /** Reads external data; without it, or where it answers null, those weights are absent. */
  readonly external?: ExternalReader | undefined;
  /** Hex SHA-256 of the bytes, if the caller has it already. */
  readonly sha256?: string | undefined;
}

export interface ImportedModel {
  readonly graph: Graph;
  readonly identity: {
    readonly name: string;
    readonly sha256: string;
    readonly opset: number;
    readonly parameterBytes?: number;
  };
  /** Every node of the file, in file order: what `origin` and `retired` refer to. */
  readonly nodeTable: readonly { readonly name: string; readonly opType: string }[];
  readonly diagnostics: readonly Diagnostic[];
}

/** @throws SystoleError with SYS1xxx when the bytes are not a readable ONNX file, SYS40xx when the model cannot be compiled */
export async function importModel(bytes: Uint8Array, options: ImportOptions): Promise<ImportedModel> {
  const { model, diagnostics } = decodeModel(bytes);
  const external = await readExternal(model, options.external);
  const sha256 = options.sha256 ?? (await hashBytes(bytes));
  const imported = importDecoded(model, { name: options.name, sha256, external });
  return { ...imported, diagnostics: [...diagnostics, ...imported.diagnostics] };
}

async function hashBytes(bytes: Uint8Array): Promise<string> {
  // A view of a shared buffer is refused by digest, hence the check; files never are.
  const own =
    bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Uint8Array.from(bytes);
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', own));
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** The same from a model that is decoded already (built in memory, or changed by a tool). */
export function importDecoded(
  model: OnnxModel,
  options: { readonly name: string; readonly sha256: string; readonly external?: ExternalData },
): ImportedModel {
  const opset = readOpset(model);
  const named = nameNodes(model.graph.nodes);
  refuseUnreadable(model, named);
  const nodes = sortNodes(inlineFunctions(model, named));
  refuseUnknown(nodes);
  const external = options.external ?? new Map();
  const { graph, diagnostics } = buildGraph(model.graph, nodes, { name: options.name, opset, external });
  return {
    graph,
    identity: { name: options.name, sha256: options.sha256, opset },
    nodeTable: named.map((node) => ({ name: node.name, opType: node.opType })),
    diagnostics,
  };
}

function readOpset(model: OnnxModel): number {
  const opset = model.opsetImports.find((o) => o.domain === '' || o.domain === 'ai.onnx')?.version;
  // A file may import only another domain; a file without any import is from before they existed: version 1.
  if (opset === undefined) return model.opsetImports.length > 0 ? 7 : fail(compilerMessages.opsetTooOld({ opset: 1 }));
  return opset >= 7 ? opset : fail(compilerMessages.opsetTooOld({ opset }));
}

const controlFlowOperators = /^(If|Loop|Scan|Optional.*|Sequence.*|SplitToSequence|ConcatFromSequence)$/;

function refuseUnreadable(model: OnnxModel, nodes: readonly NamedNode[]): void {
  const problems: Diagnostic[] = [];
  if (model.graph.outputs.length === 0) problems.push(compilerMessages.noOutputs({ name: model.graph.name }));
  const sparse = model.graph.sparseInitializers.map((t) => t.values.name);
  if (sparse.length > 0) problems.push(compilerMessages.sparseNotSupported({ tensors: sparse }, { origin: sparse }));
  const flow = groupBy(
    nodes.filter((node) => isDefaultDomain(node.domain) && controlFlowOperators.test(node.opType)),
    (node) => node.opType,
  );
  for (const [operator, users] of flow) {
    const names = users.map((node) => node.name);
    problems.push(compilerMessages.controlFlow({ operator, nodes: names }, { origin: names }));
  }
  if (problems.length > 0) fail(...problems);
}

function refuseUnknown(nodes: readonly NamedNode[]): void {
  const unknown = groupBy(
    nodes.filter((node) => node.opType !== 'Constant' && opDef(domainOf(node), node.opType) === undefined),
    (node) => (isDefaultDomain(node.domain) ? node.opType : `${node.domain}.${node.opType}`),
  );
  if (unknown.size === 0) return;
  fail(
    ...[...unknown].map(([operator, users]) => {
      const names = users.map((node) => node.name);
      const near = suggestOp(users[0]?.opType ?? operator);
      return compilerMessages.unknownOperator({ operator, count: users.length, nodes: names, near }, { origin: names });
    }),
  );
}

function isDefaultDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function domainOf(node: NamedNode): string {
  return isDefaultDomain(node.domain) ? '' : node.domain;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

interface BuildOptions {
  readonly name: string;
  readonly opset: number;
  readonly external: ExternalData;
}

/** Names become values, Constant nodes become constants, every other node gets inferred types. */
function buildGraph(
  source: OnnxGraph,
  nodes: readonly NamedNode[],
  { name, opset, external }: BuildOptions,
): { graph: Graph; diagnostics: readonly Diagnostic[] } {
  checkNames(source, nodes);
  const values: Value[] = [];
  const ids = new Map<string, ValueId>();
  const addValue = (valueName: string, type: TensorType, known: KnownTensor | null, quantization: Quantization | null): ValueId => {
    const id = values.length;
    values.push({ id, name: valueName, type, layout: 'row-major', quantization, constant: known?.constant ?? null });
    ids.set(valueName, id);
    return id;
  };
  const inference = startInference(opset, (id) => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  });

  // Initializers become values when somebody reads them, so that unused ones vanish. One that is also an input (always so
  // before IR 4) is a constant: its default cannot be overridden once it is compiled in.
  const initializers = new Map(source.initializers.map((t) => [t.name, t]));
  const inputs = source.inputs
    .filter((input) => !initializers.has(input.name))
    .map((input) => addValue(input.name, inputType(input), null, null));
  const find = (valueName: string): ValueId => {
    const id = ids.get(valueName);
    if (id !== undefined) return id;
    const tensor = initializers.get(valueName);
    if (tensor === undefined) throw new Error(`value "${valueName}" was checked to exist`);
    const known = readTensor(tensor, external, valueName);
    return addValue(valueName, known.type, known, null);
  };

  const retired: Record<string, 'folded'> = {};
  const built: Node[] = [];
  const integerUse = integersWithoutScales(values);
  for (const source of nodes) {
    if (source.opType === 'Constant' && isDefaultDomain(source.domain)) {
      const known = readConstantNode(source, external);
      addValue(source.outputs[0] ?? source.name, known.type, known, null);
      for (const origin of source.origin) retired[origin] = 'folded';
      continue;
    }
    const first = values.length + countNew(source.inputs, ids);
    const node: Node = {
      op: source.opType,
      domain: domainOf(source),
      name: source.name,
      inputs: trimmed(source.inputs).map((input) => (input === '' ? null : find(input))),
      outputs: trimmed(source.outputs).map((_, i) => first + i),
      attributes: readAttributes(source, external),
      origin: source.origin,
    };
    integerUse.mark(node);
    const types = inference.infer(node);
    node.outputs.forEach((id, i) => {
      const type = types[i];
      if (type === undefined || id !== values.length) throw new Error(`${node.op} "${node.name}" has no type for output ${i}`);
      const { type: held, quantization } = integerUse.hold(node, type);
      addValue(source.outputs[i] || `${node.name}:${i}`, held, null, quantization);
    });
    built.push(node);
  }
  const outputs = source.outputs.map((output) => find(output.name));
  const graph = compactGraph({ name, opset, inputs, outputs, values, nodes: built, retired });
  return { graph, diagnostics: [...absentWeights(values), ...integerUse.diagnostics()] };
}

function readAttributes(node: NamedNode, external: ExternalData): Record<string, Attribute> {
  const attributes: Record<string, Attribute> = {};
  for (const attribute of node.attributes) {
    const read = readAttribute(attribute, external, node.name);
    if (read !== null) attributes[attribute.name] = read;
  }
  return attributes;
}

/** How many of these names become values (initializers read for the first time) before the node's outputs do. */
function countNew(inputs: readonly string[], ids: ReadonlyMap<string, ValueId>): number {
  const fresh = new Set<string>();
  for (const input of inputs) if (input !== '' && !ids.has(input)) fresh.add(input);
  return fresh.size;
}

/** Without the empty names at the end: left out, as if not written. */
function trimmed(names: readonly string[]): readonly string[] {
  let end = names.length;
  while (end > 0 && names[end - 1] === '') end--;
  return end === names.length ? names : names.slice(0, end);
}

function inputType(input: OnnxValueInfo): TensorType {
  const { type } = input;
  if (type.kind !== 'tensor' || type.shape === null) {
    return fail(compilerMessages.notATensor({ value: input.name, kind: describeType(type) }, { origin: [input.name] }));
  }
  if (type.dtype === 'string') return fail(compilerMessages.stringTensors({ nodes: [input.name] }, { origin: [input.name] }));
  // Exporters write a size they do not know as nothing, as a name, or as a negative number.
  const shape = type.shape.map((d, axis): Dim => {
    if (typeof d === 'number' && d >= 0) return d;
    return symbolDim(typeof d === 'string' && d !== '' ? d : `${input.name}_axis${axis}`);
  });
  return { dtype: type.dtype, shape };
}

function describeType(type: OnnxType): string {
  switch (type.kind) {
    case 'tensor':
      return 'a tensor of unknown rank';
    case 'sparseTensor':
      return 'a sparse tensor';
    case 'none':
      return 'of no stated type';
    case 'sequence':
    case 'optional':
    case 'map':
    case 'opaque':
      return `of ${type.kind} type`;
  }
}

/** Every name written once, every name read written by somebody. All offenders at once. */
function checkNames(source: OnnxGraph, nodes: readonly NamedNode[]): void {
  const writers = new Map<string, string[]>();
  const write = (valueName: string, writer: string): void => {
    const list = writers.get(valueName);
    if (list === undefined) writers.set(valueName, [writer]);
    else list.push(writer);
  };
  const initializers = new Set(source.initializers.map((t) => t.name));
  for (const initializer of initializers) write(initializer, 'an initializer');
  for (const input of source.inputs) if (!initializers.has(input.name)) write(input.name, 'a graph input');
  for (const node of nodes) for (const output of node.outputs) if (output !== '') write(output, node.name);

  const readers = new Map<string, string[]>();
  const read = (valueName: string, reader: string): void => {
    if (valueName === '' || writers.has(valueName)) return;
    readers.set(valueName, [...(readers.get(valueName) ?? []), reader]);
  };
  for (const node of nodes) for (const input of node.inputs) read(input, node.name);
  for (const output of source.outputs) read(output.name, 'the graph outputs');

  const problems: Diagnostic[] = [];
  for (const [value, list] of writers) {
    if (list.length > 1) problems.push(compilerMessages.valueDefinedTwice({ value, nodes: list }, { origin: list }));
  }
  for (const [value, list] of readers) problems.push(compilerMessages.valueUndefined({ value, readers: list }, { origin: list }));
  if (problems.length > 0) fail(...problems);
}

function absentWeights(values: readonly Value[]): readonly Diagnostic[] {
  const absent = values.filter((v) => v.constant?.kind === 'absent');
  if (absent.length === 0) return [];
  let bytes = 0;
  for (const { type } of absent) bytes += tensorBytes(type.dtype, elementCount(type.shape.filter((d) => typeof d === 'number')));
  const names = absent.map((v) => v.name);
  return [compilerMessages.weightsAbsent({ count: absent.length, bytes, names }, { origin: names })];
}
