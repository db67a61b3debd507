/**
 * import: from the bytes of an ONNX file to a graph.
 * In: bytes, a callback for external data. Out: a graph with symbolic dimensions, the model's identity, a table of its nodes.
 * Always: nodes in topological order, every node and value named once, every value typed; all problems of a kind are told at once;
 * tensor data stay views of the file. After this everything is synchronous.
 * Must not know: machines, passes, kernels.
 */
export { importDecoded, importModel, type ImportedModel, type ImportOptions } from './import.ts';
export type { InputOptions } from './inputs.ts';
