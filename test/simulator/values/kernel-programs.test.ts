/** The WebAssembly kernels of VECTOR programs against the plain form, which defines them: the same bytes in every output, the same counts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bfloat16FromFloat32,
  erf32,
  exp32,
  float16FromFloat32,
  float32FromBfloat16,
  float32FromFloat16,
  log32,
  sigmoid32,
  tanh32,
  type DType,
} from '../../../src/core/index.ts';
import type { VectorStep } from '../../../src/isa/command.ts';
import { createKernels } from '../../../src/simulator/values/wasm/kernels.ts';
import { edges, expectSame, randomTensor, upTo } from './kernel-cases.ts';
import { int8, output, ref, row, run, type Tiny } from './tiny.ts';

/** A program of random steps over registers already made. */
const opcodes =
  'add sub mul div max min neg abs sqrt floor dequantize quantize requantize less equal select exp log erf tanh sigmoid toFloat16 toBfloat16 addInt'.split(
    ' ',
  ) as VectorStep['op'][];
const programs = fc.record({
  inputs: fc.array(fc.tuple(fc.constantFrom<DType>('int8', 'uint8', 'int16', 'int32', 'float32', 'float16'), fc.boolean(), fc.boolean()), {
    minLength: 1,
    maxLength: 3,
  }),
  outputs: fc.array(fc.constantFrom<DType>('int8', 'uint8', 'float32', 'bfloat16'), { minLength: 1, maxLength: 2 }),
  steps: fc.array(fc.tuple(fc.constantFrom(...opcodes), fc.nat(20), fc.nat(20), fc.nat(20)), { maxLength: 10 }),
  immediates: fc.array(fc.oneof(fc.constantFrom(0, -128, 127, 255, 0.5, 0.1, -3, NaN, Infinity, 1e30), fc.float()), { maxLength: 3 }),
  shape: fc.tuple(upTo(3), upTo(700)),
  odd: fc.boolean(),
  seed: fc.nat(),
});

describe('vector programs', () => {
  test('random steps on random types', () => {
    fc.assert(
      fc.property(programs, ({ inputs, outputs, steps, immediates, shape, odd, seed }) => {
        const list: VectorStep[] = [];
        const add = (op: VectorStep['op'], a: number, b = -1, c = -1, immediate = 0): number =>
          list.push({ op, dst: list.length, a, b, c, immediate }) - 1;
        inputs.forEach(([dtype, , asInt], i) => add(asInt && !dtype.includes('float') ? 'loadInt' : 'load', i));
        for (const value of immediates) add('immediate', -1, -1, -1, value);
        for (const [op, a, b, c] of steps) add(op, a % list.length, b % list.length, c % list.length);
        const registers = list.length;
        outputs.forEach((_, i) => list.push({ op: 'store', dst: i, a: Math.max(0, registers - 1 - i), b: -1, c: -1, immediate: 0 }));
        const shapes = inputs.map(([, scalar]) => (scalar ? [1, 1] : [...shape]));
        const operands = inputs.map(([dtype], i) => {
          const dense = ref(0, i, dtype, 0, shapes[i]!);
          return inputs[i]![1] ? { ...dense, extents: shape, strides: [0, 0] } : dense;
        });
        expectSame({
          rows: [
            row('vector', {
              op: 'VECTOR',
              inputs: operands,
              outputs: outputs.map((dtype, i) => ref(0, inputs.length + i, dtype, 0, shape)),
              steps: list,
            }),
          ],
          inputs: inputs.map(([dtype], i) => randomTensor(dtype, shapes[i]!, seed + i, odd)),
          outputs: outputs.map((dtype) => ({ dtype, shape })),
        });
      }),
      { numRuns: 600 },
    );
  });

  test('a sum of two quantized tensors: rounded half to even, saturated, counted', () => {
    const steps: VectorStep[] = [];
    const add = (op: VectorStep['op'], a = -1, b = -1, c = -1, immediate = 0): number =>
      steps.push({ op, dst: steps.length, a, b, c, immediate }) - 1;
    const [zero, half] = [add('immediate', -1, -1, -1, 3), add('immediate', -1, -1, -1, 0.5)];
    const sum = add('add', add('dequantize', add('loadInt', 0), zero, half), add('dequantize', add('loadInt', 1), zero, half));
    const one = add('immediate', -1, -1, -1, 1);
    const clamped = add('max', add('quantize', sum, one, zero), zero);
    steps.push({ op: 'store', dst: 0, a: clamped, b: -1, c: -1, immediate: 0 });
    const values = [-128, 127, 4, 5, 6, 7, 3, 2];
    const tiny: Tiny = {
      rows: [
        row('vector', { op: 'VECTOR', inputs: [0, 1].map((i) => ref(0, i, 'int8', 0, [8])), outputs: [ref(0, 2, 'int8', 0, [8])], steps }),
      ],
      inputs: [int8([8], values), int8([8], [-128, 127, 3, 3, 3, 3, 3, 3])],
      outputs: [{ dtype: 'int8', shape: [8] }],
    };
    // (4 − 3) · 0.5 = 0.5 goes to 0, (6 − 3) · 0.5 = 1.5 to 2.
    expect(output(run(tiny))).toEqual([3, 127, 3, 4, 5, 5, 3, 3]);
    expectSame(tiny);
  });
});

