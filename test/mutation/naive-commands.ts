/**
 * What a command means, read off `src/isa/command.ts` and written as plainly as possible: a second opinion that shares nothing with the
 * simulator but the rounding functions of `core`.
 */
import { requantize, roundHalfEven } from '../../src/core/index.ts';
import type {
  Command,
  ConvCommand,
  Drain,
  MatmulCommand,
  PoolCommand,
  Ref,
  ReduceCommand,
  VectorCommand,
  VectorStep,
} from '../../src/isa/index.ts';
import { meaningOf } from '../isa/step-meaning.ts';
import type { NaiveMemory } from './naive-memory.ts';

const f32 = Math.fround;

export function runNaiveCommand(memory: NaiveMemory, c: Command): void {
  switch (c.op) {
    case 'CONV':
    case 'DWCONV':
      return convolve(memory, c);
    case 'MATMUL':
      return multiply(memory, c);
    case 'POOL':
      return pool(memory, c);
    case 'VECTOR':
      return vector(memory, c);
    case 'REDUCE':
      return reduce(memory, c);
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      memory.tellRead(c.src);
      return memory.write(c.dst, memory.read(c.src));
    default:
      throw new Error(`the naive machine has no ${c.op}`);
  }
}

const addTo = (float: boolean, sum: number, a: number, b: number): number => (float ? f32(sum + f32(a * b)) : (sum + Math.imul(a, b)) | 0);

function startSums(memory: NaiveMemory, c: ConvCommand | MatmulCommand): Float64Array {
  if (c.mode === 'overwrite') return new Float64Array(c.acc.extents.reduce((n, e) => n * e, 1));
  memory.tellRead(c.acc);
  return memory.read(c.acc);
}

function convolve(memory: NaiveMemory, c: ConvCommand): void {
  const [batch = 1, outChannels = 1, oh = 1, ow = 1] = c.acc.extents;
  const [, channels = 1, h = 1, w = 1] = c.x.extents;
  const [, , kh = 1, kw = 1] = c.w.extents;
  const groups = c.op === 'DWCONV' ? channels : c.groups;
  const perGroup = channels / groups;
  const x = memory.read(c.x);
  const ws = memory.read(c.w);
  const used = new Uint8Array(x.length);
  const acc = startSums(memory, c);
  const float = c.acc.dtype === 'float32';
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outChannels; o++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++, at++) {
          const group = Math.floor(o / (outChannels / groups));
          let sum = acc[at] ?? 0;
          for (let k = 0; k < perGroup; k++)
            for (let r = 0; r < kh; r++)
              for (let s = 0; s < kw; s++) {
                const row = i * c.strides[0] + r * c.dilations[0] - c.padTop;
                const column = j * c.strides[1] + s * c.dilations[1] - c.padLeft;
                if (row < 0 || row >= h || column < 0 || column >= w) continue;
                const from = ((n * channels + group * perGroup + k) * h + row) * w + column;
                used[from] = 1;
                sum = addTo(float, sum, (x[from] ?? 0) - c.xZero, (ws[((o * perGroup + k) * kh + r) * kw + s] ?? 0) - c.wZero);
              }
          acc[at] = sum;
        }
  memory.tellRead(c.x, used);
  finish(memory, c, acc, (index) => Math.floor(index / (oh * ow)) % outChannels);
}

function multiply(memory: NaiveMemory, c: MatmulCommand): void {
  const [m = 1, n = 1] = c.acc.extents.slice(-2);
  const k = c.x.extents.at(-1) ?? 1;
  const x = memory.read(c.x);
  const w = memory.read(c.w);
  memory.tellRead(c.x);
  const acc = startSums(memory, c);
  const float = c.acc.dtype === 'float32';
  for (let at = 0; at < acc.length; at++) {
    const batch = Math.floor(at / (m * n));
    const row = Math.floor(at / n) % m;
    for (let p = 0; p < k; p++) {
      const a = (x[(batch * m + row) * k + p] ?? 0) - c.xZero;
      const b = (w[(batch * k + p) * n + (at % n)] ?? 0) - c.wZero;
      acc[at] = addTo(float, acc[at] ?? 0, a, b);
    }
  }
  finish(memory, c, acc, (index) => index % n);
}

function finish(memory: NaiveMemory, c: ConvCommand | MatmulCommand, acc: Float64Array, channelOf: (index: number) => number): void {
  memory.tellRead(c.w);
  memory.write(c.acc, acc);
  if (c.drain === null) return;
  // Finished sums leave from where they lie, not from where they were computed.
  memory.tellRead(c.acc);
  drain(memory, c.drain, memory.read(c.acc), c.acc.dtype === 'float32', channelOf);
}

