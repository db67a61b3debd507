/** Files as the command line sees them: coded errors instead of errno, and outputs that appear whole or not at all. */
import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cliMessages, fail, fileKind, SystoleError, verifyMessages } from '../core/index.ts';

/** Stands for standard input where a file is read, for standard output where one is written. */
export const standardStream = '-';

/** The bytes of a file, or of standard input; a refusal of the operating system is the user's error SYS8002. */
export async function readBytes(path: string): Promise<Uint8Array> {
  if (path === standardStream) return readStandardInput();
  try {
    const there = statSync(path);
    if (there.isCharacterDevice() || there.isBlockDevice())
      return fail(cliMessages.unreadableFile({ path, reason: 'it is a device, not a file' }));
    if (there.isDirectory()) return fail(cliMessages.unreadableFile({ path, reason: whatDirectory(path) }));
    return there.isFile() ? await readFile(path) : await readStream(createReadStream(path), path);
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    return fail(cliMessages.unreadableFile({ path, reason: linkTarget(path, error) ?? reasonOf(error) }));
  }
}

/** Read once: several parts of a command may look at it. */
let standardInput: Promise<Uint8Array> | null = null;

function readStandardInput(): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    return Promise.reject(
      new SystoleError([
        cliMessages.unreadableFile({ path: standardStream, reason: 'standard input is a terminal; pipe a file into it, or name one' }),
      ]),
    );
  }
  standardInput ??= readStream(process.stdin, standardStream);
  return standardInput;
}

/** Why a directory is no file, with what in it was meant. */
function whatDirectory(path: string): string {
  const names = readdirSync(path).sort();
  if (names.includes('saved_model.pb'))
    return (
      'it is a TensorFlow SavedModel, not an ONNX file. ' +
      'Convert it: python -m tf2onnx.convert --saved-model DIRECTORY --output model.onnx'
    );
  const model = names.find((name) => /\.onnx$/i.test(name));
  return `it is a directory${model === undefined ? '' : `; the model in it is "${join(path, model)}"`}`;
}

/** A link whose target is gone is there, and yet is not. */
function linkTarget(path: string, error: unknown): string | null {
  if (!isErrno(error) || error.code !== 'ENOENT') return null;
  try {
    return `it is a link to "${readlinkSync(path)}", which is not there`;
  } catch {
    return null;
  }
}

/** The same limit that the operating system's files have: who writes into a pipe may never end. */
const longestPipe = 2 ** 31;

async function readStream(stream: AsyncIterable<Uint8Array>, path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
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

/** The text of a file. Errors: SYS8002; SYS1082 where it is something else than text, with what it looks like. */
export async function readText(path: string, wanted: string): Promise<string> {
  const bytes = await readBytes(path);
  const kind = fileKind(bytes);
  const refuse = (what: string): never => fail(cliMessages.notText({ path, what, wanted, size: bytes.length }));
  if (kind !== undefined && !kind.isText && bytes.length > 0) refuse(kind.what);
  try {
    const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? refuse('a binary file') : text;
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    return refuse('a binary file');
  }
}

/** What `work` finds wrong is told of `file`, where it does not say so itself. */
export async function inFile<Made>(file: string, work: () => Made | Promise<Made>): Promise<Made> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    throw new SystoleError(error.diagnostics.map((d) => ({ ...d, location: { file, ...d.location } })));
  }
}

/** True for an existing regular file, or something that reads like one, such as a pipe. */
export function isFile(path: string): boolean {
  if (path === standardStream) return true;
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Is anything of that name there: a directory, a link to nothing? */
export function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The first bytes of a regular file; none where there is no such file. */
export function firstBytes(path: string, count: number): Uint8Array {
  try {
    if (!statSync(path).isFile()) return new Uint8Array();
    const handle = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(count);
      return bytes.subarray(0, readSync(handle, bytes, 0, count, 0));
    } finally {
      closeSync(handle);
    }
  } catch {
    return new Uint8Array();
  }
}

