/** Sparse tensors, made dense: no operator of a network works on them as they are. */
import { bitsOf, compilerMessages, elementCount, fail, tensorBytes, viewBytes } from '../../core/index.ts';
import type { OnnxSparseTensor } from '../../onnx/model.ts';
import { externalConstant, lazyConstant, type ExternalData } from './external.ts';
import type { KnownTensor } from './tensors.ts';

/** A sparse tensor of a few numbers can claim any size; made dense it has to fit into memory. In bytes. */
const largestDense = 2 ** 31;

/**
 * The dense form, written out when first read. Indices are element numbers in row-major order, or one tuple for each value
 * (SparseTensorProto in onnx.proto).
 * @throws SYS4026 when indices, values and dimensions contradict each other
 */
export function readSparse(sparse: OnnxSparseTensor, external: ExternalData, where: string): KnownTensor {
  const { values, indices, dims } = sparse;
  const { dtype } = values;
  const type = { dtype, shape: dims };
  const count = elementCount(dims);
  const size = tensorBytes(dtype, count);
  const problem = (why: string): never => fail(compilerMessages.badSparseTensor({ tensor: where, why }, { origin: [where] }));
  const stored = elementCount(values.dims);
  const flat = indices.dims.length === 1;
  if (indices.dtype !== 'int64') problem(`its indices are ${indices.dtype}, not int64`);
  if (values.dims.length !== 1) problem(`its values have the shape [${values.dims.join(', ')}], not one dimension`);
  if (!flat && indices.dims.length !== 2) problem(`its indices have ${indices.dims.length} dimensions, not 1 or 2`);
  if (indices.dims[0] !== stored) problem(`it has ${stored} values and ${indices.dims[0]} indices`);
  if (!flat && indices.dims[1] !== dims.length) problem(`its indices have ${indices.dims[1]} coordinates for ${dims.length} dimensions`);
  if (!(size <= largestDense)) problem(`it would take ${size} bytes when made dense; ${largestDense} is the most that is done`);
  if (bitsOf(dtype) < 8 || dtype === 'string') problem(`${dtype} elements cannot be placed one by one`);
  const contents = contentsOf(values, external);
  const places = contentsOf(indices, external);
  if (contents === null || places === null) return { type, constant: { kind: 'absent', reason: 'the file gives it no elements' } };
  if (contents().byteLength !== tensorBytes(dtype, stored))
    problem(`its values have ${contents().byteLength} bytes for ${stored} elements`);
  if (places().byteLength !== 8 * elementCount(indices.dims)) problem(`its indices have ${places().byteLength} bytes`);
  const positions = (): readonly number[] => {
    const data = Array.from(viewBytes('int64', places()), Number);
    if (flat) return data;
    return Array.from({ length: stored }, (_, i) =>
      dims.reduce((at, d, axis) => {
        const index = data[i * dims.length + axis] ?? -1;
        return index >= 0 && index < d ? at * d + index : Number.NaN;
      }, 0),
    );
  };
  const wrong = positions().findIndex((at) => !(at >= 0 && at < count));
  if (wrong >= 0) problem(`index ${wrong} lies outside its shape [${dims.join(', ')}]`);
  return {
    type,
    constant: lazyConstant(() => {
      const dense = new Uint8Array(size);
      const width = bitsOf(dtype) / 8;
      const from = contents();
      positions().forEach((at, i) => dense.set(from.subarray(i * width, (i + 1) * width), at * width));
      return dense;
    }),
  };
}

function contentsOf(tensor: OnnxSparseTensor['values'], external: ExternalData): (() => Uint8Array) | null {
  const { data } = tensor;
  if (data.kind === 'bytes') return () => data.bytes;
  if (data.kind !== 'external') return elementCount(tensor.dims) === 0 ? () => new Uint8Array() : null;
  const constant = externalConstant(tensor, data.location, external);
  return constant.kind === 'bytes' ? () => constant.bytes : null;
}
