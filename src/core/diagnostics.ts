/** What we say to users: every problem has a code, is told in the user's words and numbers, and says what to change. */
export type Severity = 'error' | 'warning' | 'info';

export interface Location {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Diagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** ONNX node or value names this is about; empty when none. */
  readonly origin: readonly string[];
  readonly location?: Location;
}

/** The input is at fault. Carries all problems found of a kind; never a stack trace in what the user sees. */
export class SystoleError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'));
    this.name = 'SystoleError';
    this.diagnostics = diagnostics;
  }
}

export function formatDiagnostic(d: Diagnostic): string {
  const where = d.location?.file
    ? `${d.location.file}${d.location.line === undefined ? '' : `:${d.location.line}${d.location.column === undefined ? '' : `:${d.location.column}`}`}: `
    : '';
  return `${where}${d.severity} ${d.code}: ${d.message}`;
}

/** A message of the catalogue: called with its arguments it makes a diagnostic; `explain` shows title and explanation. */
export interface Message<Args> {
  (args: Args, context?: { readonly origin?: readonly string[]; readonly location?: Location }): Diagnostic;
  readonly code: string;
  readonly severity: Severity;
  readonly title: string;
  readonly explanation: string;
}

/**
 * Declares one message.
 * @param text   one sentence of what is wrong with the user's numbers, then why, then what to change
 * @param explanation  a paragraph for `systole explain CODE`
 */
export function defineMessage<Args>(
  code: string,
  severity: Severity,
  title: string,
  explanation: string,
  text: (args: Args) => string,
): Message<Args> {
  const make = (args: Args, context?: { readonly origin?: readonly string[]; readonly location?: Location }): Diagnostic => ({
    code,
    severity,
    message: text(args),
    origin: context?.origin ?? [],
    ...(context?.location === undefined ? {} : { location: context.location }),
  });
  return Object.assign(make, { code, severity, title, explanation });
}

export function fail(...diagnostics: readonly Diagnostic[]): never {
  throw new SystoleError(diagnostics);
}

/** The candidate nearest to `word` by edit distance, if near enough to be worth suggesting, or the only one that begins with it. */
export function suggest(word: string, given: Iterable<string>): string | undefined {
  const candidates = [...given];
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = editDistance(word.toLowerCase(), candidate.toLowerCase());
    // Half of a short word changed is another word.
    if (d < bestDistance && d <= Math.max(1, Math.floor(Math.min(word.length, candidate.length) / 2))) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best ?? onlyBeginning(word, candidates);
}

/** The one candidate that begins with what was written: a name that was cut. */
function onlyBeginning(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 3) return undefined;
  const found = candidates.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase()));
  return found.length === 1 ? found[0] : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
