/** Reads the textual form of graphs; see text-print.ts for what it looks like. */
import { fail, graphMessages, isFloat, suggest, type DType } from '../core/index.ts';
import { fromBase64 } from './base64.ts';
import { constantFrom } from './constant.ts';
import type { Attribute, Constant, Graph, Node, Quantization, TensorType, UnknownDim, Value, ValueId } from './ir.ts';
import { tensorOf } from './ops/numbers.ts';
import { startReader, type Reader } from './text-reader.ts';
import { readType } from './text-type.ts';

/** @param file  named in errors */
export function parseGraph(text: string, file?: string): Graph {
  const reader = startReader(text, file);
  const graph = readGraph(reader);
  if (reader.peek().kind !== 'end') reader.wrong('the end of the text');
  return graph;
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
  const unknowns: UnknownDim[] = [];
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
    } else if (r.take('unknown')) unknowns.push(readUnknown(r));
    else if (r.peek().text === '%') nodes.push(readNode(r, scope));
    else r.wrong('input, const, a node, return, retired, unknown or "}"');
  }
  const values: Value[] = [];
  for (let id = 0; id < scope.values.size; id++) {
    const value = scope.values.get(id);
    if (value === undefined)
      return fail(graphMessages.textBadContents({ problem: `the ids have a gap: no value #${id}` }, { location: r.place(r.position()) }));
    values.push(value);
  }
  return { name, opset, inputs, outputs, values, nodes, retired, ...(unknowns.length === 0 ? {} : { unknowns }) };
}

/** `"symbol" of "op" "node" why "…" input "x" most n`, the last two only where there are such. */
function readUnknown(r: Reader): UnknownDim {
  const symbol = r.string('a symbol in quotes');
  r.expect('of');
  const op = r.string('an operator in quotes');
  const node = r.string('a node name in quotes');
  r.expect('why');
  const why = r.string('what it depends on, in quotes');
  const input = r.take('input') ? r.string('the name of a graph input in quotes') : null;
  const upper = r.take('most') ? r.dim() : null;
  return { symbol, upper, node, op, why, input };
}

function readName(r: Reader): string {
  r.expect('%');
  return r.peek().kind === 'string' ? r.next().text : r.word('a value name');
}

/** `%name#id: type quantized(…) = contents`, the contents only of constants. */
function defineValue(r: Reader, scope: Scope): ValueId {
  const at = r.position();
  const id = defineName(r, scope, readName(r), at);
  const value = scope.values.get(id);
  if (value !== undefined && r.take('=')) scope.values.set(id, { ...value, constant: readConstant(r, value.type) });
  return id;
}

function useValue(r: Reader, scope: Scope): ValueId {
  const at = r.position();
  const name = readName(r);
  const id = scope.byName.get(name);
  return id ?? fail(graphMessages.textUndefinedValue({ name, near: suggest(name, scope.byName.keys()) }, { location: r.place(at) }));
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
  const fixed = r.take('rescale');
  if (fixed) r.next();
  r.expect(')');
  return { scale, zeroPoint, axis, source, ...(fixed ? { rescale: 'fixed-point' as const } : {}) };
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
  const at = r.position();
  const bytes = fromBase64(r.string('base64 in quotes'));
  return bytes ?? fail(graphMessages.textBadContents({ problem: 'the text in quotes is not base64' }, { location: r.place(at) }));
}

function readConstant(r: Reader, type: TensorType): Constant {
  if (r.take('strings')) return { kind: 'strings', strings: readList(r, () => r.string('text in quotes')) };
  if (r.take('absent')) return { kind: 'absent', reason: r.string('a reason in quotes') };
  if (r.take('splat')) {
    if (r.take('base64')) return { kind: 'splat', element: readBase64(r) };
    return { kind: 'splat', element: readElements(r, type.dtype) };
  }
  if (r.take('base64')) return { kind: 'bytes', bytes: readBase64(r) };
  if (r.peek().text === 'hash') {
    fail(
      graphMessages.textBadContents(
        { problem: 'the contents were left out when this text was printed' },
        { location: r.place(r.position()) },
      ),
    );
  }
  return { kind: 'bytes', bytes: readElements(r, type.dtype) };
}

/** A list of numbers as the little-endian bytes of its elements. */
function readElements(r: Reader, dtype: DType): Uint8Array {
  const at = r.position();
  const texts = readList(r, () => r.word('a number'));
  const bad = texts.find((t) => !numberPattern.test(t) || (!isFloat(dtype) && isFloatText(t)));
  if (bad !== undefined) return fail(graphMessages.textBadContents({ problem: `"${bad}" is not a ${dtype}` }, { location: r.place(at) }));
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
  const heads: ({ readonly id: ValueId } | { readonly name: string; readonly at: number })[] = [];
  do {
    const at = r.position();
    const name = readName(r);
    if (r.peek().text === ':' || r.peek().text === '#') heads.push({ id: defineName(r, scope, name, at) });
    else heads.push({ name, at });
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
  const captures = r.take('captures') ? { captures: r.integer('how many inputs are captures') } : {};
  const version = r.take('version') ? { version: r.integer('the version of the operator set') } : {};
  const macs = r.take('macs') ? { macs: r.integer('a number of multiply-accumulates') } : {};
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
        graphMessages.textUndefinedValue(
          { name: head.name, near: suggest(head.name, scope.byName.keys()) },
          { location: r.place(head.at) },
        ),
      )
    );
  });
  return {
    op,
    domain,
    name,
    inputs,
    outputs,
    attributes,
    ...captures,
    ...version,
    ...macs,
    origin,
    ...(body === undefined ? {} : { body }),
  };
}

function readOperator(r: Reader): { readonly domain: string; readonly op: string } {
  if (r.peek().kind === 'string') return { domain: r.next().text, op: r.string('an operator in quotes') };
  const path = r.word('an operator').split('.');
  return { domain: path.slice(0, -1).join('.'), op: path.at(-1) ?? '' };
}

/** `#id: type quantized(…)` after a name. */
function defineName(r: Reader, scope: Scope, name: string, at: number): ValueId {
  if (scope.byName.has(name)) fail(graphMessages.textRedefinedValue({ name }, { location: r.place(at) }));
  const id = r.take('#') ? r.integer('a value id') : scope.expected;
  if (scope.values.has(id)) fail(graphMessages.textRedefinedValue({ name: `#${id}` }, { location: r.place(at) }));
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
  if (token.text === 'graph') return { kind: 'graph', value: readGraph(r) };
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
