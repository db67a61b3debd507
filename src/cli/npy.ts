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

function whatIs(bytes: Uint8Array): string {
  const kind = fileKind(bytes);
  return kind === undefined ? 'it is something else' : `it is ${kind.what}`;
}

/** One array. `file` is only for messages. */
export function parseNpy(bytes: Uint8Array, file: string): Tensor {
  const bad = (reason: string): never => fail(cliMessages.malformedArray({ file, reason }));
  if (bytes.length < 10 || magic.some((b, i) => bytes[i] !== b)) bad(`${whatIs(bytes)}, not a .npy file`);
  const major = bytes[6] ?? 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major < 1 || major > 3) bad(`its format version is ${major}, known are 1 to 3`);
  if (major > 1 && bytes.length < 12) bad('its header is cut off');
  const headerStart = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerStart + headerLength > bytes.length) bad('its header is cut off');
  const header = new TextDecoder().decode(bytes.subarray(headerStart, headerStart + headerLength));

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
  if (order === 'True' && shape.length > 1) bad('it is stored in Fortran order; save it with np.ascontiguousarray');
  const dtype = descriptors.find(([name]) => name === descriptor || name.replace('|', '<') === descriptor)?.[1];
  if (dtype === undefined)
    return bad(`its element type '${descriptor}' is not supported (known: ${descriptors.map(([name]) => name).join(' ')})`);

  const raw = bytes.subarray(headerStart + headerLength);
  const size = Number(descriptor.slice(2)) * elementCount(shape);
  if (raw.length < size) bad(`it holds ${raw.length} bytes of numbers, its shape needs ${size}`);
  return { dtype, shape, data: viewBytes(dtype, raw.slice(0, size)) };
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
