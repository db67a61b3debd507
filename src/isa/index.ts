/**
 * isa: the program. In: commands from the compiler, `.npu` files, assembler text. Out: executables in three equal forms (columns, binary,
 * text), the verifier's findings, the demand of every command on a machine and the bounds of a whole model.
 * Always: decode(encode(x)) = x; assemble(disassemble(x)) = x; a demand depends on the command and the machine alone, never on time.
 * Must not know: how a program came to be, when anything happens, what an ONNX operator means.
 */
export * from './command.ts';
export { commandOps, formRange, readSlot, type CommandTable } from './command-table.ts';
export { readCommand } from './command-reader.ts';
export { createCommandTable, type CommandTableBuilder } from './command-writer.ts';
export * from './executable.ts';
export * from './demand.ts';
export * from './demand-table.ts';
export { laneTicksOf, stepClass, ticksPerElement } from './vector-costs.ts';
export * from './matrix-ticks.ts';
export * from './traffic.ts';
export * from './bounds.ts';
export * from './fewest-ticks.ts';
export { decodeExecutable, encodeExecutable, withoutWeights, type EncodeOptions } from './binary.ts';
export { contentHash } from './content-hash.ts';
export * from './form-index.ts';
export { assemble, type AssembleOptions } from './assemble.ts';
export { disassemble, type DisassembleOptions } from './text.ts';
export * from './expand.ts';
export { verifyExecutable } from './verify.ts';
export { namedRefs } from './verify-command.ts';
