/** Reads a built model with onnx-proto (which our importer does not use) and works out shapes, MACs and, if asked, values. */
import onnxProto from 'onnx-proto';

export interface Step {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly ints: Readonly<Record<string, readonly number[]>>;
  readonly value: number;
}

export interface Network {
  readonly steps: readonly Step[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly weights: ReadonlyMap<string, { readonly dims: readonly number[]; readonly data: Float32Array }>;
}

export function read(bytes: Uint8Array): Network {
  const { graph } = onnxProto.onnx.ModelProto.decode(bytes);
  const shapeOf = (v: onnxProto.onnx.IValueInfoProto | undefined): number[] =>
    (v?.type?.tensorType?.shape?.dim ?? []).map((d) => Number(d.dimValue));
  return {
    input: shapeOf(graph?.input?.[0]),
    output: shapeOf(graph?.output?.[0]),
    weights: new Map(
      (graph?.initializer ?? []).map((t) => {
        const raw = Uint8Array.from(t.rawData ?? []);
        return [t.name ?? '', { dims: (t.dims ?? []).map(Number), data: new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4) }];
      }),
    ),
    steps: (graph?.node ?? []).map((n) => ({
      name: n.name ?? '',
      op: n.opType ?? '',
      inputs: n.input ?? [],
      output: n.output?.[0] ?? '',
      ints: Object.fromEntries((n.attribute ?? []).map((a) => [a.name ?? '', a.ints?.length ? a.ints.map(Number) : [Number(a.i)]])),
      value: floatOf(n.attribute?.[0]?.t?.rawData),
    })),
  };
}

function floatOf(raw: Uint8Array | null | undefined): number {
  return raw?.length === 4 ? new DataView(raw.buffer, raw.byteOffset).getFloat32(0, true) : Number.NaN;
}

export interface Value {
  readonly shape: readonly number[];
  readonly data: Float64Array | null;
}

/** Runs the network; with `image` null only shapes are worked out. */
export function run(net: Network, image: Float64Array | null, observe: (step: Step, result: Value, macs: number) => void): Value {
  const values = new Map<string, Value>([['input', { shape: net.input, data: image }]]);
  for (const [name, w] of net.weights) values.set(name, { shape: w.dims, data: image === null ? null : Float64Array.from(w.data) });
  let last: Value = { shape: [], data: null };
  for (const step of net.steps) {
    const [x, ...rest] = step.inputs.map((name) => values.get(name) ?? missing(name));
    const { result, macs } = evaluate(step, x ?? last, rest);
    values.set(step.output, result);
    observe(step, result, macs);
    last = result;
  }
  return last;
}

const missing = (name: string): never => {
  throw new Error(`no value ${name}`);
};

function evaluate(step: Step, x: Value, rest: readonly Value[]): { result: Value; macs: number } {
  const pointwise = (f: (v: number, i: number) => number): { result: Value; macs: number } => ({
    result: { shape: x.shape, data: x.data?.map(f) ?? null },
    macs: 0,
  });
  switch (step.op) {
    case 'Constant':
      return { result: { shape: [], data: Float64Array.of(step.value) }, macs: 0 };
    case 'Relu':
      return pointwise((v) => Math.max(0, v));
    case 'Clip':
      return pointwise((v) => Math.min(rest[1]?.data?.[0] ?? 0, Math.max(rest[0]?.data?.[0] ?? 0, v)));
    case 'Add':
      return pointwise((v, i) => v + (rest[0]?.data?.[i] ?? 0));
    case 'Flatten':
      return { result: { shape: [x.shape[0] ?? 0, x.shape.slice(1).reduce((a, b) => a * b, 1)], data: x.data }, macs: 0 };
    case 'Gemm':
      return gemm(x, rest[0] ?? x, rest[1] ?? x);
    case 'Conv':
      return window(step, x, rest[0] ?? x, rest[1] ?? x);
    case 'MaxPool':
    case 'AveragePool':
    case 'GlobalAveragePool':
      return pool(step, x);
    default:
      throw new Error(`unexpected ${step.op}`);
  }
}

