/** One whole model: its program against the interpreter, and both against ONNX Runtime, end to end. */
import { viewBytes, elementCount, isFloat, type Tensor } from '../../src/core/index.ts';
import { calibrateOn } from '../../src/cli/calibration.ts';
import { findJudge } from '../../src/cli/verify-runtime.ts';
import { compile, importModel, randomInputs, type Compilation, type ImportedModel } from '../../src/compiler/index.ts';
import { bindGraph, macsOf, numbersOf, symbolsOf, tensorOf, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { decodeTensor } from '../../src/onnx/index.ts';
import { defaultTolerance, verifyCompilation, type ErrorMetrics, type Expectation, type VerifyRun } from '../../src/reports/index.ts';
import { failureOf } from '../conformance/failure.ts';
import { settingsFor } from '../conformance/settings.ts';
import type { WholeModel } from './whole-models.ts';

/**
 * `equal`: every output bit for bit. `near`: within the bound of its kind. `unjudged`: ONNX Runtime refuses the model; the interpreter
 * agrees. `not run`: a coded refusal. `wrong`: anything else.
 */
export type Verdict = 'equal' | 'near' | 'unjudged' | 'not run' | 'wrong';

export interface WholeModelResult {
  readonly name: string;
  readonly verdict: Verdict;
  /** Why, where it is not equal or near. */
  readonly reason: string;
  readonly kernels: number;
  readonly hostKernels: number;
  /** Kernels that repeat the interpreter bit for bit; the others are near it unless the verdict is wrong. */
  readonly exactKernels: number;
  /** The program against ONNX Runtime over all outputs, the worst; null where nothing was compared. */
  readonly judged: ErrorMetrics | null;
  /** The least SQNR in dB that is asked of it; null where steps of integers are. */
  readonly boundDb: number | null;
  /** Against the outputs the model ships; null where it ships none. */
  readonly expected: ErrorMetrics | null;
  readonly seconds: number;
}

export async function wholeModelCase(model: WholeModel, machine: Machine, now: () => number): Promise<WholeModelResult> {
  const start = now();
  const blank = { name: model.name, kernels: 0, hostKernels: 0, exactKernels: 0, judged: null, boundDb: null, expected: null };
  try {
    return { ...(await comparedModel(model, machine)), seconds: (now() - start) / 1000 };
  } catch (error) {
    const { code, what } = failureOf(error);
    return { ...blank, verdict: code !== null ? 'not run' : 'wrong', reason: what, seconds: (now() - start) / 1000 };
  }
}

async function comparedModel(model: WholeModel, machine: Machine): Promise<Omit<WholeModelResult, 'seconds'>> {
  const { name } = model;
  const bytes = model.bytes();
  const loose = await importModel(bytes, { name });
  const { dims: usual, values } = settingsFor(model.settings, inputSymbols(loose));
  const dims = { ...usual, ...shippedDims(loose.graph, model) };
  const fixed = new Map(Object.entries({ ...values, ...moreValues[model.settings] }));
  const imported = fixed.size === 0 ? loose : await importModel(bytes, { name, inputValues: fixed });
  const open = Object.fromEntries(inputSymbols(imported).map((symbol) => [symbol, dims[symbol] ?? 1]));
  const { graph } = bindGraph(imported.graph, open);
  const inputs = new Map([...seededInputs(graph), ...shippedInputs(graph, model)]);
  const compilation = runnable(imported, machine, open, inputs);
  const given = new Map([...inputs, ...fixed]);
  const { outputs, refusal } = await judgedOutputs(bytes, given);
  const expectations: Expectation[] = outputs === null ? [] : [{ name: 'onnxruntime', outputs }];
  const shipped = shippedOutputs(graph, model);
  if (shipped.size > 0) expectations.push({ name: 'expected', outputs: shipped });
  const precision = String(compilation.executable.options['precision'] ?? '');
  const isQuantized = compilation.quantizedGraph.values.some((v) => v.quantization?.source === 'model');
  const tolerance = defaultTolerance(precision, { quantizedModel: isQuantized });
  const run = verifyCompilation({ compilation, machine, model: graph, inputs, expectations, tolerance });
  const boundDb = isQuantized ? tolerance.referenceDb : roundingBoundDb(graph, precision);
  const { kernels } = compilation.executable;
  const judged = worstOf(run, 'onnxruntime');
  const { verdict, reason } = verdictOf(run, boundDb, refusal);
  return {
    name,
    verdict,
    reason,
    kernels: kernels.length,
    hostKernels: kernels.filter((k) => k.engine === 'host').length,
    exactKernels: run.kernels.filter((k) => k.verdict === 'exact').length,
    judged,
    boundDb,
    expected: worstOf(run, 'expected'),
  };
}

/** Where scales are missing they come from the very inputs. */
function runnable(
  model: ImportedModel,
  machine: Machine,
  dims: Readonly<Record<string, number>>,
  inputs: ReadonlyMap<string, Tensor>,
): Compilation {
  const first = compile(model, machine, { precision: 'auto', dims, calibration: null });
  if (!first.quantizedGraph.values.some((v) => v.quantization?.source === 'placeholder')) return first;
  return compile(model, machine, { precision: 'auto', dims, calibration: calibrateOn(model, [inputs], dims, { kind: 'min-max' }) });
}

/** Inputs that decide sizes inside a body, beyond what settings.ts binds. */
const moreValues: Readonly<Record<string, Readonly<Record<string, Tensor>>>> = {
  ort_crop_and_resize_loop: { 'input2:0': { dtype: 'int32', shape: [2], data: Int32Array.of(0, 1) } },
};

/** As `randomInputs` draws them; but what is given as an input and stands for a weight or a scale has the size such things have. */
function seededInputs(graph: Graph): ReadonlyMap<string, Tensor> {
  const inputs = randomInputs(graph, 1);
  for (const [name, tensor] of inputs) {
    const value = graph.values.find((v) => v.name === name);
    const readers = graph.nodes.filter((n) => n.inputs.includes(value?.id ?? -1));
    const isWeight = readers.some((n) => ['MatMul', 'Gemm', 'Attention'].includes(n.op) && n.inputs[1] === value?.id);
    const [rows = 1] = tensor.shape;
    const numbers = (f: (x: number) => number): Tensor =>
      tensorOf(
        tensor.dtype,
        tensor.shape,
        Array.from(numbersOf(tensor), (x) => f(x)),
      );
    // Decoders count the ones of it: a cache that holds less than there is cannot be.
    if (name === 'attention_mask')
      inputs.set(
        name,
        numbers(() => 1),
      );
    if (!isFloat(tensor.dtype)) continue;
    if (/scale/.test(name))
      inputs.set(
        name,
        numbers((x) => (/weight/.test(name) ? 0.0003 : 0.01) * (1 + Math.abs(x) / 8)),
      );
    else if (isWeight && tensor.shape.length === 2)
      inputs.set(
        name,
        numbers((x) => x / Math.sqrt(rows)),
      );
  }
  return inputs;
}

/** The sizes that the inputs a model ships have. */
function shippedDims(graph: Graph, model: WholeModel): Readonly<Record<string, number>> {
  return Object.fromEntries(
    graph.inputs.flatMap((id, i) => {
      const tensor = shippedTensor(model, `input_${i}.pb`);
      return (graph.values[id]?.type.shape ?? []).flatMap((d, axis) => {
        const [symbol] = typeof d === 'number' ? [] : symbolsOf(d);
        const size = tensor?.shape[axis];
        return symbol === undefined || size === undefined ? [] : [[symbol, size] as const];
      });
    }),
  );
}

function inputSymbols({ graph }: ImportedModel): readonly string[] {
  return [...new Set(graph.inputs.flatMap((id) => (graph.values[id]?.type.shape ?? []).flatMap((d) => symbolsOf(d))))].sort();
}

async function judgedOutputs(
  bytes: Uint8Array,
  inputs: ReadonlyMap<string, Tensor>,
): Promise<{ readonly outputs: ReadonlyMap<string, Tensor> | null; readonly refusal: string }> {
  const found = await findJudge(bytes);
  if (!('judge' in found)) return { outputs: null, refusal: found.diagnostic.message };
  try {
    return { outputs: await found.judge.run(inputs), refusal: '' };
  } catch (error) {
    return { outputs: null, refusal: error instanceof Error ? error.message : String(error) };
  } finally {
    await found.judge.release();
  }
}

function shippedInputs(graph: Graph, model: WholeModel): readonly (readonly [string, Tensor])[] {
  return graph.inputs.flatMap((id, i) => {
    const [value, tensor] = [graph.values[id], shippedTensor(model, `input_${i}.pb`)];
    return value === undefined || tensor === null ? [] : [[value.name, tensor] as const];
  });
}

function shippedOutputs(graph: Graph, model: WholeModel): ReadonlyMap<string, Tensor> {
  return new Map(
    graph.outputs.flatMap((id, i) => {
      const [value, tensor] = [graph.values[id], shippedTensor(model, `output_${i}.pb`)];
      return value === undefined || tensor === null ? [] : [[value.name, tensor] as const];
    }),
  );
}

function shippedTensor(model: WholeModel, file: string): Tensor | null {
  const bytes = model.file(file);
  if (bytes === null) return null;
  const { dtype, dims, data } = decodeTensor(bytes);
  return data.kind === 'bytes' ? { dtype, shape: dims, data: viewBytes(dtype, data.bytes) } : null;
}

/**
 * What independent roundings leave of a float result. Each adds noise of 2^-48 of the power of what it rounds (2^-22 in half, 2^-16 in
 * bfloat). A sum of K products rounds K products and K sums, in either of the two programs that are compared: 4 K; a node in half rounds
 * once in each. Noise adds up along the model, as long as nothing amplifies one part of the signal over another. Resize that interpolates
 * rounds coordinates: an error of 2^-24 of the extent, times the difference of neighbours, whose power is twice the signal's, on two axes.
 */
function roundingBoundDb(graph: Graph, precision: string): number {
  const bits = precision === 'fp16' ? 11 : precision === 'bf16' ? 8 : 24;
  return 20 * Math.log10(2 ** bits) - 10 * Math.log10(bits === 24 ? 4 * roundingsOf(graph) : 2 * graph.nodes.length);
}

function roundingsOf(graph: Graph, isBody = false): number {
  const known = (ids: readonly (number | null)[]): readonly number[] =>
    ids.flatMap((id) => (graph.values[id ?? -1]?.type.shape ?? []).filter((d) => typeof d === 'number'));
  return graph.nodes.reduce((sum, node) => {
    const mode = node.attributes['mode'];
    const isInterpolated = node.op === 'Resize' && mode?.kind === 'string' && mode.value !== 'nearest';
    // Sizes inside a body may be open: then those of what comes from outside bound them.
    const extent = Math.max(0, ...known([...node.inputs.slice(0, 1), ...node.outputs, ...(isBody ? graph.inputs : [])]));
    const bodies = Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? [a.value] : []));
    const depth = isBody || bodies.length > 0 ? 1 : macsOf(graph, node) / Math.max(1, elementCount(known(node.outputs.slice(0, 1))));
    const inside = bodies.reduce((n, body) => n + roundingsOf(body, true), 0);
    return sum + Math.max(1, depth) + (isInterpolated ? 4 * extent ** 2 : 0) + inside;
  }, 0);
}

