/** Text for terminals: width, colour, lines. */
import stringWidth from 'string-width';
import { visible } from '../core/index.ts';

export interface SummaryStyle {
  /** Columns to fill, at least 76. */
  readonly width: number;
  readonly color: boolean;
}

export type Paint = (kind: 'strong' | 'faint' | 'warn', text: string) => string;

export function painter(color: boolean): Paint {
  const codes = { strong: '1', faint: '2', warn: '33' } as const;
  return (kind, text) => (color ? `\u001b[${codes[kind]}m${text}\u001b[0m` : text);
}

/** Stands for a space that `wrap` does not break at. */
const tie = '\u00a0';

/** A text that stays in one line where it fits in one. */
export function keepTogether(text: string): string {
  return text.replaceAll(' ', tie);
}

/** Columns a text takes on a terminal: two for most of East Asian writing and emoji, none for accents that combine. */
export function displayWidth(text: string): number {
  return stringWidth(text);
}

/** Filled up with spaces. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

const segmenter = new Intl.Segmenter();

/** As much of the start as takes no more than `width` columns; characters that belong together stay together. */
function startOf(text: string, width: number): string {
  let end = 0;
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) {
    columns += displayWidth(segment);
    if (columns > width) break;
    end += segment.length;
  }
  return text.slice(0, end);
}

function endOf(text: string, width: number): string {
  const segments = Array.from(segmenter.segment(text), ({ segment }) => segment);
  let begin = segments.length;
  for (let columns = 0; begin > 0; begin--) {
    columns += displayWidth(segments[begin - 1] ?? '');
    if (columns > width) break;
  }
  return segments.slice(begin).join('');
}

/** A text cut to `width` columns with its middle left out; characters nobody sees are written out. */
export function fit(text: string, width: number): string {
  return cut(visible(text), width, Math.ceil((width - 1) / 2));
}

/** @param head  columns of the start that stay */
function cut(text: string, width: number, head: number): string {
  if (displayWidth(text) <= width) return text;
  return `${startOf(text, head)}…${endOf(text, width - 1 - head)}`;
}

/**
 * Names that stand one above the other, cut so that as many as possible can be told apart: in the middle, or, where that leaves out what
 * differs (the number of a layer), in front, or behind.
 */
export function fitAll(names: readonly string[], width: number): readonly string[] {
  const texts = names.map(visible);
  let best = texts.map((t) => cut(t, width, Math.ceil((width - 1) / 2)));
  const told = (list: readonly string[]): number => new Set(list).size;
  const different = told(texts);
  for (const head of [0, Math.floor(width / 4), Math.floor((3 * width) / 4), width - 1]) {
    if (told(best) === different) break;
    const other = texts.map((t) => cut(t, width, head));
    if (told(other) > told(best)) best = other;
  }
  return best;
}

/** Lines of at most `width` columns, broken at spaces; a longer word is broken inside. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let columns = 0;
  for (const word of text.split(/[ \t\n]+/).filter((w) => w !== '')) {
    let rest = visible(word);
    let size = displayWidth(rest);
    if (line !== '' && columns + 1 + size > width) {
      lines.push(line);
      line = '';
    }
    while (size > width) {
      // One character at least, however narrow the line.
      const start = startOf(rest, width) || Array.from(rest)[0] || rest;
      lines.push(start);
      rest = rest.slice(start.length);
      size = displayWidth(rest);
    }
    if (rest === '') continue;
    columns = line === '' ? size : columns + 1 + size;
    line = line === '' ? rest : `${line} ${rest}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((l) => l.replaceAll(tie, ' '));
}
