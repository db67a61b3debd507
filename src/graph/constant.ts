/** Constants as tensors. */
import { elementCount, fail, graphMessages, tensorBytes, viewBytes, type Tensor } from '../core/index.ts';
import type { Constant, TensorType, Value } from './ir.ts';

const text = new TextDecoder();

/**
 * The numbers of a constant of this type. Bytes are viewed, not copied; a splat is written out.
 * @param value, node  names for the message when the numbers are absent
 */
export function constantOf(type: TensorType, constant: Constant, value: string, node: string): Tensor {
  const shape = type.shape.map((d) => {
    if (typeof d !== 'number') throw new Error(`constant "${value}" has a symbolic shape`);
    return d;
  });
  const { dtype } = type;
  switch (constant.kind) {
    case 'absent':
      return fail(graphMessages.absentContents({ value, node, reason: constant.reason }, { origin: node === '' ? [] : [node] }));
    case 'strings':
      return { dtype, shape, data: constant.strings };
    case 'bytes':
      return { dtype, shape, data: viewBytes(dtype, constant.bytes) };
    case 'splat':
      if (dtype === 'string') {
        return { dtype, shape, data: new Array<string>(elementCount(shape)).fill(text.decode(constant.element)) };
      }
      return { dtype, shape, data: viewBytes(dtype, repeatElement(type, constant.element, elementCount(shape))) };
  }
}

function repeatElement(type: TensorType, element: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(tensorBytes(type.dtype, count));
  if (element.length === 1) return bytes.fill(element[0] ?? 0);
  if (bytes.length === 0 || element.every((b) => b === 0)) return bytes;
  bytes.set(element);
  for (let done = element.length; done < bytes.length; done *= 2) bytes.copyWithin(done, 0, Math.min(done, bytes.length - done));
  return bytes;
}

/** The numbers of a value that is a constant; null when it is not one. Throws a coded error where they are absent. */
export function constantTensor(value: Value, node: string = ''): Tensor | null {
  return value.constant === null ? null : constantOf(value.type, value.constant, value.name, node);
}

/** A tensor as the contents of a value. */
export function constantFrom(tensor: Tensor): Constant {
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) return { kind: 'strings', strings: data };
  return { kind: 'bytes', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
