/**
 * What must hold of one random case: refused for lack of memory; or legal, free of findings and equal to the interpreter bit for bit. Of every
 * fourth, the plain form of the arithmetic gives the same bytes, and bounds lie below the cycles.
 */
import { bytesOf, isFloat, SystoleError, type Diagnostic, type Tensor } from '../../src/core/index.ts';
import { calibrate, compile, lowerGraph, prepare, type Compilation } from '../../src/compiler/index.ts';
import { floatsOf, interpret, tensorOf, type Graph } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { compareTensors, programInputs } from '../../src/reports/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { modelOf } from '../end-to-end/model-of-graph.ts';
import type { RandomCase } from './generate.ts';

/** Sizes of memories that no tile, no placement or no window fits. */
const memoryCodes = new Set(['SYS4501', 'SYS4502', 'SYS4503', 'SYS4513']);

export type Outcome =
  | { readonly kind: 'right'; readonly compilation: Compilation; readonly commands: number }
  /** Codes of a refusal for lack of memory. */
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'wrong'; readonly what: string; readonly detail: string };

export type Problem = Pick<RandomCase, 'graph' | 'inputs' | 'precision' | 'flavour' | 'sort'>;

/** Throws coded errors. Ranges of int8 come from the very inputs of the case. */
export function compileCase({ graph, inputs, precision }: Problem, machine: Machine, mappingSeed: number | undefined): Compilation {
  const model = modelOf(graph);
  const calibration = precision === 'int8' ? calibrate(lowerGraph(prepare(model).graph).graph, [inputs]) : null;
  return compile(model, machine, { precision, dims: {}, calibration, ...(mappingSeed === undefined ? {} : { mappingSeed }) });
}

export function checkCase(problem: Problem, machine: Machine, mappingSeed: number | undefined): Outcome {
  const { inputs } = problem;
  const wrong = (what: string, detail: string): Outcome => ({ kind: 'wrong', what, detail });
  let compilation: Compilation;
  try {
    compilation = compileCase(problem, machine, mappingSeed);
  } catch (error) {
    if (!(error instanceof SystoleError)) return wrong('crash of the compiler', stackOf(error));
    const codes = error.diagnostics.map((d) => d.code);
    if (codes.every((code) => memoryCodes.has(code))) return { kind: 'refused', code: codes[0] ?? '' };
    return wrong(`refused ${codes.join()}`, error.message);
  }
  const { executable, quantizedGraph } = compilation;
  const problems = verifyExecutable(executable, machine);
  if (problems.length > 0) return wrong(`verifier ${codesOf(problems)}`, told(problems));
  let run;
  try {
    run = execute(executable, machine, programInputs(executable, inputs), { sanitize: true });
  } catch (error) {
    return wrong('crash of the run', stackOf(error));
  }
  if (run.diagnostics.length > 0) return wrong(`sanitizer ${codesOf(run.diagnostics)}`, told(run.diagnostics));
  let expected;
  try {
    expected = interpret(quantizedGraph, graphInputs(quantizedGraph, inputs));
  } catch (error) {
    return wrong('crash of the interpreter', stackOf(error));
  }
  for (const [name, tensor] of expected) {
    const difference = firstDifference(tensor, run.outputs.get(name));
    if (difference !== null) return wrong('numbers', `${name}: ${difference}`);
  }
  const difference = againstModel(problem, machine, run.outputs);
  if (difference !== null) return wrong('meaning', difference);
  if (mappingSeed !== undefined && mappingSeed % 4 === 0) {
    const plain = execute(executable, machine, programInputs(executable, inputs), { sanitize: false, plain: true }).outputs;
    for (const [name, tensor] of plain) {
      const other = firstDifference(tensor, run.outputs.get(name));
      if (other !== null) return wrong('fast kernels', `${name}: ${other}`);
    }
    const { totals } = simulate(executable, machine);
    const { boundCycles, mappingBoundCycles, cycles } = totals;
    if (!(boundCycles <= mappingBoundCycles && mappingBoundCycles <= cycles)) {
      return wrong('bounds', `${boundCycles} ≤ ${mappingBoundCycles} ≤ ${cycles} does not hold`);
    }
  }
  return { kind: 'right', compilation, commands: run.commandsExecuted };
}

