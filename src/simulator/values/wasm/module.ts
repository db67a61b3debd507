/** A WebAssembly module from functions: the sections a module of exported functions on one exported memory needs, and no others. */
import { unsigned, valueTypes, type Code, type Local, type ValueType } from './code.ts';

export interface WasmFunction {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly result: ValueType | null;
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** Makes locals for a function body. */
export type NewLocal = (type: ValueType) => Local;

/** A function; `write` gets its parameters and makes the locals it needs. */
export function define(
  name: string,
  params: readonly ValueType[],
  result: ValueType | null,
  write: (params: readonly Local[], local: NewLocal) => Code,
): WasmFunction {
  const locals: ValueType[] = [];
  const make: NewLocal = (type) => ({ index: params.length + locals.push(type) - 1, type });
  const body = write(
    params.map((type, index) => ({ index, type })),
    make,
  );
  return { name, params, result, locals, body };
}

/** "\0asm", version 1. */
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The functions by index, all exported by name; memory "memory" of one page, which may grow. */
export function assemble(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map((f) => [
    0x60,
    ...list(f.params.map((type) => [valueTypes[type]])),
    ...list(f.result === null ? [] : [[valueTypes[f.result]]]),
  ]);
  const exports = [[...text('memory'), 0x02, 0], ...functions.map((f, index) => [...text(f.name), 0x00, ...unsigned(index)])];
  const bodies = functions.map((f) => {
    const body = [...list(f.locals.map((type) => [1, valueTypes[type]])), ...f.body, 0x0b];
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    ...header,
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[0x00, 1]])),
    ...section(7, list(exports)),
    ...section(10, list(bodies)),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function list(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(name: string): number[] {
  const bytes = [...new TextEncoder().encode(name)];
  return [...unsigned(bytes.length), ...bytes];
}
