/** Tensor data outside the model file: found at import, read when somebody looks. */
import { compilerMessages, elementCount, fail, tensorBytes, type Diagnostic } from '../../core/index.ts';
import type { Constant } from '../../graph/ir.ts';
import type { ExternalReader, LazyBytes } from '../../onnx/index.ts';
import type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxTensorData } from '../../onnx/model.ts';

/** What was found for each reference; null where there is no such file. */
export type ExternalData = ReadonlyMap<OnnxTensorData, Uint8Array | LazyBytes | null>;

/**
 * Asks `read` for every external tensor of the model: initializers and attributes, bodies and functions included.
 * @throws SYS4011 for all whose data have another length than their shape promises
 */
export async function readExternal(model: OnnxModel, read: ExternalReader | undefined): Promise<ExternalData> {
  const found = new Map<OnnxTensorData, Uint8Array | LazyBytes | null>();
  const problems: Diagnostic[] = [];
  for (const tensor of externalTensors(model)) {
    const { data } = tensor;
    if (data.kind !== 'external' || found.has(data)) continue;
    const expected = tensorBytes(tensor.dtype, elementCount(tensor.dims));
    const answer = read === undefined || tensor.dtype === 'string' ? null : await read(data.location, data.offset, data.length ?? expected);
    if (answer !== null && answer.byteLength !== expected) {
      problems.push(wrongLength(tensor.name, data.location, expected, answer.byteLength));
    }
    found.set(data, answer);
  }
  if (problems.length > 0) fail(...problems);
  return found;
}

function wrongLength(tensor: string, location: string, expected: number, found: number): Diagnostic {
  return compilerMessages.externalDataShort({ tensor, location, expected, found }, { origin: [tensor] });
}

function* externalTensors(model: OnnxModel): Generator<OnnxTensor> {
  yield* inGraph(model.graph);
  for (const called of model.functions) {
    yield* inAttributes(called.attributeDefaults);
    yield* inNodes(called.nodes);
  }
}

function* inGraph(graph: OnnxGraph): Generator<OnnxTensor> {
  yield* graph.initializers;
  for (const sparse of graph.sparseInitializers) yield* [sparse.values, sparse.indices];
  yield* inNodes(graph.nodes);
}

function* inNodes(nodes: readonly OnnxNode[]): Generator<OnnxTensor> {
  for (const node of nodes) yield* inAttributes(node.attributes);
}

function* inAttributes(attributes: readonly OnnxAttribute[]): Generator<OnnxTensor> {
  for (const a of attributes) {
    if (a.kind === 'tensor') yield a.value;
    else if (a.kind === 'tensors') yield* a.value;
    else if (a.kind === 'graph') yield* inGraph(a.value);
    else if (a.kind === 'graphs') for (const graph of a.value) yield* inGraph(graph);
    else if (a.kind === 'sparseTensor') yield* [a.value.values, a.value.indices];
  }
}

/** The contents of an external tensor; nothing is read yet. */
export function externalConstant(tensor: OnnxTensor, location: string, external: ExternalData): Constant {
  const found = external.get(tensor.data) ?? null;
  if (found === null) return { kind: 'absent', reason: `external data "${location}" is not there` };
  if (found instanceof Uint8Array) return { kind: 'bytes', bytes: found };
  return lazyConstant(() => {
    const bytes = found.read();
    if (bytes.byteLength !== found.byteLength) fail(wrongLength(tensor.name, location, found.byteLength, bytes.byteLength));
    return bytes;
  });
}

/** Computed when first looked at, and again when the memory was needed for something else in between. */
export function lazyConstant(read: () => Uint8Array): Constant {
  let held: WeakRef<Uint8Array> | undefined;
  return {
    kind: 'bytes',
    get bytes(): Uint8Array {
      const before = held?.deref();
      if (before !== undefined) return before;
      const bytes = read();
      held = new WeakRef(bytes);
      return bytes;
    },
  };
}