/** In the types the graph takes after precision, rounded as a program rounds them. */
export function graphInputs(graph: Graph, inputs: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new Map(
    [...inputs].map(([name, tensor]) => {
      const value = graph.inputs.map((id) => graph.values[id]).find((v) => v?.name === name);
      const dtype = value?.type.dtype ?? tensor.dtype;
      const kept = dtype === tensor.dtype || value?.quantization !== null || !isFloat(dtype);
      return [name, kept ? tensor : tensorOf(dtype, tensor.shape, floatsOf(tensor))] as const;
    }),
  );
}

/** Where a rounding of the last place becomes another number altogether. */
const jumps = /^(Floor|Ceil|Round|Sign|Less|Greater|Equal|ArgMax|Cast|Mod|Div|ThresholdedRelu|Reciprocal|Log|Pow|ReduceLog)/;

/**
 * Against the model as it came, before any pass: what is lost there the graph after precision would not show. Integers are exact; floats of
 * models in fp32 near, where nothing amplifies the last place.
 */
function againstModel({ graph, inputs, flavour, sort }: Problem, machine: Machine, outputs: ReadonlyMap<string, Tensor>): string | null {
  // What tables cost is what the machine asked for.
  const isExact = Object.values(machine.cores).every((core) => core.vector.tableSteps === undefined);
  // Products of infinities are not numbers in whatever order they are scaled.
  const isNear = isExact && flavour === 'fp32' && !graph.nodes.some((n) => jumps.test(n.op) || (sort === 'wild' && n.op === 'Attention'));
  if (flavour !== 'integer' && !isNear) return null;
  for (const [name, tensor] of interpret(graph, inputs)) {
    const actual = outputs.get(name);
    if (flavour === 'integer' && !isFloat(tensor.dtype)) {
      const difference = firstDifference(tensor, actual);
      if (difference !== null) return `${name}: ${difference}`;
    }
    if (!isNear || actual === undefined) continue;
    const metrics = compareTensors({ tensor: actual, quantization: null }, { tensor, quantization: null });
    const near =
      metrics !== null && metrics.unordered === 0 && (metrics.differing === 0 || metrics.maxAbs < 1e-6 || (metrics.sqnrDb ?? 0) > 80);
    if (!near) return `${name}: ${metrics?.sqnrDb} dB, ${metrics?.unordered} unordered, off by ${metrics?.maxAbs}`;
  }
  return null;
}

/** NaN equals NaN, whichever: all else must be the same bytes. */
function firstDifference(expected: Tensor, actual: Tensor | undefined): string | null {
  if (actual === undefined) return 'is missing';
  if (actual.dtype !== expected.dtype || actual.shape.join() !== expected.shape.join()) {
    return `${actual.dtype} [${actual.shape.join()}] in place of ${expected.dtype} [${expected.shape.join()}]`;
  }
  if (isFloat(expected.dtype)) {
    const [a, b] = [floatsOf(expected), floatsOf(actual)];
    const at = a.findIndex((v, i) => !Object.is(v, b[i]));
    return at < 0 ? null : `element ${at} is ${shown(b[at])} in place of ${shown(a[at])}`;
  }
  const [a, b] = [bytesOf(expected), bytesOf(actual)];
  const at = a.findIndex((v, i) => v !== b[i]);
  return at < 0 ? null : `byte ${at} is ${b[at]} in place of ${a[at]}`;
}

function shown(x: number | undefined): string {
  return Object.is(x, -0) ? '-0' : String(x);
}

function codesOf(list: readonly Diagnostic[]): string {
  return [...new Set(list.map((d) => d.code))].join();
}

function told(list: readonly Diagnostic[]): string {
  return list
    .slice(0, 3)
    .map((d) => `${d.code} ${d.message}`)
    .join('\n');
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
