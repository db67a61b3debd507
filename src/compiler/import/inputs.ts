/** Graph inputs: their declared types, shapes the caller gives instead, and contents the caller binds. */
import { compilerMessages, elementCount, fail, suggest, tensorBytes, type Diagnostic, type Tensor } from '../../core/index.ts';
import { bindDim, constantFrom, printDim, printShape, type Dim } from '../../graph/index.ts';
import type { TensorType } from '../../graph/ir.ts';
import type { OnnxValueInfo } from '../../onnx/model.ts';
import type { KnownTensor } from './tensors.ts';
import { isDeclared, readType } from './types.ts';

export interface InputOptions {
  /** Contents of graph inputs by name: such an input becomes a constant and is no longer one. */
  readonly inputValues?: ReadonlyMap<string, Tensor> | undefined;
  /** Shapes in place of declared ones; may give the rank where the file gives none. */
  readonly shapes?: ReadonlyMap<string, readonly Dim[]> | undefined;
}

export interface ImportedInput {
  readonly name: string;
  readonly type: TensorType;
  /** null: it stays an input. */
  readonly known: KnownTensor | null;
}

export interface ImportedInputs {
  readonly inputs: readonly ImportedInput[];
  /** Numbers that the given shapes settle for symbols of the file, for other types that mention them. */
  readonly settled: Readonly<Record<string, number>>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * A symbol the file uses for several inputs takes the number that a given shape has in its place, unless two of them disagree.
 * @throws SYS4020 for names that are no inputs, SYS4021 and SYS4022 for shapes and contents that contradict the file; all at once
 */
export function readInputs(declared: readonly OnnxValueInfo[], options: InputOptions): ImportedInputs {
  const shapes = options.shapes ?? new Map<string, readonly Dim[]>();
  const values = options.inputValues ?? new Map<string, Tensor>();
  const problems = unknownNames(declared, [...shapes.keys(), ...values.keys()]);
  const untyped = declared.filter((input) => !isDeclared(input.type)).map((input) => input.name);
  const numbers = new Map<string, Set<number>>();
  const settle = (before: TensorType, shape: readonly Dim[]): void =>
    before.shape.forEach((d, i) => {
      const given = shape[i];
      if (typeof d === 'number' || d.kind !== 'symbol' || typeof given !== 'number') return;
      numbers.set(d.name, (numbers.get(d.name) ?? new Set()).add(given));
    });
  const found = declared.map((input): ImportedInput => {
    const { name } = input;
    const type = readType(input.type, name);
    const shape = shapes.get(name);
    const tensor = values.get(name);
    if (shape !== undefined) {
      if (!fits(type, shape))
        problems.push(compilerMessages.shapeContradicts({ input: name, declared: print(type), given: printShape(shape) }));
      settle(type, shape);
    }
    const { dtype, container } = type;
    const held: TensorType =
      shape === undefined ? type : { dtype, shape: merge(type.shape, shape), ...(container === undefined ? {} : { container }) };
    if (tensor === undefined) return { name, type: held, known: null };
    const wrongType = untyped.includes(name) ? false : dtype !== tensor.dtype || container !== undefined;
    if (wrongType || !fits(held, tensor.shape) || !isWhole(tensor)) {
      const given = `${tensor.dtype} ${printShape(tensor.shape)} of ${tensor.data.length} numbers`;
      problems.push(compilerMessages.contentsContradict({ input: name, declared: `${dtype} ${print(held)}`, given }));
    }
    settle(type, tensor.shape);
    const known = { type: { dtype: tensor.dtype, shape: tensor.shape }, constant: constantFrom(tensor) };
    return { name, type: known.type, known };
  });
  if (problems.length > 0) fail(...problems);
  const settled: Record<string, number> = {};
  const diagnostics: Diagnostic[] = [];
  for (const [symbol, sizes] of numbers) {
    const [size] = sizes;
    if (sizes.size === 1 && size !== undefined) settled[symbol] = size;
    else diagnostics.push(compilerMessages.symbolDisputed({ symbol, sizes: [...sizes] }));
  }
  const open = untyped.filter((name) => !values.has(name));
  if (open.length > 0) diagnostics.push(compilerMessages.inputWithoutType({ inputs: open }, { origin: open }));
  const inputs = found.map((input) => ({ ...input, type: settleType(input.type, settled) }));
  return { inputs, settled, diagnostics };
}

/** A type with the numbers that given shapes settle. */
export function settleType(type: TensorType, settled: Readonly<Record<string, number>>): TensorType {
  return type.shape.every((d) => typeof d === 'number') ? type : { ...type, shape: type.shape.map((d) => bindDim(d, settled)) };
}

function unknownNames(declared: readonly OnnxValueInfo[], given: readonly string[]): Diagnostic[] {
  const names = new Set(declared.map((input) => input.name));
  const unknown = [...new Set(given)].filter((name) => !names.has(name));
  return unknown.map((name) => compilerMessages.inputNotThere({ name, inputs: [...names], near: suggest(name, names) }));
}

/** Whether a shape can stand for a type: the same rank, and nothing but the number where the file gives one. */
function fits(type: TensorType, shape: readonly Dim[]): boolean {
  if (type.unranked === true) return true;
  return (
    type.shape.length === shape.length &&
    type.shape.every((d, i) => typeof d !== 'number' || typeof shape[i] !== 'number' || d === shape[i])
  );
}

/** A name given where the file has a number says nothing new. */
function merge(declared: readonly Dim[], given: readonly Dim[]): readonly Dim[] {
  return given.map((d, i) => (typeof d === 'number' ? d : typeof declared[i] === 'number' ? declared[i] : d));
}

function print(type: TensorType): string {
  return type.unranked === true ? 'of any rank' : `[${type.shape.map(printDim).join(', ')}]`;
}

function isWhole({ dtype, shape, data }: Tensor): boolean {
  const count = elementCount(shape);
  return ArrayBuffer.isView(data) ? data.byteLength === tensorBytes(dtype, count) : data.length === count;
}
