/**
 * numpy's files: .npy is one array, .npz a zip of them.
 * Source: numpy.lib.format, "Format Version 1.0 / 2.0 / 3.0".
 */
import { strToU8, unzipSync, zipSync, type Zippable } from 'fflate';
import { bytesOf, cliMessages, elementCount, fail, fileKind, viewBytes, type DType, type Tensor } from '../core/index.ts';

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59); // "\x93NUMPY"

const descriptors: readonly (readonly [string, DType])[] = [
  ['<f4', 'float32'],
  ['<f8', 'float64'],
  ['<f2', 'float16'],
  ['|i1', 'int8'],
  ['|u1', 'uint8'],
  ['<i2', 'int16'],
  ['<u2', 'uint16'],
  ['<i4', 'int32'],
  ['<u4', 'uint32'],
  ['<i8', 'int64'],
  ['<u8', 'uint64'],
  ['|b1', 'bool'],
];

/** One array, in row-major order and this machine's byte order whatever the file's are. `file` is only for messages. */
export function parseNpy(bytes: Uint8Array, file: string): Tensor {
  const bad = (reason: string): never => fail(cliMessages.malformedArray({ file, reason }));
  if (bytes.length < 10 || magic.some((b, i) => bytes[i] !== b)) bad(notNumpy(bytes));
  const major = bytes[6] ?? 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major < 1 || major > 3) bad(`its format version is ${major}, known are 1 to 3`);
  if (major > 1 && bytes.length < 12) bad('its header is cut off');
  const headerStart = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerStart + headerLength > bytes.length) bad('its header is cut off');
  const header = new TextDecoder().decode(bytes.subarray(headerStart, headerStart + headerLength));

  if (/'descr'\s*:\s*\[/.test(header)) bad('it is an array of records with named fields; save each field as an array of its own');
  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descriptor === undefined || order === undefined || dims === undefined)
    return bad('its header does not name descr, fortran_order and shape');
  const shape = dims
    .split(',')
    .map((d) => d.trim())
    .filter((d) => d !== '')
    .map(Number);
  if (shape.some((d) => !Number.isSafeInteger(d) || d < 0)) bad(`its shape (${dims}) is not a list of sizes`);
  const dtype = elementTypeOf(descriptor);
  if (dtype === undefined) return bad(whyNotNumbers(descriptor));

  const raw = bytes.subarray(headerStart + headerLength);
  const width = Number(descriptor.slice(2));
  const size = width * elementCount(shape);
  if (raw.length < size) bad(`it holds ${raw.length} bytes of numbers, its shape needs ${size}`);
  const stored = raw.slice(0, size);
  if (descriptor.startsWith('>')) swapBytes(stored, width);
  const rows = order === 'True' && shape.length > 1 ? rowMajor(stored, shape, width) : stored;
  return { dtype, shape, data: viewBytes(dtype, rows) };
}

function elementTypeOf(descriptor: string): DType | undefined {
  const plain = descriptor.replace(/^[|>=]/, '<');
  // What ml_dtypes calls bfloat16 numpy writes as two bytes without a meaning.
  return plain === '<V2' ? 'bfloat16' : descriptors.find(([name]) => name.replace('|', '<') === plain)?.[1];
}

function notNumpy(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty (0 bytes)';
  const kind = fileKind(bytes);
  if (kind === undefined) return 'it does not begin like a .npy file';
  return kind.isText ? 'it is text; numpy.save and numpy.savez write what is read here' : `it is ${kind.what}, not a .npy file`;
}

/** What numpy can store and a tensor cannot be made of. */
function whyNotNumbers(descriptor: string): string {
  const kind = descriptor.replace(/^[<>|=]/, '')[0] ?? '';
  const known: Readonly<Record<string, string>> = {
    O: 'it holds Python objects, not numbers; save it as np.asarray(x, dtype=np.float32)',
    U: 'it holds text, not numbers',
    S: 'it holds text, not numbers',
    c: 'it holds complex numbers; save real and imaginary parts as real arrays',
    M: 'it holds dates, not numbers',
    m: 'it holds time spans, not numbers',
    V: 'it holds bytes without a meaning; save it as x.astype(np.float32), which is rounded to the type of the input',
    f: 'it holds floats of a width that only some machines have; save it as x.astype(np.float64)',
  };
  const types = descriptors.map(([, dtype]) => dtype).join(', ');
  return `${known[kind] ?? 'its element type is not known'} (element type '${descriptor}'; read are ${types} and bfloat16)`;
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** From Fortran order, whose first axis is the fastest. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const strides: number[] = [];
  let count = 1;
  for (const d of shape) {
    strides.push(count);
    count *= d;
  }
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    for (let b = 0; b < width; b++) out[to * width + b] = bytes[from * width + b] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
}

/** The bytes of a version 1.0 file: what `np.load` reads. */
export function formatNpy(tensor: Tensor): Uint8Array {
  const descriptor = descriptors.find(([, dtype]) => dtype === tensor.dtype)?.[0];
  if (descriptor === undefined) throw new Error(`numpy has no name for ${tensor.dtype}`);
  const shape = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(', ');
  const header = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${shape}), }`;
  // The header ends in a newline and is padded so that the numbers begin at a multiple of 64.
  const padded = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + '\n';
  const data = bytesOf(tensor);
  const out = new Uint8Array(10 + padded.length + data.length);
  out.set(magic);
  out.set([1, 0, padded.length & 0xff, padded.length >> 8], 6);
  out.set(strToU8(padded, true), 10);
  out.set(data, 10 + padded.length);
  return out;
}

/** Arrays by name. A lone .npy comes back under the name ''. */
export function parseArrays(bytes: Uint8Array, file: string): ReadonlyMap<string, Tensor> {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) return new Map([['', parseNpy(bytes, file)]]);
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (error) {
    return fail(
      cliMessages.malformedArray({ file, reason: `the archive is damaged (${error instanceof Error ? error.message : String(error)})` }),
    );
  }
  const named = Object.entries(entries).filter(([name]) => name.endsWith('.npy'));
  if (named.length === 0) {
    const members = Object.keys(entries);
    const held = members.length === 0 ? 'it is an empty archive' : `the archive holds ${members.slice(0, 5).join(', ')} and no .npy file`;
    return fail(cliMessages.malformedArray({ file, reason: `${held}; numpy.savez writes one .npy for each array` }));
  }
  return new Map(named.map(([name, content]) => [name.slice(0, -'.npy'.length), parseNpy(content, `${file}:${name}`)]));
}

/** An .npz archive, stored with fixed times: same arrays, same bytes. */
export function formatNpz(arrays: ReadonlyMap<string, Tensor>): Uint8Array {
  const entries: Zippable = {};
  // 1980-01-01 is the earliest date of the zip format.
  for (const [name, tensor] of arrays) entries[`${name}.npy`] = [formatNpy(tensor), { level: 0, mtime: new Date(1980, 0, 1) }];
  return zipSync(entries);
}

/** Numbers as text for people, as a .npy file would name them: "float32 [1,3,224,224]". */
export function describeTensor(tensor: { readonly dtype: DType; readonly shape: readonly number[] }): string {
  return `${tensor.dtype} [${tensor.shape.join(',')}]`;
}
