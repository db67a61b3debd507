/**
 * The textual form of graphs, for people and for files. `parseGraph` reads back exactly what `printGraph` writes.
 *
 *   graph "tiny" opset 13 {
 *     input %x: float32[batch, 3, 8, 8]
 *     const %w: float32[4, 3, 3, 3] = splat 0.5
 *     %y: float32[batch, 4, 6, 6] = Conv(%x, %w) {strides: [1, 1]} name "conv" origin ["conv"]
 *     return %y
 *     retired "dropout" view
 *   }
 *
 * A value is defined once, above its uses. Ids follow the order of definitions; a value out of that order says `#id`.
 * Types: `float32[2, n]`, `float32[*]` where not even the rank is known, `sequence<float32[*]>`, `optional<…>`,
 * `optional<sequence<…>>`, `map<…>`. A body of If, Loop or Scan is a graph with values of its own, among the attributes:
 *
 *   %y: float32[2] = If(%c, %x) {then_branch: graph "then" opset 13 {
 *     input %x: float32[2]
 *     …
 *   }} captures 1 name "if"
 */
import { bitsOf, elementCount, isFloat, quoted, viewBytes, type DType } from '../core/index.ts';
import { toBase64 } from './base64.ts';
import { printDim } from './dim.ts';
import type { Attribute, Constant, Graph, Node, Quantization, TensorType, Value, ValueId } from './ir.ts';
import { printType } from './text-type.ts';

export interface PrintOptions {
  /** 'all': everything, can be read back. 'hash': long contents as a hash, for display only. */
  readonly contents?: 'all' | 'hash';
}

/** Lists up to this long are written as numbers. */
const shortList = 16;

export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  const elide = options.contents === 'hash';
  const lines: string[] = [`graph ${quote(graph.name)} opset ${graph.opset} {`];
  let expected = 0;
  const defined = new Set<ValueId>();
  const value = (id: ValueId): Value => {
    const v = graph.values[id];
    if (v === undefined) throw new Error(`no value ${id}`);
    return v;
  };
  const use = (id: ValueId | null): string => (id === null ? '_' : `%${printName(value(id).name)}`);
  const define = (id: ValueId): string => {
    const v = value(id);
    const place = id === expected ? '' : `#${id}`;
    expected = id + 1;
    defined.add(id);
    const q = v.quantization === null ? '' : ` ${printQuantization(v.quantization, elide)}`;
    return `${use(id)}${place}: ${printType(v.type)}${q}`;
  };
  const contents = (v: Value): string => (v.constant === null ? '' : ` = ${printConstant(v.type, v.constant, elide)}`);
  const attribute = (a: Attribute, indent: string): string =>
    a.kind === 'graph' ? printGraph(a.value, options).trimEnd().replaceAll('\n', `\n${indent}`) : printAttribute(a, elide);
  const printNode = (node: Node, indent: string): void => {
    const head = node.outputs.map((id) => (node.body === undefined ? define(id) : use(id))).join(', ');
    const op = printOperator(node);
    const attributes = Object.entries(node.attributes);
    const braces = attributes.length === 0 ? '' : ` {${attributes.map(([k, a]) => `${printName(k)}: ${attribute(a, indent)}`).join(', ')}}`;
    const captures = node.captures === undefined ? '' : ` captures ${node.captures}`;
    const version = node.version === undefined ? '' : ` version ${node.version}`;
    const macs = node.macs === undefined ? '' : ` macs ${node.macs}`;
    const tail = `${captures}${version}${macs}${node.name === '' ? '' : ` name ${quote(node.name)}`}${node.origin.length === 0 ? '' : ` origin ${printStrings(node.origin)}`}`;
    lines.push(`${indent}${head} = ${op}(${node.inputs.map(use).join(', ')})${braces}${tail}${node.body === undefined ? '' : ' body {'}`);
    if (node.body === undefined) return;
    for (const inner of node.body) printNode(inner, `${indent}  `);
    lines.push(`${indent}}`);
  };
  for (const id of graph.inputs) lines.push(`  input ${define(id)}${contents(value(id))}`);
  const produced = new Set<ValueId>();
  const collect = (node: Node): void => {
    for (const id of node.outputs) produced.add(id);
    for (const inner of node.body ?? []) collect(inner);
  };
  for (const node of graph.nodes) collect(node);
  for (const v of graph.values) {
    if (defined.has(v.id) || produced.has(v.id)) continue;
    lines.push(v.constant === null ? `  unused ${define(v.id)}` : `  const ${define(v.id)}${contents(v)}`);
  }
  for (const node of graph.nodes) printNode(node, '  ');
  if (graph.outputs.length > 0) lines.push(`  return ${graph.outputs.map(use).join(', ')}`);
  for (const [name, fate] of Object.entries(graph.retired)) lines.push(`  retired ${quote(name)} ${fate}`);
  for (const u of graph.unknowns ?? []) {
    const source = u.input === null ? '' : ` input ${quote(u.input)}`;
    const most = u.upper === null ? '' : ` most ${printDim(u.upper)}`;
    lines.push(`  unknown ${quote(u.symbol)} of ${quote(u.op)} ${quote(u.node)} why ${quote(u.why)}${source}${most}`);
  }
  lines.push('}');
  return `${lines.join('\n')}\n`;
}

