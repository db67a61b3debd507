/** One test of inference: what importing it says about its outputs, against the expected outputs. */
import { isTensor, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import { importModel } from '../../src/compiler/index.ts';
import { bindDim, printDim, type Dim } from '../../src/graph/index.ts';
import type { Graph, TensorType, UnknownDim } from '../../src/graph/ir.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { failureOf } from './failure.ts';
import { describe } from './judge.ts';
import type { TestFiles } from './packs.ts';
import { dataDependentOperators, shapeCarryingInputs } from './shape-inputs.ts';
import { withoutDeclaredTypes } from './strip-types.ts';
import { readDataSets, type DataSet } from './test-data.ts';

/** What is known of one output. */
export interface OutputKnowledge {
  readonly name: string;
  /** false: a sequence or an optional, of which only the element type is asked. */
  readonly tensor: boolean;
  readonly dtype: boolean;
  readonly rank: boolean;
  readonly exact: boolean;
  /** What is stated and not so; a failed import counts as one. */
  readonly contradiction: string | null;
  /** As inferred, for people. */
  readonly inferred: string;
}

export interface InferCase {
  readonly unbound: readonly OutputKnowledge[];
  readonly bound: readonly OutputKnowledge[];
  /** Inputs bound in `bound`. */
  readonly boundInputs: readonly string[];
  /** Operators that make shapes out of data: exact dimensions are not asked. */
  readonly dataDependent: readonly string[];
}

export async function inferCase(name: string, files: TestFiles): Promise<InferCase> {
  const { model } = decodeModel(files.read('model.onnx') ?? new Uint8Array());
  const bytes = encodeModel(withoutDeclaredTypes(model));
  const [set] = readDataSets(model, files);
  const expected = set?.outputs ?? [];
  const carriers = shapeCarryingInputs(model);
  const inputValues = new Map<string, Tensor>();
  for (const input of carriers) {
    const value = set?.inputs.get(input);
    if (value !== undefined && isTensor(value)) inputValues.set(input, value);
  }
  const names = model.graph.outputs.map((o) => o.name);
  const look = async (values: ReadonlyMap<string, Tensor>): Promise<readonly OutputKnowledge[]> => {
    try {
      const { graph } = await importModel(bytes, { name, inputValues: values });
      return names.map((output, i) => knowledgeOf(graph, i, output, expected[i], set));
    } catch (error) {
      const { what } = failureOf(error);
      return names.map((output, i) => nothingKnown(output, expected[i], what));
    }
  };
  const unbound = await look(new Map());
  return {
    unbound,
    bound: await look(inputValues),
    boundInputs: [...inputValues.keys()],
    dataDependent: dataDependentOperators(model),
  };
}

function nothingKnown(name: string, want: RuntimeValue | undefined, what: string): OutputKnowledge {
  const tensor = want === undefined || isTensor(want);
  return { name, tensor, dtype: false, rank: false, exact: false, contradiction: what, inferred: 'nothing' };
}

function knowledgeOf(graph: Graph, index: number, name: string, want: RuntimeValue | undefined, set: DataSet | undefined): OutputKnowledge {
  const type = graph.values[graph.outputs[index] ?? -1]?.type;
  if (type === undefined) return nothingKnown(name, want, 'the graph has no such output');
  if (want === undefined) return nothingKnown(name, want, 'the test has no expected output');
  const inferred = printType(type);
  if (!isTensor(want)) {
    const dtype = elementDType(want);
    const known = dtype === null || type.dtype === dtype;
    const wrong = known && type.container !== undefined ? null : `${inferred}, but the value is ${describe(want)}`;
    return { name, tensor: false, dtype: known, rank: true, exact: wrong === null, contradiction: wrong, inferred };
  }
  const sizes = inputSizes(graph, set);
  const dims = type.shape.map((d) => bindDim(d, sizes));
  const dtype = type.dtype === want.dtype && type.container === undefined;
  const rank = type.unranked !== true;
  const fits = !rank || fitsShape(dims, want.shape, graph.unknowns ?? [], sizes);
  const exact = dtype && rank && dims.length === want.shape.length && dims.every((d, i) => d === want.shape[i]);
  return {
    name,
    tensor: true,
    dtype,
    rank,
    exact,
    contradiction: dtype && fits ? null : `${inferred}, but the value is ${describe(want)}`,
    inferred,
  };
}

/** Sizes of the symbols that input shapes mention alone, as this data set has them. */
function inputSizes(graph: Graph, set: DataSet | undefined): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const id of graph.inputs) {
    const value = graph.values[id];
    const given = set?.inputs.get(value?.name ?? '');
    if (value === undefined || given === undefined || !isTensor(given)) continue;
    for (const [axis, d] of value.type.shape.entries()) {
      if (typeof d !== 'number') sizes[printDim(d)] ??= given.shape[axis] ?? 0;
    }
  }
  return sizes;
}

/** Known dimensions are right, unknown ones within their bounds. */
function fitsShape(
  dims: readonly Dim[],
  shape: readonly number[],
  unknowns: readonly UnknownDim[],
  sizes: Readonly<Record<string, number>>,
): boolean {
  if (dims.length !== shape.length) return false;
  return dims.every((d, i) => {
    const actual = shape[i] ?? -1;
    if (typeof d === 'number') return d === actual;
    const unknown = unknowns.find((u) => u.symbol === printDim(d));
    const upper = unknown === undefined || unknown.upper === null ? null : bindDim(unknown.upper, sizes);
    return typeof upper !== 'number' || actual <= upper;
  });
}

function elementDType(value: RuntimeValue): string | null {
  if (isTensor(value)) return value.dtype;
  if (value.kind === 'sequence') return value.dtype;
  return value.value === null ? null : elementDType(value.value);
}

function printType(type: TensorType): string {
  const shape = type.unranked === true ? '[…]' : `[${type.shape.map(printDim).join(', ')}]`;
  return `${type.container === undefined ? '' : `${type.container} of `}${type.dtype}${shape}`;
}
