/**
 * Regions and scratchpad windows bound to byte arrays.
 *
 * Every space gets one shared array with the program's regions, in table order, each at the next multiple of its alignment. A core's
 * local window (region -1) is an array of its own, from byte 0. Arrays are as large as what the program uses, not as the machine's memory.
 */
import { alignUp, bitsOf, bytesPerElement, fail, invariant, simulatorMessages, type Diagnostic } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import { readCommand } from '../../isa/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Ref } from '../../isa/command.ts';
import type { Executable } from '../../isa/executable.ts';
import { accessesOf } from './access.ts';
import { executableDTypes } from './numbers.ts';

/** Bytes of one space, with word views for raw moves. */
export interface Storage {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;
}

/** What a reference's region or window is: where it begins and how far it goes. */
export interface Area {
  readonly name: string;
  /** First byte in the storage. */
  readonly base: number;
  /** What a program may use. */
  readonly bytes: number;
  readonly space: number;
  /** Index into executable.regions, or -1 - core for a window. */
  readonly region: number;
}

export interface MemoryMap {
  readonly regions: readonly Area[];
  areaOf(ref: Ref, core: number): Area;
  /** Bytes to allocate, by space (regions) and by `core * spaces + space` (windows). */
  readonly shared: readonly number[];
  readonly windows: ReadonlyMap<number, number>;
  windowKey(area: Area): number;
}

export interface Memory {
  readonly map: MemoryMap;
  storageOf(area: Area): Storage;
}

/** At most this many bytes are allocated for one run. */
export const runLimitBytes: number = 3 * 2 ** 30;

/** Places regions and measures windows; throws where the machine lacks a memory of the program or, for `arithmetic`, cannot be imitated. */
export function mapMemory(executable: Executable, commands: CommandTable, machine: Machine, arithmetic: boolean): MemoryMap {
  const missing: Diagnostic[] = executable.spaces
    .filter((name) => machine.memories[name] === undefined)
    .map((name) => simulatorMessages.memoryNotInMachine({ name, machine: machine.name, known: Object.keys(machine.memories) }));
  if (missing.length > 0) fail(...missing);

  const shared = executable.spaces.map(() => 0);
  const regions = executable.regions.map((region, i): Area => {
    const base = alignUp(shared[region.space] ?? 0, Math.max(1, region.alignment));
    shared[region.space] = base + region.bytes;
    return { name: `region "${region.name}"`, base, bytes: region.bytes, space: region.space, region: i };
  });

  const spaces = executable.spaces.length;
  const windowAreas = new Map<number, Area>();
  const areaOf = (ref: Ref, core: number): Area => {
    if (ref.region >= 0) {
      const region = regions[ref.region];
      invariant(region !== undefined, `region ${ref.region} of ${regions.length}`);
      return region;
    }
    const key = core * spaces + ref.space;
    let area = windowAreas.get(key);
    if (area === undefined) {
      const name = executable.spaces[ref.space] ?? '';
      area = {
        name: `"${name}" of core ${core}`,
        base: 0,
        bytes: machine.memories[name]?.sizeBytes ?? 0,
        space: ref.space,
        region: -1 - core,
      };
      windowAreas.set(key, area);
    }
    return area;
  };

  const windows = new Map<number, number>();
  for (let row = 0; row < commands.length; row++) {
    const core = commands.core[row] ?? 0;
    const command = readCommand(commands, row);
    for (const { ref } of accessesOf(command)) {
      const moved = command.op === 'LOAD' || command.op === 'STORE' || command.op === 'COPY' || command.op === 'HOST';
      const fits = bitsOf(ref.dtype) >= 8 && (moved || !arithmetic || executableDTypes.includes(ref.dtype));
      if (!fits) fail(simulatorMessages.dtypeNotExecutable({ command: `${command.op} (row ${row})`, dtype: ref.dtype }));
      if (ref.region >= 0) continue;
      const key = core * spaces + ref.space;
      const end = Math.min(span(ref)[1], areaOf(ref, core).bytes);
      if (end > (windows.get(key) ?? 0)) windows.set(key, end);
    }
  }
  const windowKey = (area: Area): number => (-1 - area.region) * spaces + area.space;
  return { regions, areaOf, shared, windows, windowKey };
}

/** Allocates the arrays, filled with poison; throws where they are too large. */
export function allocateMemory(map: MemoryMap, spaces: readonly string[]): Memory {
  const parts = [
    ...map.shared.map((bytes, space) => ({ name: `regions in "${spaces[space]}"`, bytes })),
    ...[...map.windows].map(([key, bytes]) => ({
      name: `"${spaces[key % spaces.length]}" of core ${Math.floor(key / spaces.length)}`,
      bytes,
    })),
  ];
  const needed = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (needed > runLimitBytes) {
    const largest = parts.toSorted((a, b) => b.bytes - a.bytes).slice(0, 3);
    fail(simulatorMessages.tooLargeToRun({ needed, limit: runLimitBytes, parts: largest }));
  }
  const shared = map.shared.map(createStorage);
  const windows = new Map([...map.windows].map(([key, bytes]) => [key, createStorage(bytes)]));
  const storageOf = (area: Area): Storage => {
    const storage = area.region >= 0 ? shared[area.space] : windows.get(map.windowKey(area));
    invariant(storage !== undefined, `no array for ${area.name}`);
    return storage;
  };
  return { map, storageOf };
}

/** Unwritten bytes: quiet NaN as float32, four different numbers as int8. Any result made from them shows. */
const poison = 0xffd3a5b7;

function createStorage(bytes: number): Storage {
  const buffer = new ArrayBuffer(alignUp(bytes, 8));
  const words = new Uint32Array(buffer).fill(poison);
  return { bytes: new Uint8Array(buffer), halves: new Uint16Array(buffer), words };
}

/** First byte and one past the last byte of a reference, from the start of its region or window; [0, 0) when it is empty. */
export function span(ref: Ref): readonly [number, number] {
  let first = ref.offset;
  let last = ref.offset;
  for (let i = 0; i < ref.extents.length; i++) {
    const extent = ref.extents[i] ?? 0;
    if (extent <= 0) return [0, 0];
    const reach = (extent - 1) * (ref.strides[i] ?? 0);
    if (reach > 0) last += reach;
    else first += reach;
  }
  const size = bytesPerElement(ref.dtype);
  if (ref.ring !== undefined && (first < ref.ring.base || last + size > ref.ring.base + ref.ring.bytes)) {
    return [ref.ring.base, ref.ring.base + ref.ring.bytes];
  }
  return [first, last + size];
}
