/** Scales for int8 from inputs a command line names. */
import { calibrate, lowerGraph, prepare, type CalibrationTable, type CompileOptions, type ImportedModel } from '../compiler/index.ts';
import { bindDims, type Graph } from '../graph/index.ts';
import { readInputs, type InputType } from './inputs.ts';

/** Runs the float model on the inputs; the ranges fit what `compile` makes of the same model and dimensions. */
export async function calibrateModel(model: ImportedModel, source: string, dims: CompileOptions['dims']): Promise<CalibrationTable> {
  const { graph } = lowerGraph(bindDims(prepare(model).graph, dims));
  return calibrate(graph, [await readInputs(source, inputsOf(graph))]);
}

function inputsOf(graph: Graph): readonly InputType[] {
  return graph.inputs.flatMap((id) => {
    const value = graph.values[id];
    return value === undefined ? [] : [{ name: value.name, dtype: value.type.dtype, shape: value.type.shape.map(Number) }];
  });
}
