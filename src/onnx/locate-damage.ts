/**
 * Where a protobuf file stops making sense. The generated decoder says only that it does; this second, slower reader of the
 * wire format runs after it has failed and finds byte and field. It follows the decoder's rules: unknown fields are skipped.
 *
 * Wire format: https://protobuf.dev/programming-guides/encoding
 */
export interface Damage {
  /** Byte in the file where the part that cannot be read begins. */
  readonly offset: number;
  /** Field names from the outermost message: `graph.node[3].attribute[0].t`. */
  readonly path: string;
  readonly reason: string;
}

/** Every reason that is nothing but a missing end says so in these words. */
const fileEnds = 'the file ends';

export type FieldTable = Readonly<Record<string, Readonly<Record<number, readonly [name: string, type: string]>>>>;

/** protobufjs' own limit, so that both give up at the same depth. */
const deepest = 100;

const fixedBytes: Readonly<Record<string, number>> = { float: 4, double: 8, fixed32: 4, fixed64: 8, sfixed32: 4, sfixed64: 8 };
const varints: ReadonlySet<string> = new Set(['int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'bool', 'enum']);

/** Longest encodings, in bytes: of a tag or a length (32 bits), of a number (64 bits), of one that is only skipped. */
const longest = { tag: 5, length: 5, number: 10, skipped: Number.POSITIVE_INFINITY } as const;

type Found = Damage | undefined;

/** The first damage in `bytes` read as message `root`, or undefined if there is none. */
export function locateDamage(bytes: Uint8Array, root: string, fields: FieldTable): Found {
  return inMessage({ bytes, fields }, root, 0, bytes.length, '', 0);
}

interface Source {
  readonly bytes: Uint8Array;
  readonly fields: FieldTable;
}

function inMessage(source: Source, message: string, start: number, end: number, path: string, depth: number): Found {
  if (depth > deepest)
    return {
      offset: start,
      path,
      reason: `messages are nested more than ${deepest} deep; a branch or loop body in another takes three of them`,
    };
  const known = source.fields[message] ?? {};
  const seen = new Map<string, number>();
  let at = start;
  while (at < end) {
    const tag = varint(source.bytes, at, end, longest.tag);
    if (typeof tag === 'string') return { offset: at, path, reason: `a field should begin here, but ${tag}` };
    const wireType = tag.low & 7;
    const number = Math.floor(tag.value / 8);
    if (number === 0 || tag.value >= 2 ** 32) return { offset: at, path, reason: `${number} is no field number` };
    const field = known[number];
    const fieldPath = field === undefined ? path : extend(path, field[0], seen);
    const content = at + tag.size;
    const fault = (reason: string): Damage => ({ offset: at, path: fieldPath, reason });
    const reach = field !== undefined && varints.has(field[1]) ? longest.number : longest.skipped;
    const extent = fieldEnd(source.bytes, content, end, { wireType, number, depth, reach });
    if (typeof extent === 'string') {
      const cut = field !== undefined && wireType === 2 ? inCutMessage(source, field[1], content, end, fieldPath, depth) : undefined;
      return cut ?? fault(field === undefined ? `unknown field ${number} of ${message}: ${extent}` : extent);
    }
    if (field !== undefined && wireType === 2) {
      const inner = inLengthDelimited(source, field, extent, fieldPath, depth);
      if (inner !== undefined) return inner;
    }
    at = extent.to;
  }
  return undefined;
}

/**
 * A message longer than what is left of the file: if its content is sound up to a field that is cut off too, the file was cut there.
 * (If not, it is the length that is wrong, and the message itself is the place to name.)
 */
function inCutMessage(source: Source, type: string, content: number, end: number, path: string, depth: number): Found {
  const length = varint(source.bytes, content, end, longest.length);
  if (source.fields[type] === undefined || typeof length === 'string' || end !== source.bytes.length) return undefined;
  const inner = inMessage(source, type, content + length.size, end, path, depth + 1);
  return inner?.reason.includes(fileEnds) === true ? inner : undefined;
}

interface Extent {
  readonly from: number;
  readonly to: number;
}

/** Sub-messages and, where a field repeats, packed numbers. Strings and bytes hold anything. */
function inLengthDelimited(
  source: Source,
  [name, type]: readonly [string, string],
  { from, to }: Extent,
  path: string,
  depth: number,
): Found {
  if (source.fields[type] !== undefined) return inMessage(source, type, from, to, path, depth + 1);
  if (!name.endsWith('[]')) return undefined;
  const width = fixedBytes[type];
  if (width !== undefined && (to - from) % width !== 0) {
    return { offset: from, path, reason: `${to - from} bytes are not whole ${type} numbers of ${width} bytes` };
  }
  if (!varints.has(type)) return undefined;
  for (let at = from; at < to;) {
    const number = varint(source.bytes, at, to, longest.number);
    if (typeof number === 'string') return { offset: at, path, reason: `a number should begin here, but ${number}` };
    at += number.size;
  }
  return undefined;
}

interface Skip {
  readonly wireType: number;
  readonly number: number;
  readonly depth: number;
  /** The longest number allowed. */
  readonly reach: number;
}

/** Where the content of a field begins and ends, or why it does not. */
function fieldEnd(bytes: Uint8Array, content: number, end: number, { wireType, number, depth, reach }: Skip): Extent | string {
  if (depth > deepest) return `groups are nested more than ${deepest} deep`;
  switch (wireType) {
    case 0: {
      const value = varint(bytes, content, end, reach);
      return typeof value === 'string' ? value : { from: content, to: content + value.size };
    }
    case 1:
    case 5: {
      const size = wireType === 1 ? 8 : 4;
      return content + size <= end ? { from: content, to: content + size } : `${size} bytes are needed, ${end - content} are left`;
    }
    case 2: {
      const length = varint(bytes, content, end, longest.length);
      if (typeof length === 'string') return `its length cannot be read, ${length}`;
      if (length.value >= 2 ** 31) return `a length of ${length.value} bytes is more than any file may have`;
      const from = content + length.size;
      if (from + length.value <= end) return { from, to: from + length.value };
      const left = Math.max(0, end - from);
      return `it says it has ${length.value} bytes, but ${end === bytes.length ? fileEnds : 'what encloses it ends'} after ${left}`;
    }
    case 3:
      return groupEnd(bytes, content, end, number, depth);
    case 4:
      return 'it ends a group that never began';
    default:
      return `wire type ${wireType} does not exist`;
  }
}

/** Groups are an obsolete form that ONNX does not use; unknown ones are skipped like any unknown field. */
function groupEnd(bytes: Uint8Array, content: number, end: number, number: number, depth: number): Extent | string {
  let at = content;
  while (at < end) {
    const tag = varint(bytes, at, end, longest.tag);
    if (typeof tag === 'string') return tag;
    const inner = Math.floor(tag.value / 8);
    const wireType = tag.low & 7;
    if (inner === 0 || tag.value >= 2 ** 32) return `${inner} is no field number`;
    at += tag.size;
    if (wireType === 4) return inner === number ? { from: content, to: at } : 'the group ends as another field';
    const extent = fieldEnd(bytes, at, end, { wireType, number: inner, depth: depth + 1, reach: longest.skipped });
    if (typeof extent === 'string') return extent;
    at = extent.to;
  }
  return 'a group never ends';
}

/** `value` is exact below 2^53, which is all that lengths and tags need; `low` are its low 28 bits. */
function varint(
  bytes: Uint8Array,
  at: number,
  end: number,
  reach: number,
): { readonly value: number; readonly low: number; readonly size: number } | string {
  let value = 0;
  let low = 0;
  let scale = 1;
  for (let size = 1; size <= reach; size++) {
    if (at + size > end) return end === bytes.length ? fileEnds : 'what encloses it ends';
    const byte = bytes[at + size - 1] ?? 0;
    value += (byte & 127) * scale;
    if (size <= 4) low |= (byte & 127) << (7 * (size - 1));
    if (byte < 128) return { value, low, size };
    scale *= 128;
  }
  return `the number here is longer than ${reach} bytes`;
}

function extend(path: string, name: string, seen: Map<string, number>): string {
  const repeated = name.endsWith('[]');
  const index = seen.get(name) ?? 0;
  if (repeated) seen.set(name, index + 1);
  const step = repeated ? `${name.slice(0, -2)}[${index}]` : name;
  return path === '' ? step : `${path}.${step}`;
}
