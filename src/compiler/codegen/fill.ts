/** Constants that moves write: an element again and again. */
import type { DType } from '../../core/index.ts';
import { createTensor, noMarks } from '../schedule/resources.ts';
import type { EmitContext, Source } from './context.ts';

/** `row` such elements stand with the constants. */
export function fillSource(cx: EmitContext, element: Uint8Array, row: number): Source {
  const dtype = rawType(element.length);
  // Only what is referred to becomes part of the image.
  const at = (): number =>
    cx.weights.segment(`fill/${element.join(',')}/${row}`, row * element.length, () => {
      const bytes = new Uint8Array(row * element.length);
      for (let i = 0; i < row; i++) bytes.set(element, i * element.length);
      return bytes;
    });
  const memory = cx.env.machine.placement.constants;
  const space = cx.env.spaces.indexOf(memory);
  const region = cx.placement.weightsRegion;
  return {
    dtype,
    home: memory,
    direct: false,
    operand: 'weights',
    ref: (offset, extents, strides) => ({ space, region, dtype, offset: at() + offset, extents, strides }),
    resource: createTensor(noMarks()),
    shape: null,
  };
}

/** An element type of so many bytes, for moves that only look at bytes. */
function rawType(bytes: number): DType {
  switch (bytes) {
    case 1:
      return 'int8';
    case 2:
      return 'int16';
    case 4:
      return 'int32';
    default:
      return 'int64';
  }
}
