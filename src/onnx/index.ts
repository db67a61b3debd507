/**
 * onnx: the file format.
 * In: bytes of an ONNX file (or an OnnxModel). Out: an OnnxModel of plain values with diagnostics (or bytes).
 * Always: whatever the bytes, decoding returns or throws a coded error, in time and memory proportional to the file; no Long leaves
 * this room; tensor data are views of the file; decode(encode(m)) = m. External data is only named here (location, offset, length):
 * who has the files reads them, through a callback of type `ExternalReader`.
 * Must not know: any operator, files, machines.
 */
export {
  decodeModel,
  decodeOptional,
  decodeSequence,
  decodeTensor,
  newestIrVersion,
  newestOpset,
  type DecodedModel,
  type DecodeOptions,
} from './decode.ts';
export { elementType } from './element-types.ts';
export { encodeModel, encodeTensor } from './encode.ts';
export type * from './model.ts';

/** Bytes that stand outside the model file; `read` gives all `byteLength` of them, each time it is called. */
export interface LazyBytes {
  readonly byteLength: number;
  readonly read: () => Uint8Array;
}

/**
 * Finds external data: `length` bytes at `offset` of the file `location` names (null: to its end), or null where there is no such
 * file. May answer with the bytes themselves, or with a promise to read them when somebody wants to see them. `location` comes
 * from the model, so a reader must refuse paths that leave the model's folder.
 */
export type ExternalReader = (location: string, offset: number, length: number | null) => Promise<Uint8Array | LazyBytes | null>;
