/** Types in the textual form: printed and read. */
import { allDTypes, type DType } from '../core/index.ts';
import { printDim, type Dim } from './dim.ts';
import type { Container, TensorType } from './ir.ts';
import { startReader, type Reader } from './text-reader.ts';

/** "float32[2, batch]"; a scalar is "float32[]"; "sequence<float32[*]>" of tensors of any shape. */
export function printType(type: TensorType): string {
  const element = `${type.dtype}[${type.unranked === true ? '*' : type.shape.map(printDim).join(', ')}]`;
  if (type.container === undefined) return element;
  return type.container === 'optional-sequence' ? `optional<sequence<${element}>>` : `${type.container}<${element}>`;
}

/** A type alone, as `printType` writes it. */
export function parseType(text: string): TensorType {
  const reader = startReader(text, undefined);
  const type = readType(reader);
  if (reader.peek().kind !== 'end') reader.wrong('the end of the text');
  return type;
}

/** Reads a type where one stands. */
export function readType(r: Reader): TensorType {
  for (const outer of ['sequence', 'optional', 'map'] as const) {
    if (!r.take(outer)) continue;
    r.expect('<');
    const inner = readType(r);
    r.expect('>');
    const container: Container | null =
      inner.container === undefined ? outer : outer === 'optional' && inner.container === 'sequence' ? 'optional-sequence' : null;
    return container === null ? r.wrong('a tensor type, or a sequence in an optional') : { ...inner, container };
  }
  const dtype = readDType(r);
  r.expect('[');
  if (r.take('*')) {
    r.expect(']');
    return { dtype, shape: [], unranked: true };
  }
  const shape: Dim[] = [];
  while (!r.take(']')) {
    if (shape.length > 0) r.expect(',');
    shape.push(r.dim());
  }
  return { dtype, shape };
}

function readDType(r: Reader): DType {
  const dtype = allDTypes.find((d) => d === r.peek().text);
  if (dtype === undefined) return r.wrong('an element type such as float32');
  r.next();
  return dtype;
}
