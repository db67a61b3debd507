/** The precision stage: writes dtype and quantization into the graph. */
import { compilerMessages, fail, viewBytes, type Diagnostic, type DType } from '../../core/index.ts';
import { leafNodes } from '../../graph/index.ts';
import type { Constant, Graph, Node, Quantization, Value, ValueId } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import { absorbQuantization } from '../passes/absorb-quantization.ts';
import { removeDeadCode } from '../passes/dead-code.ts';
import { externalInputs } from '../passes/fuse.ts';
import { runPasses } from '../passes/pass.ts';
import { splitZeroPoints } from '../passes/split-zero-points.ts';
import { biasIndex, weightSlot } from './contraction.ts';
import { bringsQuantization, settleIntegerModel, withFloatConstants } from './integer-model.ts';
import { maskedValues } from './masks.ts';
import { positionValues } from './positions.ts';
import { placeholderQuantization } from './placeholder.ts';
import { int8Quantization, type CalibrationTable, type Range } from './range.ts';
import { movedConstants, shareQuantization } from './sharing.ts';
import { quantizeBias, quantizeMoved, quantizeWeights, type QuantizedConstant } from './weights.ts';

/** fp32, fp16 and bf16: in floats, as the graph has them. fp8: products on float8e4m3fn, by pairs in the graph (float8.ts). */
export type Precision = 'int8' | 'fp32' | 'fp16' | 'bf16' | 'fp8';

export interface PrecisionOptions {
  readonly mode: Precision;
  /** Ranges of activations by value name; null: placeholders. */
  readonly calibration: CalibrationTable | null;
  /** Types the matrix engine multiplies; int8 alone when left out. Asked only where a model brings its own quantization. */
  readonly matrix?: readonly DType[];
  /** Types the vector engine takes; float32 among them when left out. */
  readonly vector?: readonly DType[];
  /** How wide sums are that the array rescales itself; 32 when left out. */
  readonly sumBits?: number;
  /** How the machine rescales sums; float when left out. */
  readonly rescale?: 'float' | 'fixed-point';
}

