import { defineMessage, type Message } from '../diagnostics.ts';
import { formatBytes, formatCount } from '../units.ts';

/** SYS65xx: timing a program. */
export const planHashMismatch: Message<{ program: string; programHash: string; machine: string; machineHash: string }> = defineMessage(
  'SYS6501',
  'error',
  'program made for another machine',
  'A program is legal on machines whose arrays, element types, memory sizes, ports and placement equal those it was compiled for; the plan hash is a hash of exactly those. Clocks, bandwidths, latencies and energy costs may differ.',
  ({ program, programHash, machine, machineHash }) =>
    `the program was compiled for "${program}" (plan ${programHash}) and cannot run on "${machine}" (plan ${machineHash}): their arrays, element types, memory sizes, ports or placement differ. ${program === machine ? 'Settings (--set) changed what it was planned for: compile the model with the same settings.' : `Compile the model for "${machine}", or simulate on "${program}".`}`,
);

export const regionsDoNotFit: Message<{ memory: string; demandBytes: number; sizeBytes: number; regions: readonly string[] }> =
  defineMessage(
    'SYS6502',
    'error',
    'regions do not fit their memory',
    'Regions (weights, inputs, outputs, arena, state) are placed one after the other in the memory the program names for them, each aligned. Their sum must not exceed the size of the memory.',
    ({ memory, demandBytes, sizeBytes, regions }) =>
      `memory "${memory}" holds ${formatBytes(sizeBytes)}, but the program's regions there need ${formatBytes(demandBytes)} (${formatCount(demandBytes - sizeBytes)} bytes too many): ${regions.join(', ')}. Enlarge the memory, or place constants or activations elsewhere.`,
  );

export const deadlock: Message<{ stuck: readonly string[]; timePs: number }> = defineMessage(
  'SYS6503',
  'error',
  'program waits for ever',
  'Every queue that still has commands waits on a semaphore that no running queue will raise, or on a barrier that not every queue reaches. The verifier finds this without running; a program written by hand may not have been verified.',
  ({ stuck, timePs }) =>
    `the program stops at ${formatCount(timePs)} ps with ${stuck.length} ${stuck.length === 1 ? 'queue' : 'queues'} waiting for ever: ${stuck.join('; ')}. Check that each WAIT has a SIGNAL that comes before it.`,
);

export const unknownEntryPoint: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS6504',
  'error',
  'unknown entry point',
  'An executable offers entry points by name; the first one runs when none is named.',
  ({ name, known, near }) =>
    `the program has no entry point "${name}". ${near === undefined ? '' : `Did you mean "${near}"? `}It has: ${known.join(', ') || 'none'}.`,
);
