import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { assemble, decodeExecutable, disassemble, encodeExecutable, type Executable } from '../../src/isa/index.ts';
import { anyCommand, anySlot } from './arbitrary.ts';
import { executableOf } from './fixtures.ts';
import { sample } from './sample.ts';

/** What is left when the ways weights are read are taken away. */
const plain = (e: Executable): unknown => ({
  ...e,
  weights: { ...e.weights, segments: e.weights.segments.map((s) => [s.offset, s.bytes]) },
});
const problem = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof SystoleError) return error.message;
    throw error;
  }
  return 'none';
};

describe('binary form', () => {
  test('gives everything back, weights too', () => {
    const back = decodeExecutable(encodeExecutable(sample, { weights: 'embed' }));
    expect(plain(back)).toEqual(plain(sample));
    expect(back.weights.segments.map((s) => [...s.read()])).toEqual(sample.weights.segments.map((s) => [...s.read()]));
  });

  test('writes the same bytes again, embedded or by hash', () => {
    for (const weights of ['embed', 'hash'] as const) {
      const bytes = encodeExecutable(sample, { weights });
      expect(encodeExecutable(decodeExecutable(bytes), { weights })).toEqual(bytes);
    }
  });

  test('without weights it is timed, not run: reading says why', () => {
    const back = decodeExecutable(encodeExecutable(sample, { weights: 'hash' }));
    expect(back.weights.absent).toBe('--no-weights');
    expect(problem(() => back.weights.segments[0]?.read())).toMatch(/SYS5014.*72 weight bytes at offset 0.*--no-weights/);
  });

  test('holds any command', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anySlot, anyCommand), { maxLength: 8 }), (rows) => {
        const e = executableOf(rows);
        expect(decodeExecutable(encodeExecutable(e, { weights: 'embed' })).programs).toEqual(e.programs);
      }),
      { numRuns: 200 },
    );
  });

  test('tiles of one form take a few bytes each', () => {
    const one = executableOf(
      [...Array(2000).keys()].map((i) => [
        { core: 0, queue: 'dma-in', kernel: 0 } as const,
        {
          op: 'LOAD',
          operand: 'inputs',
          src: { space: 0, region: 1, dtype: 'int8', offset: i * 64, extents: [64], strides: [1] },
          dst: { space: 1, region: -1, dtype: 'int8', offset: 0, extents: [64], strides: [1] },
        } as const,
      ]),
    );
    expect(encodeExecutable(one, { weights: 'embed' }).length).toBeLessThan(2000 * 14);
  });

  test('says what is wrong with a file', () => {
    const good = encodeExecutable(sample, { weights: 'embed' });
    const changed = (at: number): Uint8Array => good.map((b, i) => (i === at ? b ^ 1 : b));
    expect(problem(() => decodeExecutable(new Uint8Array()))).toMatch(/SYS5010.*empty/);
    expect(problem(() => decodeExecutable(Uint8Array.of(8, 9, 18, 3)))).toMatch(/SYS5010.*ONNX model/);
    expect(problem(() => decodeExecutable(new TextEncoder().encode(disassemble(sample))))).toMatch(/SYS5010.*text/);
    expect(problem(() => decodeExecutable(changed(8)))).toMatch(/SYS5011.*version 0/);
    expect(problem(() => decodeExecutable(good.subarray(0, 20)))).toMatch(/SYS5012/);
    expect(problem(() => decodeExecutable(good.subarray(0, good.length - 1)))).toMatch(/SYS5012.*cut short/);
    expect(problem(() => decodeExecutable(Uint8Array.of(...good, 0)))).toMatch(/SYS5012.*appended/);
    expect(problem(() => decodeExecutable(changed(100)))).toMatch(/SYS5013.*check sum/);
    expect(problem(() => decodeExecutable(changed(good.length - 1)).weights.segments[1]?.read())).toMatch(/SYS5013.*offset 72/);
  });

  test('never fails but with a code, however a file is cut or changed', () => {
    const good = encodeExecutable(sample, { weights: 'embed' });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        problem(() => decodeExecutable(good.map((b, i) => (i === at ? value : b)).subarray(0, length)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('text form', () => {
  test('the sample reads like this', async () => {
    await expect(disassemble(sample, { weights: 'base64' })).toMatchFileSnapshot('sample.txt');
  });

  test('assembles to the same bytes, weights as base64 or by hash', () => {
    const embedded = encodeExecutable(sample, { weights: 'embed' });
    expect(encodeExecutable(assemble(disassemble(sample, { weights: 'base64' })), { weights: 'embed' })).toEqual(embedded);
    const hashed = encodeExecutable(sample, { weights: 'hash' });
    expect(encodeExecutable(assemble(disassemble(sample)), { weights: 'hash' })).toEqual(hashed);
  });

  test('says any command', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anySlot, anyCommand), { maxLength: 5 }), (rows) => {
        const e = executableOf(rows);
        expect(assemble(disassemble(e)).programs).toEqual(e.programs);
      }),
      { numRuns: 300 },
    );
  });

  test('tells line, column and the near name, all problems at once', () => {
    const text = disassemble(sample)
      .replace('k0 SIGNAL', 'k0 SINGAL')
      .replace('dst=scratchpad+1024', 'dst=scratchpd+1024')
      .replace('c0.vector', 'c0.vectr');
    const message = problem(() => assemble(text, { file: 'tiny.txt' }));
    expect(message.split('\n')).toEqual([
      expect.stringMatching(/^tiny\.txt:\d+:35: error SYS5020: Unknown memory `scratchpd`\. Did you mean "scratchpad"\?$/),
      expect.stringMatching(/^tiny\.txt:\d+:19: error SYS5020: Unknown command `SINGAL`\. Did you mean "SIGNAL"\?$/),
      expect.stringMatching(/^tiny\.txt:\d+:5: error SYS5020: Unknown queue `vectr`\. Did you mean "vector"\?$/),
    ]);
    expect(problem(() => assemble('systole 1\nmodel m'))).toMatch(/Expected `sha256`, found the end of the line/);
    expect(problem(() => assemble(''))).toMatch(/no `systole` line/);
  });

  test('comments, blank lines, spacing and row numbers do not matter', () => {
    const text = disassemble(sample);
    const loose = text
      .split('\n')
      .map((line) => (/^\s*\|/.test(line) ? line : `  ${line.replace(/^ *\d+: /, '')}   ; note`))
      .join('\n');
    expect(encodeExecutable(assemble(loose), { weights: 'hash' })).toEqual(encodeExecutable(sample, { weights: 'hash' }));
  });
});
