/** The textual form of graphs as tokens. */
import { fail, graphMessages, type Location } from '../core/index.ts';
import { parseDim, type Dim } from './dim.ts';

export interface Token {
  readonly kind: 'word' | 'string' | 'punctuation' | 'end';
  /** Without quotes for strings. */
  readonly text: string;
  readonly at: number;
}

// Strings as runs without escapes: a choice for each character would overflow the stack on weights of megabytes.
const tokenPattern = /[ \t\r\n]+|\/\/[^\n]*|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|[A-Za-z0-9_./-][A-Za-z0-9_./+-]*|[%#:=(){}[\],]|[^]/y;

export interface Reader {
  peek(): Token;
  next(): Token;
  /** Takes the token if it is this one. */
  take(text: string): boolean;
  expect(text: string): void;
  word(what: string): string;
  string(what: string): string;
  integer(what: string): number;
  /** Text up to the bracket that closes or a comma at depth 0. */
  dim(): Dim;
  wrong(expected: string): never;
  /** Where the next token stands; `place` makes a location of it, for messages. */
  position(): number;
  place(position: number): Location;
}

/** @param file  named in errors */
export function startReader(source: string, file: string | undefined): Reader {
  let position = 0;
  const scan = (): Token => {
    for (;;) {
      if (position >= source.length) return { kind: 'end', text: 'the end', at: source.length };
      tokenPattern.lastIndex = position;
      const raw = tokenPattern.exec(source)?.[0] ?? ' ';
      const at = position;
      position += raw.length;
      if (/^[ \t\r\n]/.test(raw) || raw.startsWith('//')) continue;
      if (raw.length > 1 && raw.startsWith('"')) return { kind: 'string', text: unquote(raw, at), at };
      return { kind: /^[A-Za-z0-9_./-]/.test(raw) ? 'word' : 'punctuation', text: raw, at };
    }
  };
  const unquote = (raw: string, at: number): string => {
    // Base64 strings are long and have no escapes.
    if (!raw.includes('\\')) return raw.slice(1, -1);
    try {
      return String(JSON.parse(raw));
    } catch {
      return fail(graphMessages.textSyntax({ expected: 'a string with JSON escapes', found: raw }, { location: place(at) }));
    }
  };
  const place = (at: number): Location => {
    const before = source.slice(0, at);
    const line = before.split('\n').length;
    return { ...(file === undefined ? {} : { file }), line, column: at - before.lastIndexOf('\n') };
  };
  let token = scan();
  const wrong = (expected: string): never => {
    const found = token.kind === 'end' ? 'the end' : token.kind === 'string' ? JSON.stringify(token.text.slice(0, 40)) : `"${token.text}"`;
    return fail(graphMessages.textSyntax({ expected, found }, { location: place(token.at) }));
  };
  const next = (): Token => {
    const current = token;
    token = scan();
    return current;
  };
  const reader: Reader = {
    peek: () => token,
    next,
    take(text) {
      if (token.kind === 'string' || token.text !== text || token.kind === 'end') return false;
      next();
      return true;
    },
    expect(text) {
      if (!reader.take(text)) wrong(`"${text}"`);
    },
    word: (what) => (token.kind === 'word' ? next().text : wrong(what)),
    string: (what) => (token.kind === 'string' ? next().text : wrong(what)),
    integer(what) {
      if (token.kind !== 'word' || !/^-?\d+$/.test(token.text)) return wrong(what);
      return Number(next().text);
    },
    dim() {
      const start = token.at;
      let depth = 0;
      let quoted = false;
      let end = start;
      for (; end < source.length; end++) {
        const c = source[end];
        if (c === '\\' && quoted) end++;
        else if (c === "'") quoted = !quoted;
        else if (quoted) continue;
        else if (c === '(') depth++;
        else if (c === ')') depth--;
        else if (c === '\n' || (depth === 0 && (c === ',' || c === ']'))) break;
      }
      const value = parseDim(source.slice(start, end), place(start));
      position = end;
      token = scan();
      return value;
    },
    wrong,
    position: () => token.at,
    place,
  };
  return reader;
}
