/** Files as the command line sees them: coded errors instead of errno, and outputs that appear whole or not at all. */
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { cliMessages, fail, SystoleError, verifyMessages } from '../core/index.ts';

/** The bytes of a file; a refusal of the operating system is the user's error SYS8002. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const there = statSync(path);
    if (there.isCharacterDevice() || there.isBlockDevice())
      return fail(cliMessages.unreadableFile({ path, reason: 'it is a device, not a file' }));
    return there.isFile() || there.isDirectory() ? await readFile(path) : await readPipe(path);
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    return fail(cliMessages.unreadableFile({ path, reason: reasonOf(error) }));
  }
}

/** The same limit that the operating system's files have: who writes into a pipe may never end. */
const longestPipe = 2 ** 31;

async function readPipe(path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of createReadStream(path) as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    length += piece.length;
    if (length > longestPipe) return fail(cliMessages.unreadableFile({ path, reason: reasons['ERR_FS_FILE_TOO_LARGE'] ?? '' }));
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path));
}

/** True for an existing regular file (or something that reads like one, such as a pipe). */
export function isFile(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether a file begins like plain text. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.subarray(0, 64).every((b) => b === 9 || b === 10 || b === 13 || (b >= 32 && b < 127));
}

/** Fails early, before minutes of computing, when `path` cannot be written in the end. */
export function checkWritable(path: string): void {
  const directory = dirname(resolve(path));
  try {
    if (!statSync(directory).isDirectory()) fail(cliMessages.unwritableOutput({ path, reason: `"${directory}" is not a directory` }));
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (isErrno(error)) fail(cliMessages.unwritableOutput({ path, reason: reasonOf(error) }));
    throw error;
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    fail(cliMessages.unwritableOutput({ path, reason: 'it is a directory' }));
  }
}

/**
 * Writes the whole file or nothing: a temporary file in the same directory, then a rename. A link keeps pointing where it points: its
 * target is replaced. What is no regular file (a pipe, a device) is written into.
 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const there = statSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) {
    try {
      writeBytes(openSync(path, 'w'), bytes);
    } catch (error) {
      if (isErrno(error)) fail(cliMessages.unwritableOutput({ path, reason: reasonOf(error) }));
      throw error;
    }
    return;
  }
  const target = there === undefined ? path : realpathSync(path);
  const temporary = join(dirname(resolve(target)), `.${basename(target)}.${process.pid}.tmp`);
  try {
    writeBytes(openSync(temporary, 'wx', 0o666), bytes);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (isErrno(error)) fail(cliMessages.unwritableOutput({ path, reason: reasonOf(error) }));
    throw error;
  }
}

/** All of `bytes`; the handle is closed in any case. */
function writeBytes(handle: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done, Math.min(bytes.length - done, 1 << 30));
  } finally {
    closeSync(handle);
  }
}

/** Makes a directory, with those above it, and fails early where nothing can be written into it. Answers those it made, outermost first. */
export function makeDirectory(path: string): readonly string[] {
  const made: string[] = [];
  try {
    for (let at = resolve(path); statSync(at, { throwIfNoEntry: false }) === undefined && dirname(at) !== at; at = dirname(at)) {
      made.unshift(at);
    }
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (isErrno(error)) fail(verifyMessages.unusableFolder({ path, reason: reasonOf(error) }));
    throw error;
  }
  return made;
}

/** Refuses an output that is one of the inputs. */
export function checkNotInput(output: string, input: string): void {
  const a = statSync(output, { throwIfNoEntry: false });
  const b = statSync(input, { throwIfNoEntry: false });
  if (a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino) {
    fail(cliMessages.unwritableOutput({ path: output, reason: 'it is the input' }));
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('E');
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'a part of the path is not a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EMFILE: 'too many files are open',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB; keep the weights in external data files beside the model',
};

function reasonOf(error: unknown): string {
  if (!isErrno(error)) return error instanceof Error ? error.message : String(error);
  return reasons[error.code ?? ''] ?? error.code ?? error.message;
}
