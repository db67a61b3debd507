/** Files of a tar archive: ustar with the long names of GNU tar and pax. */
export type Files = ReadonlyMap<string, Uint8Array>;

const block = 512;

/**
 * Contents by path, a leading `./` dropped; views of `bytes`. Folders and links are left out.
 * A long name stands before its file: as an entry of type L, or as `path` in one of type x. Throws where the archive is cut off.
 */
export function untar(bytes: Uint8Array): Files {
  const files = new Map<string, Uint8Array>();
  const text = (from: number, length: number): string => {
    const field = new TextDecoder().decode(bytes.subarray(from, from + length));
    const end = field.indexOf('\0');
    return end < 0 ? field : field.slice(0, end);
  };
  let longName: string | undefined;
  for (let at = 0; at + block <= bytes.length && bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    if (!(size >= 0) || at + block + size > bytes.length) throw new Error(`the archive is damaged at byte ${at}`);
    const prefix = text(at + 345, 155);
    const type = text(at + 156, 1);
    const contents = bytes.subarray(at + block, at + block + size);
    if (type === 'L') longName = text(at + block, size);
    else if (type === 'x') longName = / path=([^\n]*)\n/.exec(new TextDecoder().decode(contents))?.[1];
    else {
      const name = longName ?? (prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`);
      if (type === '0' || type === '') files.set(name.replace(/^\.\//, ''), contents);
      longName = undefined;
    }
    at += block + Math.ceil(size / block) * block;
  }
  return files;
}
