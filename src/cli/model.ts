/** The model a command line names: a file or a built-in network. */
import { open, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { cliMessages, fail, suggest } from '../core/index.ts';
import type { ImportedModel } from '../compiler/index.ts';
import { isFile, readBytes } from './files.ts';

/** A `.npu` file is a finished program, not a model. */
export function isProgram(name: string): boolean {
  return name.toLowerCase().endsWith('.npu');
}

/** Reads and imports. Errors: SYS8001 neither file nor network, SYS8002 unreadable, SYS1xxx what the file says. */
export async function loadModel(name: string): Promise<ImportedModel> {
  const { importModel } = await import('../compiler/index.ts');
  if (isFile(name)) {
    return importModel(await readBytes(name), { name: nameOf(name), external: externalData(name) });
  }
  const { buildModel, findModel, models } = await import('../models/index.ts');
  const builder = findModel(name);
  if (builder === undefined) {
    if (/[\\/]|\.onnx$/i.test(name)) await readBytes(name);
    const known = models.map((model) => model.name);
    return fail(cliMessages.unknownModel({ name, known, near: suggest(name, known) }));
  }
  return importModel(buildModel(builder.name), { name: builder.name });
}

/** resnet.onnx is "resnet"; the usual model.onnx in a folder is named after the folder. */
function nameOf(path: string): string {
  const stem = basename(path).replace(/\.onnx$/i, '');
  return stem === 'model' ? basename(dirname(resolve(path))) : stem;
}

/**
 * Tensor data in files beside the model. Null where there is no such file: timing needs only sizes.
 * A path that leads out of the model's directory, also through a link, is refused: SYS8008.
 */
function externalData(model: string): (location: string, offset: number, length: number | null) => Promise<Uint8Array | null> {
  const home = dirname(resolve(model));
  return async (location, offset, length) => {
    const path = join(home, location);
    if (isAbsolute(location) || !isInside(home, path)) fail(cliMessages.escapingExternalData({ model, location }));
    if (!isFile(path)) return null;
    if (!isInside(await realpath(home), await realpath(path))) fail(cliMessages.escapingExternalData({ model, location }));
    return readRange(path, offset, length);
  };
}

function isInside(home: string, path: string): boolean {
  const way = relative(home, path);
  return way !== '' && !way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way);
}

/** Bytes [offset, offset + length) of a file, fewer where it ends earlier. Read in pieces: one read may not exceed 2 GiB. */
async function readRange(path: string, offset: number, length: number | null): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(Math.max(0, Math.min(length ?? size - offset, size - offset)));
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, 1 << 30), offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
