/**
 * The verifier: what an executable must satisfy before it runs, whoever made it. It shares no code with the compiler and knows nothing of how
 * programs come to be. Overlaps of live data are not its business: the simulator's sanitizer sees them.
 */
import { alignUp, bitsOf, isaMessages, type Diagnostic } from '../core/index.ts';
import type { Machine } from '../hw-configs/machine.ts';
import { readCommand } from './command-reader.ts';
import { readSlot } from './command-table.ts';
import type { Executable, Program, TensorBinding } from './executable.ts';
import { expandedLength, mostCommands } from './expand.ts';
import { indexForms } from './form-index.ts';
import { checkOperands, checkQueue, checkRefs, type CommandContext, type Drift } from './verify-command.ts';
import { checkKernels } from './verify-kernels.ts';
import { checkQueues } from './verify-queues.ts';

/** Problems of one program beyond these say nothing new. */
const mostProblems = 50;

/**
 * All problems found, at most 50 per program; empty when the program is sound. With `machine`, also whether it fits: memory sizes, dtypes,
 * cores, semaphores. Never throws on a decoded executable.
 */
export function verifyExecutable(executable: Executable, machine: Machine | null = null): Diagnostic[] {
  const problems: Diagnostic[] = [];
  checkTables(executable, (what) => problems.push(isaMessages.tableBroken({ what })));
  if (machine !== null) checkPlacement(executable, machine, (d) => problems.push(d));
  for (const program of executable.programs) problems.push(...checkProgram(program, executable, machine).slice(0, mostProblems));
  // What is missing is only worth telling where what is there makes sense.
  if (problems.every((d) => d.severity !== 'error')) checkKernels(executable, (what) => problems.push(isaMessages.tableBroken({ what })));
  return problems;
}

function checkTables(e: Executable, broken: (what: string) => void): void {
  for (const r of e.regions) {
    if (e.spaces[r.space] === undefined) broken(`Region "${r.name}" lies in memory ${r.space} of ${e.spaces.length}`);
    if (!(r.alignment >= 1 && r.bytes >= 0)) broken(`Region "${r.name}" has ${r.bytes} bytes aligned to ${r.alignment}`);
  }
  for (const n of e.nodes) {
    const outside = n.kernel < -1 || n.kernel >= e.kernels.length;
    if (outside) broken(`Node "${n.name}" belongs to kernel ${n.kernel} of ${e.kernels.length}`);
  }
  for (const k of e.kernels) {
    for (const c of k.cold)
      if (e.spaces[c.space] === undefined) broken(`Kernel "${k.name}" has cold bytes in memory ${c.space} of ${e.spaces.length}`);
  }
  const names = new Set<string>();
  for (const p of e.entryPoints) {
    if (e.programs[p.program] === undefined) broken(`Entry point "${p.name}" starts program ${p.program} of ${e.programs.length}`);
    if (names.has(p.name)) broken(`There are two entry points "${p.name}"`);
    names.add(p.name);
    for (const b of [...p.inputs, ...p.outputs]) checkBinding(b, e, broken);
  }
  checkWeights(e, broken);
}

function checkBinding(b: TensorBinding, e: Executable, broken: (what: string) => void): void {
  const region = e.regions[b.region];
  if (region === undefined) return broken(`Tensor "${b.name}" lies in region ${b.region} of ${e.regions.length}`);
  if (b.offset < 0 || b.offset > region.bytes)
    return broken(`Tensor "${b.name}" begins at byte ${b.offset} of region "${region.name}", which has ${region.bytes}`);
  const { strides } = b;
  if (strides === undefined) return;
  const bytes = bitsOf(b.dtype) / 8;
  if (strides.length !== b.shape.length || bytes < 1 || strides.some((s) => s < 0))
    return broken(
      `Tensor "${b.name}" of ${b.dtype} [${b.shape.join(', ')}] has strides [${strides.join(', ')}]: one for each axis, none negative`,
    );
  const end = b.shape.reduce((at, extent, axis) => at + (extent - 1) * (strides[axis] ?? 0), b.offset) + bytes;
  if (!b.shape.includes(0) && end > region.bytes)
    broken(`Tensor "${b.name}" ends at byte ${end} of region "${region.name}", which has ${region.bytes}`);
}

function checkWeights({ weights: w, regions }: Executable, broken: (what: string) => void): void {
  const region = regions[w.region];
  if (w.segments.length > 0 && region === undefined) broken(`The weights lie in region ${w.region} of ${regions.length}`);
  if (region !== undefined && w.bytes > region.bytes)
    broken(`The weights have ${w.bytes} bytes, their region "${region.name}" ${region.bytes}`);
  let end = 0;
  for (const s of w.segments) {
    if (s.offset < end) broken(`The weight segment at offset ${s.offset} overlaps the one before, which ends at ${end}`);
    end = s.offset + s.bytes;
  }
  if (end > w.bytes) broken(`The weight segments end at byte ${end} of ${w.bytes}`);
}

