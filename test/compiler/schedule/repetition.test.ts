/** Repetitions: their bodies are issued twice, written once, and every trip waits for the trip before as for itself. */
import { describe, expect, it } from 'vitest';
import { createProgramWriter, type Access, type ProgramWriter } from '../../../src/compiler/schedule/program-writer.ts';
import { createSlot, noMarks, type Resource } from '../../../src/compiler/schedule/resources.ts';
import { readCommand, readSlot, type Command, type CommandTable, type QueueName } from '../../../src/isa/index.ts';

const work: Command = { op: 'HOST', segment: 0, inputs: [], outputs: [] };

function text(table: CommandTable): string[] {
  return Array.from({ length: table.length }, (_, row) => {
    const c = readCommand(table, row);
    const { queue, kernel } = readSlot(table, row);
    const many = (n: number): string => (n === 1 ? '' : ` ×${n}`);
    if (c.op === 'REPEAT') return `REPEAT ${c.count} of ${c.length}`;
    return `${queue}: ${c.op === 'WAIT' || c.op === 'SIGNAL' ? `${c.op} s${c.id}${many(c.count)}` : `K${kernel}`}`;
  });
}

const read = (resource: Resource): Access => ({ resource, mode: 'read', box: null });
const write = (resource: Resource): Access => ({ resource, mode: 'write', box: null });

function start(): { writer: ProgramWriter; go: (queue: QueueName, kernel: number, ...accesses: Access[]) => void } {
  const writer = createProgramWriter(0);
  return { writer, go: (queue, kernel, ...accesses) => writer.issue(queue, kernel, work, accesses) };
}

describe('repetitions', () => {
  it('a slot that is free again for the next trip: one token is there before the first', () => {
    const { writer, go } = start();
    const x = createSlot(noMarks());
    writer.repeat({ count: 5, strides: [{ region: 1, bytes: 64 }] }, () => {
      go('dma-in', 0, write(x));
      go('matrix', 1, read(x));
    });
    expect(text(writer.finish().commands)).toEqual([
      'matrix: SIGNAL s1',
      'REPEAT 5 of 6',
      'dma-in: WAIT s1',
      'dma-in: K0',
      'dma-in: SIGNAL s0',
      'matrix: WAIT s0',
      'matrix: K1',
      'matrix: SIGNAL s1',
      // The token of the last trip, which no trip came to take.
      'dma-in: WAIT s1',
    ]);
  });

  it('what lies in front is waited for once, what follows waits for all trips', () => {
    const { writer, go } = start();
    const [x, y] = [createSlot(noMarks()), createSlot(noMarks())];
    go('dma-in', 0, write(x));
    writer.repeat({ count: 3, strides: [] }, () => go('matrix', 1, read(x), write(y)));
    go('dma-out', 2, read(y));
    expect(text(writer.finish().commands)).toEqual([
      'dma-in: K0',
      'dma-in: SIGNAL s0',
      'matrix: WAIT s0',
      'REPEAT 3 of 1',
      'matrix: K1',
      'matrix: SIGNAL s1',
      'dma-out: WAIT s1',
      'dma-out: K2',
    ]);
  });

  it('a wait for an early command of the trip before leaves the later tokens', () => {
    const { writer, go } = start();
    const [x, y] = [createSlot(noMarks()), createSlot(noMarks())];
    writer.repeat({ count: 4, strides: [] }, () => {
      go('dma-in', 0, write(x));
      go('dma-in', 1, write(y));
      go('matrix', 2, read(x));
      go('matrix', 3, read(y));
    });
    expect(text(writer.finish().commands)).toEqual([
      'matrix: SIGNAL s1 ×2',
      'REPEAT 4 of 12',
      'dma-in: WAIT s1',
      'dma-in: K0',
      'dma-in: SIGNAL s0',
      'dma-in: WAIT s1',
      'dma-in: K1',
      'dma-in: SIGNAL s0',
      'matrix: WAIT s0',
      'matrix: K2',
      'matrix: SIGNAL s1',
      'matrix: WAIT s0',
      'matrix: K3',
      'matrix: SIGNAL s1',
      'dma-in: WAIT s1 ×2',
    ]);
  });

  it('one behind another, and never one in another', () => {
    const { writer, go } = start();
    const x = createSlot(noMarks());
    const trip = (): void => {
      go('dma-in', 0, write(x));
      go('vector', 1, read(x));
    };
    writer.repeat({ count: 2, strides: [] }, trip);
    writer.repeat({ count: 3, strides: [] }, trip);
    const rows = text(writer.finish().commands);
    expect(rows.filter((row) => row.startsWith('REPEAT'))).toEqual(['REPEAT 2 of 6', 'REPEAT 3 of 6']);
    // Between them the token that the first left is the one that the second starts with.
    expect(rows.slice(rows.indexOf('REPEAT 2 of 6') + 7, rows.indexOf('REPEAT 3 of 6'))).toEqual([
      'vector: SIGNAL s1',
      'dma-in: WAIT s1 ×2',
      'vector: SIGNAL s1',
    ]);
    const other = createProgramWriter(0);
    expect(() => other.repeat({ count: 2, strides: [] }, () => other.repeat({ count: 2, strides: [] }, trip))).toThrow('do not nest');
  });

  it('trips that differ are refused', () => {
    const { writer, go } = start();
    expect(() =>
      writer.repeat({ count: 2, strides: [] }, (again) => {
        if (again) go('dma-in', 0);
      }),
    ).toThrow('is followed by one of 1');
  });
});
