/** Reads the textual form of graphs; see text-print.ts for what it looks like. */
import { allDTypes, fail, graphMessages, isFloat, suggest, type DType, type Location } from '../core/index.ts';
import { fromBase64 } from './base64.ts';
import { constantFrom } from './constant.ts';
import { parseDim, type Dim } from './dim.ts';
import type { Attribute, Constant, Graph, Node, Quantization, TensorType, Value, ValueId } from './ir.ts';
import { tensorOf } from './ops/numbers.ts';

interface Token {
  readonly kind: 'word' | 'string' | 'punctuation' | 'end';
  /** Without quotes for strings. */
  readonly text: string;
  readonly at: number;
}

const tokenPattern = /[ \t\r\n]+|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|[A-Za-z0-9_./-][A-Za-z0-9_./+-]*|[%#:=(){}[\],]|[^]/y;

/** @param file  named in errors */
export function parseGraph(text: string, file?: string): Graph {
  const reader = startReader(text, file);
  const graph = readGraph(reader);
  if (reader.peek().kind !== 'end') reader.wrong('the end of the text');
  return graph;
}

interface Reader {
  peek(): Token;
  next(): Token;
  /** Takes the token if it is this one. */
  take(text: string): boolean;
  expect(text: string): void;
  word(what: string): string;
  string(what: string): string;
  integer(what: string): number;
  /** Text up to the bracket that closes or a comma at depth 0. */
  dim(): Dim;
  wrong(expected: string): never;
  location(): Location;
}

function startReader(source: string, file: string | undefined): Reader {
  let position = 0;
  const scan = (): Token => {
    for (;;) {
      if (position >= source.length) return { kind: 'end', text: 'the end', at: source.length };
      tokenPattern.lastIndex = position;
      const raw = tokenPattern.exec(source)?.[0] ?? ' ';
      const at = position;
      position += raw.length;
      if (/^[ \t\r\n]/.test(raw) || raw.startsWith('//')) continue;
      if (raw.length > 1 && raw.startsWith('"')) return { kind: 'string', text: unquote(raw, at), at };
      return { kind: /^[A-Za-z0-9_./-]/.test(raw) ? 'word' : 'punctuation', text: raw, at };
    }
  };
  const unquote = (raw: string, at: number): string => {
    // Base64 strings are long and have no escapes.
    if (!raw.includes('\\')) return raw.slice(1, -1);
    try {
      return String(JSON.parse(raw));
    } catch {
      return fail(graphMessages.textSyntax({ expected: 'a string with JSON escapes', found: raw }, { location: place(at) }));
    }
  };
  const place = (at: number): Location => {
    const before = source.slice(0, at);
    const line = before.split('\n').length;
    return { ...(file === undefined ? {} : { file }), line, column: at - before.lastIndexOf('\n') };
  };
  let token = scan();
  const wrong = (expected: string): never => {
    const found = token.kind === 'end' ? 'the end' : token.kind === 'string' ? JSON.stringify(token.text.slice(0, 40)) : `"${token.text}"`;
    return fail(graphMessages.textSyntax({ expected, found }, { location: place(token.at) }));
  };
  const next = (): Token => {
    const current = token;
    token = scan();
    return current;
  };
  const reader: Reader = {
    peek: () => token,
    next,
    take(text) {
      if (token.kind === 'string' || token.text !== text || token.kind === 'end') return false;
      next();
      return true;
    },
    expect(text) {
      if (!reader.take(text)) wrong(`"${text}"`);
    },
    word: (what) => (token.kind === 'word' ? next().text : wrong(what)),
    string: (what) => (token.kind === 'string' ? next().text : wrong(what)),
    integer(what) {
      if (token.kind !== 'word' || !/^-?\d+$/.test(token.text)) return wrong(what);
      return Number(next().text);
    },
    dim() {
      const start = token.at;
      let depth = 0;
      let quoted = false;
      let end = start;
      for (; end < source.length; end++) {
        const c = source[end];
        if (c === '\\' && quoted) end++;
        else if (c === "'") quoted = !quoted;
        else if (quoted) continue;
        else if (c === '(') depth++;
        else if (c === ')') depth--;
        else if (c === '\n' || (depth === 0 && (c === ',' || c === ']'))) break;
      }
      const value = parseDim(source.slice(start, end), place(start));
      position = end;
      token = scan();
      return value;
    },
    wrong,
    location: () => place(token.at),
  };
  return reader;
}

interface Scope {
  readonly values: Map<ValueId, Value>;
  readonly byName: Map<string, ValueId>;
  expected: number;
}

function readGraph(r: Reader): Graph {
  r.expect('graph');
  const name = r.string('the graph name in quotes');
  r.expect('opset');
  const opset = r.integer('the opset version');
  r.expect('{');
  const scope: Scope = { values: new Map(), byName: new Map(), expected: 0 };
  const inputs: ValueId[] = [];
  const nodes: Node[] = [];
  const outputs: ValueId[] = [];
  const retired: Record<string, 'folded' | 'view' | 'dead'> = {};
  while (!r.take('}')) {
    if (r.take('input')) inputs.push(defineValue(r, scope));
    else if (r.take('const') || r.take('unused')) defineValue(r, scope);
    else if (r.take('return')) {
      do outputs.push(useValue(r, scope));
      while (r.take(','));
    } else if (r.take('retired')) {
      const node = r.string('the name of a retired node in quotes');
      const fate = r.peek().text;
      if (fate !== 'folded' && fate !== 'view' && fate !== 'dead') r.wrong('folded, view or dead');
      else {
        r.next();
        retired[node] = fate;
      }
    } else if (r.peek().text === '%') nodes.push(readNode(r, scope));
    else r.wrong('input, const, a node, return, retired or "}"');
  }
  const values: Value[] = [];
  for (let id = 0; id < scope.values.size; id++) {
    const value = scope.values.get(id);
    if (value === undefined)
      return fail(graphMessages.textBadContents({ problem: `the ids have a gap: no value #${id}` }, { location: r.location() }));
    values.push(value);
  }
  return { name, opset, inputs, outputs, values, nodes, retired };
}

function readName(r: Reader): string {
  r.expect('%');
  return r.peek().kind === 'string' ? r.next().text : r.word('a value name');
}

/** `%name#id: type quantized(…) = contents`, the contents only of constants. */
function defineValue(r: Reader, scope: Scope): ValueId {
  const location = r.location();
  const id = defineName(r, scope, readName(r), location);
  const value = scope.values.get(id);
  if (value !== undefined && r.take('=')) scope.values.set(id, { ...value, constant: readConstant(r, value.type) });
  return id;
}

function useValue(r: Reader, scope: Scope): ValueId {
  const location = r.location();
  const name = readName(r);
  const id = scope.byName.get(name);
  return id ?? fail(graphMessages.textUndefinedValue({ name, near: suggest(name, scope.byName.keys()) }, { location }));
}

function readType(r: Reader): TensorType {
  const dtype = readDType(r);
  r.expect('[');
  const shape: Dim[] = [];
  while (!r.take(']')) {
    if (shape.length > 0) r.expect(',');
    shape.push(r.dim());
  }
  return { dtype, shape };
}

function readDType(r: Reader): DType {
  const dtype = allDTypes.find((d) => d === r.peek().text);
  if (dtype === undefined) return r.wrong('an element type such as float32');
  r.next();
  return dtype;
}

function readNumberList(r: Reader): number[] {
  return readList(r, () => readNumber(r));
}

function readList<T>(r: Reader, read: () => T): T[] {
  r.expect('[');
  const list: T[] = [];
  while (!r.take(']')) {
    if (list.length > 0) r.expect(',');
    list.push(read());
  }
  return list;
}

const numberPattern = /^-?(\d+(\.\d*)?(e[+-]?\d+)?d?|inf|nan)$/;

/** fp32 unless marked `d` or written as an integer. */
function readNumber(r: Reader): number {
  const { text, kind } = r.peek();
  if (kind !== 'word' || !numberPattern.test(text)) return r.wrong('a number');
  r.next();
  return numberFrom(text);
}

function numberFrom(text: string): number {
  if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity;
  if (text.endsWith('nan')) return NaN;
  if (text.endsWith('d')) return Number(text.slice(0, -1));
  return /^-?\d+$/.test(text) ? Number(text) : Math.fround(Number(text));
}

function isFloatText(text: string): boolean {
  return !/^-?\d+$/.test(text);
}

function readQuantization(r: Reader): Quantization {
  r.expect('(');
  const axis = r.take('axis') ? r.integer('an axis') : null;
  r.expect('scale');
  const scale = r.take('base64') ? new Float32Array(alignedCopy(readBase64(r))) : Float32Array.from(readNumberList(r));
  r.expect('zero');
  const zeroPoint = readZeros(r);
  const source = r.peek().text;
  if (source !== 'placeholder' && source !== 'calibrated' && source !== 'model') return r.wrong('placeholder, calibrated or model');
  r.next();
  r.expect(')');
  return { scale, zeroPoint, axis, source };
}

function readZeros(r: Reader): Int32Array {
  if (r.peek().text === '[') return Int32Array.from(readNumberList(r));
  const zero = r.integer('a zero point');
  r.expect('times');
  return new Int32Array(r.integer('a count')).fill(zero);
}

function alignedCopy(bytes: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

function readBase64(r: Reader): Uint8Array {
  const location = r.location();
  const bytes = fromBase64(r.string('base64 in quotes'));
  return bytes ?? fail(graphMessages.textBadContents({ problem: 'the text in quotes is not base64' }, { location }));
}

function readConstant(r: Reader, type: TensorType): Constant {
  if (r.take('absent')) return { kind: 'absent', reason: r.string('a reason in quotes') };
  if (r.take('splat')) {
    if (r.take('base64')) return { kind: 'splat', element: readBase64(r) };
    return { kind: 'splat', element: readElements(r, type.dtype) };
  }
  if (r.take('base64')) return { kind: 'bytes', bytes: readBase64(r) };
  if (r.peek().text === 'hash') {
    fail(graphMessages.textBadContents({ problem: 'the contents were left out when this text was printed' }, { location: r.location() }));
  }
  return { kind: 'bytes', bytes: readElements(r, type.dtype) };
}

/** A list of numbers as the little-endian bytes of its elements. */
function readElements(r: Reader, dtype: DType): Uint8Array {
  const location = r.location();
  const texts = readList(r, () => r.word('a number'));
  const bad = texts.find((t) => !numberPattern.test(t) || (!isFloat(dtype) && isFloatText(t)));
  if (bad !== undefined) return fail(graphMessages.textBadContents({ problem: `"${bad}" is not a ${dtype}` }, { location }));
  if (dtype === 'int64' || dtype === 'uint64') {
    const data = dtype === 'int64' ? BigInt64Array.from(texts, BigInt) : BigUint64Array.from(texts, BigInt);
    return new Uint8Array(data.buffer);
  }
  const constant = constantFrom(tensorOf(dtype, [texts.length], texts.map(numberFrom)));
  if (constant.kind !== 'bytes') throw new Error('a list of numbers has bytes');
  return constant.bytes;
}

function readNode(r: Reader, scope: Scope): Node {
  // A Fused node names its outputs without types: its body defines them, below. They are resolved afterwards.
  const heads: ({ readonly id: ValueId } | { readonly name: string; readonly location: Location })[] = [];
  do {
    const location = r.location();
    const name = readName(r);
    if (r.peek().text === ':' || r.peek().text === '#') heads.push({ id: defineName(r, scope, name, location) });
    else heads.push({ name, location });
  } while (r.take(','));
  r.expect('=');
  const { domain, op } = readOperator(r);
  r.expect('(');
  const inputs: (ValueId | null)[] = [];
  while (!r.take(')')) {
    if (inputs.length > 0) r.expect(',');
    inputs.push(r.take('_') ? null : useValue(r, scope));
  }
  const attributes: Record<string, Attribute> = {};
  if (r.take('{')) {
    while (!r.take('}')) {
      if (Object.keys(attributes).length > 0) r.expect(',');
      const key = r.peek().kind === 'string' ? r.next().text : r.word('an attribute name');
      r.expect(':');
      attributes[key] = readAttribute(r);
    }
  }
  const name = r.take('name') ? r.string('a node name in quotes') : '';
  const origin = r.take('origin') ? readList(r, () => r.string('a node name in quotes')) : [];
  let body: Node[] | undefined;
  if (r.take('body')) {
    r.expect('{');
    body = [];
    while (!r.take('}')) body.push(readNode(r, scope));
  }
  const outputs = heads.map((head) => {
    if ('id' in head) return head.id;
    return (
      scope.byName.get(head.name) ??
      fail(
        graphMessages.textUndefinedValue({ name: head.name, near: suggest(head.name, scope.byName.keys()) }, { location: head.location }),
      )
    );
  });
  return { op, domain, name, inputs, outputs, attributes, origin, ...(body === undefined ? {} : { body }) };
}

function readOperator(r: Reader): { readonly domain: string; readonly op: string } {
  if (r.peek().kind === 'string') return { domain: r.next().text, op: r.string('an operator in quotes') };
  const path = r.word('an operator').split('.');
  return { domain: path.slice(0, -1).join('.'), op: path.at(-1) ?? '' };
}

/** `#id: type quantized(…)` after a name. */
function defineName(r: Reader, scope: Scope, name: string, location: Location): ValueId {
  if (scope.byName.has(name)) fail(graphMessages.textRedefinedValue({ name }, { location }));
  const id = r.take('#') ? r.integer('a value id') : scope.expected;
  if (scope.values.has(id)) fail(graphMessages.textRedefinedValue({ name: `#${id}` }, { location }));
  scope.expected = id + 1;
  r.expect(':');
  const type = readType(r);
  const quantization = r.take('quantized') ? readQuantization(r) : null;
  scope.byName.set(name, id);
  scope.values.set(id, { id, name, type, layout: 'row-major', quantization, constant: null });
  return id;
}

function readAttribute(r: Reader): Attribute {
  const token = r.peek();
  if (token.kind === 'string') return { kind: 'string', value: r.next().text };
  if (r.take('tensor')) {
    const type = readType(r);
    r.expect('=');
    return { kind: 'tensor', type, constant: readConstant(r, type) };
  }
  for (const kind of ['ints', 'floats', 'strings'] as const) {
    if (!r.take(kind)) continue;
    r.expect('[');
    r.expect(']');
    return { kind, value: [] };
  }
  if (token.text !== '[') {
    return isFloatText(token.text) ? { kind: 'float', value: readNumber(r) } : { kind: 'int', value: readNumber(r) };
  }
  const texts: { readonly text: string; readonly quoted: boolean }[] = readList(r, () => {
    const t = r.peek();
    if (t.kind !== 'string' && !numberPattern.test(t.text)) r.wrong('a number or a string');
    return { text: r.next().text, quoted: t.kind === 'string' };
  });
  if (texts.every((t) => t.quoted)) return { kind: 'strings', value: texts.map((t) => t.text) };
  if (texts.some((t) => t.quoted)) return r.wrong('a list of numbers or of strings, not both');
  const values = texts.map((t) => numberFrom(t.text));
  return { kind: texts.some((t) => isFloatText(t.text)) ? 'floats' : 'ints', value: values };
}
