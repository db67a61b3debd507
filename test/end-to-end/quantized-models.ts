/** Small quantized models in memory, in both of ONNX's forms, as quantization tools write them. */
import type { DType, Random } from '../../src/core/index.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from '../../src/onnx/model.ts';

type AttributeValue = number | string | readonly number[] | { readonly float: number };

export type ByteType = 'int8' | 'uint8';

/** Scale and zero point of a tensor; several scales run along `axis`. */
export interface Scaling {
  readonly dtype: DType;
  readonly scale: readonly number[];
  readonly zero: readonly number[];
  readonly axis?: number;
}

export interface QuantizedBuilder {
  input(name: string, dtype: DType, shape: readonly number[]): string;
  constant(dtype: DType, shape: readonly number[], values: ArrayLike<number>): string;
  /** A constant of a type whose elements are bytes, as they are stored. */
  stored(dtype: DType, shape: readonly number[], contents: Uint8Array): string;
  node(opType: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>, domain?: string): string;
  /** Names of scale and zero point. */
  scaling(s: Scaling): readonly [string, string];
  quantize(x: string, s: Scaling): string;
  dequantize(q: string, s: Scaling): string;
  dynamic(x: string): { readonly q: string; readonly scale: string; readonly zero: string };
  /** QuantizeLinear and DequantizeLinear. */
  pair(x: string, s: Scaling): string;
  finish(outputs: readonly (readonly [name: string, dtype: DType])[]): OnnxModel;
}

const bytesPer: Readonly<Record<string, (values: ArrayLike<number>) => ArrayBufferLike>> = {
  float32: (v) => Float32Array.from(v).buffer,
  int8: (v) => Int8Array.from(v).buffer,
  uint8: (v) => Uint8Array.from(v).buffer,
  int16: (v) => Int16Array.from(v).buffer,
  uint16: (v) => Uint16Array.from(v).buffer,
  int32: (v) => Int32Array.from(v).buffer,
  int64: (v) => BigInt64Array.from(Array.from(v), BigInt).buffer,
};

function packed(dtype: DType, values: ArrayLike<number>): Uint8Array {
  if (dtype === 'int4' || dtype === 'uint4') {
    const out = new Uint8Array(Math.ceil(values.length / 2));
    for (let i = 0; i < values.length; i++) out[i >> 1] = (out[i >> 1] ?? 0) | (((values[i] ?? 0) & 15) << (4 * (i & 1)));
    return out;
  }
  const make = bytesPer[dtype];
  if (make === undefined) throw new Error(`no constants of ${dtype} here`);
  return new Uint8Array(make(values));
}

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  const base = { name, refName: '' };
  if (typeof value === 'number') return { ...base, kind: 'int', value };
  if (typeof value === 'string') return { ...base, kind: 'string', value: new TextEncoder().encode(value) };
  if ('float' in value) return { ...base, kind: 'float', value: value.float };
  return { ...base, kind: 'ints', value };
}

export function quantizedBuilder(opset = 21): QuantizedBuilder {
  const inputs: OnnxValueInfo[] = [];
  const initializers: OnnxTensor[] = [];
  const nodes: OnnxNode[] = [];
  const info = (name: string, dtype: DType, shape: readonly number[] | null): OnnxValueInfo => ({
    name,
    type: { kind: 'tensor', dtype, shape },
  });
  const constant: QuantizedBuilder['constant'] = (dtype, shape, values) => {
    const name = `c${initializers.length}`;
    initializers.push({ name, dtype, dims: shape, data: { kind: 'bytes', bytes: packed(dtype, values) } });
    return name;
  };
  const node: QuantizedBuilder['node'] = (opType, nodeInputs, attributes = {}, domain = '') => {
    const name = `${opType.toLowerCase()}${nodes.length}`;
    nodes.push({
      name,
      opType,
      domain,
      overload: '',
      inputs: nodeInputs,
      outputs: [`${name}_out`],
      attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
    });
    return `${name}_out`;
  };
  const scaling: QuantizedBuilder['scaling'] = (s) => {
    const shape = s.scale.length === 1 ? [] : [s.scale.length];
    return [constant('float32', shape, s.scale), constant(s.dtype, shape, s.zero)];
  };
  const axisOf = (s: Scaling): Readonly<Record<string, number>> => (s.axis === undefined ? {} : { axis: s.axis });
  return {
    input(name, dtype, shape) {
      inputs.push(info(name, dtype, shape));
      return name;
    },
    constant,
    stored(dtype, shape, bytes) {
      const name = `c${initializers.length}`;
      initializers.push({ name, dtype, dims: shape, data: { kind: 'bytes', bytes } });
      return name;
    },
    node,
    scaling,
    quantize: (x, s) => node('QuantizeLinear', [x, ...scaling(s)], axisOf(s)),
    dequantize: (q, s) => node('DequantizeLinear', [q, ...scaling(s)], axisOf(s)),
    dynamic(x) {
      const name = `dynamic${nodes.length}`;
      const outputs = [`${name}_q`, `${name}_scale`, `${name}_zero`] as const;
      nodes.push({ name, opType: 'DynamicQuantizeLinear', domain: '', overload: '', inputs: [x], outputs, attributes: [] });
      return { q: outputs[0], scale: outputs[1], zero: outputs[2] };
    },
    pair(x, s) {
      const parameters = scaling(s);
      return node('DequantizeLinear', [node('QuantizeLinear', [x, ...parameters], axisOf(s)), ...parameters], axisOf(s));
    },
    finish: (outputs) => ({
      irVersion: 10,
      producerName: 'test',
      producerVersion: '',
      opsetImports: [
        { domain: '', version: opset },
        { domain: 'com.microsoft', version: 1 },
        { domain: 'onnx.brevitas', version: 1 },
      ],
      graph: {
        name: 'g',
        nodes,
        initializers,
        sparseInitializers: [],
        inputs,
        outputs: outputs.map(([name, dtype]) => info(name, dtype, null)),
        valueInfos: [],
      },
      functions: [],
      metadata: {},
    }),
  };
}

