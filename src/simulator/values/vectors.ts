/**
 * Bring-up vectors: what a command gets and what it must make of it, one record a command, for those who build the machine. The format is
 * in docs/verify.md.
 */
import { invariant, tensorBytes, elementCount, type DType, type Tensor } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import { queueNames } from '../../isa/index.ts';
import type { Command, QueueName, Ref } from '../../isa/command.ts';
import type { Executable } from '../../isa/executable.ts';
import { accessesOf } from './access.ts';
import { execute, type CommandMoment } from './execute.ts';

export interface VectorOptions {
  /** Kernels by name; null: all. */
  readonly kernels: ReadonlySet<string> | null;
  /** At most so many commands of each kernel, the first ones. */
  readonly commandsPerKernel: number;
  /** Recording stops before the numbers of a command would exceed this many bytes in all. */
  readonly limitBytes: number;
}

export interface VectorManifest {
  readonly formatVersion: 1;
  readonly model: string;
  readonly target: string;
  readonly planHash: string;
  /** True where `limitBytes` cut the list. */
  readonly truncated: boolean;
  readonly vectors: readonly VectorRecord[];
}

export interface VectorRecord {
  /** Place in this list; file names begin with it. */
  readonly index: number;
  /** Row of the program, as `disasm` numbers them, and place in the run, REPEATs unrolled. */
  readonly row: number;
  readonly sequence: number;
  readonly op: Command['op'];
  readonly core: number;
  readonly queue: QueueName;
  readonly kernel: string;
  /** ONNX nodes. */
  readonly origin: readonly string[];
  /** Every field of the command that is no reference; infinite numbers as "Infinity" and "-Infinity". */
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly operands: readonly VectorOperand[];
}

export type Parameter = string | number | boolean | null | readonly Parameter[] | { readonly [name: string]: Parameter };

export interface VectorOperand {
  /** As messages call it: x, w, acc, out, bias, multiplier, src, dst, inputs[0], … */
  readonly name: string;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Memory, and the region in it; null: an address in the core's own window. */
  readonly space: string;
  readonly region: string | null;
  readonly dtype: DType;
  /** Bytes from the start of the region or window. */
  readonly offset: number;
  readonly extents: readonly number[];
  /** Bytes along each axis, of types of four bits elements; 0: the same bytes again. */
  readonly strides: readonly number[];
  readonly ring: { readonly base: number; readonly bytes: number; readonly axis: number } | null;
  /** Extents of the numbers in the files: 1 along axes of stride 0. Of types of four bits the bytes that hold them, as they lie. */
  readonly fileExtents: readonly number[];
  /** What it holds before the command, where the command reads it. */
  readonly before: string | null;
  /** What it holds after the command, where the command writes it. */
  readonly after: string | null;
}

/**
 * Runs the program and records commands in the order they happen.
 * @param write  keeps numbers under a name without ending; answers the name of the file
 * Throws what `execute` throws.
 */
export function recordVectors(
  executable: Executable,
  machine: Machine,
  inputs: ReadonlyMap<string, Tensor>,
  options: VectorOptions,
  write: (stem: string, tensor: Tensor) => string,
): VectorManifest {
  const [entry] = executable.entryPoints;
  const table = executable.programs[entry?.program ?? 0]?.commands;
  invariant(table !== undefined, 'a program has an entry point');
  const vectors: VectorRecord[] = [];
  const taken = new Map<number, number>();
  let bytes = 0;
  let truncated = false;

  const record = ({ row, sequence, command }: CommandMoment, read: (ref: Ref) => Tensor): (() => void) | null => {
    const kernelIndex = table.kernel[row] ?? -1;
    const kernel = executable.kernels[kernelIndex];
    if (options.kernels !== null && !options.kernels.has(kernel?.name ?? '')) return null;
    const count = taken.get(kernelIndex) ?? 0;
    if (truncated || count >= options.commandsPerKernel) return null;
    const uses = usesOf(command);
    const size = uses.reduce(
      (n, u) => n + tensorBytes(u.held.dtype, elementCount(filed(u.held))) * (Number(u.reads) + Number(u.writes)),
      0,
    );
    if (bytes + size > options.limitBytes) {
      truncated = true;
      return null;
    }
    bytes += size;
    taken.set(kernelIndex, count + 1);
    const index = vectors.length;
    const stem = (operand: string, when: string): string =>
      `${String(index).padStart(5, '0')}-${command.op}.${operand.replace(/\[(\d+)\]/, '$1')}.${when}`;
    const before = uses.map((u) => (u.reads ? write(stem(u.name, 'before'), read(u.held)) : null));
    return () => {
      vectors[index] = {
        index,
        row,
        sequence,
        op: command.op,
        core: table.core[row] ?? 0,
        queue: queueNames[table.queue[row] ?? 0] ?? 'host',
        kernel: kernel?.name ?? '',
        origin: kernel?.origin ?? [],
        parameters: parametersOf(command),
        operands: uses.map((u, i) =>
          operandOf(executable, u, before[i] ?? null, u.writes ? write(stem(u.name, 'after'), read(u.held)) : null),
        ),
      };
    };
  };
  execute(executable, machine, inputs, { sanitize: false, onCommand: record });
  return {
    formatVersion: 1,
    model: executable.model.name,
    target: executable.target.name,
    planHash: executable.target.planHash,
    truncated,
    vectors,
  };
}

interface Use {
  readonly name: string;
  /** As the command has it. */
  readonly ref: Ref;
  /** What is read and written of it: bytes, where elements are packed. */
  readonly held: Ref;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** One for each operand: a contraction that reads back its own sums only writes them, as seen from outside. */
function usesOf(command: Command): readonly Use[] {
  const found = new Map<string, Use>();
  for (const { operand, given, ref, reads, writes } of accessesOf(command)) {
    if (!found.has(operand)) found.set(operand, { name: operand, ref: given, held: ref, reads, writes });
  }
  return [...found.values()];
}

function filed(ref: Ref): readonly number[] {
  return ref.extents.map((extent, axis) => (ref.strides[axis] === 0 && extent > 1 ? 1 : extent));
}

function operandOf(
  executable: Executable,
  { name, ref, held, reads, writes }: Use,
  before: string | null,
  after: string | null,
): VectorOperand {
  return {
    name,
    reads,
    writes,
    space: executable.spaces[ref.space] ?? '',
    region: executable.regions[ref.region]?.name ?? null,
    dtype: ref.dtype,
    offset: ref.offset,
    extents: ref.extents,
    strides: ref.strides,
    ring: ref.ring ?? null,
    fileExtents: filed(held),
    before,
    after,
  };
}

/** The command without its references. */
function parametersOf(command: Command): Readonly<Record<string, Parameter>> {
  const fields = Object.entries(command).filter(([name, value]) => name !== 'op' && !holdsRefs(value));
  return Object.fromEntries(fields.map(([name, value]) => [name, parameterOf(value)]));
}

function isRef(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'space' in value && 'extents' in value;
}

function holdsRefs(value: unknown): boolean {
  return isRef(value) || (Array.isArray(value) && value.length > 0 && value.every(isRef));
}

function parameterOf(value: unknown): Parameter {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(parameterOf);
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => !holdsRefs(v))
      .map(([name, v]) => [name, parameterOf(v)]),
  );
}