function drain(memory: NaiveMemory, d: Drain, acc: Float64Array, float: boolean, channelOf: (index: number) => number): void {
  const parameter = (ref: Ref | null): Float64Array | null => {
    if (ref === null) return null;
    memory.tellRead(ref);
    return memory.read(ref);
  };
  const bias = parameter(d.bias);
  const multiplier = parameter(d.multiplier);
  const one = (sum: number, at: number): number => {
    const b = bias?.[channelOf(at)] ?? 0;
    if (multiplier !== null) return requantize((sum + b) | 0, multiplier[channelOf(at)] ?? 0, d.outZero, d.lo, d.hi);
    return Math.min(d.hi, Math.max(d.lo, float ? f32(sum + b) : (sum + b) | 0));
  };
  memory.write(d.out, acc.map(one));
}

function pool(memory: NaiveMemory, c: PoolCommand): void {
  const [n = 1, channels = 1, h = 1, w = 1] = c.x.extents;
  const [, , oh = 1, ow = 1] = c.out.extents;
  const [top, left, bottom, right] = c.countBox;
  const x = memory.read(c.x);
  const used = new Uint8Array(x.length);
  const out = new Float64Array(n * channels * oh * ow);
  const float = c.x.dtype === 'float32';
  for (let at = 0; at < out.length; at++) {
    const plane = Math.floor(at / (oh * ow));
    const i = Math.floor(at / ow) % oh;
    let best = -Infinity;
    let sum = 0;
    let count = 0;
    for (let r = 0; r < c.kernel[0]; r++)
      for (let s = 0; s < c.kernel[1]; s++) {
        const row = i * c.strides[0] + r * c.dilations[0] - c.padTop;
        const column = (at % ow) * c.strides[1] + s * c.dilations[1] - c.padLeft;
        if (row >= top && row < bottom && column >= left && column < right) count++;
        if (row < 0 || row >= h || column < 0 || column >= w) continue;
        const from = (plane * h + row) * w + column;
        used[from] = 1;
        best = Math.max(best, x[from] ?? 0);
        sum = float ? f32(sum + (x[from] ?? 0)) : sum + (x[from] ?? 0) - c.xZero;
      }
    const mean = f32(f32(sum) / Math.max(1, count));
    const averaged = float ? mean : roundHalfEven(f32(mean * c.multiplier)) + c.outZero;
    out[at] = Math.min(c.hi, Math.max(c.lo, c.kind === 'max' ? best : averaged));
  }
  memory.tellRead(c.x, used);
  memory.write(c.out, out);
}

function vector(memory: NaiveMemory, c: VectorCommand): void {
  const inputs = c.inputs.map((ref) => {
    memory.tellRead(ref);
    return memory.read(ref);
  });
  const count = c.outputs[0]?.extents.reduce((n, e) => n * e, 1) ?? 0;
  const outputs = c.outputs.map(() => new Float64Array(count));
  for (let at = 0; at < count; at++) {
    const registers: number[] = [];
    for (const step of c.steps) {
      const output = step.op === 'store' ? outputs[step.dst] : undefined;
      if (output !== undefined) output[at] = registers[step.a] ?? 0;
      else registers[step.dst] = compute(step, registers, inputs[step.a]?.[at] ?? 0);
    }
  }
  c.outputs.forEach((ref, i) => memory.write(ref, outputs[i] ?? []));
}

function compute(step: VectorStep, registers: readonly number[], loaded: number): number {
  if (step.op === 'load' || step.op === 'loadInt') return step.op === 'load' ? f32(loaded) : loaded;
  return meaningOf(step, registers[step.a] ?? 0, registers[step.b] ?? 0, registers[step.c] ?? 0);
}

function reduce(memory: NaiveMemory, c: ReduceCommand): void {
  if (c.kind !== 'sum') throw new Error(`the naive machine has no REDUCE ${c.kind}`);
  const x = memory.read(c.x);
  memory.tellRead(c.x);
  if (c.mode === 'accumulate') memory.tellRead(c.acc);
  const before = memory.read(c.acc);
  const float = c.acc.dtype === 'float32';
  // Folded elements share an address: sums live under the index of the first element there.
  const kept = c.acc.strides.map((s, axis) => (s === 0 ? 1 : (c.acc.extents[axis] ?? 1)));
  const home = (index: number): number => {
    let rest = index;
    let at = 0;
    let step = 1;
    for (let axis = kept.length - 1; axis >= 0; axis--) {
      const extent = c.acc.extents[axis] ?? 1;
      if (kept[axis] === extent) at += (rest % extent) * step;
      rest = Math.floor(rest / extent);
      step *= extent;
    }
    return at;
  };
  const sums = new Map<number, number>();
  for (let i = 0; i < x.length; i++) {
    const at = home(i);
    const sum = sums.get(at) ?? (c.mode === 'accumulate' ? (before[at] ?? 0) : 0);
    sums.set(at, float ? f32(sum + (x[i] ?? 0)) : (sum + (x[i] ?? 0) - c.xZero) | 0);
  }
  memory.write(
    c.acc,
    before.map((_, i) => sums.get(home(i)) ?? 0),
  );
}