describe('functions', () => {
  const count = 4096;

  test.each<[VectorStep['op'] & keyof NonNullable<ReturnType<typeof createKernels>>['run'], (x: number) => number]>([
    ['exp', exp32],
    ['log', log32],
    ['tanh', tanh32],
    ['erf', erf32],
    ['sigmoid', sigmoid32],
    ['toFloat16', (x) => float32FromFloat16(float16FromFloat32(x))],
    ['toBfloat16', (x) => float32FromBfloat16(bfloat16FromFloat32(x))],
  ])('%s: every bit as core has it, over the whole format and where the function changes', (name, f) => {
    const kernels = createKernels();
    const [from = 0, to = 0] = kernels?.room([count * 4, count * 4]) ?? [];
    const x = new Float32Array(kernels?.buffer() ?? new ArrayBuffer(), from, count);
    const y = new Float32Array(kernels?.buffer() ?? new ArrayBuffer(), to, count);
    const bits = new Uint32Array(x.buffer, from, count);
    const turning = [0.0078125, 1, 6, 20, 88.7, -87.4, -103.9, 150, 65504, 65520, 6.1e-5, 3e-8];
    for (let pass = 0; pass < 16; pass++) {
      // Odd multiples of a large odd number: every sign, exponent and pattern of digits.
      for (let i = 0; i < count; i++) bits[i] = Math.imul(i + pass * count, 0x9e3779b1);
      for (let i = 0; i < count / 2; i++) x[i] = ((i - count / 4) / (count / 4)) * (turning[pass % turning.length] ?? 1) * 1.01;
      x.set(edges);
      kernels?.run[name](to, from, from, from, count);
      expect(y).toEqual(x.map(f));
    }
  });
});

describe('programs from bytes to bytes, looked up', () => {
  const wide = fc.record({
    source: fc.constantFrom<DType>('int8', 'uint8', 'bool'),
    outputs: fc.array(fc.constantFrom<DType>('int8', 'uint8', 'bool'), { minLength: 1, maxLength: 2 }),
    scale: fc.constantFrom(0.05, 0.5, -0.25, 3, NaN),
    zero: fc.integer({ min: -128, max: 255 }),
    op: fc.constantFrom<VectorStep['op']>('erf', 'sin', 'abs', 'requantize', 'lookup'),
    count: fc.integer({ min: 1000, max: 3000 }),
    seed: fc.nat(),
  });

  test('functions, tables and roundings: the same bytes, the same values saturated', () => {
    fc.assert(
      fc.property(wide, ({ source, outputs, scale, zero, op, count, seed }) => {
        const steps: VectorStep[] = [];
        const add = (name: VectorStep['op'], a = -1, b = -1, c = -1, immediate = 0): number =>
          steps.push({ op: name, dst: steps.length, a, b, c, immediate }) - 1;
        const [factor, middle] = [add('load', 1), add('immediate', -1, -1, -1, zero)];
        const x = add('loadInt', 0);
        const made = op === 'lookup' ? add(op, x, -1, -1, 2) : add(op, add('dequantize', x, middle, factor), factor, middle);
        const stored = [made, add('quantize', made, factor, middle)];
        outputs.forEach((_, i) => steps.push({ op: 'store', dst: i, a: stored[1 - i] ?? made, b: -1, c: -1, immediate: 0 }));
        expectSame({
          rows: [
            row('vector', {
              op: 'VECTOR',
              inputs: [
                ref(0, 0, source, 0, [count]),
                { ...ref(0, 1, 'float32', 0, [count]), strides: [0] },
                ...(op === 'lookup' ? [ref(0, 2, 'int8', 0, [256])] : []),
              ],
              outputs: outputs.map((dtype, i) => ref(0, 3 + i, dtype, 0, [count])),
              steps,
            }),
          ],
          inputs: [
            randomTensor(source, [count], seed, true),
            { dtype: 'float32', shape: [1], data: Float32Array.of(scale) },
            randomTensor('int8', [256], seed, false),
          ],
          outputs: outputs.map((dtype) => ({ dtype, shape: [count] })),
        });
      }),
      { numRuns: 200 },
    );
  });
});