/** Without the places in ONNX Runtime's sources, which differ from build to build. */
function shortened(text: string): string {
  const plain = text.replace(/^.*which failed: /, '').replace(/\/\S+\.(cc|h):\d+ .*?\) (?=[A-Z])/g, '');
  return plain.length > 160 ? `${plain.slice(0, 159)}…` : plain;
}

function worstOf(run: VerifyRun, name: string): ErrorMetrics | null {
  const all = run.outputs.flatMap((o) => o.expectations.filter((e) => e.name === name).map((e) => e.program));
  return all.reduce<ErrorMetrics | null>((worst, m) => {
    if (m === null || worst === null) return worst ?? m;
    return m.unordered > worst.unordered || (m.sqnrDb ?? Infinity) < (worst.sqnrDb ?? Infinity) ? m : worst;
  }, null);
}

/**
 * ONNX Runtime makes Sigmoid from an approximation about one half: its error does not shrink with the result, so that a probability of
 * 0.0003 has eleven good bits and not 24. Numbers this near are as good as its own.
 */
const sigmoidError = 2 ** -22;

function verdictOf(run: VerifyRun, boundDb: number, refusal: string): { readonly verdict: Verdict; readonly reason: string } {
  const wrong = (reason: string): { readonly verdict: Verdict; readonly reason: string } => ({ verdict: 'wrong', reason });
  if (run.firstWrong !== null) return wrong(`kernel ${run.firstWrong} computes something else than its nodes mean`);
  const finding = run.sanitizer.find((d) => d.severity !== 'info');
  if (finding !== undefined) return wrong(`sanitizer: ${finding.message}`);
  const inside = run.misses.find((m) => m.against === 'program');
  if (inside !== undefined) return wrong(`output ${inside.output} against the interpreter: ${inside.what}`);
  if (refusal !== '') return { verdict: 'unjudged', reason: shortened(refusal) };
  let isEqual = true;
  for (const { name, modelDtype, expectations } of run.outputs) {
    const error = expectations.find((e) => e.name === 'onnxruntime')?.program;
    if (error === undefined || error === null) return wrong(`output ${name} cannot be compared`);
    if (error.differing === 0) continue;
    isEqual = false;
    const isByte = modelDtype === 'int8' || modelDtype === 'uint8';
    if (isFloat(modelDtype)) {
      if (error.unordered > 0) return wrong(`output ${name}: NaN or infinite on one side only`);
      const near = (error.maxUlp ?? Infinity) <= 1 || (error.sqnrDb ?? Infinity) >= boundDb || error.maxAbs <= sigmoidError;
      if (!near) return wrong(`output ${name}: SQNR ${error.sqnrDb?.toFixed(1)} dB, ${boundDb.toFixed(1)} asked`);
    } else if ((error.maxLsb ?? Infinity) > (isByte ? 1 : 0)) {
      return wrong(`output ${name}: ${error.differing} of ${error.elements} integers differ, by up to ${error.maxLsb}`);
    }
  }
  return { verdict: isEqual ? 'equal' : 'near', reason: '' };
}
