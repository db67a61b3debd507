/** Tar archives for tests. */

/** One entry of a tar archive. */
export function entry(name: string, contents: string | Uint8Array, type: string = '0', prefix: string = ''): Uint8Array {
  const data = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
  const bytes = new Uint8Array(512 + Math.ceil(data.length / 512) * 512);
  const put = (at: number, text: string): void => bytes.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(124, data.length.toString(8).padStart(11, '0'));
  put(156, type);
  put(345, prefix);
  bytes.set(data, 512);
  return bytes;
}

export function archive(...entries: readonly Uint8Array[]): Uint8Array {
  const all = [...entries, new Uint8Array(1024)];
  const bytes = new Uint8Array(all.reduce((n, e) => n + e.length, 0));
  let at = 0;
  for (const e of all) {
    bytes.set(e, at);
    at += e.length;
  }
  return bytes;
}
