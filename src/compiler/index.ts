/**
 * compiler: ONNX bytes and a machine -> an executable.
 * In: bytes of a model, a resolved machine, options. Out: an executable, its diagnostics and texts of the stages.
 * Always: the program computes what the graph after precision means, bit for bit for integers; every command names its ONNX origin;
 * what does not fit is refused with demand, capacity and levers. Only importModel is asynchronous.
 * Must not know: how long anything takes under contention (that is the simulator's), files, the environment.
 */
export * from './compile.ts';
export { lowerGraph, planKernels, type CompileOptions, type FloatTypes, type PlannedKernels } from './plan.ts';
export { operatorCoverage, type Coverage, type Place } from './coverage.ts';
export { explainFates, fittingSizes, type Fate, type FateReport, type NodeReport } from './fates.ts';
export type { OpenSize } from './fate-sizes.ts';
export { importModel, importDecoded, type ImportedModel, type ImportOptions } from './import/index.ts';
export { calibrate, randomInputs, type CalibrationMethod, type CalibrationTable, type Precision } from './precision/index.ts';
