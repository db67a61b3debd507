import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import { checkSum } from '../../src/isa/content-hash.ts';
import {
  assemble,
  decodeExecutable,
  disassemble,
  encodeExecutable,
  verifyExecutable,
  type CommandTable,
  type Executable,
} from '../../src/isa/index.ts';
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

  test('cut anywhere, it is refused', () => {
    for (const weights of ['embed', 'hash'] as const) {
      const good = encodeExecutable(sample, { weights });
      for (let n = 0; n < good.length; n++) {
        expect(problem(() => decodeExecutable(good.subarray(0, n)))).toMatch(n < 8 ? /SYS5010/ : /SYS5012.*cut short/);
      }
    }
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

describe('made by hand', () => {
  /** What the room promises of anything it could read: no error without a code, whoever asks. */
  const inspect = (e: Executable): void => {
    verifyExecutable(e);
    expect(disassemble(assemble(disassemble(e)))).toBe(disassemble(e));
  };

  test('a file changed with its check sum mended is refused, or is a program that can be told', () => {
    const good = encodeExecutable(sample, { weights: 'hash' });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 24, max: good.length - 1 }), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = good.slice();
          for (const [at, value] of changes) bytes[at] = value;
          new DataView(bytes.buffer).setUint32(16, checkSum(bytes.subarray(24)), true);
          problem(() => inspect(decodeExecutable(bytes)));
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('words of a command beyond those it has', () => {
    const short: CommandTable = { ...sampleTable(), words: sampleTable().words.map((w, i) => (i === 0 ? w - 1 : w)) };
    const program = { name: 'main', commands: short };
    expect(problem(() => decodeExecutable(encodeExecutable({ ...sample, programs: [program] }, { weights: 'hash' })))).toMatch(
      /SYS5013.*row 0: not a LOAD/,
    );
  });

  test('text with lines lost, doubled and swapped', () => {
    const lines = disassemble(sample, { weights: 'base64' }).split('\n');
    const line = fc.nat(lines.length - 2);
    fc.assert(
      fc.property(fc.constantFrom('lost', 'doubled', 'swapped'), line, line, (what, a, b) => {
        const edited = [...lines];
        if (what === 'lost') edited.splice(a, 1);
        else if (what === 'doubled') edited.splice(a, 0, lines[b] ?? '');
        else [edited[a], edited[b]] = [lines[b] ?? '', lines[a] ?? ''];
        problem(() => inspect(assemble(edited.join('\n'))));
      }),
      { numRuns: 500 },
    );
  });
});

function sampleTable(): CommandTable {
  const [main] = sample.programs;
  if (main === undefined) throw new Error('the sample has a program');
  return main.commands;
}

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
    expect(problem(() => assemble('systole 1\nmodel m\nend'))).toMatch(/Expected `sha256`, found the end of the line/);
  });

  test('what is something else is told once', () => {
    const told = (text: string): string => problem(() => assemble(text, { file: 'x.txt' }));
    expect(told('')).toMatch(/^x\.txt: error SYS1081: .*it is empty/);
    expect(told('Dear reader,\n'.repeat(50))).toMatch(/^x\.txt:1: error SYS1081: .*it begins with "Dear reader,".*`systole disasm`[^\n]*$/);
    expect(told('; a comment\n\n{ "json": 1 }')).toMatch(/^x\.txt:3: error SYS1081/);
  });

  test('cut anywhere, it is refused with file, line and what was read', () => {
    for (const weights of ['hash', 'base64'] as const) {
      const text = disassemble(sample, { weights });
      const lines = text.split('\n');
      // All but the line break behind the last line.
      for (let n = 1; n < lines.length - 1; n++) {
        const cut = problem(() => assemble(lines.slice(0, n).join('\n'), { file: 'x.txt' }));
        expect(cut).toMatch(/^x\.txt:\d+: error SYS1080: the text stops here, without its last line `end`/);
      }
      fc.assert(
        fc.property(fc.nat(text.length - 2), (length) => {
          expect(problem(() => assemble(text.slice(0, length)))).toMatch(/SYS1080|SYS1081/);
        }),
        { numRuns: 300 },
      );
    }
    const upTo = (line: RegExp): string => disassemble(sample).split(line)[0] ?? '';
    expect(problem(() => assemble(upTo(/^node /m)))).toContain('before its first program');
    expect(problem(() => assemble(upTo(/^ *4: /m)))).toContain('4 commands of program "main" were read');
  });

  test('nothing follows the end, and lost weights are told where they are missing', () => {
    const text = disassemble(sample, { weights: 'base64' });
    expect(problem(() => assemble(`${text}space 3 more\n`))).toMatch(/SYS5020: The text has ended/);
    expect(problem(() => assemble(text.replace(/\n {2}\| ACVK[^\n]*/, '')))).toMatch(/:\d+: error SYS5020: .*72 bytes.*found 0/);
    expect(problem(() => assemble(text.replace('ACVK', 'AC-K')))).toMatch(/:\d+:\d+: error SYS5020: .*base64/);
  });

  test('line ends of another system are line ends', () => {
    const text = disassemble(sample, { weights: 'base64' });
    expect(plain(assemble(text.replaceAll('\n', '\r\n')))).toEqual(plain(assemble(text)));
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
