/**
 * core: words everybody uses. Units, element types, tensors, numerics, diagnostics and the message catalogue, seeded random.
 * In: nothing. Out: values and pure functions. Always: no state, no imports of other rooms, no platform API.
 * Must not know: ONNX, machines, programs.
 */
export * from './assert.ts';
export * from './diagnostics.ts';
export * from './dtype.ts';
export * from './file-kinds.ts';
export * from './fixed-point.ts';
export * from './floats.ts';
export * from './messages/index.ts';
export * from './numerics.ts';
export * from './table-functions.ts';
export * from './twister.ts';
export * from './printable.ts';
export * from './random.ts';
export * from './tensor.ts';
export * from './trig.ts';
export * from './units.ts';
export * from './version.ts';
