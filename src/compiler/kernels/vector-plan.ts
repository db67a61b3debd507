/**
 * Elementwise nodes -> a VECTOR program, by the generic rule of docs/numerics.md: dequantize, compute in fp32, quantize.
 * Every intermediate value of a quantized graph is rounded and clamped as the graph says, so fusing changes no bit.
 */
import { integerRange, isEngineFloat, quantize, type DType } from '../../core/index.ts';
import { attributeInt, tableOf, type Graph, type Node, type Value, type ValueId } from '../../graph/index.ts';
import type { VectorOpcode, VectorStep } from '../../isa/index.ts';
import { byteTable } from './byte-tables.ts';
import type { ByteTable, VectorOperand, VectorPlan, View } from './spec.ts';
import { canConvert, integerOpcode, isConversion, isReading } from './conversions.ts';
import { constantScalar, isPlainFloat, isStoredFloat, shapeOf } from './values.ts';
import { clipBounds, clipWhole, compute } from './elementwise-forms.ts';
import { isLabel, isPlainWhole, wholeForm, type OperandRegisters } from './whole-forms.ts';

function valueOf(graph: Graph, id: ValueId): Value {
  const v = graph.values[id];
  if (v === undefined) throw new Error(`no value ${id}`);
  return v;
}

/** The clamp a Relu or Clip is, in real numbers; null for other nodes. */
function clampOf(graph: Graph, node: Node): readonly [number, number] | null {
  return node.op === 'Relu' ? [0, Infinity] : node.op === 'Clip' ? clipBounds(graph, node) : null;
}

function sameQuantization(a: Value, b: Value): boolean {
  const p = a.quantization;
  const q = b.quantization;
  return (
    p !== null &&
    q !== null &&
    p.scale.length === 1 &&
    q.scale.length === 1 &&
    p.scale[0] === q.scale[0] &&
    p.zeroPoint[0] === q.zeroPoint[0]
  );
}

/** A Relu or Clip between equally quantized values is a clamp of q: its bounds in quantized numbers (docs/numerics.md), ±Infinity for none. */
export function quantizedClamp(graph: Graph, node: Node): readonly [number, number] | null {
  const real = clampOf(graph, node);
  if (real === null) return null;
  const input = valueOf(graph, node.inputs[0] as number);
  const output = valueOf(graph, node.outputs[0] as number);
  if (!sameQuantization(input, output)) return null;
  const [lo, hi] = integerRange(output.type.dtype);
  const { scale, zero } = perTensor(output);
  const q = (x: number): number => (Number.isFinite(x) ? quantize(x, scale, zero, lo, hi) : x);
  return [q(real[0]), q(real[1])];
}

/** A float Relu or Clip as drain bounds. */
export function floatClamp(graph: Graph, node: Node): readonly [number, number] | null {
  const output = valueOf(graph, node.outputs[0] as number);
  return isPlainFloat(output) ? clampOf(graph, node) : null;
}

export function perTensor(value: Value): { scale: number; zero: number } {
  const q = value.quantization;
  if (q === null) throw new Error(`value ${value.name} is not quantized`);
  return { scale: q.scale[0] as number, zero: q.zeroPoint[0] as number };
}

const tables: Readonly<Partial<Record<VectorOpcode, VectorOpcode>>> = {
  exp: 'expTable',
  sigmoid: 'sigmoidTable',
  tanh: 'tanhTable',
  erf: 'erfTable',
};

/** Writes steps; every result gets a register of its own. */
export class StepWriter {
  readonly steps: VectorStep[] = [];
  private registers = 0;
  private readonly immediates = new Map<number, number>();

  /** Steps of the tables that functions are looked up in; 0: exact. */
  table = 0;

  step(op: VectorOpcode, a = -1, b = -1, c = -1, immediate = 0): number {
    const dst = this.registers++;
    const tabled = this.table > 0 ? tables[op] : undefined;
    this.steps.push(tabled === undefined ? { op, dst, a, b, c, immediate } : { op: tabled, dst, a, b, c, immediate: this.table });
    return dst;
  }

