/** Queues, semaphores, barriers, repeats; what goes in and comes out; the errors users meet. */
import { describe, expect, test } from 'vitest';
import { SystoleError, type Tensor } from '../../../src/core/index.ts';
import { execute } from '../../../src/simulator/values/index.ts';
import {
  copy,
  float32,
  int8,
  load,
  local,
  output,
  ref,
  row,
  run,
  signal,
  store,
  tinyExecutable,
  tinyMachine,
  wait,
  type Row,
  type Tiny,
} from './tiny.ts';

function errorOf(action: () => unknown): SystoleError {
  try {
    action();
  } catch (error) {
    if (error instanceof SystoleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Two buffers of 4 bytes; tokens: 0 filled, 1 freed. The matrix queue is played by a copy. */
function doubleBuffered(tiles: number): Tiny {
  const rows: Row[] = [row('vector', signal(1, 2))];
  for (let t = 0; t < tiles; t++) {
    const buffer = local('int8', (t % 2) * 4, [4]);
    rows.push(
      row('dma-in', wait(1)),
      row('dma-in', load(ref(0, 0, 'int8', t * 4, [4]), buffer)),
      row('dma-in', signal(0)),
      row('vector', wait(0)),
      row('vector', copy(buffer, ref(0, 1, 'int8', t * 4, [4]))),
      row('vector', signal(1)),
    );
  }
  const values = Array.from({ length: tiles * 4 }, (_, i) => i + 1);
  return { rows, inputs: [int8([tiles * 4], values)], outputs: [{ dtype: 'int8', shape: [tiles * 4] }] };
}

describe('queues', () => {
  test('double buffering moves every tile, and the sanitizer has nothing to say', () => {
    const tiny = doubleBuffered(7);
    const execution = run(tiny, { sanitize: true });
    expect(output(execution)).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
    expect(execution.diagnostics).toEqual([]);
    expect(execution.commandsExecuted).toBe(43);
  });

  test('REPEAT moves region references, nests, and counts unrolled', () => {
    // 2 × 3 tiles of 2 bytes, outer stride 6, inner 2.
    const repeat = (count: number, length: number, bytes: number): Row =>
      row('dma-in', { op: 'REPEAT', count, length, strides: [0, 1].map((region) => ({ region, bytes })) });
    const rows = [
      repeat(2, 8, 6),
      repeat(3, 6, 2),
      row('dma-in', load(ref(0, 0, 'int8', 0, [2]), local('int8', 0, [2]))),
      row('dma-in', signal(0)),
      row('dma-out', wait(0)),
      row('dma-out', store(local('int8', 0, [2]), ref(0, 1, 'int8', 0, [2]))),
      row('dma-out', signal(1)),
      row('dma-in', wait(1)),
      row('dma-in', { op: 'REPEAT', count: 0, length: 0, strides: [] }),
    ];
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const execution = run({ rows, inputs: [int8([12], values)], outputs: [{ dtype: 'int8', shape: [12] }] }, { sanitize: true });
    expect(output(execution)).toEqual(values);
    expect(execution.diagnostics).toEqual([]);
    expect(execution.commandsExecuted).toBe(36);
  });

  test('an offset that REPEAT moves wraps inside its ring', () => {
    // Slabs of 2 bytes in a ring of 2 slabs of the arena: iterations write slabs 0, 1, 0; the ring then holds the last two.
    const slab = ref(0, 2, 'int8', 0, [1, 2], { strides: [2, 1], ring: { base: 0, bytes: 4, axis: 0 } });
    const strides = [0, 2].map((region) => ({ region, bytes: 2 }));
    const rows = [
      row('dma-in', { op: 'REPEAT', count: 3, length: 1, strides }),
      row('dma-in', copy(ref(0, 0, 'int8', 0, [1, 2]), slab)),
      row('dma-in', copy(ref(0, 2, 'int8', 0, [4]), ref(0, 1, 'int8', 0, [4]))),
    ];
    const execution = run(
      { rows, arena: 4, inputs: [int8([6], [1, 2, 3, 4, 5, 6])], outputs: [{ dtype: 'int8', shape: [4] }] },
      { sanitize: true },
    );
    expect(output(execution)).toEqual([5, 6, 3, 4]);
    expect(execution.diagnostics.map((d) => d.code)).toEqual(['SYS6206']);
  });

  test('BARRIER holds every queue', () => {
    const rows = [
      row('dma-in', load(ref(0, 0, 'int8', 0, [2]), local('int8', 0, [2]))),
      row('vector', { op: 'BARRIER' }),
      row('dma-out', store(local('int8', 0, [2]), ref(0, 1, 'int8', 0, [2]))),
    ];
    const execution = run({ rows, inputs: [int8([2], [5, 6])], outputs: [{ dtype: 'int8', shape: [2] }] }, { sanitize: true });
    expect(output(execution)).toEqual([5, 6]);
    expect(execution.diagnostics).toEqual([]);
    expect(execution.commandsExecuted).toBe(3);
  });

  test('cores have windows of their own', () => {
    const both = (core: number): Row[] => [
      row('dma-in', load(ref(0, 0, 'int8', core, [1]), local('int8', 0, [1])), { core }),
      row('dma-in', store(local('int8', 0, [1]), ref(0, 1, 'int8', core, [1])), { core }),
    ];
    expect(output(run({ rows: [...both(0), ...both(1)], inputs: [int8([2], [8, 9])], outputs: [{ dtype: 'int8', shape: [2] }] }))).toEqual([
      8, 9,
    ]);
  });

  test('a deadlock names every blocked queue, its semaphore, the count, the kernel and its ONNX nodes', () => {
    const rows = [
      row('dma-in', signal(3)),
      row('matrix', wait(3, 2), { kernel: 1 }),
      row('vector', wait(4)),
      row('dma-in', { op: 'BARRIER' }),
    ];
    const error = errorOf(() => run({ rows, kernels: 2 }));
    expect(error.diagnostics[0]?.code).toBe('SYS6009');
    expect(error.diagnostics[0]?.origin).toEqual(['node_0', 'node_1']);
    expect(error.message.split('\n').slice(0, 4)).toEqual([
      'error SYS6009: The program stops after 1 of 4 commands because every queue waits:',
      '  BARRIER (row 3, core 0 dma-in, kernel "k0" from node_0) waits for all other queues to reach it',
      '  WAIT (row 1, core 0 matrix, kernel "k1" from node_1) needs 2 of semaphore 3 of core 0, which holds 1',
      '  WAIT (row 2, core 0 vector, kernel "k0" from node_0) needs 1 of semaphore 4 of core 0, which holds 0',
    ]);
  });

  test('kernels are reported as their last command retires', () => {
    const done: number[] = [];
    const x = ref(0, 0, 'int8', 0, [1]);
    const rows = [0, 1, 0].map((kernel, i) => row('dma-in', load(x, local('int8', i, [1])), { kernel }));
    run({ rows, inputs: [int8([1], [1])], kernels: 2 }, { onKernel: (k) => done.push(k) });
    expect(done).toEqual([1, 0]);
  });

  test('the same run twice gives the same bytes, poison included', () => {
    const rows = [row('dma-in', copy(local('int8', 0, [8]), ref(0, 0, 'int8', 0, [8])))];
    const once = (): number[] => output(run({ rows, outputs: [{ dtype: 'int8', shape: [8] }] }));
    expect(once()).toEqual([-73, -91, -45, -1, -73, -91, -45, -1]);
    expect(once()).toEqual(once());
  });
});

describe('inputs', () => {
  const rows = [row('dma-in', load(ref(0, 0, 'int8', 0, [3]), ref(0, 1, 'int8', 0, [3])))];
  const quantization = { scale: 0.5, zeroPoint: 1, placeholder: false };
  const tiny = (more: Partial<Tiny> = {}): Tiny => ({
    rows,
    inputs: [int8([3], [1, 2, 3])],
    outputs: [{ dtype: 'int8', shape: [3] }],
    ...more,
  });
  const runWith = (inputs: ReadonlyMap<string, Tensor>, more: Partial<Tiny> = {}) =>
    execute(tinyExecutable(tiny(more)), tinyMachine(), inputs, { sanitize: false });

  test('float32 is quantized where the program quantizes the input', () => {
    const inputs = new Map([['in0', float32([3], [0.25, -1.25, 1000])]]);
    // 0.5 -> 0 and -2.5 -> -2, ties to even; + 1.
    expect(output(runWith(inputs, { binding: { quantization } }))).toEqual([1, -1, 127]);
  });

  test('missing, unknown, wrong shape and wrong type', () => {
    const codes = (inputs: ReadonlyMap<string, Tensor>): string[] => errorOf(() => runWith(inputs)).diagnostics.map((d) => d.code);
    expect(codes(new Map())).toEqual(['SYS6004']);
    expect(errorOf(() => runWith(new Map([['in', int8([3], [1, 2, 3])]]))).message).toContain('Did you mean "in0"?');
    expect(codes(new Map([['in0', int8([1, 3], [1, 2, 3])]]))).toEqual(['SYS6006']);
    expect(codes(new Map([['in0', float32([3], [1, 2, 3])]]))).toEqual(['SYS6006']);
  });

  test('placeholder scales and absent weights ask for --calibrate', () => {
    const inputs = new Map([['in0', int8([3], [1, 2, 3])]]);
    const error = errorOf(() => runWith(inputs, { binding: { quantization: { ...quantization, placeholder: true } } }));
    expect(error.diagnostics.map((d) => d.code)).toEqual(['SYS6003']);
    expect(error.message).toContain('--calibrate');
    const executable = { ...tinyExecutable(tiny()), weights: { region: 0, bytes: 1, segments: [], absent: 'placeholder scales' } };
    const absent = errorOf(() => execute(executable, tinyMachine(), inputs, { sanitize: false }));
    expect(absent.diagnostics.map((d) => d.code)).toEqual(['SYS6002']);
    // Addresses alone can still be followed.
    expect(execute(executable, tinyMachine(), new Map(), { sanitize: true, values: false }).diagnostics).toEqual([]);
  });

  test('a reference outside its region is an error', () => {
    const outside = [row('dma-in', load(ref(0, 0, 'int8', 2, [3]), ref(0, 1, 'int8', 0, [3])))];
    expect(errorOf(() => run(tiny({ rows: outside }))).message).toContain('touches bytes 2..4 of region "in0", which has 3 bytes');
  });

  test('too much memory is refused before it is allocated', () => {
    const error = errorOf(() => run({ ...tiny(), arena: 4 * 2 ** 30 }));
    expect(error.diagnostics.map((d) => d.code)).toEqual(['SYS6001']);
  });
});
