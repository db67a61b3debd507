/** Standard base64 with padding: no platform API does this on bytes everywhere. */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codes = new TextEncoder().encode(alphabet);
const values: Int8Array = (() => {
  const table = new Int8Array(128).fill(-1);
  for (const [i, c] of codes.entries()) table[c] = i;
  return table;
})();

export function toBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(61);
  let to = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[to] = codes[word >>> 18] ?? 0;
    out[to + 1] = codes[(word >>> 12) & 63] ?? 0;
    if (left > 1) out[to + 2] = codes[(word >>> 6) & 63] ?? 0;
    if (left > 2) out[to + 3] = codes[word & 63] ?? 0;
    to += 4;
  }
  return new TextDecoder().decode(out);
}

/** null where the text is not base64. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  let word = 0;
  let to = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = i >= digits ? 0 : code < 128 ? (values[code] ?? -1) : -1;
    if (value < 0) return null;
    word = (word << 6) | value;
    if (i % 4 === 3) {
      out[to] = word >>> 16;
      if (to + 1 < out.length) out[to + 1] = word >>> 8;
      if (to + 2 < out.length) out[to + 2] = word;
      to += 3;
      word = 0;
    }
  }
  return out;
}