/** Names of ordinary characters stand bare, others in double quotes; `//` would start a comment. */
const bareName: RegExp = /^(?!.*\/\/)[A-Za-z0-9_./-]+$/;

function printName(name: string): string {
  return bareName.test(name) ? name : quote(name);
}

export function quote(text: string): string {
  return quoted(text);
}

/** `Conv`, `systole.ScaleShift`; two quoted strings, domain and operator, where a name is out of the ordinary. */
function printOperator({ domain, op }: Node): string {
  const plain = /^[A-Za-z0-9_]+$/.test(op) && (domain === '' || /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(domain));
  return plain ? `${domain === '' ? '' : `${domain}.`}${op}` : `${quote(domain)} ${quote(op)}`;
}

function printStrings(list: readonly string[]): string {
  return `[${list.map(quote).join(', ')}]`;
}

/** The shortest decimal that rounds to this fp32 number. */
export function printFloat32(x: number): string {
  if (x !== x) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Object.is(x, -0)) return '-0.0';
  for (let digits = 1; digits <= 9; digits++) {
    const text = String(Number(x.toPrecision(digits)));
    if (Math.fround(Number(text)) === x) return /[.e]/.test(text) ? text : `${text}.0`;
  }
  return String(x);
}

/** Doubles that are not fp32 numbers carry a `d`. */
function printFloat(x: number): string {
  return x !== x || Object.is(Math.fround(x), x) ? printFloat32(x) : `${x}d`;
}

function printAttribute(a: Attribute, elide: boolean): string {
  switch (a.kind) {
    case 'int':
      return String(a.value);
    case 'float':
      return printFloat(a.value);
    case 'string':
      return quote(a.value);
    case 'ints':
      return a.value.length === 0 ? 'ints[]' : `[${a.value.join(', ')}]`;
    case 'floats':
      return a.value.length === 0 ? 'floats[]' : `[${a.value.map(printFloat).join(', ')}]`;
    case 'strings':
      return a.value.length === 0 ? 'strings[]' : printStrings(a.value);
    case 'tensor':
      return `tensor ${printType(a.type)} = ${printConstant(a.type, a.constant, elide)}`;
    case 'graph':
      throw new Error('a body is printed with the indentation of its node');
  }
}

function printQuantization(q: Quantization, elide: boolean): string {
  const axis = q.axis === null ? '' : `axis ${q.axis} `;
  return `quantized(${axis}scale ${printScales(q.scale, elide)} zero ${printZeros(q.zeroPoint)} ${q.source}${q.rescale === undefined ? '' : ` rescale "${q.rescale}"`})`;
}

function printScales(scale: Float32Array, elide: boolean): string {
  if (scale.length <= shortList) return `[${Array.from(scale, printFloat32).join(', ')}]`;
  const raw = new Uint8Array(scale.buffer, scale.byteOffset, scale.byteLength);
  return elide ? `hash "${hashBytes(raw)}"` : `base64 "${toBase64(raw)}"`;
}

/** A list, or one number and how often it stands. */
function printZeros(zeros: Int32Array): string {
  const [first = 0] = zeros;
  return zeros.length > 1 && zeros.every((z) => z === first) ? `${first} times ${zeros.length}` : `[${zeros.join(', ')}]`;
}

function printConstant(type: TensorType, constant: Constant, elide: boolean): string {
  switch (constant.kind) {
    case 'strings':
      return `strings ${printStrings(constant.strings)}`;
    case 'absent':
      return `absent ${quote(constant.reason)}`;
    case 'splat':
      return `splat ${printElements(type.dtype, constant.element, 1) ?? `base64 "${toBase64(constant.element)}"`}`;
    case 'bytes': {
      const count = type.shape.every((d) => typeof d === 'number') ? elementCount(type.shape) : Infinity;
      const list = count <= shortList ? printElements(type.dtype, constant.bytes, count) : null;
      if (list !== null) return list;
      return elide ? `hash "${hashBytes(constant.bytes)}"` : `base64 "${toBase64(constant.bytes)}"`;
    }
  }
}

/** Elements as numbers; null where a list of numbers would not give the same bytes back. */
function printElements(dtype: DType, bytes: Uint8Array, count: number): string | null {
  if (!['float32', 'float64', 'bool'].includes(dtype) && !/^u?int(8|16|32|64)$/.test(dtype)) return null;
  if (bytes.length !== (count * bitsOf(dtype)) / 8) return null;
  const data = viewBytes(dtype, bytes);
  const texts: string[] = [];
  for (const x of data) {
    // A NaN may carry bits that a word cannot.
    if (x !== x) return null;
    texts.push(typeof x === 'bigint' || !isFloat(dtype) ? String(x) : dtype === 'float32' ? printFloat32(x) : printFloat(x));
  }
  return `[${texts.join(', ')}]`;
}

/** FNV-1a over the bytes, with their number: tells contents apart for readers, proves nothing. */
function hashBytes(bytes: Uint8Array): string {
  let h = 0x811c9dc5;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return `${(h >>> 0).toString(16).padStart(8, '0')}:${bytes.length}`;
}
