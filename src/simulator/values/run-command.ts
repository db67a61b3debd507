/** One command, on numbers. */
import { assertNever, fail, simulatorMessages } from '../../core/index.ts';
import type { Command } from '../../isa/command.ts';
import { accessesOf } from './access.ts';
import type { Context } from './context.ts';
import { runContraction } from './contraction.ts';
import { fastContraction } from './fast-contraction.ts';
import { fastPool } from './fast-pool.ts';
import { fastReduce } from './fast-reduce.ts';
import { fastVector } from './fast-vector.ts';
import { runHost } from './host.ts';
import { span } from './memory.ts';
import { runMove } from './move.ts';
import { runPool } from './pool.ts';
import { runReduce } from './reduce.ts';
import { runVector } from './vector.ts';

/** References must lie inside their areas: see `requireBounds`. */
export function runCommand(cx: Context, command: Command): void {
  switch (command.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      if (cx.kernels === null || !fastContraction(cx, cx.kernels, command)) runContraction(cx, command);
      return;
    case 'POOL':
      if (cx.kernels === null || !fastPool(cx, cx.kernels, command)) runPool(cx, command);
      return;
    case 'VECTOR':
      if (cx.kernels === null || !fastVector(cx, cx.kernels, command)) runVector(cx, command);
      return;
    case 'REDUCE':
      if (cx.kernels === null || !fastReduce(cx, cx.kernels, command)) runReduce(cx, command);
      return;
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return runMove(cx, command);
    case 'HOST':
      return runHost(cx, command);
    case 'SIGNAL':
    case 'WAIT':
    case 'BARRIER':
    case 'REPEAT':
      return;
    default:
      return assertNever(command);
  }
}

/** Throws a coded error when a reference leaves its region or window; `name` is how messages call the command. */
export function requireBounds(cx: Context, command: Command, name: () => string): void {
  for (const { operand, ref } of accessesOf(command)) {
    const area = cx.memory.map.areaOf(ref, cx.core);
    const [first, end] = span(ref);
    if (first >= 0 && end <= area.bytes) continue;
    fail(simulatorMessages.outsideMemory({ command: name(), operand, area: area.name, first, last: end - 1, bytes: area.bytes }));
  }
}