  /** 1 / √x */
  inverseRoot(x: number): number {
    if (this.table > 0) return this.step('inverseRootTable', x, -1, -1, this.table);
    return this.step('div', this.immediate(1), this.step('sqrt', x));
  }

  immediate(x: number): number {
    const known = this.immediates.get(x);
    if (known !== undefined && !Object.is(x, -0)) return known;
    const r = this.step('immediate', -1, -1, -1, x);
    this.immediates.set(x, r);
    return r;
  }

  /** @param immediate  1: floats of 8 bits that are too large become infinity or NaN */
  store(output: number, register: number, immediate: 0 | 1 = 0): void {
    this.steps.push({ op: 'store', dst: output, a: register, b: -1, c: -1, immediate });
  }
}

/** A writer of steps for programs that are not made from elementwise nodes. */
export function createStepWriter(table: number = 0): StepWriter {
  const w = new StepWriter();
  w.table = table;
  return w;
}

interface Registers {
  /** fp32 real number. */
  real: number | null;
  /** Quantized integer. */
  q: number | null;
}

/**
 * @param nodes   elementwise nodes in topological order; the last one's output is stored
 * @param anchor  a value whose elements arrive as program input 0, or null
 * @param view    makes the operand view of an external value
 */
export function lowerElementwise(graph: Graph, nodes: readonly Node[], anchor: ValueId | null, view: (id: ValueId) => View): VectorPlan {
  const w = new StepWriter();
  const known = new Map<ValueId, Registers>();
  const operands: VectorOperand[] = [];
  const tables: ByteTable[] = [];
  const last = nodes[nodes.length - 1] as Node;
  const outShape = shapeOf(graph, last.outputs[0] as number);

  const dequantized = (value: Value, q: number): number => {
    const { scale, zero } = perTensor(value);
    return w.step('dequantize', q, w.immediate(zero), w.immediate(scale));
  };
  const load = (id: ValueId, index: number): Registers => {
    const value = valueOf(graph, id);
    return isPlainFloat(value) || isStoredFloat(value)
      ? { real: w.step('load', index), q: null }
      : { real: null, q: w.step('loadInt', index) };
  };
  const registersOf = (id: ValueId, node: Node): Registers => {
    let r = known.get(id);
    if (r === undefined) {
      const value = valueOf(graph, id);
      const scalar = constantScalar(value);
      const isWhole = isPlainWhole(value) || isLabel(value);
      // Immediates are fp32: of integers only those that are fp32 numbers.
      if (scalar !== null && value.quantization === null && (!isWhole || Math.fround(scalar) === scalar))
        r = isWhole ? { real: null, q: w.immediate(scalar) } : { real: w.immediate(scalar), q: null };
      else {
        const v = view(id);
        operands.push({ view: v, strides: broadcastStrides(v.shape, outShape, node.op === 'ScaleShift' && id !== node.inputs[0]) });
        r = load(id, operands.length - 1 + (anchor === null ? 0 : 1));
      }
      known.set(id, r);
    }
    return r;
  };
  const real = (id: ValueId, node: Node): number => {
    const r = registersOf(id, node);
    const value = valueOf(graph, id);
    // Adding 0 rounds an integer to fp32.
    r.real ??= isPlainWhole(value) ? w.step('add', r.q as number, w.immediate(0)) : dequantized(value, r.q as number);
    return r.real;
  };
  const operandsOf = (node: Node): OperandRegisters => ({
    count: node.inputs.length,
    whole: (i) => registersOf(node.inputs[i] as number, node).q as number,
    real: (i) => real(node.inputs[i] as number, node),
  });

  const quantized = (result: number, out: Value, isLast: boolean): Registers => {
    // The store rounds; a value used again inside the program must be rounded here.
    if (out.quantization === null) return { real: isLast ? result : roundedTo(w, result, out.type.dtype), q: null };
    const { scale, zero } = perTensor(out);
    const q = w.step('quantize', result, w.immediate(scale), w.immediate(zero));
    // The store saturates; a value used again inside the program must be clamped here.
    return { real: null, q: isLast ? q : clampTo(w, q, out.type.dtype) };
  };
  /** Scale or zero point: an immediate, or one number for each index of the axis. */
  const parameter = (id: ValueId | null | undefined, axis: number, otherwise: number): number => {
    if (id === null || id === undefined) return w.immediate(otherwise);
    const value = valueOf(graph, id);
    const scalar = constantScalar(value);
    if (scalar !== null) return w.immediate(scalar);
    const strides = new Array<number>(outShape.length).fill(0);
    if (value.type.shape[0] !== undefined && value.type.shape[0] !== 1) strides[axis < 0 ? axis + outShape.length : axis] = 1;
    operands.push({ view: view(id), strides });
    return w.step(isEngineFloat(value.type.dtype) ? 'load' : 'loadInt', operands.length - 1 + (anchor === null ? 0 : 1));
  };
  const convert = (node: Node, out: Value, isLast: boolean): Registers => {
    const [x, scale, zero] = node.inputs;
    const input = x as number;
    const axis = attributeInt(node, 'axis', 1);
    if (node.op === 'QuantizeLinear') {
      // 8-bit floats have no zero point, and the store rounds.
      if (isStoredFloat(out)) return { real: w.step('div', real(input, node), parameter(scale, axis, 1)), q: null };
      const q = w.step('quantize', real(input, node), parameter(scale, axis, 1), parameter(zero, axis, 0));
      return { real: null, q: isLast ? q : clampTo(w, q, out.type.dtype) };
    }
    if (node.op === 'DequantizeLinear') {
      if (isStoredFloat(valueOf(graph, input))) return quantized(w.step('mul', real(input, node), parameter(scale, axis, 1)), out, isLast);
      const r = registersOf(input, node);
      const q = r.q ?? (r.real as number);
      if (isReading(graph, node, valueOf(graph, input), out)) return { real: null, q };
      return quantized(w.step('dequantize', q, parameter(zero, axis, 0), parameter(scale, axis, 1)), out, isLast);
    }
    // Cast
    const value = valueOf(graph, input);
    if (value.quantization === null && !isPlainFloat(value) && !isStoredFloat(value)) {
      const q = registersOf(input, node).q as number;
      if (out.type.dtype === 'int32' && out.quantization === null) return { real: null, q };
      // int32 becomes fp32 with rounding, which adding 0 does.
      return quantized(w.step('add', q, w.immediate(0)), out, isLast);
    }
    return quantized(real(input, node), out, isLast);
  };

  if (anchor !== null) known.set(anchor, load(anchor, 0));
  for (const node of nodes) {
    w.table = tableOf(node);
    const outId = node.outputs[0] as number;
    const out = valueOf(graph, outId);
    const isLast = node === last;
    const input0 = node.inputs[0] as number;
    const clampBounds = out.quantization === null ? null : quantizedClamp(graph, node);
    if (clampBounds !== null) {
      const [lo, hi] = integerRange(out.type.dtype);
      let q = registersOf(input0, node).q as number;
      if (clampBounds[0] > lo) q = w.step('max', q, w.immediate(clampBounds[0]));
      if (clampBounds[1] < hi) q = w.step('min', q, w.immediate(clampBounds[1]));
      known.set(outId, { real: null, q });
      continue;
    }
    // Where the operands are already in use as rows and columns of a product there is no place for a table: the same result, step by step.
    const table = anchor === null ? byteTable(graph, node) : null;
    if (table !== null) {
      const r = w.step('lookup', registersOf(input0, node).q as number, -1, -1, tables.length);
      tables.push(table);
      known.set(outId, { real: null, q: r });
      continue;
    }
    const integer = integerOpcode(graph, node);
    if (integer !== null) {
      const [a, b] = node.inputs.map((id) => registersOf(id as number, node).q as number) as [number, number];
      const right = integer === 'Sub' ? w.step('mulInt', b, w.immediate(-1)) : b;
      known.set(outId, { real: null, q: w.step(integer === 'Mul' ? 'mulInt' : 'addInt', a, right) });
      continue;
    }
    const form = wholeForm(graph, node);
    if (form !== null && !(isConversion(node) && canConvert(graph, node))) {
      const { register, whole } = form(w, operandsOf(node));
      known.set(outId, whole ? { real: null, q: register } : quantized(register, out, isLast));
      continue;
    }
    if (isConversion(node)) {
      known.set(outId, convert(node, out, isLast));
      continue;
    }
    if (node.op === 'Clip' && isPlainWhole(out)) {
      known.set(outId, { real: null, q: clipWhole(w, node, (id) => registersOf(id, node).q as number) });
      continue;
    }
    known.set(
      outId,
      quantized(
        compute(graph, node, w, (id) => real(id, node)),
        out,
        isLast,
      ),
    );
  }
  const final = known.get(last.outputs[0] as number) as Registers;
  const saturates = !isStoredFloat(valueOf(graph, last.outputs[0] as number)) || attributeInt(last, 'saturate', 1) !== 0;
  w.store(0, (final.q ?? final.real) as number, saturates ? 0 : 1);
  if (tables.length === 0) return { steps: w.steps, operands };
  const steps = w.steps.map((s) => (s.op === 'lookup' ? { ...s, immediate: operands.length + s.immediate } : s));
  return { steps, operands, tables };
}