/** Whether a file begins like plain text. */
export function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && bytes.subarray(0, 64).every((b) => b === 9 || b === 10 || b === 13 || (b >= 32 && b < 127));
}

/** Fails early, before minutes of computing, when `path` cannot be written in the end. */
export function checkWritable(path: string): void {
  const refuse = (reason: string): never => fail(cliMessages.unwritableOutput({ path, reason }));
  if (path === '') refuse('the name is empty');
  if (path === standardStream) return;
  const directory = dirname(resolve(path));
  try {
    if (!statSync(directory).isDirectory()) refuse(`"${directory}" is not a directory`);
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory() === true) refuse('it is a directory');
    // A file that is replaced needs a writable directory; but who took the right to write from it did not want it replaced.
    if (there !== undefined) accessSync(path, constants.W_OK);
    if (there === undefined || there.isFile()) accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (isErrno(error)) refuse(reasonOf(error));
    throw error;
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

/**
 * Writes the whole file or nothing: a temporary file in the same directory, then a rename. A link keeps pointing where it points: its
 * target is replaced. What is no regular file (a pipe, a device) is written into.
 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  let temporary: string | null = null;
  try {
    if (path === standardStream) return writeStandardOutput(content);
    const there = statSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) return writeBytes(openSync(path, 'w'), bytes);
    const target = there === undefined ? path : realpathSync(path);
    // Not made of the target's name, which may be as long as names can be.
    const unfinished = join(dirname(resolve(target)), `.systole-${process.pid}.tmp`);
    rmSync(unfinished, { force: true });
    temporary = unfinished;
    writeBytes(openSync(temporary, 'wx', there === undefined ? 0o666 : there.mode & 0o777), bytes);
    renameSync(temporary, target);
  } catch (error) {
    if (temporary !== null) rmSync(temporary, { force: true });
    if (isErrno(error)) fail(cliMessages.unwritableOutput({ path, reason: reasonOf(error) }));
    throw error;
  }
}

function writeStandardOutput(content: Uint8Array | string): void {
  if (process.stdout.isTTY && typeof content !== 'string')
    fail(cliMessages.unwritableOutput({ path: standardStream, reason: 'standard output is a terminal, and these bytes are no text' }));
  process.stdout.write(content);
}

/** All of `bytes`; the handle is closed in any case. */
function writeBytes(handle: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done, Math.min(bytes.length - done, 1 << 30));
  } finally {
    closeSync(handle);
  }
}

/** Which file it is, whatever it is called; null where that cannot be told. */
function identity(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return path === standardStream ? null : `${dev} ${ino}`;
  } catch {
    return null;
  }
}

/** The same for several outputs, which must differ from each other and from all that is read. */
export function checkOutputs(outputs: readonly (string | undefined)[], inputs: readonly string[]): void {
  const named = outputs.filter((path) => path !== undefined);
  const read = new Set(inputs.map(identity));
  for (const [i, path] of named.entries()) {
    checkWritable(path);
    const refuse = (reason: string): never => fail(cliMessages.unwritableOutput({ path, reason }));
    if (named.slice(0, i).some((other) => resolve(other) === resolve(path))) refuse('two outputs name it');
    const own = identity(path);
    if (own !== null && read.has(own)) refuse('it is the input');
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
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'it would be larger than files may be there',
  EBUSY: 'it is in use',
  ETXTBSY: 'it is in use',
  EMFILE: 'too many files are open',
  EIO: 'the device failed',
  EPIPE: 'nobody reads it',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB; keep the weights in external data files beside the model',
};

/** What the operating system refused, in words. */
export function reasonOf(error: unknown): string {
  if (!isErrno(error)) return error instanceof Error ? error.message : String(error);
  return reasons[error.code ?? ''] ?? `the operating system says ${error.code ?? error.message}`;
}
