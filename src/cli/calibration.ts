/** Scales for int8 from samples a command line names. */
import {
  calibrate,
  lowerGraph,
  prepare,
  type CalibrationMethod,
  type CalibrationTable,
  type Compilation,
  type CompileOptions,
  type ImportedModel,
} from '../compiler/index.ts';
import { bindDims, fullCaches, indexLimits, type Graph } from '../graph/index.ts';
import { fail, verifyMessages, type Diagnostic, type Tensor } from '../core/index.ts';
import { checkComputable } from './effort.ts';
import { asType, type InputType } from './input-fit.ts';
import { readSamples } from './samples.ts';
import { UsageError, type Values } from './values.ts';

/** "min-max", "percentile:99.99" or "mse". */
export function readMethod(text: string | undefined): CalibrationMethod {
  if (text === undefined || text === 'min-max') return { kind: 'min-max' };
  if (text === 'mse') return { kind: 'mse' };
  const percent = Number(/^percentile:(\d{1,3}(?:\.\d+)?)$/.exec(text)?.[1] ?? NaN);
  if (percent > 50 && percent <= 100) return { kind: 'percentile', percent };
  throw new UsageError(`--calibration ${text}: write min-max, mse, or percentile:P with P above 50 and up to 100`);
}

/** Runs the float model on the samples; the ranges fit what `compile` makes of the same model and dimensions. */
export async function calibrateModel(
  model: ImportedModel,
  sources: readonly string[],
  dims: CompileOptions['dims'],
  method: CalibrationMethod,
): Promise<CalibrationTable> {
  const graph = calibrationGraph(model, dims);
  checkComputable(graph);
  const samples = (await Promise.all(sources.map((source) => readSamples(source, inputsOf(graph))))).flat();
  return calibrate(
    graph,
    samples.map((s) => s.inputs),
    method,
  );
}

/** On inputs that are in memory already, in the model's own element types. */
export function calibrateOn(
  model: ImportedModel,
  samples: readonly ReadonlyMap<string, Tensor>[],
  dims: CompileOptions['dims'],
  method: CalibrationMethod,
): CalibrationTable {
  const graph = calibrationGraph(model, dims);
  const types = new Map(inputsOf(graph).map(({ name, dtype }) => [name, dtype]));
  const widened = samples.map((inputs) => new Map([...inputs].map(([name, tensor]) => [name, asType(tensor, types.get(name))] as const)));
  return calibrate(graph, widened, method);
}

function calibrationGraph(model: ImportedModel, dims: CompileOptions['dims']): Graph {
  return lowerGraph(bindDims(prepare(model).graph, dims)).graph;
}

/** A warning where calibration was asked for and no value has its scale from it. */
export function unusedCalibration(values: Values, { quantizedGraph, executable }: Compilation): readonly Diagnostic[] {
  if (quantizedGraph.values.some((v) => v.quantization?.source === 'calibrated')) return [];
  const options = (['calibrate', 'calibration'] as const).filter((name) => values.texts(name).length > 0).map((name) => `--${name}`);
  const precision = String(executable.options['precision'] ?? '');
  return options.length === 0 ? [] : [verifyMessages.calibrationUnused({ options, precision })];
}

export function inputsOf(graph: Graph): readonly InputType[] {
  const limits = indexLimits(graph);
  const caches = fullCaches(graph);
  return graph.inputs.flatMap((id) => {
    const value = graph.values[id];
    if (value === undefined) return [];
    const { container, dtype, shape } = value.type;
    if (container !== undefined) fail(verifyMessages.inputIsNoTensor({ name: value.name, kind: container }));
    const [rows, full] = [limits.get(id), caches.get(id)];
    return [
      {
        name: value.name,
        dtype,
        shape: shape.map(Number),
        ...(rows === undefined ? {} : { rows }),
        ...(full === undefined ? {} : { full }),
      },
    ];
  });
}
