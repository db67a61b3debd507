/**
 * Regular expressions of the syntax of RE2 (github.com/google/re2/wiki/Syntax), matched whole against a text in time proportional
 * to pattern times text: a nondeterministic automaton whose states are followed all at once (K. Thompson, "Regular Expression
 * Search Algorithm", CACM 11(6), 1968). No text makes it slow, as backtracking matchers can be made.
 */

/** A pattern that is not of RE2's syntax, or too large. */
export class PatternError extends Error {}

type State =
  | { readonly kind: 'char'; readonly matches: (c: string) => boolean; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'assert'; readonly holds: (before: string | undefined, after: string | undefined) => boolean; next: number }
  | { readonly kind: 'match' };

interface Flags {
  readonly fold: boolean;
  readonly lines: boolean;
  readonly dotAll: boolean;
}

type Tree =
  | { readonly kind: 'char'; readonly matches: (c: string) => boolean }
  | { readonly kind: 'assert'; readonly holds: (before: string | undefined, after: string | undefined) => boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly Tree[] }
  | { readonly kind: 'choice'; readonly parts: readonly Tree[] }
  | { readonly kind: 'repeat'; readonly part: Tree; readonly least: number; readonly most: number };

/** RE2's limit of a counted repetition, and one of ours for what nested ones come to. */
const mostRepeats = 1000;
const mostStates = 100_000;
const mostDepth = 500;

