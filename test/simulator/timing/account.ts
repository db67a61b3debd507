/** The accounts of a timeline by name, as the result document shows them. */
import { busyColumn, firstReason, idleColumn } from '../../../src/simulator/engines/accounts.ts';
import type { Timeline } from '../../../src/simulator/engines/event-loop.ts';

export type Account = Readonly<Record<string, number>>;

/** Queue -> busy, idle and every reason with time in it. */
export function accountsOf({ workload, accounts }: Timeline): Readonly<Record<string, Account>> {
  const { queues, memories } = workload;
  const reasons = [...queues.map((q) => `wait:${q.kind}`), ...memories.map((m) => `memory:${m.name}`), 'barrier'];
  const named: [number, string][] = [
    [busyColumn, 'busy'],
    [idleColumn, 'idle'],
    ...reasons.map((name, i): [number, string] => [firstReason + i, name]),
  ];
  return Object.fromEntries(
    queues.map(({ kind }, q) => [
      kind,
      Object.fromEntries(
        named.flatMap(([column, name]) => {
          const cycles = accounts.cycles[q * accounts.columns + column] ?? 0;
          return cycles === 0 ? [] : [[name, cycles]];
        }),
      ),
    ]),
  );
}

/** [start, end, retire] of every command, in ps; synchronisation left out. */
export function timesOf(timeline: Timeline): number[][] {
  return [...timeline.start.keys()].flatMap((row) =>
    timeline.workload.action[row] === 0 ? [[timeline.start[row] ?? 0, timeline.end[row] ?? 0, timeline.retire[row] ?? 0]] : [],
  );
}
