/**
 * One line of program text as tokens: bare words (`[A-Za-z_]` then letters, digits, `_ . - /`), JSON strings, numbers, single punctuation.
 * `;` begins a comment.
 */
import { fail, isaMessages, quoted, suggest } from '../core/index.ts';

const token = /\s*(?:;.*$|("[^"\\]*(?:\\.[^"\\]*)*")|([A-Za-z_][\w.\-/]*)|([+-]?(?:inf\b|nan\b|\d+(?:\.\d+)?(?:e[+-]?\d+)?))|(\S))/y;
const bare = /^[A-Za-z_][\w.\-/]*$/;

/** `text` as it stands in program text: bare where it can be. */
export function printText(text: string): string {
  return bare.test(text) ? text : quoted(text);
}

/** Shortest decimal that reads back as the same double. */
export function printNumber(n: number): string {
  if (Number.isNaN(n)) return 'nan';
  if (!Number.isFinite(n)) return n > 0 ? 'inf' : '-inf';
  return Object.is(n, -0) ? '-0' : String(n);
}

interface Token {
  readonly kind: 'string' | 'word' | 'number' | 'punctuation' | 'end';
  readonly text: string;
  /** First column of the token, from 1. */
  readonly column: number;
}

export class LineScanner {
  readonly #line: string;
  readonly #number: number;
  readonly #file: string;
  #next: number;
  #current: Token;

  constructor(line: string, number: number, file: string) {
    this.#line = line;
    this.#number = number;
    this.#file = file;
    this.#next = 0;
    this.#current = this.#read();
  }

  #read(): Token {
    token.lastIndex = this.#next;
    const m = token.exec(this.#line);
    const text = m?.[1] ?? m?.[2] ?? m?.[3] ?? m?.[4];
    if (m === null || text === undefined) return { kind: 'end', text: '', column: this.#line.length + 1 };
    this.#next = token.lastIndex;
    const kind = m[1] !== undefined ? 'string' : m[2] !== undefined ? 'word' : m[3] !== undefined ? 'number' : 'punctuation';
    return { kind, text, column: this.#next - text.length + 1 };
  }

  #advance(): string {
    const { text } = this.#current;
    this.#current = this.#read();
    return text;
  }

  atEnd(): boolean {
    return this.#current.kind === 'end';
  }

  expectEnd(): void {
    if (!this.atEnd()) this.fail(`Nothing more was expected here, found ${this.#found()}`);
  }

  #found(): string {
    return this.atEnd() ? 'the end of the line' : `\`${this.#current.text}\``;
  }

  /** Is a bare word next? */
  atWord(): boolean {
    return this.#current.kind === 'word';
  }

  atText(): boolean {
    return this.#current.kind === 'word' || this.#current.kind === 'string';
  }

  atString(): boolean {
    return this.#current.kind === 'string';
  }

  atNumber(): boolean {
    return this.#current.kind === 'number';
  }

  word(what: string): string {
    return this.atWord() ? this.#advance() : this.fail(`Expected ${what}, found ${this.#found()}`);
  }

  /** A bare word or a quoted string. */
  text(what: string): string {
    if (this.#current.kind !== 'string') return this.word(what);
    try {
      const value: unknown = JSON.parse(this.#current.text);
      this.#advance();
      return String(value);
    } catch {
      return this.fail(`This string is not a JSON string`);
    }
  }

  /** One of `names`; others are told with the nearest. */
  oneOf<Name extends string>(names: readonly Name[], what: string): Name {
    const { column } = this.#current;
    const found = this.word(what);
    return names.find((n) => n === found) ?? this.fail(`Unknown ${what} \`${found}\``, suggest(found, names), column);
  }

  number(what: string): number {
    const { text } = this.#current;
    if (this.#current.kind === 'word' && (text === 'inf' || text === 'nan')) {
      this.#advance();
      return text === 'inf' ? Infinity : NaN;
    }
    if (this.#current.kind !== 'number') return this.fail(`Expected ${what}, found ${this.#found()}`);
    this.#advance();
    return text.endsWith('inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
  }

  /** A whole number of 32 bits. */
  integer(what: string): number {
    const { column, text } = this.#current;
    const n = this.number(what);
    return (n | 0) === n ? n + 0 : this.fail(`Expected ${what}, a whole number of 32 bits, found \`${text}\``, undefined, column);
  }

  /** A whole number up to 2^53: offsets and sizes. */
  long(what: string): number {
    const { column, text } = this.#current;
    const n = this.number(what);
    return Number.isSafeInteger(n) ? n + 0 : this.fail(`Expected ${what}, a whole number, found \`${text}\``, undefined, column);
  }

  /** Takes `punctuation` or `word` if it is next. */
  take(text: string): boolean {
    if (this.atEnd() || this.#current.kind === 'string' || this.#current.text !== text) return false;
    this.#advance();
    return true;
  }

  /** `text` where a list follows: `stride[…]` of a reference, not the field `stride=…` after it. */
  takeBeforeList(text: string): boolean {
    return this.#line.slice(this.#next).trimStart().startsWith('[') && this.take(text);
  }

  expect(text: string): void {
    if (!this.take(text)) this.fail(`Expected \`${text}\`, found ${this.#found()}`);
  }

  /** `[a, b, …]` of integers. */
  integers(what: string): number[] {
    this.expect('[');
    const values: number[] = [];
    while (!this.take(']')) {
      if (values.length > 0) this.expect(',');
      values.push(this.long(what));
    }
    return values;
  }

  /** Column of the next token, for a later `fail`. */
  get column(): number {
    return this.#current.column;
  }

  get line(): number {
    return this.#number;
  }

  fail(what: string, near?: string, column: number = this.#current.column): never {
    return fail(isaMessages.assemblySyntax({ what, near }, { location: { file: this.#file, line: this.#number, column } }));
  }
}
