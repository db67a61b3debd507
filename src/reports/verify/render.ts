/** The verification as text: first whether it holds, then where it does not, then outputs and kernels; 80 columns. */
import { formatDiagnostic } from '../../core/index.ts';
import { formatCount } from '../format.ts';
import { fit, fitAll, pad, painter, wrap, type Paint, type SummaryStyle } from '../text.ts';
import { describeError, type ErrorMetrics } from './metrics.ts';
import type { Jump, KernelCheck, OutputCheck, VerifyRun } from './report.ts';
import { jumpDb, notNumbers } from './tolerance.ts';

export interface VerifyTitle {
  readonly model: string;
  readonly target: string;
  readonly precision: string;
  /** Where the inputs came from. */
  readonly inputs: string;
  /** What was compared with beside the interpreter, and what could not be: a sentence each. */
  readonly notes: readonly string[];
}

/** Of more kernels than these, the wrong ones are shown, then those furthest from the model in float. */
const shownKernels = 64;
const shownOfMany = 24;

/** Several lines, each ended by a newline and none wider than `style.width`. */
export function renderVerification(run: VerifyRun, title: VerifyTitle, style: SummaryStyle): string {
  const paint = painter(style.color);
  const blocks = [headline(run, title, style, paint), findings(run, style, paint), outputs(run, style, paint), kernels(run, style, paint)];
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`;
}

function headline(run: VerifyRun, title: VerifyTitle, style: SummaryStyle, paint: Paint): readonly string[] {
  const head = `${title.model} on ${title.target}, ${title.precision}: ${run.passed ? 'verified' : 'NOT verified'}`;
  const found = run.sanitizer.filter((d) => d.severity !== 'info').length;
  const story = [
    `Inputs: ${title.inputs}. ${formatCount(run.commands)} command${run.commands === 1 ? '' : 's'} ran; the sanitizer found ${found === 0 ? 'nothing' : `${found} fault${found === 1 ? '' : 's'}`}.`,
    ...title.notes,
  ];
  return [paint(run.passed ? 'strong' : 'warn', fit(head, style.width)), ...story.flatMap((text) => indented(text, style))];
}

function findings(run: VerifyRun, style: SummaryStyle, paint: Paint): readonly string[] {
  const lines: string[] = [];
  const label = labelsOf(run.kernels);
  const wrong = run.kernels.find((k) => k.verdict === 'wrong');
  if (wrong !== undefined) {
    const count = run.kernels.filter((k) => k.verdict === 'wrong').length;
    lines.push(
      ...indented(
        `First wrong kernel: ${label(wrong)}${origin(wrong)}. Given its own operands, the interpreter computes something else: ${describeError(wrong.isolated)}.${count > 1 ? ` ${formatCount(count)} kernels are wrong.` : ''}`,
        style,
      ),
    );
  }
  for (const { output, against, what } of run.misses) {
    const whom = { program: 'the graph after precision', float: 'the model in float', expectation: 'others' }[against];
    lines.push(...indented(`Output ${output} against ${whom}: ${what}.`, style));
  }
  if (run.jump !== null) lines.push(...indented(jumpText(run.jump, label), style));
  if (run.steepest !== null) {
    const { fromDb, toDb } = run.steepest;
    const text = `No kernel alone loses more than ${jumpDb} dB: the error adds up, most ${placeOf(run.steepest, label)}, from ${db(fromDb)} to ${db(toDb)}.`;
    lines.push(...indented(text, style));
  }
  for (const d of run.sanitizer) lines.push(...indented(formatDiagnostic(d), style));
  return lines.length === 0 ? [] : [paint('strong', 'Where to look'), ...lines];
}

function jumpText(jump: Jump, label: (kernel: Named) => string): string {
  const { trips, fromDb, toDb } = jump;
  const loop = trips === null ? '' : ` It runs ${formatCount(trips)} times in a loop, and may add up its own errors.`;
  return `Error jumps ${placeOf(jump, label)}: SQNR against float falls from ${db(fromDb)} to ${toDb === notNumbers ? 'no figure: NaN or infinite' : db(toDb)}.${loop}`;
}

function placeOf(jump: Jump, label: (kernel: Named) => string): string {
  const { kernel, since } = jump;
  const name = `${label({ ...jump, name: kernel })}${origin({ name: kernel, origin: jump.origin })}`;
  return since === null ? `at ${name}` : `somewhere between ${since} and ${name}, where nothing can be compared with float`;
}

type Named = Pick<KernelCheck, 'name' | 'class'>;

/** Names of kernels; of several that share one, with their class. */
function labelsOf(kernels: readonly KernelCheck[]): (kernel: Named) => string {
  const counts = new Map<string, number>();
  for (const { name } of kernels) counts.set(name, (counts.get(name) ?? 0) + 1);
  return ({ name, class: kind }) => ((counts.get(name) ?? 0) > 1 ? `${name} [${kind}]` : name);
}

function outputs(run: VerifyRun, style: SummaryStyle, paint: Paint): readonly string[] {
  const width = style.width - 50;
  const line = (label: string, error: ErrorMetrics | null): string =>
    `    ${pad(label, width - 2)}${cell(error, 'sqnr').padStart(12)}${cell(error, 'max').padStart(12)}${cell(error, 'cosine').padStart(12)}${cell(error, 'units').padStart(12)}`;
  const rows = run.outputs.flatMap((o: OutputCheck) => [
    `  ${fit(`${o.name}  ${o.dtype} [${o.shape.join(',')}]`, style.width - 2)}`,
    line('graph after precision', o.cumulative),
    line('model in float', o.float),
    ...o.expectations.flatMap((e) => [line(fit(e.name, width - 3), e.program), line(fit(`float to ${e.name}`, width - 3), e.model)]),
  ]);
  const head = `${'Outputs'.padEnd(width + 2)}${'SQNR'.padStart(12)}${'max error'.padStart(12)}${'cosine'.padStart(12)}${'steps'.padStart(12)}`;
  return [paint('strong', head), ...rows];
}

function kernels(run: VerifyRun, style: SummaryStyle, paint: Paint): readonly string[] {
  const shown = new Set(chosen(run.kernels));
  const width = style.width - 50;
  const head = `${'Kernels'.padEnd(width + 1)}${'runs on'.padEnd(9)}${'by itself'.padStart(13)}${'in program'.padStart(13)}${'to float'.padStart(13)}`;
  const rows = run.kernels.filter((k) => shown.has(k));
  const names = fitAll(rows.map(labelsOf(run.kernels)), width - 2);
  const lines = rows.map((k, i) => {
    const by = k.verdict === 'unseen' ? 'unseen' : cell(k.isolated, 'sqnr');
    const text = `  ${pad(names[i] ?? '', width - 1)}${k.engine.padEnd(9)}${by.padStart(13)}${cell(k.cumulative, 'sqnr').padStart(13)}${cell(k.float, 'sqnr').padStart(13)}`;
    return k.verdict === 'wrong' ? paint('warn', text) : text;
  });
  const exact = run.kernels.filter((k) => k.verdict === 'exact').length;
  const rest = run.kernels.length - shown.size;
  const total = `${formatCount(exact)} of ${formatCount(run.kernels.length)} kernels repeat the interpreter bit for bit.${rest > 0 ? ` ${formatCount(rest)} more are in --json.` : ''}`;
  return [paint('strong', head), ...lines, ...wrap(total, style.width - 2).map((text) => paint('faint', `  ${text}`))];
}

function chosen(kernels: readonly KernelCheck[]): readonly KernelCheck[] {
  if (kernels.length <= shownKernels) return kernels;
  const rank = ({ verdict, float }: KernelCheck): number =>
    verdict === 'wrong' ? -1e6 : (float?.sqnrDb ?? 999) - (verdict === 'exact' ? 0 : 1e3);
  return kernels.toSorted((a, b) => rank(a) - rank(b)).slice(0, shownOfMany);
}

function indented(text: string, style: SummaryStyle): readonly string[] {
  return wrap(text, style.width - 4).map((line, i) => `  ${i === 0 ? '' : '  '}${line}`);
}

function origin({ origin: names, name }: { readonly origin: readonly string[]; readonly name: string }): string {
  const others = names.filter((n) => n !== name);
  if (others.length === 0) return '';
  return ` (from ${others.slice(0, 3).join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''})`;
}

function db(value: number): string {
  return `${value.toFixed(1)} dB`;
}

function short(value: number): string {
  return value === 0 ? '0' : value.toExponential(2);
}

function cell(error: ErrorMetrics | null, what: 'sqnr' | 'max' | 'cosine' | 'units'): string {
  if (error === null) return '–';
  switch (what) {
    case 'sqnr':
      return error.unordered > 0 ? 'NaN or ∞' : error.sqnrDb === null ? 'exact' : db(error.sqnrDb);
    case 'max':
      // What is left out of a figure must not look like a good one.
      return error.unordered > 0 ? 'NaN or ∞' : short(error.maxAbs);
    case 'cosine':
      return error.cosine === null || error.unordered > 0 ? '–' : error.cosine.toFixed(6);
    case 'units':
      if (error.unordered > 0) return '–';
      return error.maxLsb !== null ? `${formatCount(error.maxLsb)} LSB` : error.maxUlp !== null ? `${compact(error.maxUlp)} ULP` : '–';
  }
}

/** Thousands of ULP are only "many". */
function compact(n: number): string {
  return n < 100_000 ? formatCount(n) : n.toExponential(0);
}
