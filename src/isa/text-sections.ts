/** The tables around the programs, in text: one line an entry. Printing and parsing of each kind stand side by side. */
import { allDTypes, assertNever, quoted, type Diagnostic } from '../core/index.ts';
import {
  kernelClasses,
  regionKinds,
  type ColdBytes,
  type Executable,
  type Kernel,
  type KernelWork,
  type NodeFate,
  type Region,
  type TensorBinding,
} from './executable.ts';
import type { Names } from './text-names.ts';
import { printNumber as num, printText as text, type LineScanner } from './text-scanner.ts';

// Model, target, options.

export function printModel(m: Executable['model']): string {
  return `model ${text(m.name)} sha256 ${text(m.sha256)} macs ${num(m.macs)} parameterBytes ${num(m.parameterBytes)} opset ${num(m.opset)}`;
}

export function parseModel(s: LineScanner): Executable['model'] {
  const name = s.text('the name of the model');
  s.expect('sha256');
  const sha256 = s.text('a hash');
  return { name, sha256, macs: keyed(s, 'macs'), parameterBytes: keyed(s, 'parameterBytes'), opset: keyed(s, 'opset') };
}

export function printTarget(t: Executable['target']): string {
  return `target ${text(t.name)} plan ${text(t.planHash)}`;
}

export function parseTarget(s: LineScanner): Executable['target'] {
  const name = s.text('the name of the target');
  s.expect('plan');
  return { name, planHash: s.text('a hash') };
}

type OptionValue = Executable['options'][string];

export function printOption(key: string, value: OptionValue): string {
  const one = (v: string | number | boolean): string => (typeof v === 'number' ? num(v) : typeof v === 'string' ? quoted(v) : String(v));
  const shown = typeof value === 'object' ? `[${value.map(one).join(', ')}]` : one(value);
  return `option ${text(key)} = ${shown}`;
}

export function parseOption(s: LineScanner): readonly [string, OptionValue] {
  const key = s.text('the name of an option');
  s.expect('=');
  if (s.take('true')) return [key, true];
  if (s.take('false')) return [key, false];
  if (s.take('[')) {
    const values: string[] = [];
    while (!s.take(']')) {
      if (values.length > 0) s.expect(',');
      values.push(s.text('a string'));
    }
    return [key, values];
  }
  return [key, s.atString() ? s.text('a value') : s.number('a value')];
}

function keyed(s: LineScanner, key: string): number {
  s.expect(key);
  return s.number(`the number of ${key}`);
}

function texts(s: LineScanner, what: string): string[] {
  const all: string[] = [];
  while (s.atText()) all.push(s.text(what));
  return all;
}

const listed = (values: readonly string[]): string => values.map((v) => ` ${text(v)}`).join('');

// Regions.

export function printRegion(r: Region, i: number): string {
  return `region ${i} ${text(r.name)} ${r.kind} space ${r.space} bytes ${num(r.bytes)} align ${num(r.alignment)}`;
}

export function parseRegion(s: LineScanner): Region {
  const name = s.text('the name of a region');
  const kind = s.oneOf(regionKinds, 'kind of region');
  return { name, kind, space: keyed(s, 'space'), bytes: keyed(s, 'bytes'), alignment: keyed(s, 'align') };
}

// Kernels: a line, and indented lines of its parts.

const engines = ['matrix', 'vector', 'dma', 'host'] as const;
const coldOperands = ['weights', 'inputs', 'outputs', 'state'] as const satisfies readonly ColdBytes['operand'][];

export function printKernel(k: Kernel, i: number, names: Names): string[] {
  return [
    `kernel ${i} ${text(k.name)} ${k.class} ${k.engine} ${k.dtype} macs ${num(k.macs)} tiles ${num(k.tiles)} estimate ${num(k.estimateCycles)}`,
    ...(k.origin.length === 0 ? [] : [`  origin${listed(k.origin)}`]),
    ...(k.mapping === '' ? [] : [`  mapping ${quoted(k.mapping)}`]),
    `  work ${printWork(k.work)}`,
    ...k.cold.map((c) => `  cold ${c.direction} ${c.operand} ${names.space(c.space)} ${num(c.bytes)}`),
  ];
}

/** A kernel whose parts are still being read. */
export type KernelDraft = { -readonly [Key in keyof Kernel]: Kernel[Key] };

export function parseKernel(s: LineScanner): KernelDraft {
  const name = s.text('the name of a kernel');
  const draft = {
    name,
    origin: [],
    class: s.oneOf(kernelClasses, 'kernel class'),
    engine: s.oneOf(engines, 'engine'),
    dtype: s.oneOf(allDTypes, 'dtype'),
    macs: keyed(s, 'macs'),
    tiles: keyed(s, 'tiles'),
    estimateCycles: keyed(s, 'estimate'),
  };
  return { ...draft, mapping: '', work: { kind: 'none' }, cold: [] };
}

/** The rest of an indented line below a kernel: adds to `kernel`. */
export function parseKernelPart(part: 'origin' | 'mapping' | 'work' | 'cold', s: LineScanner, kernel: KernelDraft, names: Names): void {
  switch (part) {
    case 'origin':
      kernel.origin = texts(s, 'the name of a node');
      return;
    case 'mapping':
      kernel.mapping = s.text('a mapping');
      return;
    case 'work':
      kernel.work = parseWork(s);
      return;
    case 'cold': {
      const direction = s.oneOf(['read', 'write'], 'direction');
      const operand = s.oneOf(coldOperands, 'operand');
      const name = s.word('the name of a memory');
      const space = names.spaces.get(name) ?? s.fail(`Unknown memory \`${name}\``);
      kernel.cold = [...kernel.cold, { space, direction, operand, bytes: s.number('bytes') }];
      return;
    }
    default:
      return assertNever(part);
  }
}

