/** Text on a terminal: as wide as it is, and whole where somebody copies. */
import fc from 'fast-check';
import stringWidth from 'string-width';
import { afterEach, describe, expect, test } from 'vitest';
import { terminalWidth } from '../../src/cli/environment.ts';
import { columns, fold } from '../../src/cli/wrap.ts';

describe('fold', () => {
  test('what follows stands further in than the line it belongs to', () => {
    expect(fold('one two three\n  four five six', 9).split('\n')).toEqual(['one two', '  three', '  four', '    five', '    six']);
    expect(fold('one two three', 8, 0)).toBe('one two\nthree');
  });

  test('quoted names, commands and paths stay whole', () => {
    const lines = fold('cannot read "my models/net.onnx": try `systole models resnet18` or /a/very/long/path/that/sticks/out.', 30).split(
      '\n',
    );
    expect(lines.some((l) => l.includes('"my models/net.onnx":'))).toBe(true);
    expect(lines.some((l) => l.includes('`systole models resnet18`'))).toBe(true);
    expect(lines.at(-1)).toBe('  /a/very/long/path/that/sticks/out.');
  });

  test('nothing is lost, and no line is too long that could be shorter', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z界é]{1,12}$/u), { minLength: 1 }), fc.integer({ min: 30, max: 80 }), (words, width) => {
        const lines = fold(words.join(' '), width).split('\n');
        expect(lines.map((l) => l.trim()).join(' ')).toBe(words.join(' '));
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

test('the last column is folded under itself', () => {
  const rows = [
    ['a', 'one two three four five six'],
    ['long', 'seven'],
  ];
  expect(columns(rows, 30)).toBe('a     one two three four five\n      six\nlong  seven\n');
  expect(columns(rows)).toBe('a     one two three four five six\nlong  seven\n');
});

describe('the width of a terminal', () => {
  const before = process.env['COLUMNS'];
  afterEach(() => {
    if (before === undefined) delete process.env['COLUMNS'];
    else process.env['COLUMNS'] = before;
  });
  const asked = (columns: string, stream: { isTTY?: boolean; columns?: number }): number => {
    process.env['COLUMNS'] = columns;
    return terminalWidth(stream);
  };

  test('files and pipes are not wrapped; a terminal that does not know has 80 columns', () => {
    expect(asked('100', {})).toBe(Infinity);
    expect(asked('', { isTTY: true })).toBe(80);
    expect(asked('', { isTTY: true, columns: 0 })).toBe(80);
    expect(asked('', { isTTY: true, columns: 132 })).toBe(132);
    expect(asked('100', { isTTY: true, columns: 132 })).toBe(100);
    expect(asked('wide', { isTTY: true, columns: 132 })).toBe(132);
    expect(asked('3', { isTTY: true })).toBe(20);
  });
});
