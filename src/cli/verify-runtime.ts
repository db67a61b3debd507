/**
 * ONNX Runtime as a judge, where its package can be loaded: an optional peer, asked for by name at first use. Nothing else in the project
 * may import it.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { verifyMessages, type Diagnostic, type DType, type Tensor, type TensorData } from '../core/index.ts';

const packageName = 'onnxruntime-node';

/** What of the package is used: see its InferenceSession and Tensor. */
interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
}
interface Runtime {
  readonly InferenceSession: { create(model: string | Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
}

export interface Judge {
  /** Outputs by name that hold numbers. Throws `JudgeError`. */
  run(inputs: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>>;
}

/** A judge, or why there is none: absence is information, failure a warning. */
export type Found = { readonly judge: Judge } | { readonly diagnostic: Diagnostic };

/** Prepares the model, given as a path (so that data beside it are found) or as bytes. */
export async function findJudge(model: string | Uint8Array): Promise<Found> {
  const runtime = await loadRuntime();
  if (runtime === null) return { diagnostic: verifyMessages.runtimeAbsent({ reason: `the package ${packageName} is not installed` }) };
  try {
    // As written: optimizations fuse operators and change roundings. One thread: sums in one order.
    const options = { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 };
    const session = await runtime.InferenceSession.create(model, options);
    return { judge: { run: (inputs) => runSession(runtime, session, inputs) } };
  } catch (error) {
    return { diagnostic: failed(error) };
  }
}

export function failed(error: unknown): Diagnostic {
  const text = error instanceof Error ? error.message : String(error);
  return verifyMessages.runtimeFailed({ reason: text.replace(/\s+/g, ' ').slice(0, 300) });
}

/** From beside this program, or from the folder it is run in; null where it is in neither, or does not load there. */
async function loadRuntime(): Promise<Runtime | null> {
  const places = [
    async (): Promise<unknown> => import(packageName),
    async (): Promise<unknown> => {
      const here = createRequire(join(process.cwd(), 'package.json'));
      return import(pathToFileURL(here.resolve(packageName)).href);
    },
  ];
  for (const place of places) {
    try {
      const runtime = asRuntime(await place());
      if (runtime !== null) return runtime;
    } catch {
      // Not there, or built for another platform: the next place may have it.
    }
  }
  return null;
}

/** Decoder: CommonJS modules come as `default`, or with their names beside it. */
function asRuntime(module: unknown): Runtime | null {
  if (typeof module !== 'object' || module === null) return null;
  if ('InferenceSession' in module && 'Tensor' in module) return module as unknown as Runtime;
  return 'default' in module ? asRuntime(module.default) : null;
}

async function runSession(runtime: Runtime, session: Session, inputs: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>> {
  const missing = session.inputNames.filter((name) => !inputs.has(name));
  if (missing.length > 0) throw new Error(`it wants inputs nobody gave: ${missing.join(', ')}`);
  const feeds = Object.fromEntries(
    session.inputNames.flatMap((name) => {
      const tensor = inputs.get(name);
      return tensor === undefined ? [] : [[name, toRuntime(runtime, tensor)] as const];
    }),
  );
  const results = await session.run(feeds);
  return new Map(
    Object.entries(results).flatMap(([name, result]) => {
      const tensor = fromRuntime(result);
      return tensor === null ? [] : [[name, tensor] as const];
    }),
  );
}

const kept: readonly DType[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
];

function toRuntime(runtime: Runtime, { dtype, shape, data }: Tensor): RuntimeTensor {
  if (!kept.includes(dtype)) throw new Error(`inputs of ${dtype} cannot be handed over`);
  return new runtime.Tensor(dtype, data, shape);
}

/** null for what is no tensor of numbers. Bits of float16 come as Uint16Array, or as a Float16Array that has the same bytes. */
function fromRuntime({ type, dims, data }: RuntimeTensor): Tensor | null {
  const dtype = kept.find((name) => name === type);
  if (dtype === undefined || !ArrayBuffer.isView(data)) return null;
  const stored =
    dtype === 'float16' || dtype === 'bfloat16' ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : (data as TensorData);
  return { dtype, shape: dims.map(Number), data: stored };
}
