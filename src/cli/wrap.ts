/** Lines for a terminal of a width. What somebody copies stays whole: codes, paths, quoted names and commands are not broken. */
import stringWidth from 'string-width';

/** A word, or several that quotes hold together, where they are short enough for a line. */
const piece = /(?:"[^"\n]{1,60}"|`[^`\n]{1,60}`|\S)+/g;

/**
 * Each line broken at spaces to at most `width` columns; what follows stands `hang` columns further in than the line it belongs to. A piece
 * longer than a line sticks out, and the terminal breaks it.
 */
export function fold(text: string, width: number, hang: number = 2): string {
  return text
    .split('\n')
    .map((line) => (stringWidth(line) <= width ? line : foldLine(line, width, hang)))
    .join('\n');
}

function foldLine(text: string, width: number, hang: number): string {
  const [indent = ''] = /^\s*/.exec(text) ?? [];
  const lines: string[] = [];
  let line = '';
  let columns = 0;
  let begin = indent;
  for (const [word] of text.matchAll(piece)) {
    const size = stringWidth(word);
    if (line !== '' && columns + 1 + size > width) {
      lines.push(begin + line);
      line = '';
      begin = indent + ' '.repeat(hang);
    }
    columns = line === '' ? begin.length + size : columns + 1 + size;
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, begin + line].join('\n');
}

/** Fewer columns than this are no column of text any more. */
const narrowest = 24;

/** Rows as aligned columns, two spaces apart; the last column is free, and is folded under itself where `width` bounds it. */
export function columns(rows: readonly (readonly string[])[], width: number = Infinity): string {
  const sized = rows.map((row) => row.map((cell, i) => ({ cell, size: i === row.length - 1 ? 0 : stringWidth(cell) })));
  const widths: number[] = [];
  for (const row of sized) row.forEach(({ size }, i) => (widths[i] = Math.max(widths[i] ?? 0, size)));
  const line = (row: (typeof sized)[number]): string => {
    const first = row
      .slice(0, -1)
      .map(({ cell, size }, i) => `${cell}${' '.repeat(Math.max(0, (widths[i] ?? 0) - size))}  `)
      .join('');
    const last = row.at(-1)?.cell ?? '';
    const start = stringWidth(first);
    if (start + stringWidth(last) <= width) return (first + last).trimEnd();
    if (width - start < narrowest) return `${first.trimEnd()}\n${fold(`    ${last}`, width, 0)}`;
    return first + fold(last, width - start, 0).replaceAll('\n', `\n${' '.repeat(start)}`);
  };
  return sized.map((row) => `${line(row)}\n`).join('');
}
