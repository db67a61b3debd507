/**
 * Commands in program order -> queues with explicit synchronisation.
 *
 * Program order is a legal sequential order. Each command is issued with the resources it reads and writes; where that makes it
 * depend on another queue, a WAIT goes before it and a SIGNAL behind the command waited for. One semaphore per ordered pair of
 * queues is enough: queues are in order, so the k-th SIGNAL of a pair always means the same command. Since every WAIT refers to
 * an earlier command in program order, there can be no deadlock. Waits implied by earlier ones are left out (vector clocks).
 */
import { createCommandTable, queueNames, type Command, type CommandTable, type QueueName } from '../../isa/index.ts';
import { noMarks, queueCount, type Box, type Marks, type Resource } from './resources.ts';

export interface Access {
  readonly resource: Resource;
  readonly mode: 'read' | 'write';
  readonly box: Box;
}

interface Issued {
  readonly queue: number;
  readonly kernel: number;
  readonly sequence: number;
  readonly command: Command;
  /** (queue, sequence) pairs that must have retired, flat; empty for most. */
  readonly waits: readonly number[];
}

export interface ProgramWriter {
  issue(queue: QueueName, kernel: number, command: Command, accesses: readonly Access[]): void;
  finish(): { readonly commands: CommandTable; readonly semaphores: number };
  /** Commands issued so far, without synchronisation. */
  count(): number;
}

export function createProgramWriter(core: number): ProgramWriter {
  const issued: Issued[] = [];
  const sequence = new Int32Array(queueCount);
  // clock[q]: what queue q knows to have retired. snapshots[q][s]: that knowledge when command s of queue q issued.
  const clock: Marks[] = Array.from({ length: queueCount }, noMarks);
  const snapshots: Marks[][] = Array.from({ length: queueCount }, () => [noMarks()]);
  const queueIndex = new Map<QueueName, number>(queueNames.map((name, i) => [name, i]));
  const deps = noMarks();

  return {
    issue(queueName, kernel, command, accesses) {
      const queue = queueIndex.get(queueName) as number;
      deps.fill(0);
      for (const a of accesses) {
        if (a.mode === 'read') a.resource.beforeRead(deps, a.box);
        else a.resource.beforeWrite(deps, a.box);
      }
      const mine = clock[queue] as Marks;
      let waits: number[] | null = null;
      // Later stages first: what they have seen covers most of the rest.
      for (let other = queueCount - 1; other >= 0; other--) {
        const needed = deps[other] as number;
        if (other === queue || needed <= (mine[other] as number)) continue;
        waits ??= [];
        waits.push(other, needed);
        const seen = snapshots[other]?.[needed] as Marks;
        for (let q = 0; q < queueCount; q++) if ((seen[q] as number) > (mine[q] as number)) mine[q] = seen[q] as number;
        mine[other] = Math.max(mine[other] as number, needed);
      }
      const s = (sequence[queue] as number) + 1;
      sequence[queue] = s;
      mine[queue] = s;
      (snapshots[queue] as Marks[]).push(mine.slice());
      issued.push({ queue, kernel, sequence: s, command, waits: waits ?? [] });
      for (const a of accesses) {
        if (a.mode === 'read') a.resource.noteRead(queue, s, a.box);
        else a.resource.noteWrite(queue, s, a.box);
      }
    },
    count: () => issued.length,
    finish() {
      // awaited[from][to]: sorted sequence numbers of `from` that `to` waits for.
      const awaited: Set<number>[] = Array.from({ length: queueCount * queueCount }, () => new Set());
      for (const c of issued) {
        for (let i = 0; i < c.waits.length; i += 2) awaited[(c.waits[i] as number) * queueCount + c.queue]?.add(c.waits[i + 1] as number);
      }
      const ids = new Int32Array(queueCount * queueCount).fill(-1);
      let semaphores = 0;
      awaited.forEach((set, pair) => {
        if (set.size > 0) ids[pair] = semaphores++;
      });
      // signalsUpTo[pair] counts SIGNALs emitted so far with the sequence they follow; consumed[pair] those already waited for.
      const ranks = awaited.map((set) => {
        const rank = new Map<number, number>();
        [...set].toSorted((a, b) => a - b).forEach((s, i) => rank.set(s, i + 1));
        return rank;
      });
      const consumed = new Int32Array(queueCount * queueCount);
      const table = createCommandTable();
      for (const c of issued) {
        const slot = { core, queue: queueNames[c.queue] as QueueName, kernel: c.kernel };
        for (let i = 0; i < c.waits.length; i += 2) {
          const pair = (c.waits[i] as number) * queueCount + c.queue;
          const rank = ranks[pair]?.get(c.waits[i + 1] as number) as number;
          const count = rank - (consumed[pair] as number);
          if (count <= 0) continue;
          consumed[pair] = rank;
          table.emit(slot, { op: 'WAIT', core, id: ids[pair] as number, count });
        }
        table.emit(slot, c.command);
        for (let to = 0; to < queueCount; to++) {
          const pair = c.queue * queueCount + to;
          if (ranks[pair]?.has(c.sequence)) table.emit(slot, { op: 'SIGNAL', core, id: ids[pair] as number, count: 1 });
        }
      }
      return { commands: table.finish(), semaphores };
    },
  };
}
