/** What a finished program must satisfy, found from its commands alone. */
import { elementCount, tensorBytes } from '../../src/core/index.ts';
import { parseGraph } from '../../src/graph/index.ts';
import type { Graph, ValueId } from '../../src/graph/ir.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { namedRefs, readCommand, type Command, type Executable, type Ref } from '../../src/isa/index.ts';
import type { Result } from '../../src/simulator/index.ts';

/** Multiply-accumulates of kernels that run on an engine, and of all. */
export function macsByPlace(executable: Executable): { readonly npu: number; readonly host: number } {
  let [npu, host] = [0, 0];
  for (const kernel of executable.kernels) {
    if (kernel.engine === 'host') host += kernel.macs;
    else npu += kernel.macs;
  }
  return { npu, host };
}

/** Host kernels whose time is below what moving their operands takes at the host's bandwidth: "name: 3 cycles, at least 10". */
export function underpricedHostKernels(executable: Executable, machine: Machine, result: Result): readonly string[] {
  const bytesPerCycle = machine.host.bytesPerSecond / (machine.clocks[machine.referenceClock] ?? 1);
  const problems: string[] = [];
  const bytes = new Map<number, number>();
  for (const { command, kernel } of commandsOf(executable)) {
    if (command.op !== 'HOST') continue;
    const segment = executable.hostSegments[command.segment];
    if (segment !== undefined) bytes.set(kernel, (bytes.get(kernel) ?? 0) + operandBytes(parseGraph(segment.graph)));
  }
  for (const [kernel, operands] of bytes) {
    const priced = result.kernels[kernel];
    const least = operands / bytesPerCycle;
    // Time is in whole picoseconds.
    if (priced === undefined || priced.spanCycles < least * 0.9999 - 1) {
      problems.push(`${priced?.name ?? kernel}: ${Math.floor(priced?.spanCycles ?? 0)} cycles, at least ${Math.ceil(least)}`);
    }
  }
  return problems;
}

/** Every input, constant and output of a host segment, once. */
function operandBytes(graph: Graph): number {
  const used = new Set<ValueId>([...graph.inputs, ...graph.outputs]);
  for (const node of graph.nodes) for (const id of node.inputs) if (id !== null && graph.values[id]?.constant) used.add(id);
  let bytes = 0;
  for (const id of used) {
    const type = graph.values[id]?.type;
    if (type !== undefined) bytes += tensorBytes(type.dtype, elementCount(type.shape.filter((d) => typeof d === 'number')));
  }
  return bytes;
}

/**
 * Outputs that no run-time input reaches through the commands, by name. Memories are followed as wholes, so a chain that is found
 * may be two; one that is not found does not exist.
 */
export function unreachedOutputs(executable: Executable): readonly string[] {
  const place = (ref: Pick<Ref, 'region' | 'space'>): number => (ref.region >= 0 ? ref.region : -1 - ref.space);
  const [entry] = executable.entryPoints;
  const reached = new Set<number>(entry?.inputs.map((b) => b.region));
  for (const { command } of commandsOf(executable)) {
    const refs = namedRefs(command);
    const reads = refs.filter(([name]) => !isWritten(command, name)).map(([, ref]) => ref);
    if (!reads.some((ref) => reached.has(place(ref)))) continue;
    for (const [name, ref] of refs) if (isWritten(command, name)) reached.add(place(ref));
  }
  return (entry?.outputs ?? []).filter((b) => !reached.has(b.region)).map((b) => b.name);
}

function isWritten(command: Command, name: string): boolean {
  return /^(out|dst|acc)/.test(name) && !(command.op === 'REDUCE' && name === 'x');
}

function* commandsOf(executable: Executable): Generator<{ readonly command: Command; readonly kernel: number }> {
  for (const program of executable.programs) {
    for (let row = 0; row < program.commands.length; row++) {
      yield { command: readCommand(program.commands, row), kernel: program.commands.kernel[row] ?? -1 };
    }
  }
}