function gemm(x: Value, w: Value, b: Value): { result: Value; macs: number } {
  const [batch = 0, k = 0] = x.shape;
  const [n = 0] = w.shape;
  const data = x.data && w.data && b.data ? new Float64Array(batch * n) : null;
  if (data && x.data && w.data && b.data) {
    for (let r = 0; r < batch; r++) {
      for (let c = 0; c < n; c++) {
        let sum = b.data[c] ?? 0;
        for (let i = 0; i < k; i++) sum += (x.data[r * k + i] ?? 0) * (w.data[c * k + i] ?? 0);
        data[r * n + c] = sum;
      }
    }
  }
  return { result: { shape: [batch, n], data }, macs: batch * n * k };
}

function extents(
  step: Step,
  height: number,
  width: number,
): { kh: number; kw: number; stride: number; pad: number; oh: number; ow: number } {
  const [kh = height, kw = width] = step.ints['kernel_shape'] ?? [];
  const stride = step.ints['strides']?.[0] ?? 1;
  const pad = step.ints['pads']?.[0] ?? 0;
  return { kh, kw, stride, pad, oh: Math.floor((height + 2 * pad - kh) / stride) + 1, ow: Math.floor((width + 2 * pad - kw) / stride) + 1 };
}

function window(step: Step, x: Value, w: Value, b: Value): { result: Value; macs: number } {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const [out = 0, perGroup = 0] = w.shape;
  const { kh, kw, stride, pad, oh, ow } = extents(step, height, width);
  const group = step.ints['group']?.[0] ?? 1;
  if (perGroup * group !== channels) throw new Error(`${step.name}: ${channels} channels in, weights for ${perGroup * group}`);
  const shape = [batch, out, oh, ow];
  const macs = batch * out * oh * ow * perGroup * kh * kw;
  if (!x.data || !w.data || !b.data) return { result: { shape, data: null }, macs };
  const data = new Float64Array(batch * out * oh * ow);
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < out; o++) {
      const firstChannel = Math.floor(o / (out / group)) * perGroup;
      for (let y = 0; y < oh; y++)
        for (let z = 0; z < ow; z++) {
          let sum = b.data[o] ?? 0;
          for (let c = 0; c < perGroup; c++)
            for (let i = 0; i < kh; i++) {
              const iy = y * stride + i - pad;
              if (iy < 0 || iy >= height) continue;
              for (let j = 0; j < kw; j++) {
                const ix = z * stride + j - pad;
                if (ix < 0 || ix >= width) continue;
                const pixel = x.data[((n * channels + firstChannel + c) * height + iy) * width + ix] ?? 0;
                sum += pixel * (w.data[((o * perGroup + c) * kh + i) * kw + j] ?? 0);
              }
            }
          data[at++] = sum;
        }
    }
  return { result: { shape, data }, macs };
}

function pool(step: Step, x: Value): { result: Value; macs: number } {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const { kh, kw, stride, pad, oh, ow } = extents(step, height, width);
  const shape = [batch, channels, oh, ow];
  if (!x.data) return { result: { shape, data: null }, macs: 0 };
  const data = new Float64Array(batch * channels * oh * ow);
  for (let p = 0; p < batch * channels; p++)
    for (let y = 0; y < oh; y++)
      for (let z = 0; z < ow; z++) {
        const taps: number[] = [];
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const iy = y * stride + i - pad;
            const ix = z * stride + j - pad;
            if (iy >= 0 && iy < height && ix >= 0 && ix < width) taps.push(x.data[(p * height + iy) * width + ix] ?? 0);
          }
        data[(p * oh + y) * ow + z] = step.op === 'MaxPool' ? Math.max(...taps) : taps.reduce((a, v) => a + v, 0) / taps.length;
      }
  return { result: { shape, data }, macs: 0 };
}
