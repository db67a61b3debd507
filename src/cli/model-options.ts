/** What a command line says about a model's inputs: shapes (`--shape`) and contents (`--input-value`). */
import { cliMessages, fail, integerRange, isInteger, suggest, viewBytes, type DType, type Tensor } from '../core/index.ts';
import type { Dim } from '../graph/index.ts';
import { readBytes, isFile } from './files.ts';
import { putOnce, UsageError, type Values } from './values.ts';

export interface ModelOptions {
  readonly shapes: ReadonlyMap<string, readonly Dim[]>;
  /** Contents by input name, made for the element type the model declares. */
  readonly inputValues: ReadonlyMap<string, (dtype: DType) => Tensor>;
}

export const noOptions: ModelOptions = { shapes: new Map(), inputValues: new Map() };

export async function readModelOptions(values: Values): Promise<ModelOptions> {
  const texts = values.texts('shape');
  const shapes = texts.length === 0 ? new Map() : await readShapes(texts);
  const inputValues = new Map<string, (dtype: DType) => Tensor>();
  for (const [name, text] of values.assignments('input-value')) inputValues.set(name, await readContents(name, text));
  return { shapes, inputValues };
}

async function readShapes(texts: readonly string[]): Promise<ReadonlyMap<string, readonly Dim[]>> {
  const { parseDim, symbolDim } = await import('../graph/index.ts');
  const written = new Map<string, string>();
  for (const text of texts) {
    const split = splitOf(text);
    if (split > 0) putOnce(written, 'shape', text.slice(0, split), text.slice(split + 1));
  }
  return new Map(texts.map((text) => readShape(text, (size) => (bareName.test(size) ? symbolDim(size) : parseDim(size)))));
}

function splitOf(text: string): number {
  return Math.max(text.lastIndexOf(':'), text.lastIndexOf('='));
}

const bareName = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/**
 * "input:1x3x224x224", "image:Nx3x224x224", "ids:batch,seq", "ids:[max2]" (brackets or commas where a name has an x beside a digit);
 * the last colon counts, since names may hold some. A scalar is written "x:".
 */
function readShape(text: string, symbolic: (size: string) => Dim): readonly [string, readonly Dim[]] {
  const split = splitOf(text);
  if (split <= 0) throw new UsageError(`--shape ${text}: write it as NAME:1x3x224x224`);
  const written = text.slice(split + 1).trim();
  const sizes = written.replace(/^\[|\]$/g, '');
  const isList = written.startsWith('[') || sizes.includes(',');
  const parts = sizes === '' ? [] : isList ? sizes.split(',') : sizes.split(/x(?=\d)|(?<=\d)x/);
  const dims = parts.map((part): Dim => {
    const size = part.trim();
    if (/^\d{1,9}$/.test(size)) return Number(size);
    if (/^[\w.+*\-/() ]+$/.test(size)) return symbolic(size);
    throw new UsageError(`--shape ${text}: "${part}" is neither a size nor a name`);
  });
  return [text.slice(0, split), dims];
}

/** The contents as tensors of the types the file declares. Errors: SYS8041 no such input. */
export async function resolveInputValues(bytes: Uint8Array, options: ModelOptions): Promise<ReadonlyMap<string, Tensor>> {
  if (options.inputValues.size === 0) return new Map();
  const { decodeModel } = await import('../onnx/index.ts');
  const inputs = new Map(decodeModel(bytes).model.graph.inputs.map((input) => [input.name, input.type]));
  const unknown = [...options.inputValues.keys()].filter((name) => !inputs.has(name));
  if (unknown.length > 0) {
    fail(...unknown.map((name) => cliMessages.unknownInput({ name, inputs: [...inputs.keys()], near: suggest(name, inputs.keys()) })));
  }
  return new Map(
    [...options.inputValues].map(([name, make]) => {
      const type = inputs.get(name);
      return [name, make(type?.kind === 'tensor' ? type.dtype : 'int64')];
    }),
  );
}

/** A file of the model's own test data (.pb), a numpy array, or numbers as they are written in JSON. */
async function readContents(name: string, text: string): Promise<(dtype: DType) => Tensor> {
  if (/\.(npy|npz|pb)$/i.test(text) || isFile(text)) {
    const bytes = await readBytes(text);
    const tensor = /\.pb$/i.test(text) ? await fromProtobuf(bytes, text) : await fromNumpy(bytes, text, name);
    return () => tensor;
  }
  const literal = readLiteral(text);
  if (literal === null) return fail(cliMessages.badInputValue({ name, text }));
  const { tensorOf } = await import('../graph/index.ts');
  return (dtype) => {
    const wrong = literal.numbers.find((n) => !isOf(dtype, n));
    if (wrong !== undefined) return fail(cliMessages.inputValueType({ name, value: wrong, dtype }));
    return tensorOf(dtype, literal.shape, literal.numbers);
  };
}

async function fromNumpy(bytes: Uint8Array, file: string, name: string): Promise<Tensor> {
  const { parseArrays } = await import('./npy.ts');
  const arrays = parseArrays(bytes, file);
  const tensor = arrays.get(name) ?? (arrays.size === 1 ? [...arrays.values()][0] : undefined);
  return (
    tensor ??
    fail(
      cliMessages.missingInputs({
        file,
        missing: [`"${name}"`],
        found: [...arrays.keys()].map((key) => `"${key}"`),
        change: 'Rename one of the arrays, or save it alone',
      }),
    )
  );
}

async function fromProtobuf(bytes: Uint8Array, file: string): Promise<Tensor> {
  const { decodeTensor } = await import('../onnx/index.ts');
  const { dtype, dims, data } = decodeTensor(bytes, { file });
  if (data.kind === 'bytes') return { dtype, shape: dims, data: viewBytes(dtype, data.bytes) };
  return fail(cliMessages.malformedArray({ file, reason: 'it holds no numbers' }));
}

/** Whether a number can be held as it is written; floats may round, but not to infinity. Beyond 2^53 JSON's numbers are not exact. */
function isOf(dtype: DType, n: number): boolean {
  if (dtype === 'bool') return n === 0 || n === 1;
  if (!isInteger(dtype)) return Number.isFinite(dtype === 'float32' ? Math.fround(n) : n);
  const [lo, hi] = dtype === 'int64' || dtype === 'uint64' ? [dtype === 'int64' ? -Infinity : 0, Infinity] : integerRange(dtype);
  return Number.isSafeInteger(n) && n >= lo && n <= hi;
}

interface Literal {
  readonly shape: readonly number[];
  readonly numbers: readonly number[];
}

/** "5", "1,2,3", "[[1,2],[3,4]]", "true"; null for anything else, ragged lists included. */
function readLiteral(text: string): Literal | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(/^[^[\]]*,/.test(text) ? `[${text}]` : text);
  } catch {
    return null;
  }
  const numbers: number[] = [];
  const shapeOf = (value: unknown): readonly number[] | null => {
    if (typeof value === 'boolean' || typeof value === 'number') {
      numbers.push(Number(value));
      return [];
    }
    if (!Array.isArray(value)) return null;
    const shapes = value.map(shapeOf);
    const [first = []] = shapes;
    return first === null || shapes.some((s) => s === null || s.join() !== first.join()) ? null : [value.length, ...first];
  };
  const shape = shapeOf(parsed);
  return shape === null ? null : { shape, numbers };
}
