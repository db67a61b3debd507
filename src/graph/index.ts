/**
 * graph: what a model means.
 * In: values and nodes (from import or text). Out: graphs in single assignment, their textual form, their meaning on numbers.
 * Always: nodes in topological order; values known by index; graphs immutable; types as the operators infer them; every
 * operator has exactly one definition, in ops/, that holds all anybody knows about it.
 * Must not know: machines, programs, where a model came from.
 */
export * from './bind.ts';
export * from './build.ts';
export { fullCaches } from './cache-lengths.ts';
export * from './constant.ts';
export * from './dim.ts';
export * from './evaluate.ts';
export { evaluateNodeValues, runGraph, type RunGraph } from './evaluate-values.ts';
export { indexLimits } from './index-limits.ts';
export * from './infer.ts';
export { mostElements, sizeProblem } from './infer-checks.ts';
export * from './interpret.ts';
export * from './ir.ts';
export * from './kernel-class.ts';
export * from './macs.ts';
export * from './packed.ts';
export * from './quantized.ts';
export * from './text.ts';
export * from './verify.ts';
export * from './views.ts';
export { dropoutNumbers } from './ops/batch-statistics.ts';
export { attributeKind, unknownAttributes } from './ops/attribute-kinds.ts';
export { continuesAlways } from './ops/control-flow.ts';
export { tableOf } from './ops/functions.ts';
export { lowestFloat } from './ops/softmax-matmul.ts';
export { opDef, opDefs, opNames, suggestOp } from './ops/index.ts';
export { dtypeCodes } from './ops/cast.ts';
export { floatsOf, numbersOf, tensorOf, type Numbers } from './ops/numbers.ts';
export { resizeSums } from './ops/resize-op.ts';
export type { AxisSums, ResizeSums } from './ops/resize.ts';
export { isCopy, isRepeatBegin, isRepeatEnd, repeatDomain, repeatRanges, type RepeatForm, type RepeatRange } from './ops/repeat.ts';
export { printShape, type AttributeDefault, type ConcreteType, type OpDef } from './ops/op-def.ts';
