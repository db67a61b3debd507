/**
 * Packed repeated numbers without an object or a boxed number for each. Files hold them as one run of bytes; a run longer than
 * `shortest` stays in the list as a view of the file and is converted once, into the form that is wanted. A megabyte of int64_data
 * read the codec's own way would take 56 times its size.
 */
import { Reader } from './generated/onnx.js';
import type { Int64 } from './int64.ts';

/** What the codec gives for a repeated number field when read through `packedReader`: numbers, and runs of them. */
export type Repeated<N> = readonly (N | Uint8Array)[];

/** Shorter runs are shapes and attributes, which are wanted as numbers. */
const shortest = 64;

/** A reader for the generated decoders that leaves long packed runs as they are. Damaged runs throw, as the codec's own reader does. */
export function packedReader(bytes: Uint8Array): Reader {
  const reader = Reader.create(bytes);
  reader.discardUnknown = true;
  const run = (target: unknown[], check: (bytes: Uint8Array, from: number, to: number) => boolean): boolean => {
    const start = reader.pos;
    const length = reader.size();
    const from = reader.pos;
    if (length < shortest || from + length > reader.len) {
      reader.pos = start;
      return false;
    }
    if (!check(bytes, from, from + length)) throw new RangeError('invalid packed numbers');
    target.push(bytes.subarray(from, from + length));
    reader.pos = from + length;
    return true;
  };
  const int64s = reader.int64s.bind(reader);
  const uint64s = reader.uint64s.bind(reader);
  const int32s = reader.int32s.bind(reader);
  reader.int64s = (target = []) => (run(target, areVarints) ? target : int64s(target));
  reader.uint64s = (target = []) => (run(target, areVarints) ? target : uint64s(target));
  reader.int32s = (target = []) => (run(target, areVarints) ? target : int32s(target));
  const floats = reader.floats.bind(reader);
  const doubles = reader.doubles.bind(reader);
  reader.floats = (target = []) => (run(target, (_, from, to) => (to - from) % 4 === 0) ? target : floats(target));
  reader.doubles = (target = []) => (run(target, (_, from, to) => (to - from) % 8 === 0) ? target : doubles(target));
  return reader;
}

/** Whole numbers of at most ten bytes each. */
function areVarints(bytes: Uint8Array, from: number, to: number): boolean {
  let long = 0;
  for (let at = from; at < to; at++) {
    long = (bytes[at] ?? 0) < 128 ? 0 : long + 1;
    if (long === 10) return false;
  }
  return long === 0;
}

/** How many numbers there are. @param width  bytes of each in a run; 0 for varints */
export function countNumbers(list: Repeated<unknown>, width: number): number {
  let count = 0;
  for (const entry of list) {
    if (!(entry instanceof Uint8Array)) count++;
    else if (width > 0) count += entry.length / width;
    else for (const byte of entry) if (byte < 128) count++;
  }
  return count;
}

/** Little-endian 64-bit integers, as raw_data stores them, whatever a double can hold. */
export function int64Bytes(list: Repeated<Int64>): Uint8Array {
  const words = new Int32Array(countNumbers(list, 0) * 2);
  eachInteger(list, (index, low, high) => {
    words[index * 2] = low;
    words[index * 2 + 1] = high;
  });
  return new Uint8Array(words.buffer);
}

/** The low 32 bits of every number. */
export function low32(list: Repeated<Int64>): Int32Array {
  const words = new Int32Array(countNumbers(list, 0));
  eachInteger(list, (index, low) => (words[index] = low));
  return words;
}

/** As the codec would have given them. */
export function int64List(list: Repeated<Int64>): readonly Int64[] {
  if (!list.some((entry) => entry instanceof Uint8Array)) return list as readonly Int64[];
  const numbers: Int64[] = [];
  eachInteger(list, (_, low, high) => numbers.push({ low, high, unsigned: false }));
  return numbers;
}

export function float32Of(list: Repeated<number>): Float32Array {
  return fixed(
    list,
    4,
    (count) => new Float32Array(count),
    (view, at) => view.getFloat32(at, true),
  );
}

export function float64Of(list: Repeated<number>): Float64Array {
  return fixed(
    list,
    8,
    (count) => new Float64Array(count),
    (view, at) => view.getFloat64(at, true),
  );
}

function fixed<A extends Float32Array | Float64Array>(
  list: Repeated<number>,
  width: number,
  make: (count: number) => A,
  read: (view: DataView, at: number) => number,
): A {
  const values = make(countNumbers(list, width));
  let index = 0;
  for (const entry of list) {
    if (!(entry instanceof Uint8Array)) values[index++] = entry;
    else {
      const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
      for (let at = 0; at < entry.length; at += width) values[index++] = read(view, at);
    }
  }
  return values;
}

function eachInteger(list: Repeated<Int64>, give: (index: number, low: number, high: number) => void): void {
  let index = 0;
  for (const entry of list) {
    if (typeof entry === 'number') give(index++, (entry % 2 ** 32) | 0, Math.floor(entry / 2 ** 32) | 0);
    else if (!(entry instanceof Uint8Array)) give(index++, entry.low, entry.high);
    else {
      for (let at = 0; at < entry.length;) {
        // Seven bits a byte; bits 28 to 31 of the low word and 0 to 2 of the high one share the fifth byte.
        let low = 0;
        let high = 0;
        for (let shift = 0; ; shift += 7) {
          const byte = entry[at++] ?? 0;
          const bits = byte & 127;
          if (shift < 28) low |= bits << shift;
          else if (shift === 28) {
            low |= bits << 28;
            high = bits >>> 4;
          } else high |= bits << (shift - 32);
          if (byte < 128) break;
        }
        give(index++, low, high);
      }
    }
  }
}
