/** The module of the WebAssembly kernels: its size, its memories, what happens where a page forbids it. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { VectorStep } from '../../../src/isa/command.ts';
import { createKernels, kernelModule } from '../../../src/simulator/values/wasm/kernels.ts';
import { int8, output, ref } from './tiny.ts';

describe('the module', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test('is small enough to compile in the middle of a page', () => {
    expect(kernelModule().length).toBeLessThan(32 * 1024);
  });

  test('keeps the memories of two runs apart', () => {
    const [a, b] = [createKernels(), createKernels()];
    const [at = 0] = a?.room([64]) ?? [];
    b?.room([64]);
    new Int32Array(a?.buffer() ?? new ArrayBuffer(), at, 1)[0] = 7;
    expect(new Int32Array(b?.buffer() ?? new ArrayBuffer(), at, 1)[0]).toBe(0);
  });

  test('has no room for more than a gibibyte', () => {
    expect(createKernels()?.room([2 ** 30])).toBeNull();
  });

  test('where compiling is forbidden, the plain form runs', async () => {
    const forbidden = class {
      constructor() {
        throw new Error('blocked by the content policy');
      }
    };
    vi.resetModules();
    const fresh = await import('../../../src/simulator/values/wasm/kernels.ts');
    const tiny = await import('./tiny.ts');
    vi.stubGlobal('WebAssembly', { Module: forbidden });
    expect(fresh.createKernels()).toBeNull();
    const steps: VectorStep[] = [
      { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
      { op: 'store', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
    ];
    const rows = [tiny.row('vector', { op: 'VECTOR', inputs: [ref(0, 0, 'int8', 0, [2])], outputs: [ref(0, 1, 'int8', 0, [2])], steps })];
    expect(output(tiny.run({ rows, inputs: [int8([2], [5, -5])], outputs: [{ dtype: 'int8', shape: [2] }] }))).toEqual([5, -5]);
  });
});
