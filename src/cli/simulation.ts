/** Simulated runs as commands need them: with the timeline kept. */
import type { Machine } from '../hw-configs/index.ts';
import type { Executable } from '../isa/index.ts';
import { collectTrace, simulate, type Result, type Trace } from '../simulator/index.ts';

export function simulateWithTrace(executable: Executable, machine: Machine): { readonly result: Result; readonly trace: Trace | null } {
  let trace: Trace | null = null;
  const result = simulate(executable, machine, {
    observers: [
      (timeline, context) => {
        trace = collectTrace(timeline, context);
      },
    ],
  });
  return { result, trace };
}
