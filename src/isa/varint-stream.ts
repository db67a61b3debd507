/** Streams of 32-bit numbers as LEB128 varints (seven bits a byte, low bits first); signed ones in zigzag, so that small is short. */
export interface VarintWriter {
  unsigned(value: number): void;
  signed(value: number): void;
  finish(): Uint8Array;
}

export function createVarintWriter(): VarintWriter {
  let bytes = new Uint8Array(4096);
  let n = 0;
  const unsigned = (value: number): void => {
    if (n + 5 > bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      larger.set(bytes);
      bytes = larger;
    }
    let rest = value >>> 0;
    while (rest > 127) {
      bytes[n++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[n++] = rest;
  };
  return { unsigned, signed: (value) => unsigned((value << 1) ^ (value >> 31)), finish: () => bytes.slice(0, n) };
}

export interface VarintReader {
  unsigned(): number;
  signed(): number;
  readonly atEnd: () => boolean;
}

/** @param onEnd called, and expected to throw, when numbers are asked for past the end */
export function createVarintReader(bytes: Uint8Array, onEnd: () => never): VarintReader {
  let n = 0;
  const unsigned = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[n++];
      if (byte === undefined) return onEnd();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    return onEnd();
  };
  const signed = (): number => {
    const z = unsigned();
    return (z >>> 1) ^ -(z & 1);
  };
  return { unsigned, signed, atEnd: () => n === bytes.length };
}
