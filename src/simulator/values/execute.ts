/** Running a program on numbers: the whole story, one step a line. */
import { fail, invariant, isaMessages, type Diagnostic, type Tensor } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import type { Command, Ref } from '../../isa/command.ts';
import type { Executable, TensorBinding } from '../../isa/executable.ts';
import { mostCommands } from '../../isa/index.ts';
import {
  entryPointOf,
  fill,
  initialBytes,
  readBinding,
  readOutputs,
  readReference,
  readState,
  requireNumbers,
  type State,
} from './bind.ts';
import type { Context } from './context.ts';
import { describeCommand } from './describe.ts';
import { createHost } from './host.ts';
import { allocateMemory, mapMemory, type Memory } from './memory.ts';
import { requireBounds, runCommand } from './run-command.ts';
import { createSanitizer } from './sanitizer.ts';
import { schedule } from './schedule.ts';
import { createScratch } from './scratch.ts';
import { createTally, statsOf, type KernelStats, type Tally } from './stats.ts';
import { streamsOf } from './streams.ts';
import { createKernels } from './wasm/kernels.ts';

export interface ExecuteOptions {
  /** Follow every byte and report what a machine could get wrong. */
  readonly sanitize: boolean;
  /** false: no arithmetic, no inputs, no weights needed; schedule and sanitize addresses alone. Default true. */
  readonly values?: boolean;
  /** true: the plain form throughout, which defines what the WebAssembly kernels must equal byte for byte. Default false. */
  readonly plain?: boolean;
  /** Name of the entry point; the first when left out. */
  readonly entryPoint?: string;
  /** The state an earlier run left: inputs that lie in it (the caches of a decoder) need not be given then. Left out: a first run, zeros. */
  readonly state?: State;
  /**
   * Called with an index into executable.kernels when the last command of that kernel is done. `read` copies a tensor out of its region,
   * `readRef` what a reference of core 0 names, as they stand then; both throw without values.
   */
  readonly onKernel?: (kernel: number, read: (tensor: TensorBinding) => Tensor, readRef: (ref: Ref) => Tensor) => void;
  /**
   * Called before every command that touches memory; what it returns is called when the command is done. `read` copies what a reference
   * of the command's core names, as it stands then: see `readReference`. Not called without values.
   */
  readonly onCommand?: (moment: CommandMoment, read: (ref: Ref) => Tensor) => (() => void) | null;
}

/** A command about to run, its references where this iteration of the REPEATs around it has them. */
export interface CommandMoment {
  readonly row: number;
  /** Its place in the run of the whole program, REPEATs unrolled. */
  readonly sequence: number;
  readonly command: Command;
}

export interface Execution {
  /** By name, in the dtype they are stored in; empty without values. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** What the state regions hold after the run, for the next one of the same program; empty without values. */
  readonly state: State;
  /** What the sanitizer found. */
  readonly diagnostics: readonly Diagnostic[];
  /** One per entry of executable.kernels; all zero without values. */
  readonly kernelStats: readonly KernelStats[];
  /** SIGNAL, WAIT and BARRIER included, REPEAT unrolled. */
  readonly commandsExecuted: number;
}

/**
 * Executes an entry point. `inputs` by name, in their stored dtype, or float32 where the program quantizes them.
 * Throws coded errors (SYS60xx): wrong or missing inputs, no weight numbers, placeholder scales, too large, deadlock. Without `sanitize`, a
 * reference outside its region or window is one too.
 */
export function execute(executable: Executable, machine: Machine, inputs: ReadonlyMap<string, Tensor>, options: ExecuteOptions): Execution {
  const entry = entryPointOf(executable, options.entryPoint);
  const table = executable.programs[entry.program]?.commands;
  invariant(table !== undefined, `entry point "${entry.name}" names program ${entry.program}`);
  const values = options.values ?? true;
  if (values) requireNumbers(executable, entry);

  const map = mapMemory(executable, table, machine, values);
  const streams = streamsOf(table);
  if (streams.total > mostCommands) fail(isaMessages.programTooLong({ commands: streams.total, most: mostCommands }));
  const memory = values ? allocateMemory(map, executable.spaces) : null;
  if (memory !== null) fill(memory, executable, entry, inputs, options.state ?? null);
  const initial = initialBytes(executable, entry);
  const sanitizer = options.sanitize ? createSanitizer({ executable, table, streams, map, initial }) : null;
  const tallies = executable.kernels.map(createTally);
  const run = memory === null ? null : createRunner(executable, memory, tallies, options.plain !== true);

  const readTensor = (tensor: TensorBinding): Tensor => {
    invariant(memory !== null, 'there are no values to read');
    return readBinding(memory, executable, tensor);
  };
  const readLocal = (ref: Ref): Tensor => {
    invariant(memory !== null, 'there are no values to read');
    return readReference(memory, 0, ref);
  };
  const commandsExecuted = schedule(executable, table, streams, {
    run(queue, { row, sequence }, command) {
      const fits = sanitizer?.issue(queue, sequence, row, command);
      if (run === null || fits === false) return;
      const core = table.core[row] ?? 0;
      const cx = run(core, table.kernel[row] ?? -1);
      if (fits === undefined) requireBounds(cx, command, () => describeCommand(executable, table, row));
      const done = options.onCommand?.({ row, sequence, command }, (ref) => readReference(cx.memory, core, ref)) ?? null;
      runCommand(cx, command);
      done?.();
    },
    signal: (queue) => sanitizer?.signal(queue) ?? null,
    join: (queue, clock) => sanitizer?.join(queue, clock),
    barrier: () => sanitizer?.barrier(),
    kernelDone: (kernel) => options.onKernel?.(kernel, readTensor, readLocal),
  });
  return {
    outputs: memory === null ? new Map() : readOutputs(memory, executable, entry),
    state: memory === null ? new Map() : readState(memory, executable),
    diagnostics: sanitizer?.finish(entry) ?? [],
    kernelStats: tallies.map(statsOf),
    commandsExecuted,
  };
}

/** Contexts by core and kernel, made once. */
function createRunner(
  executable: Executable,
  memory: Memory,
  tallies: readonly Tally[],
  fast: boolean,
): (core: number, kernel: number) => Context {
  const kernels = fast ? createKernels() : null;
  const scratch = createScratch();
  const host = createHost(executable.hostSegments);
  const stray = createTally();
  const byteMaps: Context['byteMaps'] = new Map();
  const contexts = new Map<number, Context>();
  return (core, kernel) => {
    const key = core * (tallies.length + 1) + kernel + 1;
    let cx = contexts.get(key);
    if (cx === undefined) {
      cx = { memory, scratch, host, core, tally: tallies[kernel] ?? stray, kernels, byteMaps };
      contexts.set(key, cx);
    }
    return cx;
  };
}
