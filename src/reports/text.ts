/** Text for terminals: width, colour, lines. */

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

/** Lines of at most `width` characters, broken at spaces; a longer word is broken inside. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/[ \t\n]+/).filter((w) => w !== '')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > width) {
      lines.push(line);
      line = '';
    }
    while (rest.length > width) {
      lines.push(rest.slice(0, width));
      rest = rest.slice(width);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  if (line !== '') lines.push(line);
  return lines.map((l) => l.replaceAll(tie, ' '));
}
