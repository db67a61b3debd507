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

export interface ProgramWriter {
  issue(queue: QueueName, kernel: number, command: Command, accesses: readonly Access[]): void;
  finish(): { readonly commands: CommandTable; readonly semaphores: number };
}

export function createProgramWriter(core: number): ProgramWriter {
  // Commands go into columns at once; only what synchronisation needs is kept beside them.
  const body = createCommandTable();
  /** (row, other queue, sequence waited for), flat, by row. */
  const waits: number[] = [];
  const sequence = new Int32Array(queueCount);
  // clock[q]: what queue q knows to have retired. snapshots[q][s]: that knowledge when command s of queue q issued.
  const clock: Marks[] = Array.from({ length: queueCount }, noMarks);
  const snapshots: Int32Array[] = Array.from({ length: queueCount }, () => new Int32Array(256 * queueCount));
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
      const row = body.emit({ core, queue: queueName, kernel }, command);
      // Later stages first: what they have seen covers most of the rest.
      for (let other = queueCount - 1; other >= 0; other--) {
        const needed = deps[other] as number;
        if (other === queue || needed <= (mine[other] as number)) continue;
        waits.push(row, other, needed);
        const seen = snapshots[other] as Int32Array;
        const from = needed * queueCount;
        for (let q = 0; q < queueCount; q++) if ((seen[from + q] as number) > (mine[q] as number)) mine[q] = seen[from + q] as number;
        mine[other] = Math.max(mine[other] as number, needed);
      }
      const s = (sequence[queue] as number) + 1;
      sequence[queue] = s;
      mine[queue] = s;
      let kept = snapshots[queue] as Int32Array;
      if ((s + 1) * queueCount > kept.length) {
        const longer = new Int32Array(2 * kept.length);
        longer.set(kept);
        snapshots[queue] = kept = longer;
      }
      kept.set(mine, s * queueCount);
      for (const a of accesses) {
        if (a.mode === 'read') a.resource.noteRead(queue, s, a.box);
        else a.resource.noteWrite(queue, s, a.box);
      }
    },
    finish() {
      const commands = body.finish();
      // rank[from, to][s]: which SIGNAL of the pair follows command s of `from`, counted from 1; 0 where `to` never waits for it.
      const rank: Int32Array[] = Array.from(
        { length: queueCount * queueCount },
        (_, pair) => new Int32Array((sequence[Math.floor(pair / queueCount)] as number) + 1),
      );
      for (let i = 0; i < waits.length; i += 3) {
        const to = commands.queue[waits[i] as number] as number;
        (rank[(waits[i + 1] as number) * queueCount + to] as Int32Array)[waits[i + 2] as number] = 1;
      }
      const ids = new Int32Array(queueCount * queueCount).fill(-1);
      let semaphores = 0;
      rank.forEach((signals, pair) => {
        let count = 0;
        for (let i = 0; i < signals.length; i++) if (signals[i] !== 0) signals[i] = ++count;
        if (count > 0) ids[pair] = semaphores++;
      });
      const consumed = new Int32Array(queueCount * queueCount);
      const table = createCommandTable(commands);
      const seen = new Int32Array(queueCount);
      let next = 0;
      for (let row = 0; row < commands.length; row++) {
        const queue = commands.queue[row] as number;
        const slot = { core, queue: queueNames[queue] as QueueName, kernel: commands.kernel[row] as number };
        for (; next < waits.length && waits[next] === row; next += 3) {
          const pair = (waits[next + 1] as number) * queueCount + queue;
          const upTo = rank[pair]?.[waits[next + 2] as number] as number;
          const count = upTo - (consumed[pair] as number);
          if (count <= 0) continue;
          consumed[pair] = upTo;
          table.emit(slot, { op: 'WAIT', core, id: ids[pair] as number, count });
        }
        table.copy(row);
        const s = (seen[queue] as number) + 1;
        seen[queue] = s;
        for (let to = 0; to < queueCount; to++) {
          const pair = queue * queueCount + to;
          if ((ids[pair] as number) >= 0 && rank[pair]?.[s] !== 0)
            table.emit(slot, { op: 'SIGNAL', core, id: ids[pair] as number, count: 1 });
        }
      }
      return { commands: table.finish(), semaphores };
    },
  };
}