export interface PrecisionResult {
  readonly graph: Graph;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * fp32, fp16 and bf16 leave the graph as it is (its floats are of the right type already), int8 turns every float32 activation into int8 per tensor, constant weights of contractions
 * into int8 per output channel, their biases into int32. Scores with masks on them stay float32 (masks.ts). Constants of elementwise operators stay float32. Values that are
 * quantized already stay. A model that brings its own quantization keeps it, and keeps the rest in float32: see integer-model.ts.
 *
 * Works on plain and on fused graphs and decides the same for both, value name by value name.
 * @throws SYS4201 half-precision models, SYS4203 calibration of another model, SYS4204 fp32 of an integer model
 */
export function assignPrecision(given: Graph, options: PrecisionOptions): PrecisionResult {
  // Again: bodies of loops and composite operators bring their own once they are written out.
  const graph = runPasses(given, [absorbQuantization, splitZeroPoints, removeDeadCode]);
  refuseOtherFloats(graph, options.mode);
  switch (options.mode) {
    case 'fp16':
    case 'bf16':
    case 'fp8':
    case 'fp32':
      refuseQuantized(graph);
      return { graph: withFloatConstants(graph), diagnostics: [] };
    case 'int8':
      return rescaled(
        bringsQuantization(graph)
          ? settleIntegerModel(graph, {
              matrix: options.matrix ?? ['int8'],
              sumBits: options.sumBits ?? 32,
              calibration: options.calibration,
            })
          : toInt8(graph, options.calibration, options.vector?.includes('float32') ?? true),
        options,
      );
  }
}

/** Says of what contractions make how the machine's output stage makes it. */
function rescaled(result: PrecisionResult, { rescale }: PrecisionOptions): PrecisionResult {
  if (rescale !== 'fixed-point') return result;
  const made = new Set(leafNodes(result.graph.nodes).flatMap((n) => (n.domain === '' && sums.has(n.op) ? n.outputs : [])));
  const values = result.graph.values.map((v): Value => {
    if (v.quantization === null || v.type.dtype === 'int32' || !made.has(v.id)) return v;
    return { ...v, quantization: { ...v.quantization, rescale } };
  });
  return { ...result, graph: { ...result.graph, values } };
}

const sums: ReadonlySet<string> = new Set(['Conv', 'Gemm', 'MatMul']);

/** What `auto` means: the model's own precision where the machine has it, else int8. 16-bit floats are there only where the machine keeps them. */
export function choosePrecision(supported: readonly DType[], graph: Graph): Precision {
  const known = runPasses(graph, [absorbQuantization]);
  const isQuantized = known.values.some((v) => v.quantization !== null && v.constant === null);
  const holds = (dtype: DType): boolean => known.values.some((v) => v.type.dtype === dtype && v.constant === null);
  if (!isQuantized && holds('float16')) return 'fp16';
  if (!isQuantized && holds('bfloat16')) return 'bf16';
  if (!isQuantized && supported.includes('float32')) return 'fp32';
  if (supported.includes('int8')) return 'int8';
  return supported.includes('float32') ? 'fp32' : fail(compilerMessages.noPrecisionFits({ supported }));
}

function refuseOtherFloats(graph: Graph, mode: Precision): void {
  const half = mode === 'fp16' || mode === 'bf16';
  for (const dtype of half ? (['float64'] as const) : (['float16', 'bfloat16', 'float64'] as const)) {
    const values = graph.values.filter((v) => v.type.dtype === dtype).map((v) => v.name);
    if (values.length > 0) fail(compilerMessages.halfPrecision({ dtype, values }, { origin: values }));
  }
}

function refuseQuantized(graph: Graph): void {
  const values = graph.values.filter((v) => v.quantization !== null && v.constant === null).map((v) => v.name);
  if (values.length > 0) fail(compilerMessages.alreadyInteger({ values }, { origin: values }));
}

function toInt8(graph: Graph, calibration: CalibrationTable | null, hasFloats: boolean): PrecisionResult {
  const nodes = leafNodes(graph.nodes);
  const moved = movedConstants(graph, nodes);
  const floats = new Set(hasFloats ? [...maskedValues(graph, nodes), ...positionValues(graph, nodes)] : []);
  const isReal = (id: ValueId): boolean => {
    const value = graph.values[id];
    if (value === undefined || value.type.dtype !== 'float32' || value.quantization !== null || floats.has(id)) return false;
    return value.constant === null || moved.has(id);
  };
  const activations = graph.values.filter((v) => isReal(v.id) && v.constant === null);
  if (activations.length === 0) return { graph, diagnostics: [] };
  if (calibration !== null) checkCovered(activations, calibration);

  const observed = (id: ValueId): Range | null => (calibration === null ? null : observedRange(graph, id, calibration));
  const sharing = shareQuantization(graph, nodes, isReal, observed);
  const zeroed = new Set(nodes.filter(isLookup).flatMap((n) => n.outputs.map((id) => sharing.groupOf(id))));
  const quantizations = new Map<ValueId, Quantization>();
  const quantizationOf = (id: ValueId): Quantization => {
    const group = sharing.groupOf(id);
    const known = quantizations.get(group);
    if (known !== undefined) return known;
    const range = sharing.rangeOf(group);
    const fitted = range !== null && zeroed.has(group) ? aroundZero(range) : range;
    const made = fitted === null ? placeholderQuantization : int8Quantization(fitted);
    quantizations.set(group, made);
    return made;
  };

  const values: Value[] = graph.values.map((v) =>
    isReal(v.id) && v.constant === null ? { ...v, type: { ...v.type, dtype: 'int8' }, quantization: quantizationOf(v.id) } : v,
  );
  const rewritten = quantizeConstants(graph, nodes, values, (id) => (isReal(id) ? quantizationOf(id) : null));
  const diagnostics = calibration === null ? [compilerMessages.placeholderScales({ count: activations.length })] : [];
  return { graph: { ...graph, values, nodes: rewritten }, diagnostics };
}

/** A look-up outside of its table gives zero bits: they must stand for 0. */
function isLookup(node: Node): boolean {
  return node.domain === 'systole' && node.op === 'Lookup';
}

/** Stretched so far that its zero point is 0. */
function aroundZero({ min, max }: Range): Range {
  const unit = Math.max(-min / 128, max / 127) || 1;
  return { min: -128 * unit, max: 127 * unit };
}

function checkCovered(activations: readonly Value[], calibration: CalibrationTable): void {
  const missing = activations.filter((v) => !calibration.has(v.name)).map((v) => v.name);
  if (missing.length > 0) fail(compilerMessages.calibrationIncomplete({ values: missing, given: calibration.size }, { origin: missing }));
}

function observedRange(graph: Graph, id: ValueId, calibration: CalibrationTable): Range | null {
  const value = graph.values[id];
  if (value === undefined) return null;
  return value.constant === null ? (calibration.get(value.name) ?? null) : constantRange(value.constant);
}

function constantRange(constant: Constant): Range | null {
  if (constant.kind === 'absent' || constant.kind === 'strings') return null;
  let min = Infinity;
  let max = -Infinity;
  for (const x of viewBytes('float32', constant.kind === 'bytes' ? constant.bytes : constant.element)) {
    min = Math.min(min, Number(x));
    max = Math.max(max, Number(x));
  }
  return min <= max ? { min, max } : null;
}

/**
 * Weights, biases and moved constants, as their readers need them. A constant with readers of several needs (a weight of two
 * convolutions with different inputs has two biases, say) is copied under a new name for each need but the first.
 */
function quantizeConstants(
  graph: Graph,
  nodes: readonly Node[],
  values: Value[],
  activation: (id: ValueId) => Quantization | null,
): readonly Node[] {
  const names = new Set(values.map((v) => v.name));
  const made = new Map<string, ValueId>();
  const taken = new Set<ValueId>();
  const floatReaders = readAsFloat(graph, nodes);

  const place = (value: Value, key: string, make: () => QuantizedConstant): ValueId => {
    const known = made.get(`${value.id}:${key}`);
    if (known !== undefined) return known;
    const quantized = make();
    let id = value.id;
    if (taken.has(value.id) || floatReaders.has(value.id)) {
      id = values.length;
      let name = `${value.name}.int`;
      for (let i = 2; names.has(name); i++) name = `${value.name}.int${i}`;
      names.add(name);
      values.push({ ...value, ...quantized, id, name });
    } else {
      taken.add(value.id);
      values[id] = { ...value, ...quantized };
    }
    made.set(`${value.id}:${key}`, id);
    return id;
  };

  const inputsOf = (node: Node): readonly (ValueId | null)[] => {
    const bias = biasIndex(node);
    const changed = node.inputs.map((id, index): ValueId | null => {
      if (id === null || index === bias) return id;
      const value = graph.values[id];
      const role = value === undefined ? null : roleOf(node, index, value, activation);
      const shape = value === undefined ? null : staticShape(value.type);
      if (value === undefined || value.constant === null || role === null || shape === null) return id;
      const { constant } = value;
      return role.kind === 'weight'
        ? place(value, `weight ${role.axis}`, () => quantizeWeights(shape, constant, role.axis))
        : place(value, `moved ${quantizationKey(role.quantization)}`, () => quantizeMoved(shape, constant, role.quantization));
    });
    return bias === null ? changed : withBias(changed, bias);
  };

  /** The bias, now that it is known what it is added to. */
  const withBias = (inputs: readonly (ValueId | null)[], bias: number): readonly (ValueId | null)[] => {
    const [x = null, w = null] = inputs.map((id) => (id === null ? null : (values[id]?.quantization ?? null)));
    const value = graph.values[inputs[bias] ?? -1];
    const shape = value === undefined ? null : staticShape(value.type);
    if (value === undefined || value.constant === null || value.type.dtype !== 'float32') return inputs;
    if (shape === null || x === null || w === null) return inputs;
    const { constant } = value;
    const id = place(value, `bias ${quantizationKey(x)} ${inputs[1] ?? ''}`, () => quantizeBias(shape, constant, x, w));
    return inputs.map((old, index) => (index === bias ? id : old));
  };

  const rewrite = (node: Node): Node => {
    if (node.body !== undefined) {
      const body = node.body.map(rewrite);
      return body.every((inner, i) => inner === node.body?.[i]) ? node : { ...node, body, inputs: externalInputs(body) };
    }
    const inputs = inputsOf(node);
    return inputs.every((id, i) => id === node.inputs[i]) ? node : { ...node, inputs };
  };
  return graph.nodes.map(rewrite);
}

type Role = { readonly kind: 'weight'; readonly axis: number | null } | { readonly kind: 'moved'; readonly quantization: Quantization };

function roleOf(node: Node, index: number, value: Value, activation: (id: ValueId) => Quantization | null): Role | null {
  if (value.constant === null || value.type.dtype !== 'float32') return null;
  const slot = weightSlot(node, index, value.type);
  if (slot !== null) return { kind: 'weight', axis: slot.axis };
  const [out] = node.outputs;
  const quantization = index === 0 && out !== undefined ? activation(value.id) : null;
  return quantization === null ? null : { kind: 'moved', quantization };
}

/** Constants that some node computes with in float32, and so must stay. */
function readAsFloat(graph: Graph, nodes: readonly Node[]): ReadonlySet<ValueId> {
  const moved = movedConstants(graph, nodes);
  const found = new Set<ValueId>();
  for (const node of nodes) {
    node.inputs.forEach((id, index) => {
      const value = id === null ? undefined : graph.values[id];
      if (id === null || value === undefined || value.constant === null || value.type.dtype !== 'float32') return;
      const isMoved = index === 0 && moved.has(id);
      if (!isMoved && index !== biasIndex(node) && weightSlot(node, index, value.type) === null) found.add(id);
    });
  }
  for (const id of graph.outputs) found.add(id);
  return found;
}

/** Equal for equal per-tensor quantizations. */
function quantizationKey({ scale, zeroPoint }: Quantization): string {
  return scale.length === 1 ? `${scale[0]}/${zeroPoint[0]}` : 'per channel';
}
