/**
 * The `.npu` file: 24 bytes of header, the body (program.proto), the embedded weights. All little-endian; docs/program-format.md has the table.
 * encode is deterministic; decode(encode(x)) is x, but for how weights are read; encode(decode(bytes)) is bytes.
 */
import { fail, fileKind, isaMessages, SystoleError } from '../core/index.ts';
import { checkSum, contentHash } from './content-hash.ts';
import type { Executable, WeightImage, WeightSegment } from './executable.ts';
import { fromMessage, toMessage } from './executable-codec.ts';
import { systole } from './generated/program.js';

/** High bit, name, and the line ends that careless transfers change: the scheme of PNG. */
const magic = Uint8Array.of(0x89, 0x4e, 0x50, 0x55, 0x0d, 0x0a, 0x1a, 0x0a);
const version = 1;
const headerBytes = 24;

/** Why an executable decoded without weights has none, when nobody said otherwise. */
export const withoutWeights = '--no-weights';

export interface EncodeOptions {
  /** `embed` the weights, or only their sizes and a `hash` of each segment. */
  readonly weights: 'embed' | 'hash';
}

/** `embed` falls back to hashes where the weights are absent. */
export function encodeExecutable(executable: Executable, options: EncodeOptions): Uint8Array {
  const { weights, blobs } = weightsMessage(executable.weights, options.weights);
  const body = systole.Executable.encode({ ...toMessage(executable), weights }).finish();
  const file = new Uint8Array(headerBytes + body.length + blobs.reduce((n, b) => n + b.length, 0));
  const header = new DataView(file.buffer);
  file.set(magic);
  header.setUint32(8, version, true);
  header.setUint32(12, body.length, true);
  header.setUint32(16, checkSum(body), true);
  file.set(body, headerBytes);
  let at = headerBytes + body.length;
  for (const blob of blobs) {
    file.set(blob, at);
    at += blob.length;
  }
  return file;
}

/**
 * Reads a `.npu` file. Weights stay views of `bytes` and are checked when first read.
 * Errors: SYS5010 (another file), SYS5011 (version), SYS5012 (length), SYS5013 (damaged).
 */
export function decodeExecutable(bytes: Uint8Array): Executable {
  if (bytes.length < magic.length || magic.some((b, i) => bytes[i] !== b)) {
    fail(isaMessages.notExecutable({ size: bytes.length, what: describe(bytes) }));
  }
  if (bytes.length < headerBytes) fail(isaMessages.executableTruncated({ size: bytes.length, expected: headerBytes }));
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const found = header.getUint32(8, true);
  if (found !== version) fail(isaMessages.executableVersion({ found, supported: version }));
  const bodyBytes = header.getUint32(12, true);
  const bodyEnd = headerBytes + bodyBytes;
  if (bytes.length < bodyEnd) fail(isaMessages.executableTruncated({ size: bytes.length, expected: bodyEnd }));
  const body = bytes.subarray(headerBytes, bodyEnd);
  if (checkSum(body) !== header.getUint32(16, true) || header.getUint32(20, true) !== 0) {
    fail(isaMessages.executableDamaged({ what: 'its check sum differs' }));
  }
  const message = decodeBody(body);
  const weights = weightImage(message.weights, bytes, bodyEnd);
  return { formatVersion: 1, ...fromMessage(message), weights };
}

function decodeBody(body: Uint8Array): systole.Executable {
  try {
    return systole.Executable.decode(new Uint8Array(body.buffer, body.byteOffset, body.length));
  } catch (error) {
    if (error instanceof SystoleError) throw error;
    return fail(isaMessages.executableDamaged({ what: 'its body is not a protobuf message' }));
  }
}

const hints: Readonly<Record<string, string>> = {
  'an ONNX model': ', which has to be compiled first',
  'program text': '; assemble it with `systole asm`',
};

function describe(bytes: Uint8Array): string {
  const what = fileKind(bytes)?.what;
  return what === undefined ? 'it does not begin like one' : `it is ${what}${hints[what] ?? ''}`;
}

function weightsMessage(
  image: WeightImage,
  how: EncodeOptions['weights'],
): { readonly weights: systole.Weights.$Properties; readonly blobs: readonly Uint8Array[] } {
  const embedded = how === 'embed' && image.absent === null;
  const blobs = embedded ? image.segments.map((s) => s.read()) : [];
  const absent = image.absent ?? (embedded ? null : withoutWeights);
  const segments = image.segments.map((s, i) => ({ offset: s.offset, bytes: s.bytes, hash: segmentHash(s, image, blobs[i]) }));
  return { weights: { region: image.region, bytes: image.bytes, embedded, ...(absent === null ? {} : { absent }), segments }, blobs };
}

/** 16 digits; empty where the bytes were never known. */
export function segmentHash(segment: WeightSegment, image: Pick<WeightImage, 'absent'>, read?: Uint8Array): string {
  if (segment.hash !== undefined) return segment.hash;
  return image.absent === null ? contentHash(read ?? segment.read()) : '';
}

function weightImage(m: systole.Weights | undefined | null, file: Uint8Array, start: number): WeightImage {
  if (!m) return fail(isaMessages.executableDamaged({ what: 'it has no weight table' }));
  let at = start;
  const segments = m.segments.map((s) => {
    const from = at;
    if (m.embedded) at += s.bytes;
    return storedSegment(
      s.offset,
      s.bytes,
      s.hash,
      m.embedded ? () => file.subarray(from, from + s.bytes) : null,
      m.absent ?? withoutWeights,
    );
  });
  if (file.length !== at) fail(isaMessages.executableTruncated({ size: file.length, expected: at }));
  return { region: m.region, bytes: m.bytes, segments, absent: m.embedded ? null : (m.absent ?? withoutWeights) };
}

/** A segment read from a file or text; `load` null where the bytes are not there. Errors of `read`: SYS5013 (hash), SYS5014 (absent). */
export function storedSegment(offset: number, bytes: number, hash: string, load: (() => Uint8Array) | null, reason: string): WeightSegment {
  let checked: Uint8Array | null = null;
  return {
    offset,
    bytes,
    ...(hash === '' ? {} : { hash }),
    read: () => {
      if (checked !== null) return checked;
      if (load === null) return fail(isaMessages.weightsNotThere({ reason, offset, bytes }));
      const loaded = load();
      if (hash !== '' && contentHash(loaded) !== hash)
        fail(isaMessages.executableDamaged({ what: `the weights at offset ${offset} differ from their hash` }));
      checked = loaded;
      return loaded;
    },
  };
}
