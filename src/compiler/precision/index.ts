/**
 * precision: how numbers are held.
 * In: a bound graph (plain or fused) and a mode, with ranges from a calibration or without. Out: the same graph with dtype and
 * quantization on every value, and diagnostics.
 * Always: runs for every compilation; decides by value, not by fusion; touches no weight byte before somebody reads it.
 * Must not know: machines (what a machine supports is passed in), kernels, tiling.
 */
export { assignPrecision, choosePrecision, type Precision } from './assign.ts';
export { calibrate, randomInputs } from './calibrate.ts';
export type { CalibrationMethod } from './calibrate-method.ts';
export type { CalibrationTable } from './range.ts';
export { withTables } from './tables.ts';
