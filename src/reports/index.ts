/**
 * reports: results for people. In: a result document, a trace, the points of a study. Out: text for a terminal, one-file HTML pages, CSV.
 * Always: pure functions of what they are given (same input, same bytes), every figure a counter of the result; pages load nothing from anywhere.
 * Must not know: files, terminals, how a result came to be.
 */
export { renderCsv } from './csv.ts';
export { renderReport, type ReportParts } from './page/report.ts';
export { renderScatter, type ScatterPoint, type ScatterStudy } from './page/scatter.ts';
export { renderSummary } from './summary.ts';
export { displayWidth, pad, wrap, type SummaryStyle } from './text.ts';
export { checkModel, type CheckedNode, type CheckReport, type NodeCost } from './check/check.ts';
export { renderCheck, type CheckStyle } from './check/render.ts';
export { compareTensors, describeError, type ErrorMetrics, type Meant } from './verify/metrics.ts';
export type {
  Expectation,
  Jump,
  KernelCheck,
  KernelName,
  KernelTensor,
  Miss,
  OutputCheck,
  Verdict,
  VerifyProblem,
  VerifyRun,
} from './verify/report.ts';
export { renderVerification, type VerifyTitle } from './verify/render.ts';
export { defaultTolerance, type Tolerance } from './verify/tolerance.ts';
export { programInputs } from './verify/values.ts';
export { verifyCompilation } from './verify/verify.ts';
export { renderOperators } from './operators.ts';
