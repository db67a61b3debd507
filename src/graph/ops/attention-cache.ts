/** Caches of keys and values: planes (one for each sequence and head) of [capacity, size]. */

/** Joins a cache and new entries along the sequence: both [planes, length, size]. */
export function appendSequence(
  past: Float32Array,
  pastLength: number,
  next: Float32Array,
  length: number,
  planes: number,
  size: number,
): Float32Array {
  const total = pastLength + length;
  const out = new Float32Array(planes * total * size);
  for (let n = 0; n < planes; n++) {
    out.set(past.subarray(n * pastLength * size, (n + 1) * pastLength * size), n * total * size);
    out.set(next.subarray(n * length * size, (n + 1) * length * size), (n * total + pastLength) * size);
  }
  return out;
}

/** The first `length` entries of each plane. */
export function readPrefix(x: Float32Array, capacity: number, length: number, planes: number, size: number): Float32Array {
  const out = new Float32Array(planes * length * size);
  for (let n = 0; n < planes; n++) out.set(x.subarray(n * capacity * size, (n * capacity + length) * size), n * length * size);
  return out;
}

/** Overwrites the first `length` entries of each plane. */
export function writePrefix(into: Float32Array, capacity: number, x: Float32Array, length: number, planes: number, size: number): void {
  for (let n = 0; n < planes; n++) into.set(x.subarray(n * length * size, (n + 1) * length * size), n * capacity * size);
}
