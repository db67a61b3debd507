/** Results of whole models as lines for people and as a page. */
import type { ErrorMetrics } from '../../src/reports/index.ts';
import type { Verdict, WholeModelResult } from './whole-model-case.ts';

export function describeResult(r: WholeModelResult): string {
  const figures = r.judged === null ? '' : `${sqnr(r.judged)}, max error ${short(r.judged.maxAbs)}`;
  const bound = r.boundDb === null ? '' : ` (bound ${r.boundDb.toFixed(0)} dB)`;
  return `${r.verdict.padEnd(9)} ${r.name}: ${figures}${bound} ${r.reason} [${r.exactKernels}/${r.kernels} exact, ${r.hostKernels} host, ${r.seconds.toFixed(1)} s]`;
}

const order: readonly Verdict[] = ['equal', 'near', 'unjudged', 'not run', 'wrong'];

export function againstOrtPage(results: readonly WholeModelResult[], judge: string, machine: string): string {
  const count = (verdict: Verdict): number => results.filter((r) => r.verdict === verdict).length;
  const table = [
    ['model', 'verdict', 'SQNR', 'asked', 'max error', 'kernels', 'exact', 'on host'],
    ...results.map((r) => [
      r.name,
      r.verdict,
      r.judged === null ? '–' : sqnr(r.judged),
      r.boundDb === null || r.judged === null ? '–' : `${r.boundDb.toFixed(0)} dB`,
      r.judged === null ? '–' : short(r.judged.maxAbs),
      String(r.kernels),
      String(r.exactKernels),
      String(r.hostKernels),
    ]),
  ];
  const told = results.filter((r) => r.reason !== '');
  return [
    '# Whole models against ONNX Runtime',
    '',
    `Written by \`npm run against-ort\` (${judge}, optimizations off; \`test/machines/${machine}.yaml\`): the compiled program of each model, executed with the`,
    'sanitizer on, against the interpreter kernel by kernel, and its outputs against ONNX Runtime on the same file. Inputs are the ones a model ships,',
    'else drawn from a seed; `light_*` models, whose weights are constants, run again with weights from a seed.',
    '',
    `${order.map((v) => `${count(v)} ${v}`).join(', ')}, of ${results.length}.`,
    '',
    '- **equal**: every output is the same, bit for bit. **near**: floats within the bound of the table, 8-bit integers off by one at most, other integers',
    '  equal. **unjudged**: ONNX Runtime refuses the model; the program agrees with the interpreter. **not run**: refused with a code.',
    '- **asked**: each rounding of fp32 adds noise of 2⁻⁴⁸ of the power of what it rounds (fp16 2⁻²²). A sum of K products rounds K products and K sums,',
    '  in both programs that are compared: 4 K, and they add up along the model: 144.5 dB − 10·log₁₀ Σ 4 K for fp32; fp16 rounds once a node on either side.',
    '  A Resize that interpolates over an extent of n adds 16·n², for its coordinates. Models that bring their own quantization: 30 dB, since one unit',
    '  may turn at a tie at every step.',
    '- Floats off by 2⁻²² at most pass as well: the Sigmoid of ONNX Runtime errs by as much however small its result is.',
    '- **exact**: kernels that repeat the interpreter bit for bit, fed with their own operands; the others, products of floats whose sums are cut',
    '  in pieces, are within the bounds of [verify.md](verify.md).',
    '',
    ...markdownTable(table),
    '',
    ...(told.length === 0 ? [] : ['Where a model is not compared, and why:', '', ...told.map((r) => `- ${r.name}: ${r.reason}`), '']),
  ].join('\n');
}

function markdownTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]): string => `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return [line(head), `| ${widths.map((n) => '-'.repeat(n)).join(' | ')} |`, ...rest.map(line)];
}

function sqnr(error: ErrorMetrics): string {
  return error.sqnrDb === null ? 'equal' : `${error.sqnrDb.toFixed(1)} dB`;
}

function short(value: number): string {
  return value === 0 ? '0' : value.toExponential(1);
}