/**
 * Whether a pattern matches a whole text.
 * @throws PatternError for what RE2 refuses: references back, looking around, unbalanced groups
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const states = build(parse(Array.from(pattern)));
  return (text) => run(states, Array.from(text));
}

function isWord(c: string | undefined): boolean {
  return c !== undefined && /^[0-9A-Za-z_]$/.test(c);
}

function parse(source: readonly string[]): Tree {
  let at = 0;
  let depth = 0;
  let flags: Flags = { fold: false, lines: false, dotAll: false };
  const peek = (ahead: number = 0): string | undefined => source[at + ahead];
  const take = (): string => {
    const c = source[at++];
    if (c === undefined) throw new PatternError('it ends in the middle');
    return c;
  };
  const char = (matches: (c: string) => boolean): Tree => ({ kind: 'char', matches });
  const literal = (c: string): Tree => {
    if (!flags.fold) return char((x) => x === c);
    const folded = c.toLowerCase();
    return char((x) => x === c || x.toLowerCase() === folded);
  };

  const choice = (): Tree => {
    if (++depth > mostDepth) throw new PatternError(`groups are nested more than ${mostDepth} deep`);
    const parts = [sequence()];
    while (peek() === '|') {
      at++;
      parts.push(sequence());
    }
    depth--;
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'choice', parts };
  };
  const sequence = (): Tree => {
    const parts: Tree[] = [];
    while (peek() !== undefined && peek() !== '|' && peek() !== ')') parts.push(repeated());
    return { kind: 'sequence', parts };
  };
  const repeated = (): Tree => {
    let tree = atom();
    for (;;) {
      const bounds = quantifier();
      if (bounds === null) return tree;
      // Lazy or greedy: a whole match does not care.
      if (peek() === '?') at++;
      tree = { kind: 'repeat', part: tree, ...bounds };
    }
  };
  const quantifier = (): { readonly least: number; readonly most: number } | null => {
    const c = peek();
    if (c === '*' || c === '+' || c === '?') {
      at++;
      return { least: c === '+' ? 1 : 0, most: c === '?' ? 1 : Infinity };
    }
    if (c !== '{') return null;
    const found = /^\{(\d+)(,(\d*))?\}/.exec(source.slice(at, at + 16).join(''));
    if (found === null) return null;
    at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3]);
    if (least > mostRepeats || (most !== Infinity && (most > mostRepeats || most < least))) {
      throw new PatternError(`the repetition ${found[0]} is out of order or above ${mostRepeats}`);
    }
    return { least, most };
  };
  const atom = (): Tree => {
    const c = take();
    switch (c) {
      case '(':
        return group();
      case '[': {
        const matches = charClass();
        return char(matches);
      }
      case '.': {
        const { dotAll } = flags;
        return char((x) => dotAll || x !== '\n');
      }
      case '^': {
        const { lines } = flags;
        return { kind: 'assert', holds: (before) => before === undefined || (lines && before === '\n') };
      }
      case '$': {
        const { lines } = flags;
        return { kind: 'assert', holds: (_, after) => after === undefined || (lines && after === '\n') };
      }
      case '\\':
        return escape();
      case '*':
      case '+':
      case '?':
        throw new PatternError(`"${c}" repeats nothing`);
      case '{':
        at--;
        if (quantifier() !== null) throw new PatternError('"{" repeats nothing');
        at++;
        return literal('{');
      default:
        return literal(c);
    }
  };
  const group = (): Tree => {
    const outer = flags;
    if (peek() === '?') {
      at++;
      const named = /^(?:P?<([A-Za-z_][0-9A-Za-z_]*)>)/.exec(source.slice(at, at + 64).join(''));
      if (named !== null) at += named[0].length;
      else if (setFlags()) return { kind: 'sequence', parts: [] };
    }
    const tree = choice();
    if (peek() !== ')') throw new PatternError('a group is not closed');
    at++;
    flags = outer;
    return tree;
  };
  /** `i`, `m`, `s`, `U` after "(?"; true for "(?flags)", which hold to the end of the group around. */
  const setFlags = (): boolean => {
    let on = true;
    for (;;) {
      const c = take();
      if (c === ')') return true;
      if (c === ':') return false;
      if (c === '-') on = false;
      else if (c === 'i') flags = { ...flags, fold: on };
      else if (c === 'm') flags = { ...flags, lines: on };
      else if (c === 's') flags = { ...flags, dotAll: on };
      else if (c !== 'U') throw new PatternError(`"(?${c}" is nothing RE2 knows`);
    }
  };
  const escape = (): Tree => {
    const c = take();
    switch (c) {
      case 'A':
        return { kind: 'assert', holds: (before) => before === undefined };
      case 'z':
        return { kind: 'assert', holds: (_, after) => after === undefined };
      case 'b':
        return { kind: 'assert', holds: (before, after) => isWord(before) !== isWord(after) };
      case 'B':
        return { kind: 'assert', holds: (before, after) => isWord(before) === isWord(after) };
      case 'C':
        return char(() => true);
      case 'Q': {
        const parts: Tree[] = [];
        while (peek() !== undefined && !(peek() === '\\' && peek(1) === 'E')) parts.push(literal(take()));
        at += 2;
        return { kind: 'sequence', parts };
      }
      default: {
        const set = classEscape(c);
        return set === null ? literal(characterEscape(c)) : char(set);
      }
    }
  };
  /** \d \D \s \S \w \W \pL \p{Greek} \P{…}; null for another escape. */
  const classEscape = (c: string): ((x: string) => boolean) | null => {
    switch (c) {
      case 'd':
        return (x) => /^[0-9]$/.test(x);
      case 'D':
        return (x) => !/^[0-9]$/.test(x);
      case 's':
        return (x) => /^[\t\n\f\r ]$/.test(x);
      case 'S':
        return (x) => !/^[\t\n\f\r ]$/.test(x);
      case 'w':
        return isWord;
      case 'W':
        return (x) => !isWord(x);
      case 'p':
      case 'P': {
        let name = take();
        if (name === '{') {
          name = '';
          while (peek() !== '}') name += take();
          at++;
        }
        const negated = name.startsWith('^') !== (c === 'P');
        const property = unicodeProperty(name.replace('^', ''));
        return (x) => property.test(x) !== negated;
      }
      default:
        return null;
    }
  };
  const characterEscape = (c: string): string => {
    const plain = { a: '\x07', f: '\f', t: '\t', n: '\n', r: '\r', v: '\v' }[c];
    if (plain !== undefined) return plain;
    if (c === 'x') {
      const found = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/.exec(source.slice(at, at + 8).join(''));
      const code = parseInt(found?.[1] ?? found?.[2] ?? '', 16);
      if (found === null || !(code <= 0x10ffff)) throw new PatternError('"\\x" is not followed by a code');
      at += found[0].length;
      return String.fromCodePoint(code);
    }
    if (/^[0-7]$/.test(c)) {
      const found = /^[0-7]{0,2}/.exec(source.slice(at, at + 2).join(''))?.[0] ?? '';
      if (c !== '0' && found.length === 0) throw new PatternError(`"\\${c}" refers back, which RE2 does not`);
      at += found.length;
      return String.fromCodePoint(parseInt(c + found, 8));
    }
    if (/^[0-9A-Za-z]$/.test(c)) throw new PatternError(`"\\${c}" is nothing RE2 knows`);
    return c;
  };
  const charClass = (): ((x: string) => boolean) => {
    const negated = peek() === '^';
    if (negated) at++;
    const { fold } = flags;
    const sets: ((x: string) => boolean)[] = [];
    const member = (): string | null => {
      const c = take();
      if (c === '[' && peek() === ':') {
        const found = /^:(\^?)([a-z]+):\]/.exec(source.slice(at, at + 12).join(''));
        const set = found === null ? undefined : posixClasses[found[2] ?? ''];
        if (found !== null && set !== undefined) {
          at += found[0].length;
          sets.push((x) => set.test(x) !== (found[1] === '^'));
          return null;
        }
      }
      if (c !== '\\') return c;
      const e = take();
      const set = classEscape(e);
      if (set === null) return characterEscape(e);
      sets.push(set);
      return null;
    };
    for (let first = true; first || peek() !== ']'; first = false) {
      const low = member();
      if (low === null) continue;
      let high = low;
      if (peek() === '-' && peek(1) !== ']' && peek(1) !== undefined) {
        at++;
        const end = member();
        if (end === null) throw new PatternError('a range ends in a class');
        high = end;
      }
      const [a, b] = [low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0];
      if (a > b) throw new PatternError(`the range ${low}-${high} is out of order`);
      const within = (x: string): boolean => {
        const code = x.codePointAt(0) ?? -1;
        return code >= a && code <= b;
      };
      sets.push(fold ? (x) => within(x) || within(x.toLowerCase()) || within(x.toUpperCase()) : within);
    }
    at++;
    return (x) => sets.some((set) => set(x)) !== negated;
  };

  const tree = choice();
  if (peek() !== undefined) throw new PatternError('a ")" closes no group');
  return tree;
}

