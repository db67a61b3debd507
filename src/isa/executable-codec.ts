/** Executable <-> messages of program.proto: names checked on the way in, so that what comes out has the types it claims. */
import { allDTypes, assertNever, fail, isaMessages, type Diagnostic, type Severity } from '../core/index.ts';
import {
  kernelClasses,
  regionKinds,
  type ColdBytes,
  type EntryPoint,
  type Executable,
  type Kernel,
  type KernelEngine,
  type KernelWork,
  type NodeFate,
  type TensorBinding,
} from './executable.ts';
import type { systole } from './generated/program.js';
import { decodeProgram, encodeProgram } from './program-codec.ts';

/** Everything but the weights. */
export type ExecutableBody = Omit<Executable, 'weights' | 'formatVersion'>;

type Message = systole.Executable.$Properties;

const engines: readonly KernelEngine[] = ['matrix', 'vector', 'dma', 'host'];
const fates: readonly NodeFate['fate'][] = ['kernel', 'folded', 'view', 'dead', 'host'];
const severities: readonly Severity[] = ['error', 'warning', 'info'];
const coldOperands: readonly ColdBytes['operand'][] = ['weights', 'inputs', 'outputs', 'state'];

export function toMessage(e: ExecutableBody): Message {
  return {
    model: e.model,
    target: e.target,
    options: Object.entries(e.options).map(([key, value]) => optionMessage(key, value)),
    spaces: [...e.spaces],
    regions: e.regions.map((r) => ({ ...r, kind: regionKinds.indexOf(r.kind) })),
    programs: e.programs.map(encodeProgram),
    entryPoints: e.entryPoints.map((p) => ({
      name: p.name,
      program: p.program,
      inputs: p.inputs.map(bindingMessage),
      outputs: p.outputs.map(bindingMessage),
      scalars: [...p.scalars],
    })),
    kernels: e.kernels.map(kernelMessage),
    nodes: e.nodes.map((n) => ({ ...n })),
    hostSegments: e.hostSegments.map((s) => ({ ...s })),
    diagnostics: e.diagnostics.map(diagnosticMessage),
  };
}

/** Errors: SYS5013. */
export function fromMessage(m: systole.Executable): ExecutableBody {
  const { model, target } = m;
  if (!model || !target) return damaged('it names no model or no target');
  return {
    model: { name: model.name, sha256: model.sha256, macs: model.macs, parameterBytes: model.parameterBytes, opset: model.opset },
    target: { name: target.name, planHash: target.planHash },
    options: Object.fromEntries(m.options.map((o) => [o.key, o.texts?.items ?? o.text ?? o.number ?? o.flag ?? ''])),
    spaces: m.spaces,
    regions: m.regions.map((r) => ({
      name: r.name,
      kind: regionKinds[r.kind] ?? damaged(`region "${r.name}" is of unknown kind ${r.kind}`),
      space: r.space,
      bytes: r.bytes,
      alignment: r.alignment,
    })),
    programs: m.programs.map(decodeProgram),
    entryPoints: m.entryPoints.map(entryPoint),
    kernels: m.kernels.map(kernel),
    nodes: m.nodes.map((n) => ({ name: n.name, opType: n.opType, fate: known(fates, n.fate, 'fate'), kernel: n.kernel })),
    hostSegments: m.hostSegments.map((s) => ({ name: s.name, graph: s.graph })),
    diagnostics: m.diagnostics.map(diagnostic),
  };
}

function damaged(what: string): never {
  return fail(isaMessages.executableDamaged({ what }));
}

function known<Name extends string>(names: readonly Name[], name: string, what: string): Name {
  return names.find((n) => n === name) ?? damaged(`unknown ${what} "${name}"`);
}

function optionMessage(key: string, value: Executable['options'][string]): systole.Option.$Properties {
  switch (typeof value) {
    case 'string':
      return { key, text: value };
    case 'number':
      return { key, number: value };
    case 'boolean':
      return { key, flag: value };
    default:
      return { key, texts: { items: [...value] } };
  }
}