/** An fp32 number as a value of `dtype` holds it. */
export function roundedTo(w: StepWriter, real: number, dtype: DType): number {
  return dtype === 'float16' ? w.step('toFloat16', real) : dtype === 'bfloat16' ? w.step('toBfloat16', real) : real;
}

export function clampTo(w: StepWriter, q: number, dtype: DType): number {
  const [lo, hi] = integerRange(dtype);
  return w.step('min', w.step('max', q, w.immediate(lo)), w.immediate(hi));
}

/** Element strides of an operand along the output's axes, numpy broadcasting; `channel` puts a [C] operand on axis 1. */
export function broadcastStrides(shape: readonly number[], outShape: readonly number[], channel: boolean): number[] {
  const strides = new Array<number>(outShape.length).fill(0);
  if (channel) {
    if (shape.length === 1 && (shape[0] ?? 1) > 1) strides[1] = 1;
    return strides;
  }
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const extent = shape[i] ?? 1;
    const axis = outShape.length - shape.length + i;
    if (extent > 1) strides[axis] = step;
    step *= extent;
  }
  return strides;
}

/** sum (int32 or fp32, input 0) -> mean in the output's numbers: the integer rule of averages in docs/numerics.md. */
export function lowerMean(count: number, input: Value, output: Value): VectorPlan {
  const w = new StepWriter();
  const mean = w.step('div', w.step('load', 0), w.immediate(count));
  if (output.quantization === null) w.store(0, mean);
  else {
    const { scale, zero } = perTensor(output);
    const multiplier = Math.fround(perTensor(input).scale / scale);
    w.store(0, w.step('requantize', mean, w.immediate(multiplier), w.immediate(zero)));
  }
  return { steps: w.steps, operands: [] };
}

/** q of one quantization (or fp32) -> q of another: quantize(dequantize(q)). Input 0. */
export function lowerRequantize(from: Value, to: Value): VectorPlan {
  const w = new StepWriter();
  const source = (): number => {
    if (from.quantization === null) return w.step('load', 0);
    const f = perTensor(from);
    return w.step('dequantize', w.step('loadInt', 0), w.immediate(f.zero), w.immediate(f.scale));
  };
  if (to.quantization === null) w.store(0, source());
  else {
    const t = perTensor(to);
    w.store(0, w.step('quantize', source(), w.immediate(t.scale), w.immediate(t.zero)));
  }
  return { steps: w.steps, operands: [] };
}