const posixClasses: Readonly<Record<string, RegExp>> = {
  alnum: /^[0-9A-Za-z]$/,
  alpha: /^[A-Za-z]$/,
  // eslint-disable-next-line no-control-regex
  ascii: /^[\x00-\x7F]$/,
  blank: /^[\t ]$/,
  // eslint-disable-next-line no-control-regex
  cntrl: /^[\x00-\x1F\x7F]$/,
  digit: /^[0-9]$/,
  graph: /^[!-~]$/,
  lower: /^[a-z]$/,
  print: /^[ -~]$/,
  punct: /^[!-/:-@[-`{-~]$/,
  space: /^[\t\n\v\f\r ]$/,
  upper: /^[A-Z]$/,
  word: /^[0-9A-Za-z_]$/,
  xdigit: /^[0-9A-Fa-f]$/,
};

/** A general category ("L", "Lu") or a script ("Greek") of Unicode. */
function unicodeProperty(name: string): RegExp {
  for (const property of [name, `Script=${name}`]) {
    try {
      return new RegExp(`^\\p{${property}}$`, 'u');
    } catch {
      // Not of this kind.
    }
  }
  throw new PatternError(`\\p{${name}} is no class of characters`);
}

function build(tree: Tree): readonly State[] {
  const states: State[] = [];
  const add = (state: State): number => {
    if (states.length >= mostStates) throw new PatternError(`it repeats more than ${mostStates} characters`);
    return states.push(state) - 1;
  };
  /** The first state of `part`, which goes on to `next`. */
  const link = (part: Tree, next: number): number => {
    switch (part.kind) {
      case 'char':
        return add({ kind: 'char', matches: part.matches, next });
      case 'assert':
        return add({ kind: 'assert', holds: part.holds, next });
      case 'sequence':
        return part.parts.reduceRight((after, p) => link(p, after), next);
      case 'choice':
        return part.parts.map((p) => link(p, next)).reduceRight((other, first) => add({ kind: 'split', next: first, other }));
      case 'repeat': {
        let after = next;
        if (part.most === Infinity) {
          const loop: State = { kind: 'split', next: 0, other: next };
          after = add(loop);
          loop.next = link(part.part, after);
        } else {
          for (let i = part.least; i < part.most; i++) after = add({ kind: 'split', next: link(part.part, after), other: next });
        }
        for (let i = 0; i < part.least; i++) after = link(part.part, after);
        return after;
      }
    }
  };
  const start = link(tree, add({ kind: 'match' }));
  // The machine starts in its last state.
  add({ kind: 'split', next: start, other: start });
  return states;
}

function run(states: readonly State[], text: readonly string[]): boolean {
  const marks = new Int32Array(states.length).fill(-1);
  /** All states reached from these without reading, at a position of the text. */
  const close = (from: readonly number[], position: number): number[] => {
    const open = [...from];
    const reached: number[] = [];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (marks[id] === position) continue;
      marks[id] = position;
      const state = states[id];
      if (state === undefined) continue;
      if (state.kind === 'split') open.push(state.next, state.other);
      else if (state.kind === 'assert') {
        if (state.holds(text[position - 1], text[position])) open.push(state.next);
      } else reached.push(id);
    }
    return reached;
  };
  let current = close([states.length - 1], 0);
  for (let position = 0; position < text.length && current.length > 0; position++) {
    const c = text[position] ?? '';
    const next: number[] = [];
    for (const id of current) {
      const state = states[id];
      if (state?.kind === 'char' && state.matches(c)) next.push(state.next);
    }
    current = close(next, position + 1);
  }
  return current.some((id) => states[id]?.kind === 'match');
}