function printWork(w: KernelWork): string {
  switch (w.kind) {
    case 'contraction':
      return (
        `${w.depthwise ? 'depthwise' : 'contraction'} groups ${num(w.groups)} batches ${num(w.batches)} m ${num(w.m)} n ${num(w.n)} ` +
        `channels ${num(w.channels)} taps ${num(w.taps)} laneTicks ${num(w.vectorLaneTicks)}`
      );
    case 'attention':
      return `attention batches ${num(w.batches)} m ${num(w.m)} keys ${num(w.keys)} size ${num(w.size)} valueSize ${num(w.valueSize)} laneTicks ${num(w.vectorLaneTicks)}`;
    case 'vector':
      return `vector laneTicks ${num(w.vectorLaneTicks)}`;
    case 'none':
      return 'none';
    case 'host':
      return `host ops ${num(w.ops)} bytes ${num(w.bytes)}`;
    default:
      return assertNever(w);
  }
}

function parseWork(s: LineScanner): KernelWork {
  const kind = s.oneOf(['contraction', 'depthwise', 'attention', 'vector', 'none', 'host'] as const, 'kind of work');
  switch (kind) {
    case 'contraction':
    case 'depthwise': {
      const groups = keyed(s, 'groups');
      const batches = keyed(s, 'batches');
      const [m, n, channels, taps] = [keyed(s, 'm'), keyed(s, 'n'), keyed(s, 'channels'), keyed(s, 'taps')];
      const vectorLaneTicks = keyed(s, 'laneTicks');
      return { kind: 'contraction', depthwise: kind === 'depthwise', groups, m, n, channels, taps, batches, vectorLaneTicks };
    }
    case 'attention': {
      const [batches, m, keys] = [keyed(s, 'batches'), keyed(s, 'm'), keyed(s, 'keys')];
      const [size, valueSize] = [keyed(s, 'size'), keyed(s, 'valueSize')];
      return { kind, batches, m, keys, size, valueSize, vectorLaneTicks: keyed(s, 'laneTicks') };
    }
    case 'vector':
      return { kind, vectorLaneTicks: keyed(s, 'laneTicks') };
    case 'none':
      return { kind };
    case 'host':
      return { kind, ops: keyed(s, 'ops'), bytes: keyed(s, 'bytes') };
    default:
      return assertNever(kind);
  }
}

// Entry points.

export function printBinding(direction: 'input' | 'output', b: TensorBinding): string {
  const q = b.quantization;
  const quantized = q === null ? '' : ` scale ${num(q.scale)} zero ${q.zeroPoint}${q.placeholder ? ' placeholder' : ''}`;
  const strides = b.strides === undefined ? '' : ` stride[${b.strides.map(num).join(', ')}]`;
  return `  ${direction} ${text(b.name)} region ${b.region} offset ${num(b.offset)} ${b.dtype}[${b.shape.join(', ')}]${strides}${quantized}`;
}

export function parseBinding(s: LineScanner): TensorBinding {
  const name = s.text('the name of a tensor');
  const region = keyed(s, 'region');
  const offset = keyed(s, 'offset');
  const dtype = s.oneOf(allDTypes, 'dtype');
  const shape = s.integers('an extent');
  const { column } = s;
  const strides = s.takeBeforeList('stride') ? s.integers('a stride in bytes') : null;
  if (strides !== null && strides.length !== shape.length)
    s.fail(`${shape.length} extents, but ${strides.length} strides`, undefined, column);
  const lies = { name, region, offset, dtype, shape, ...(strides === null ? {} : { strides }) };
  if (!s.take('scale')) return { ...lies, quantization: null };
  const scale = s.number('a scale');
  const zeroPoint = keyed(s, 'zero');
  return { ...lies, quantization: { scale, zeroPoint, placeholder: s.take('placeholder') } };
}

// Nodes and diagnostics.

const fates = ['kernel', 'folded', 'view', 'dead', 'host'] as const satisfies readonly NodeFate['fate'][];

export function printNode(n: NodeFate): string {
  return `node ${text(n.name)} ${text(n.opType)} ${n.fate} ${n.kernel}`;
}

export function parseNode(s: LineScanner): NodeFate {
  const name = s.text('the name of a node');
  return { name, opType: s.text('an operator'), fate: s.oneOf(fates, 'fate'), kernel: s.integer('a kernel') };
}

export function printDiagnostic(d: Diagnostic): string {
  const { file, line, column } = d.location ?? {};
  return (
    `diagnostic ${text(d.code)} ${d.severity} ${quoted(d.message)}` +
    (file === undefined ? '' : ` file ${quoted(file)}`) +
    (line === undefined ? '' : ` line ${line}`) +
    (column === undefined ? '' : ` column ${column}`) +
    (d.origin.length === 0 ? '' : ` origin${listed(d.origin)}`)
  );
}

export function parseDiagnostic(s: LineScanner): Diagnostic {
  const code = s.text('a code');
  const severity = s.oneOf(['error', 'warning', 'info'] as const, 'severity');
  const message = s.text('a message');
  const location = {
    ...(s.take('file') ? { file: s.text('a file') } : {}),
    ...(s.take('line') ? { line: s.integer('a line') } : {}),
    ...(s.take('column') ? { column: s.integer('a column') } : {}),
  };
  const origin = s.take('origin') ? texts(s, 'the name of a node') : [];
  return { code, severity, message, origin, ...(Object.keys(location).length === 0 ? {} : { location }) };
}
