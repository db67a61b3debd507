import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProgramWriter, type Access } from '../../../src/compiler/schedule/program-writer.ts';
import { createSlot, createTensor, noMarks } from '../../../src/compiler/schedule/resources.ts';
import { readCommand, readSlot, type Command, type CommandTable, type QueueName } from '../../../src/isa/index.ts';

/** Any command will do: the writer never looks inside. */
const work: Command = { op: 'BARRIER' };

function text(table: CommandTable): string[] {
  return Array.from({ length: table.length }, (_, row) => {
    const c = readCommand(table, row);
    const name =
      c.op === 'WAIT' || c.op === 'SIGNAL' ? `${c.op} s${c.id}${c.count === 1 ? '' : ` ×${c.count}`}` : `K${readSlot(table, row).kernel}`;
    return `${readSlot(table, row).queue}: ${name}`;
  });
}

describe('synchronisation', () => {
  it('a load, a product and a store wait for one another, and the slot is free again for the next load', () => {
    const writer = createProgramWriter(0);
    const x = createSlot(noMarks());
    const y = createSlot(noMarks());
    const r = (resource: Access['resource']): Access => ({ resource, mode: 'read', box: null });
    const w = (resource: Access['resource']): Access => ({ resource, mode: 'write', box: null });
    const go = (queue: QueueName, kernel: number, ...accesses: Access[]): void => writer.issue(queue, kernel, work, accesses);
    go('dma-in', 0, w(x));
    go('matrix', 1, r(x), w(y));
    go('dma-out', 2, r(y));
    go('dma-in', 3, w(x)); // must wait for the product that read x
    expect(text(writer.finish().commands)).toEqual([
      'dma-in: K0',
      'dma-in: SIGNAL s0',
      'matrix: WAIT s0',
      'matrix: K1',
      'matrix: SIGNAL s1',
      'matrix: SIGNAL s2',
      'dma-out: WAIT s2',
      'dma-out: K2',
      'dma-in: WAIT s1',
      'dma-in: K3',
    ]);
  });

  it('leaves out waits that follow from others, and counts signals nobody asked for one by one', () => {
    const writer = createProgramWriter(0);
    const a = createSlot(noMarks());
    const b = createSlot(noMarks());
    const access = (resource: Access['resource'], mode: 'read' | 'write'): Access => ({ resource, mode, box: null });
    writer.issue('dma-in', 0, work, [access(a, 'write')]);
    writer.issue('dma-in', 1, work, [access(b, 'write')]);
    // Waits for the second load only: the first retired before it.
    writer.issue('matrix', 2, work, [access(b, 'read'), access(a, 'read')]);
    // The matrix engine has seen both, so waiting for it is enough.
    writer.issue('vector', 3, work, [access(a, 'write'), access(b, 'read')]);
    expect(text(writer.finish().commands)).toEqual([
      'dma-in: K0',
      'dma-in: K1',
      'dma-in: SIGNAL s0',
      'matrix: WAIT s0',
      'matrix: K2',
      'matrix: SIGNAL s1',
      'vector: WAIT s1',
      'vector: K3',
    ]);
  });

  it('a reader of a tensor waits for the tiles it reads, not for the whole tensor', () => {
    const writer = createProgramWriter(0);
    const t = createTensor(noMarks());
    writer.issue('dma-out', 0, work, [{ resource: t, mode: 'write', box: [0, 4] }]);
    writer.issue('dma-out', 1, work, [{ resource: t, mode: 'write', box: [4, 8] }]);
    writer.issue('dma-in', 2, work, [{ resource: t, mode: 'read', box: [0, 3] }]);
    writer.issue('dma-in', 3, work, [{ resource: t, mode: 'read', box: null }]);
    expect(text(writer.finish().commands)).toEqual([
      'dma-out: K0',
      'dma-out: SIGNAL s0',
      'dma-out: K1',
      'dma-out: SIGNAL s0',
      'dma-in: WAIT s0',
      'dma-in: K2',
      'dma-in: WAIT s0',
      'dma-in: K3',
    ]);
  });

  it('of any number of boxes: the newest that overlaps, of each queue', () => {
    const box = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 9 }), fc.nat(40), fc.integer({ min: 1, max: 9 }));
    const edges = ([x, w, y, h]: readonly [number, number, number, number]): number[] => [x, x + w, y, y + h];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1, 4), box), { maxLength: 600 }), box, (writes, read) => {
        const t = createTensor(noMarks());
        const expected = noMarks();
        const [x0 = 0, x1 = 0, y0 = 0, y1 = 0] = edges(read);
        writes.forEach(([queue, written], i) => {
          const [u0 = 0, u1 = 0, v0 = 0, v1 = 0] = edges(written);
          t.noteWrite(queue, i + 1, [u0, u1, v0, v1]);
          if (u0 < x1 && x0 < u1 && v0 < y1 && y0 < v1) expected[queue] = i + 1;
        });
        const deps = noMarks();
        t.beforeRead(deps, [x0, x1, y0, y1]);
        expect([...deps]).toEqual([...expected]);
      }),
      { numRuns: 100 },
    );
  });
});