/** The placement rule: regions of a memory in table order, each at the next multiple of its alignment. */
function checkPlacement(e: Executable, machine: Machine, report: (d: Diagnostic) => void): void {
  for (const [space, name] of e.spaces.entries()) {
    const memory = machine.memories[name];
    if (memory === undefined) {
      const known = Object.keys(machine.memories);
      report(isaMessages.unknownSpace({ space: name, machine: machine.name, known, near: undefined }));
      continue;
    }
    const inside = e.regions.filter((r) => r.space === space);
    const end = inside.reduce((at, r) => alignUp(at, Math.max(1, r.alignment)) + r.bytes, 0);
    if (end <= memory.sizeBytes) continue;
    const largest = inside.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    const what = `region "${largest.name}" of ${largest.bytes} bytes`;
    report(isaMessages.regionsTooLarge({ memory: name, bytes: end, size: memory.sizeBytes, largest: what }));
  }
}

function checkProgram(program: Program, e: Executable, machine: Machine | null): Diagnostic[] {
  const table = program.commands;
  const problems: Diagnostic[] = [];
  const report = (d: Diagnostic): void => void problems.push(d);
  const describe = (row: number): string => {
    const kernel = e.kernels[table.kernel[row] ?? -1];
    return `Row ${row} (${readCommand(table, row).op}${kernel === undefined ? '' : ` of kernel "${kernel.name}"`})`;
  };
  const cores = machine === null ? null : Object.values(machine.cores).flatMap((core) => Array.from({ length: core.count }, () => core));
  const firstOfForm = new Set(indexForms(table, (at) => table.core[at] ?? 0).firstRow);
  const repeats: { readonly end: number; readonly drift: Drift }[] = [];

  let row = 0;
  // One context for all rows: its fields follow the row, and names are made only where there is something to tell.
  const cx: { -readonly [Key in keyof CommandContext]: CommandContext[Key] } = {
    executable: e,
    machine,
    core: null,
    get where() {
      return describe(row);
    },
    get origin() {
      return e.kernels[table.kernel[row] ?? -1]?.origin ?? [];
    },
    drift: still,
    report,
  };
  for (; row < table.length && problems.length < mostProblems; row++) {
    while ((repeats.at(-1)?.end ?? table.length + 1) <= row) repeats.pop();
    const command = readCommand(table, row);
    const slot = readSlot(table, row);
    cx.core = cores?.[command.op === 'SIGNAL' || command.op === 'WAIT' ? command.core : slot.core] ?? null;
    cx.drift = repeats.at(-1)?.drift ?? still;
    if (slot.kernel < -1 || slot.kernel >= e.kernels.length)
      report(isaMessages.tableBroken({ what: `${describe(row)} belongs to kernel ${slot.kernel} of ${e.kernels.length}` }));
    if (cores !== null && slot.core >= cores.length)
      report(isaMessages.unknownCore({ core: slot.core, count: cores.length, machine: machine?.name ?? '' }));
    checkQueue(command, slot.queue, cx);
    checkRefs(command, cx);
    // Semaphore ids and host segments are bindings, not form: look at each.
    if (firstOfForm.has(row) || command.op === 'SIGNAL' || command.op === 'WAIT' || command.op === 'HOST') checkOperands(command, cx);
    if (command.op !== 'REPEAT') continue;
    const end = row + 1 + command.length;
    const outer = repeats.at(-1)?.end ?? table.length;
    const wrong = (what: string): void => report(isaMessages.repeatMalformed({ where: describe(row), what }, cx));
    if (command.count < 1 || command.length < 1) wrong(`${command.count} times ${command.length} commands repeat nothing`);
    if (end > outer) wrong(`its ${command.length} commands reach to row ${end - 1}, but what encloses it ends at row ${outer - 1}`);
    repeats.push({ end: Math.min(end, outer), drift: widened(cx.drift, command) });
  }
  if (expandedLength(table, 0, table.length) > mostCommands) {
    report(isaMessages.programTooLong({ commands: expandedLength(table, 0, table.length), most: mostCommands }));
  } else checkQueues(table, describe, report);
  return problems;
}

const still: Drift = new Map();

function widened(drift: Drift, repeat: { readonly count: number; readonly strides: readonly { region: number; bytes: number }[] }): Drift {
  const next = new Map(drift);
  for (const { region, bytes } of repeat.strides) {
    const { low = 0, high = 0 } = next.get(region) ?? {};
    const reach = Math.max(0, repeat.count - 1) * bytes;
    next.set(region, { low: low + Math.min(0, reach), high: high + Math.max(0, reach) });
  }
  return next;
}
