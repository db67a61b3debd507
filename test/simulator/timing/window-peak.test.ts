/** The quick reading of offsets against `readCommand`, row by row, on commands of every kind. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCommandTable, readCommand, readSlot, type CommandTable, type Ref } from '../../../src/isa/index.ts';
import { windowPeaks } from '../../../src/simulator/memory/window-peak.ts';
import { anyCommand, anySlot } from '../../isa/arbitrary.ts';

const isRef = (value: unknown): value is Ref => typeof value === 'object' && value !== null && 'space' in value && 'extents' in value;

/** Every reference anywhere inside a command. */
function refsIn(value: unknown): Ref[] {
  if (isRef(value)) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(refsIn);
}

/** Most bytes that one kernel touches in one core's window, by listing them. */
function slowPeaks(table: CommandTable, spaces: number): number[] {
  const touched = new Map<string, Set<number>>();
  const peak = Array.from({ length: spaces }, () => 0);
  for (let row = 0; row < table.length; row++) {
    const command = readCommand(table, row);
    const { core, kernel } = readSlot(table, row);
    if (command.op === 'HOST') continue;
    for (const ref of refsIn(command)) {
      if (ref.region >= 0) continue;
      const key = `${kernel} ${core} ${ref.space}`;
      const bytes = touched.get(key) ?? new Set();
      touched.set(key, bytes);
      const span = ref.extents.reduce((at, extent, axis) => at + Math.max(0, extent - 1) * (ref.strides[axis] ?? 0), 1);
      for (let i = 0; i < span; i++) bytes.add(ref.offset + i);
      peak[ref.space] = Math.max(peak[ref.space] ?? 0, bytes.size);
    }
  }
  return peak;
}

/** Only what `slowPeaks` understands: dense int8, no rings, few bytes, often the same ones. */
function plain(value: unknown): unknown {
  if (isRef(value)) {
    const { ring: _, ...rest } = value;
    const small = (list: readonly number[], limit: number): number[] => list.map((n) => n % limit);
    return {
      ...rest,
      dtype: 'int8',
      space: rest.space % 3,
      offset: rest.offset % 500,
      extents: small(rest.extents, 4),
      strides: small(rest.strides, 30),
    };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

test('finds what reading every command finds', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anySlot, anyCommand), { maxLength: 12 }), (rows) => {
      const builder = createCommandTable();
      for (const [slot, command] of rows)
        builder.emit({ ...slot, kernel: slot.kernel % 3, core: slot.core % 2 }, plain(command) as typeof command);
      const table = builder.finish();
      const eachItsOwnForm = Int32Array.from({ length: table.length }, (_, row) => row);
      expect([...windowPeaks(table, eachItsOwnForm, 3)]).toEqual(slowPeaks(table, 3));
    }),
  );
});

test('a ring stays within its bytes, wherever the reference starts', () => {
  const builder = createCommandTable();
  const ref: Ref = {
    space: 0,
    region: -1,
    dtype: 'int8',
    offset: 300,
    extents: [4, 64],
    strides: [64, 1],
    ring: { base: 128, bytes: 256, axis: 0 },
  };
  builder.emit({ core: 0, queue: 'dma-in', kernel: 0 }, { op: 'COPY', src: ref, dst: ref, operand: 'inputs' });
  expect([...windowPeaks(builder.finish(), Int32Array.of(0), 1)]).toEqual([256]);
});
