/**
 * ONNX Runtime as a judge, where one of its packages can be loaded: optional, asked for by name at first use. Nothing else in the
 * project may import it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { verifyMessages, type Diagnostic, type DType, type Tensor, type TensorData } from '../core/index.ts';
import { decodeModel, type OnnxGraph } from '../onnx/index.ts';
import { isFile } from './files.ts';

/** Native code first: it is several times as fast as the WebAssembly of the second, which installs everywhere without a script. */
const packageNames = ['onnxruntime-node', 'onnxruntime-web'] as const;

/** What of a package is used: see its InferenceSession and Tensor. */
interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}
interface Runtime {
  readonly InferenceSession: { create(model: string | Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
  readonly env?: {
    readonly versions?: Readonly<Record<string, string | undefined>>;
    wasm?: { numThreads?: number };
  };
}

export interface Judge {
  /** "onnxruntime-node 1.22.0". */
  readonly name: string;
  /** Outputs by name that hold numbers. Throws where the runtime refuses. */
  run(inputs: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>>;
  /** Gives its memory back; no run after it. */
  release(): Promise<void>;
}

/** A judge, or why there is none: absence is information, failure a warning. */
export type Found = { readonly judge: Judge } | { readonly diagnostic: Diagnostic };

export interface JudgeOptions {
  /** Packages to try, in this order. */
  readonly packages?: readonly string[];
  /** Lets the runtime fuse: then quantized patterns run on integers, and roundings of floats differ. */
  readonly optimize?: boolean;
}

/** Prepares the model, given as a path (so that data beside it are found) or as bytes. */
export async function findJudge(model: string | Uint8Array, options: JudgeOptions = {}): Promise<Found> {
  const { packages = packageNames, optimize = false } = options;
  const loaded = await loadRuntime(packages);
  if (loaded === null) {
    return { diagnostic: verifyMessages.runtimeAbsent({ reason: `neither ${packages.join(' nor ')} is installed` }) };
  }
  const { runtime, name, isWeb } = loaded;
  try {
    // As written unless asked: optimizations fuse operators and change roundings. One thread: sums in one order.
    const level = optimize ? 'all' : 'disabled';
    const setup = { graphOptimizationLevel: level, intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
    const beside = isWeb && typeof model === 'string' ? { externalData: filesBeside(model) } : {};
    const session = await runtime.InferenceSession.create(model, { ...setup, ...beside });
    return { judge: { name, run: (inputs) => runSession(runtime, session, inputs), release: () => session.release() } };
  } catch (error) {
    return { diagnostic: failed(error) };
  }
}

export function failed(error: unknown): Diagnostic {
  const text = error instanceof Error ? error.message : String(error);
  return verifyMessages.runtimeFailed({ reason: text.replace(/\s+/g, ' ').slice(0, 300) });
}

interface Loaded {
  readonly runtime: Runtime;
  readonly name: string;
  readonly isWeb: boolean;
}

/** From beside this program, or from the folder it is run in; null where none is in either, or loads there. */
async function loadRuntime(packages: readonly string[]): Promise<Loaded | null> {
  for (const packageName of packages) {
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
        if (runtime !== null) return prepared(runtime, packageName);
      } catch {
        // Not there, or built for another platform: the next place may have it.
      }
    }
  }
  return null;
}

function prepared(runtime: Runtime, packageName: string): Loaded {
  const isWeb = packageName === 'onnxruntime-web';
  const { wasm, versions } = runtime.env ?? {};
  // Threads of WebAssembly would outlive the run, and are slower than one for all but large models.
  if (isWeb && wasm !== undefined) wasm.numThreads = 1;
  const version = versions?.[isWeb ? 'web' : 'node'] ?? versions?.['common'];
  return { runtime, name: version === undefined ? packageName : `${packageName} ${version}`, isWeb };
}

/** Every file of tensor data a model names: WebAssembly cannot open them itself. */
function filesBeside(model: string): readonly { readonly path: string; readonly data: Uint8Array }[] {
  const locations = new Set<string>();
  const visit = (graph: OnnxGraph): void => {
    for (const { data } of graph.initializers) if (data.kind === 'external') locations.add(data.location);
    for (const { attributes } of graph.nodes) {
      for (const a of attributes) {
        if (a.kind === 'graph') visit(a.value);
        if (a.kind === 'tensor' && a.value.data.kind === 'external') locations.add(a.value.data.location);
      }
    }
  };
  visit(decodeModel(readFileSync(model)).model.graph);
  return [...locations]
    .map((path) => ({ path, file: join(dirname(model), path) }))
    .filter(({ file }) => isFile(file))
    .map(({ path, file }) => ({ path, data: readFileSync(file) }));
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