/** Scales are short of bits, so that results fall on ties now and then. */
export function randomScaling(random: Random, dtype: ByteType, size: number): Scaling {
  const lo = dtype === 'int8' ? -128 : 0;
  const zero = random.next() < 0.3 ? (dtype === 'int8' ? 0 : 128) : random.integer(lo, lo + 255);
  return { dtype, scale: [(random.integer(1, 31) / 32) * size], zero: [zero] };
}

export function randomIntegers(random: Random, dtype: ByteType, count: number): number[] {
  const lo = dtype === 'int8' ? -128 : 0;
  // Often at the ends, so that sums reach beyond the range of outputs.
  return Array.from({ length: count }, () => (random.next() < 0.1 ? lo + 255 * random.integer(0, 1) : random.integer(lo, lo + 255)));
}

export interface ContractionChoice {
  readonly op: 'Conv' | 'MatMul';
  readonly x: ByteType;
  readonly w: ByteType;
  readonly y: ByteType;
  readonly perChannel: boolean;
  readonly form: 'qdq' | 'qoperator';
  readonly relu: boolean;
  readonly bias: boolean;
}

/** One contraction with everything quantization tools put around it; input `x`, one output of integers. */
export function contractionModel(random: Random, choice: ContractionChoice): { readonly model: OnnxModel; readonly output: string } {
  const b = quantizedBuilder();
  const isConv = choice.op === 'Conv';
  const groups = isConv && random.next() < 0.4 ? 2 : 1;
  const [cin, cout] = [groups * random.integer(1, 5), groups * random.integer(1, 7)];
  const [h, w] = [random.integer(4, 9), random.integer(4, 9)];
  const [kh, kw] = [random.integer(1, 3), random.integer(1, 4)];
  const rows = random.integer(1, 9);
  const x = b.input('x', choice.x, isConv ? [1, cin, h, w] : [rows, cin]);
  const sx = randomScaling(random, choice.x, 1 / 16);
  const wShape = isConv ? [cout, cin / groups, kh, kw] : [cin, cout];
  const taps = wShape.reduce((n, d) => n * d, 1);
  const one = randomScaling(random, choice.w, 1 / 16);
  const sw: Scaling = choice.perChannel
    ? {
        ...one,
        scale: Array.from({ length: cout }, () => random.integer(1, 31) / 512),
        zero: new Array<number>(cout).fill(one.zero[0] ?? 0),
        axis: isConv ? 0 : 1,
      }
    : one;
  const weights = b.constant(choice.w, wShape, randomIntegers(random, choice.w, taps));
  const spread = Math.sqrt(taps / cout) * 128 * 128 * (sx.scale[0] ?? 1) * (one.scale[0] ?? 1);
  const sy = randomScaling(random, choice.y, Math.max(1 / 32, spread / 128));
  const units = sw.scale.map((s) => Math.fround(Math.fround(sx.scale[0] ?? 1) * Math.fround(s)));
  const biases = Array.from({ length: cout }, () => random.integer(-2000, 2000));
  const attributes = isConv
    ? { kernel_shape: [kh, kw], group: groups, pads: [random.integer(0, kh - 1), 0, 0, random.integer(0, kw - 1)], strides: [1, 2] }
    : {};
  if (choice.form === 'qoperator') {
    const operands = [x, ...b.scaling(sx), weights, ...b.scaling(sw), ...b.scaling(sy)];
    if (isConv && choice.bias) operands.push(b.constant('int32', [cout], biases));
    const y = b.node(isConv ? 'QLinearConv' : 'QLinearMatMul', operands, attributes);
    return { model: b.finish([[y, choice.y]]), output: y };
  }
  const operands = [b.dequantize(x, sx), b.dequantize(weights, sw)];
  if (isConv && choice.bias) {
    const scaling: Scaling = { dtype: 'int32', scale: units, zero: units.map(() => 0), axis: 0 };
    operands.push(b.dequantize(b.constant('int32', [cout], biases), scaling));
  }
  let y = b.node(choice.op, operands, attributes);
  if (choice.relu) y = b.node('Relu', [y]);
  const q = b.quantize(y, sy);
  return { model: b.finish([[q, choice.y]]), output: q };
}

