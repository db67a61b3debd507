/**
 * How near a program must come to the interpreter of its own model, besides the tolerance of the pack: docs/numerics.md says where they are
 * the same bits, and how far apart they may be elsewhere.
 */
import type { Tensor } from '../../src/core/index.ts';
import { importModel, type ImportedModel } from '../../src/compiler/index.ts';
import { interpret, numbersOf, totalMacs } from '../../src/graph/index.ts';
import { encodeModel } from '../../src/onnx/index.ts';
import type { OnnxGraph, OnnxModel } from '../../src/onnx/model.ts';
import type { NodeClass } from './node-classes.ts';

/** One unit in the last place of the 16-bit floats, relative to the number, and their smallest steps. */
const halves: Readonly<Record<string, { readonly unit: number; readonly least: number }>> = {
  float16: { unit: 2 ** -10, least: 2 ** -24 },
  bfloat16: { unit: 2 ** -7, least: 2 ** -133 },
};

/** Half a unit in the last place of fp32: what one rounding may cost. */
const rounding = 2 ** -24;

/** Operators that are sums of products and nothing else, on floats. */
const plainProducts: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Einsum']);

/**
 * What the rest of what is not moved or compared may differ by, relative to the largest number of the tensor: sums in another order,
 * functions composed of others.
 */
export const composedTolerance: number = 2 ** -18;

export interface Reference {
  /** Of each output: its numbers, and how far from each the program may be. */
  readonly outputs: readonly { readonly numbers: ArrayLike<number>; readonly within: (index: number) => number }[];
}

export async function referenceOf(
  onnx: OnnxModel,
  model: ImportedModel,
  kind: NodeClass,
  inputs: ReadonlyMap<string, Tensor>,
): Promise<Reference> {
  const { graph } = model;
  const exact = await exactProducts(onnx, model, inputs);
  if (exact !== null) return exact;
  const results = interpret(graph, inputs);
  const outputs = graph.outputs.map((id) => {
    const tensor = results.get(graph.values[id]?.name ?? '');
    if (tensor === undefined) return { numbers: [], within: () => 0 };
    const numbers = numbersOf(tensor);
    const half = halves[tensor.dtype];
    if (half !== undefined) return { numbers, within: (i: number) => Math.max(half.unit * Math.abs(numbers[i] ?? 0), half.least) };
    const isFloat = tensor.dtype === 'float32';
    const same = !isFloat || kind === 'movement' || kind === 'elementwise';
    const largest = same ? 0 : Array.from(numbers).reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 0);
    return { numbers, within: () => composedTolerance * largest };
  });
  return { outputs };
}

/** The products in binary64, and K · 2⁻²⁴ · Σ |a · b| as the tolerance; null where the model is not just float32 products. */
async function exactProducts(onnx: OnnxModel, model: ImportedModel, inputs: ReadonlyMap<string, Tensor>): Promise<Reference | null> {
  const { nodes } = onnx.graph;
  const isPlain = nodes.length === 1 && nodes.every((n) => plainProducts.has(n.opType) && n.domain === '');
  if (!isPlain || ![...inputs.values()].every((t) => t.dtype === 'float32')) return null;
  const wide = await importModel(encodeModel({ ...onnx, graph: inDoubles(onnx.graph) }), { name: 'wide' });
  const numbers = (of: (x: number) => number): ReadonlyMap<string, Tensor> =>
    new Map(
      [...inputs].map(([name, t]) => [name, { dtype: 'float64', shape: t.shape, data: Float64Array.from(numbersOf(t), of) }] as const),
    );
  const values = interpret(
    wide.graph,
    numbers((x) => x),
  );
  const sizes = interpret(wide.graph, numbers(Math.abs));
  const macs = totalMacs(model.graph);
  const whole = [...inputs.values()].every((t) => Array.from(numbersOf(t)).every(Number.isInteger));
  const outputs = wide.graph.outputs.map((id) => {
    const name = wide.graph.values[id]?.name ?? '';
    const value = values.get(name);
    const size = values.size === 0 ? undefined : sizes.get(name);
    const got = value === undefined ? [] : numbersOf(value);
    const magnitude = size === undefined ? [] : numbersOf(size);
    // The bias and the factors of a Gemm are one more step each.
    const terms = macs / Math.max(1, got.length) + 3;
    const isExact = whole && Array.from(magnitude).every((m) => m < 2 ** 24);
    return { numbers: got, within: (i: number) => (isExact ? 0 : terms * rounding * Math.abs(magnitude[i] ?? 0)) };
  });
  return { outputs };
}

function inDoubles(graph: OnnxGraph): OnnxGraph {
  const typed = (list: OnnxGraph['inputs']): OnnxGraph['inputs'] =>
    list.map((v) => (v.type.kind === 'tensor' ? { ...v, type: { ...v.type, dtype: 'float64' as const } } : v));
  return { ...graph, inputs: typed(graph.inputs), outputs: typed(graph.outputs), valueInfos: [] };
}

/** null when each element is within its bound; otherwise the first that is not, in words. */
export function beyondReference(got: Tensor, reference: Reference['outputs'][number]): string | null {
  const numbers = numbersOf(got);
  if (numbers.length !== reference.numbers.length)
    return `${numbers.length} elements, but the interpreter gives ${reference.numbers.length}`;
  for (let i = 0; i < numbers.length; i++) {
    const [x = NaN, y = NaN] = [numbers[i], reference.numbers[i]];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const within = reference.within(i);
    if (!(Math.abs(x - y) <= within)) return `element ${i} is ${x}, the interpreter has ${y}, allowed is ${within.toPrecision(3)}`;
  }
  return null;
}
