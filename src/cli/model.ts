/** The model a command line names: a file or a built-in network. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { cliMessages, fail, suggest } from '../core/index.ts';
import type { ImportedModel } from '../compiler/index.ts';
import type { ExternalReader } from '../onnx/index.ts';
import { firstBytes, inFile, isFile, isThere, readBytes, reasonOf, standardStream } from './files.ts';
import { noOptions, resolveInputValues, type ModelOptions } from './model-options.ts';

/** A finished program, not a model: by its name, or by how it begins. */
export async function isProgram(name: string): Promise<boolean> {
  if (name.toLowerCase().endsWith('.npu')) return true;
  const begin = name === standardStream ? await readBytes(name) : firstBytes(name, 4);
  return begin[0] === 0x89 && begin[1] === 0x4e && begin[2] === 0x50 && begin[3] === 0x55;
}

/** Reads and imports. Errors: SYS8001 neither file nor network, SYS8002 unreadable, SYS1xxx what the file says. */
export async function loadModel(name: string, options: ModelOptions = noOptions): Promise<ImportedModel> {
  const { importModel } = await import('../compiler/index.ts');
  const importBytes = async (bytes: Uint8Array, model: string, external?: ExternalReader): Promise<ImportedModel> =>
    importModel(bytes, { name: model, external, shapes: options.shapes, inputValues: await resolveInputValues(bytes, options) });
  if (isFile(name)) {
    const bytes = await readBytes(name);
    return inFile(name, () => importBytes(bytes, nameOf(name), externalData(name)));
  }
  const { buildModel, findModel, models } = await import('../models/index.ts');
  const builder = findModel(name);
  if (builder === undefined) {
    // What looks like a path, or is a directory or a broken link, was meant to be a file.
    if (/[\\/]|\.onnx$/i.test(name) || isThere(name)) await readBytes(name);
    const known = models.map((model) => model.name);
    return fail(cliMessages.unknownModel({ name, known, near: suggest(name, known) }));
  }
  return importBytes(buildModel(builder.name), builder.name);
}

/** resnet.onnx is "resnet"; the usual model.onnx in a folder is named after the folder. */
function nameOf(path: string): string {
  if (path === standardStream) return 'stdin';
  const stem = basename(path).replace(/\.onnx$/i, '');
  return stem === 'model' ? basename(dirname(resolve(path))) : stem;
}

/**
 * Tensor data in files beside the model, read when somebody looks. Null where there is no such file: timing needs only sizes.
 * A path that leads out of the model's directory, also through a link, is refused: SYS8008.
 */
function externalData(model: string): ExternalReader {
  const home = dirname(resolve(model));
  /** Sizes of the files named so far; null where there is none. */
  const sizes = new Map<string, number | null>();
  const sizeOf = async (location: string): Promise<number | null> => {
    const path = join(home, location);
    if (isAbsolute(location) || !isInside(home, path)) fail(cliMessages.escapingExternalData({ model, location }));
    if (!isFile(path)) return null;
    if (!isInside(await realpath(home), await realpath(path))) fail(cliMessages.escapingExternalData({ model, location }));
    return statSync(path).size;
  };
  return async (location, offset, length) => {
    const known = sizes.get(location);
    const size = known === undefined ? await sizeOf(location) : known;
    sizes.set(location, size);
    if (size === null) return null;
    const byteLength = Math.max(0, Math.min(length ?? size - offset, size - offset));
    return { byteLength, read: () => readRange(join(home, location), offset, byteLength) };
  };
}

function isInside(home: string, path: string): boolean {
  const way = relative(home, path);
  return way !== '' && !way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way);
}

/** Bytes [offset, offset + length) of a file. Read in pieces: one read may not exceed 2 GiB. */
function readRange(path: string, offset: number, length: number): Uint8Array {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const read = readSync(file, bytes, done, Math.min(length - done, 1 << 30), offset + done);
        if (read === 0) break;
        done += read;
      }
      return bytes.subarray(0, done);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // It was there at import: removed since, or the device failed.
    return fail(cliMessages.unreadableFile({ path, reason: reasonOf(error) }));
  }
}