function bindingMessage(b: TensorBinding): systole.TensorBinding.$Properties {
  const { quantization, shape, strides, ...rest } = b;
  return { ...rest, shape: [...shape], strides: [...(strides ?? [])], ...(quantization === null ? {} : { quantization }) };
}

function binding(b: systole.TensorBinding): TensorBinding {
  const q = b.quantization;
  return {
    name: b.name,
    region: b.region,
    offset: b.offset,
    dtype: known(allDTypes, b.dtype, 'dtype'),
    shape: b.shape,
    ...(b.strides.length === 0 ? {} : { strides: b.strides }),
    quantization: q ? { scale: q.scale, zeroPoint: q.zeroPoint, placeholder: q.placeholder } : null,
  };
}

function entryPoint(p: systole.EntryPoint): EntryPoint {
  return { name: p.name, program: p.program, inputs: p.inputs.map(binding), outputs: p.outputs.map(binding), scalars: p.scalars };
}

function kernelMessage(k: Kernel): systole.Kernel.$Properties {
  return {
    name: k.name,
    origin: [...k.origin],
    kernelClass: k.class,
    engine: k.engine,
    dtype: k.dtype,
    macs: k.macs,
    ...workMessage(k.work),
    cold: k.cold.map((c) => ({ space: c.space, write: c.direction === 'write', operand: c.operand, bytes: c.bytes })),
    mapping: k.mapping,
    tiles: k.tiles,
    estimateCycles: k.estimateCycles,
  };
}

function workMessage(
  work: KernelWork,
): Pick<systole.Kernel.$Properties, 'contraction' | 'attention' | 'vectorLaneTicks' | 'none' | 'host'> {
  switch (work.kind) {
    case 'contraction':
      return { contraction: work };
    case 'attention':
      return { attention: work };
    case 'vector':
      return { vectorLaneTicks: work.vectorLaneTicks };
    case 'none':
      return { none: true };
    case 'host':
      return { host: work };
    default:
      return assertNever(work);
  }
}

function kernel(k: systole.Kernel): Kernel {
  return {
    name: k.name,
    origin: k.origin,
    class: known(kernelClasses, k.kernelClass, 'kernel class'),
    engine: known(engines, k.engine, 'engine'),
    dtype: known(allDTypes, k.dtype, 'dtype'),
    macs: k.macs,
    work: kernelWork(k),
    cold: k.cold.map((c) => ({
      space: c.space,
      direction: c.write ? 'write' : 'read',
      operand: known(coldOperands, c.operand, 'operand'),
      bytes: c.bytes,
    })),
    mapping: k.mapping,
    tiles: k.tiles,
    estimateCycles: k.estimateCycles,
  };
}

function kernelWork(k: systole.Kernel): KernelWork {
  const c = k.contraction;
  if (c) {
    const { depthwise, groups, m, n, channels, taps, batches, vectorLaneTicks } = c;
    return { kind: 'contraction', depthwise, groups, m, n, channels, taps, batches, vectorLaneTicks };
  }
  const a = k.attention;
  if (a) {
    const { batches, m, keys, size, valueSize, vectorLaneTicks } = a;
    return { kind: 'attention', batches, m, keys, size, valueSize, vectorLaneTicks };
  }
  if (k.host) return { kind: 'host', ops: k.host.ops, bytes: k.host.bytes };
  return k.vectorLaneTicks === null ? { kind: 'none' } : { kind: 'vector', vectorLaneTicks: k.vectorLaneTicks };
}

function diagnosticMessage(d: Diagnostic): systole.Diagnostic.$Properties {
  return { code: d.code, severity: d.severity, message: d.message, origin: [...d.origin], ...d.location };
}

function diagnostic(d: systole.Diagnostic): Diagnostic {
  const location = {
    ...(d.file === null ? {} : { file: d.file }),
    ...(d.line === null ? {} : { line: d.line }),
    ...(d.column === null ? {} : { column: d.column }),
  };
  return {
    code: d.code,
    severity: known(severities, d.severity, 'severity'),
    message: d.message,
    origin: d.origin,
    ...(Object.keys(location).length === 0 ? {} : { location }),
  };
}
