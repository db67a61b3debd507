/**
 * A hash over contents: two FNV-1a-like 32-bit lanes over little-endian words, as 16 hexadecimal digits. Tells damaged or different bytes
 * apart; not a defence against somebody who wants them equal.
 * After Fowler, Noll, Vo (draft-eastlake-fnv); words instead of bytes and the second lane's multiplier and rotation are ours.
 */
export function contentHash(bytes: Uint8Array): string {
  const [a, b] = hashLanes(bytes);
  return hex(a) + hex(b);
}

/** The first lane alone: the check sum of a file's body. */
export function checkSum(bytes: Uint8Array): number {
  return hashLanes(bytes)[0];
}

function hashLanes(bytes: Uint8Array): readonly [number, number] {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9 ^ bytes.length;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const word = (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24);
    a = Math.imul(a ^ word, 0x01000193);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x85ebca6b);
    b = (b << 13) | (b >>> 19);
  }
  for (let i = whole; i < bytes.length; i++) {
    a = Math.imul(a ^ (bytes[i] ?? 0), 0x01000193);
    b = Math.imul(b ^ (bytes[i] ?? 0), 0x85ebca6b);
  }
  return [a >>> 0, b >>> 0];
}

function hex(n: number): string {
  return n.toString(16).padStart(8, '0');
}
