/** Types the file declares, as types of values. */
import { symbolDim, type Dim } from '../../graph/index.ts';
import type { TensorType } from '../../graph/ir.ts';
import type { OnnxType } from '../../onnx/model.ts';

/** What is said to be a tensor and no more. */
const anyTensor: TensorType = { dtype: 'float32', shape: [], unranked: true };

/**
 * The type a file declares for `name`. Exporters write a size they do not know as nothing, as a name, or as a negative number:
 * those without a name become symbols `name_axis0`. What has no type is taken for float32 of unknown rank; `isDeclared` tells.
 * Sparse tensors count as dense ones, opaque values as text.
 */
export function readType(type: OnnxType | null, name: string): TensorType {
  if (type === null) return anyTensor;
  switch (type.kind) {
    case 'tensor':
    case 'sparseTensor': {
      if (type.shape === null) return { dtype: type.dtype, shape: [], unranked: true };
      const shape = type.shape.map((d, axis): Dim => {
        if (typeof d === 'number' && d >= 0) return d;
        return symbolDim(typeof d === 'string' && d !== '' ? d : `${name}_axis${axis}`);
      });
      return { dtype: type.dtype, shape };
    }
    case 'sequence':
      return { ...readType(type.element, name), container: 'sequence' };
    case 'optional': {
      const element = readType(type.element, name);
      return { ...element, container: element.container === 'sequence' ? 'optional-sequence' : 'optional' };
    }
    case 'map':
      return { ...readType(type.value, name), container: 'map' };
    case 'opaque':
      return { dtype: 'string', shape: [], unranked: true };
    case 'none':
      return anyTensor;
  }
}

export function isDeclared(type: OnnxType): boolean {
  switch (type.kind) {
    case 'none':
      return false;
    case 'sequence':
    case 'optional':
      return type.element !== null && isDeclared(type.element);
    case 'map':
      return type.value !== null && isDeclared(type.value);
    default:
      return true;
  }
}
