/** The values of a run by name: the program's, and those of both graphs that say what it means. */
import { integerRange, isFloat, isInteger, type DType, type Diagnostic, type Tensor } from '../../core/index.ts';
import { floatsOf, interpret, numbersOf, tensorOf, type Graph, type Quantization } from '../../graph/index.ts';
import type { Executable } from '../../isa/index.ts';
import { execute } from '../../simulator/index.ts';
import { touchedBy } from './isolate.ts';
import { compareTensors, type ErrorMetrics, type Meant } from './metrics.ts';
import type { VerifyProblem } from './report.ts';

export type Values = ReadonlyMap<string, Tensor>;

export interface Sides {
  /** What the program had in memory. */
  readonly program: Values;
  /** The graph after precision. */
  readonly reference: Values;
  /** The model in float. */
  readonly float: Values;
}

/** Values as the interpreter meets them, inputs included; of those named in `kept`. */
export function observed(graph: Graph, given: Values, kept: ReadonlySet<string>): Values {
  const values = new Map<string, Tensor>();
  const inputs = new Map(
    graph.inputs.flatMap((id) => {
      const value = graph.values[id];
      const tensor = value === undefined ? undefined : given.get(value.name);
      return value === undefined || tensor === undefined
        ? []
        : [[value.name, asInput(tensor, value.type.dtype, value.quantization !== null)] as const];
    }),
  );
  interpret(graph, inputs, {
    observe: (value, tensor) => {
      if (kept.has(value.name)) values.set(value.name, tensor);
    },
  });
  return values;
}

/** An input of the model in the type a graph or program takes it: float32 where that is to be quantized. */
function asInput(tensor: Tensor, dtype: DType, quantized: boolean): Tensor {
  if (tensor.dtype === dtype || (quantized && tensor.dtype === 'float32')) return tensor;
  if (quantized && isFloat(tensor.dtype)) return { dtype: 'float32', shape: tensor.shape, data: floatsOf(tensor) };
  return isFloat(tensor.dtype) && isFloat(dtype) ? tensorOf(dtype, tensor.shape, numbersOf(tensor)) : tensor;
}

/** Inputs of the model as the program takes them: plain, or float32 where it quantizes. */
export function programInputs({ entryPoints: [entry] }: Executable, inputs: Values): Values {
  return new Map(
    (entry?.inputs ?? []).flatMap((b) => {
      const tensor = inputs.get(b.name);
      return tensor === undefined ? [] : [[b.name, asInput(tensor, b.dtype, b.quantization !== null)] as const];
    }),
  );
}

export interface ProgramRun {
  readonly values: Values;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly diagnostics: readonly Diagnostic[];
  readonly commandsExecuted: number;
}

export function runProgram({ compilation, machine, inputs }: VerifyProblem, executable: Executable, reference: Values): ProgramRun {
  const [entry] = executable.entryPoints;
  const { selection, lowered } = compilation;
  const bindings = compilation.tensors();
  const local = compilation.onChip();
  const values = new Map<string, Tensor>();
  for (const { name } of entry?.inputs ?? []) {
    // Both sides quantize inputs by the same rule: what the reference starts from is what the program starts from.
    const start = reference.get(name);
    if (start !== undefined) values.set(name, start);
  }
  const given = programInputs(executable, inputs);
  const { outputs, diagnostics, commandsExecuted } = execute(executable, machine, given, {
    sanitize: true,
    onKernel(index, read, readRef) {
      const kernel = selection.kernels[index];
      for (const id of kernel === undefined ? [] : touchedBy(kernel, selection)) {
        const name = lowered.values[id]?.name ?? '';
        const [binding, ref] = [bindings.get(name), local.get(name)];
        if (binding !== undefined) values.set(name, read(binding));
        else if (ref !== undefined) values.set(name, readRef(ref));
      }
    },
  });
  return { values, outputs, diagnostics, commandsExecuted };
}

export function meant(tensor: Tensor | undefined, quantization: Quantization | null): Meant | null {
  return tensor === undefined ? null : { tensor, quantization };
}

/** The value of the program against the one of that name in the float model. */
export function againstFloat(graph: Graph, name: string, { program, float }: Sides): ErrorMetrics | null {
  const mine = program.get(name);
  const theirs = float.get(name);
  if (mine === undefined || theirs === undefined) return null;
  const quantization = quantizationOf(graph, name);
  // What the model itself cuts off behind this value (a Relu in its scale) is no error of ours.
  const reachable = quantization?.source === 'model' ? withinScale(theirs, quantization, mine.dtype) : theirs;
  return compareReal(mine, quantization, reachable);
}

/** Floats cut to what the integers of a scale can say; scales of channels are left alone. */
function withinScale(tensor: Tensor, { scale, zeroPoint, axis }: Quantization, dtype: DType): Tensor {
  const [s, z] = [scale[0], zeroPoint[0]];
  if (!isFloat(tensor.dtype) || !isInteger(dtype) || axis !== null || s === undefined || z === undefined) return tensor;
  const [least, most] = integerRange(dtype);
  const cut = (x: number): number => Math.min((most - z) * s, Math.max((least - z) * s, x));
  return { dtype: 'float32', shape: tensor.shape, data: Float32Array.from(floatsOf(tensor), cut) };
}

/** Integers of one type are compared as they stand: the float model has them too. */
export function compareReal(mine: Tensor, quantization: Quantization | null, theirs: Tensor): ErrorMetrics | null {
  const both = mine.dtype === theirs.dtype;
  return compareTensors({ tensor: mine, quantization: both ? null : quantization }, { tensor: theirs, quantization: null });
}

const quantizations = new WeakMap<Graph, ReadonlyMap<string, Quantization>>();

function quantizationOf(graph: Graph, name: string): Quantization | null {
  let known = quantizations.get(graph);
  if (known === undefined) {
    known = new Map(graph.values.flatMap((v) => (v.quantization === null ? [] : [[v.name, v.quantization] as const])));
    quantizations.set(graph, known);
  }
  return known.get(name) ?? null;
}