/** A few layers in a row, quantized here and there as tools do: most values in pairs, some not, moves with pairs or without. */
export function chainModel(random: Random): OnnxModel {
  const b = quantizedBuilder();
  const pick = <T>(items: readonly T[]): T => items[random.integer(0, items.length - 1)] as T;
  const type = pick<ByteType>(['int8', 'uint8']);
  let shape = [1, random.integer(1, 6), random.integer(5, 9), random.integer(5, 9)];
  const fresh = (): Scaling => randomScaling(random, pick<ByteType>([type, type, 'int8', 'uint8']), 1 / 8);
  let s = fresh();
  let x = random.next() < 0.5 ? b.pair(b.input('x', 'float32', shape), s) : b.dequantize(b.input('x', s.dtype, shape), s);
  const outputs: (readonly [string, DType])[] = [];
  const layers = random.integer(2, 6);
  for (let i = 0; i < layers; i++) {
    const [, c = 1, h = 1, w = 1] = shape;
    let keeps = false;
    const op = pick([
      'Conv',
      'Conv',
      'MaxPool',
      'AveragePool',
      'Add',
      'Sigmoid',
      'LeakyRelu',
      'Transpose',
      'Concat',
      'Slice',
      'Mul',
    ] as const);
    switch (op) {
      case 'Conv': {
        const m = random.integer(1, 7);
        const sw = randomScaling(random, pick<ByteType>(['int8', 'uint8']), 1 / 64);
        const weights = b.dequantize(b.constant(sw.dtype, [m, c, 2, 2], randomIntegers(random, sw.dtype as ByteType, m * c * 4)), sw);
        const bias =
          random.next() < 0.5
            ? [
                b.constant(
                  'float32',
                  [m],
                  Array.from({ length: m }, () => random.bell()),
                ),
              ]
            : [];
        x = b.node('Conv', [x, weights, ...bias], { kernel_shape: [2, 2], pads: [1, 0, 0, 1] });
        if (random.next() < 0.5) x = b.node('Relu', [x]);
        shape = [1, m, h, w];
        break;
      }
      case 'MaxPool':
      case 'AveragePool':
        x = b.node(op, [x], { kernel_shape: [2, 2] });
        shape = [1, c, h - 1, w - 1];
        keeps = true;
        break;
      case 'Add':
        x = b.node('Add', [x, x]);
        break;
      case 'Mul':
        x = b.node('Mul', [
          x,
          b.dequantize(b.constant('int8', [c, 1, 1], randomIntegers(random, 'int8', c)), { dtype: 'int8', scale: [1 / 64], zero: [3] }),
        ]);
        break;
      case 'Sigmoid':
      case 'LeakyRelu':
        x = b.node(op, [x]);
        break;
      case 'Transpose':
        x = b.node('Transpose', [x], { perm: [0, 1, 3, 2] });
        shape = [1, c, w, h];
        keeps = true;
        break;
      case 'Concat':
        x = b.node('Concat', [x, b.pair(x, fresh())], { axis: 1 });
        shape = [1, 2 * c, h, w];
        break;
      case 'Slice':
        x = b.node('Slice', [x, ...[[1], [h], [2]].map((v) => b.constant('int64', [1], v))]);
        shape = [1, c, h - 1, w];
        keeps = true;
        break;
    }
    if (shape.some((d) => d < 3 && d !== shape[1] && d !== 1)) break;
    if (random.next() < 0.15) outputs.push([x, 'float32']);
    const isPaired = keeps ? random.next() < 0.6 : random.next() < 0.85;
    if (!isPaired) continue;
    if (!keeps || random.next() < 0.3) s = fresh();
    x = b.pair(x, s);
  }
  if (random.next() < 0.5) outputs.push([b.quantize(x, s), s.dtype]);
  else outputs.push([b.node('Neg', [x]), 'float32']);
  return b.finish([...new Map(outputs)]);
}
