/** Kernel by kernel: does each compute what its nodes mean, and how far is it from float? */
import type { DType, Tensor } from '../../core/index.ts';
import type { Compilation } from '../../compiler/index.ts';
import type { ValueId } from '../../graph/index.ts';
import type { Executable } from '../../isa/index.ts';
import { evaluateIsolated, isolate, piecesOf, readingOf, writtenBy, type Pieces } from './isolate.ts';
import { compareTensors, sameBits, worse, type ErrorMetrics, type Meant } from './metrics.ts';
import { figureOf } from './jump.ts';
import type { KernelCheck, KernelTensor, VerifyProblem, Verdict } from './report.ts';
import { ceilingOf, isExact, isNear, type Tolerance } from './tolerance.ts';
import { againstFloat, meant, type Sides, type Values } from './values.ts';

/** A value that a kernel read, and its SQNR against the float model; null where that has no such value. */
export interface Reading {
  readonly name: string;
  readonly db: number | null;
}

export interface Checked {
  readonly check: KernelCheck;
  readonly readings: readonly Reading[];
  /** The repeated region it runs in, and how often that runs; null outside of any. */
  readonly region: number | null;
  readonly trips: number | null;
  /** What the float model's own type of its results can hold, in dB. */
  readonly ceiling: number;
}

export function checkKernels(problem: VerifyProblem, executable: Executable, sides: Sides): readonly Checked[] {
  const { compilation } = problem;
  const pieces = piecesOf(compilation);
  const figures = new Map<string, ErrorMetrics | null>();
  const toFloat = (name: string): ErrorMetrics | null => {
    const known = figures.get(name);
    if (known !== undefined) return known;
    const error = againstFloat(compilation.lowered, name, sides);
    figures.set(name, error);
    return error;
  };
  return compilation.selection.kernels.flatMap((spec, index): readonly Checked[] => {
    const kernel = executable.kernels[index];
    if (kernel === undefined) return [];
    const alone = isolatedRun(spec, pieces, sides);
    const written = writtenBy(spec).flatMap((id) => compilation.lowered.values[id] ?? []);
    let isolated: ErrorMetrics | null = null;
    let cumulative: ErrorMetrics | null = null;
    let float: ErrorMetrics | null = null;
    let verdict: Verdict = written.length === 0 ? 'unseen' : 'exact';
    for (const { name, type, quantization } of written) {
      const mine = meant(sides.program.get(name), quantization);
      const theirs = meant(sides.reference.get(name), quantization);
      const own = meant(alone.outputs.get(name), quantization);
      const error = mine === null || own === null ? null : compareTensors(mine, own);
      isolated = worse(isolated, error);
      cumulative = worse(cumulative, mine === null || theirs === null ? null : compareTensors(mine, theirs));
      float = worse(float, toFloat(name));
      verdict = worseVerdict(verdict, judge(mine, own, error, kernel, type.dtype, problem.tolerance));
    }
    problem.onKernel?.({ index, name: kernel.name, origin: kernel.origin }, tensorsOf(alone, written, sides));
    const readings = alone.readings.map((name): Reading => {
      const error = toFloat(name);
      return { name, db: error === null ? null : figureOf(error) };
    });
    const region = spec.region ?? null;
    const trips = region === null ? null : (pieces.regions[region]?.trips ?? null);
    const check: KernelCheck = {
      name: kernel.name,
      origin: kernel.origin,
      engine: kernel.engine,
      class: kernel.class,
      dtype: kernel.dtype,
      values: written.map((v) => v.name),
      verdict,
      isolated,
      cumulative,
      float,
    };
    const ceiling = Math.min(...written.map((v) => ceilingOf(sides.float.get(v.name)?.dtype)));
    return [{ check, readings, region, trips, ceiling }];
  });
}

const severity: readonly Verdict[] = ['exact', 'near', 'unseen', 'wrong'];

function worseVerdict(a: Verdict, b: Verdict): Verdict {
  return severity.indexOf(b) > severity.indexOf(a) ? b : a;
}

function judge(
  mine: Meant | null,
  own: Meant | null,
  error: ErrorMetrics | null,
  kernel: Executable['kernels'][number],
  dtype: DType,
  tolerance: Tolerance,
): Verdict {
  if (mine === null || own === null) return 'unseen';
  if (sameBits(mine, own)) return 'exact';
  // Bits may differ where numbers do not: NaNs, zeros of either sign.
  if (error !== null && error.differing === 0) return 'exact';
  if (error === null || isExact(kernel)) return 'wrong';
  return isNear(error, dtype, tolerance) ? 'near' : 'wrong';
}

interface IsolatedRun {
  /** Names of the values read, by the value that owns the bytes. */
  readonly readings: readonly string[];
  readonly outputs: Values;
}

const nothing: IsolatedRun = { readings: [], outputs: new Map() };

/** What the nodes of a kernel make of what the program had; nothing where it cannot be told. */
function isolatedRun(spec: Compilation['selection']['kernels'][number], pieces: Pieces, { program, reference }: Sides): IsolatedRun {
  const alone = isolate(spec, pieces);
  if (alone === null) return nothing;
  const nameOf = (id: ValueId): string => pieces.graph.values[id]?.name ?? '';
  const readings = [...new Set(alone.readings.map((r) => nameOf(r.root)))];
  // What is gone is taken as the reference has it: an error in it shows where it was made.
  const gone = new Set(alone.readings.flatMap((r) => (r.isGone ? [nameOf(r.root)] : [])));
  const outputs = alone.graph.outputs.map(nameOf);
  // Operands as the reference has them give what the reference has: no need to compute it again.
  const unchanged = readings.every((name) => {
    if (gone.has(name)) return true;
    const [mine, theirs] = [program.get(name), reference.get(name)];
    return (
      mine !== undefined && theirs !== undefined && sameBits({ tensor: mine, quantization: null }, { tensor: theirs, quantization: null })
    );
  });
  const known = outputs.flatMap((name) => {
    const tensor = reference.get(name);
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
  if (unchanged && known.length === outputs.length) return { readings, outputs: new Map(known) };
  const inputs = new Map<string, Tensor>();
  for (const reading of alone.readings) {
    const root = (reading.isGone ? reference : program).get(nameOf(reading.root));
    const tensor = root === undefined ? null : readingOf(reading, root);
    if (tensor === null) return { readings, outputs: new Map() };
    inputs.set(reading.value.name, tensor);
  }
  const isTensor = (id: ValueId): boolean => pieces.graph.values[id]?.type.container === undefined;
  if (![...alone.graph.inputs, ...alone.graph.outputs].every(isTensor)) return { readings, outputs: new Map() };
  return { readings, outputs: evaluateIsolated(alone, inputs) };
}

function tensorsOf(alone: IsolatedRun, written: readonly { readonly name: string }[], sides: Sides): readonly KernelTensor[] {
  const side = (value: string, role: KernelTensor['role']): KernelTensor => ({
    value,
    role,
    program: sides.program.get(value) ?? null,
    reference: sides.reference.get(value) ?? null,
    isolated: role === 'output' ? (alone.outputs.get(value) ?? null) : null,
    float: sides.float.get(value) ?? null,
  });
  return [...alone.readings.map((name) => side(name, 'input')), ...written.map(({ name }) => side(name, 'output'))];
}
