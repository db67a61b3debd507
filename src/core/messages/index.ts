/**
 * The message catalogue: every text a user can be shown, one function each, one file per range of codes.
 * SYS1xxx file format and import · SYS2xxx machine · SYS3xxx graph and precision · SYS4xxx compiler ·
 * SYS5xxx program · SYS6xxx simulator and values · SYS7xxx studies and reports · SYS8xxx command line.
 */
import type { Message } from '../diagnostics.ts';
import * as cliMessages from './cli.ts';
import * as compilerLowerMessages from './compiler-lower.ts';
import * as compilerMappingMessages from './compiler-mapping.ts';
import * as compilerMessages from './compiler.ts';
import * as exploreMessages from './explore.ts';
import * as graphMessages from './graph.ts';
import * as hwMessages from './hw.ts';
import * as isaMessages from './isa.ts';
import * as onnxMessages from './onnx.ts';
import * as simulatorMessages from './simulator.ts';
import * as simulatorTimingMessages from './simulator-timing.ts';
import * as verifyMessages from './verify.ts';

export {
  cliMessages,
  compilerLowerMessages,
  compilerMappingMessages,
  compilerMessages,
  exploreMessages,
  graphMessages,
  hwMessages,
  isaMessages,
  onnxMessages,
  simulatorMessages,
  simulatorTimingMessages,
  verifyMessages,
};

/** All messages, in code order: for `systole explain` and the test that codes are unique. */
export const catalogue: readonly Message<never>[] = [
  onnxMessages,
  hwMessages,
  graphMessages,
  compilerMessages,
  compilerLowerMessages,
  compilerMappingMessages,
  isaMessages,
  simulatorMessages,
  simulatorTimingMessages,
  exploreMessages,
  cliMessages,
  verifyMessages,
].flatMap((group) => Object.values(group) as unknown as Message<never>[]);
