/** Columns of demand: a program on a machine becomes a workload, every name an index, every demand ticks and streams. */
import { invariant } from '../../core/index.ts';
import type { Machine } from '../../hw-configs/machine.ts';
import {
  commandOps,
  demandTable,
  expandProgram,
  queueNames,
  type CommandTable,
  type DemandColumns,
  type Executable,
  type QueueName,
} from '../../isa/index.ts';
import { createClock, type Clock } from '../kernel/clock.ts';
import { byte, int, short, uint } from '../kernel/columns.ts';
import { costTable, spaceMemories } from './costs.ts';
import { action, type WorkQueue, type Workload } from './workload.ts';

export interface BoundProgram {
  readonly table: CommandTable;
  readonly workload: Workload;
  readonly demand: DemandColumns;
  /** Row of the command table for every executed row. */
  readonly source: Int32Array;
  /** Op code of every executed row. */
  readonly op: Uint8Array;
  readonly hostCode: number;
  /** Kernel -> operations of one of its HOST commands: a kernel's work is divided among them. */
  readonly hostOps: Float64Array;
}

const hostKind = queueNames.indexOf('host');
const codes = {
  signal: commandOps.indexOf('SIGNAL'),
  wait: commandOps.indexOf('WAIT'),
  barrier: commandOps.indexOf('BARRIER'),
  host: commandOps.indexOf('HOST'),
};

export function bindProgram(executable: Executable, machine: Machine, program: number): BoundProgram {
  const table = executable.programs[program]?.commands;
  invariant(table !== undefined, `program ${program} of ${executable.programs.length}`);
  const demand = demandTable(executable, machine, program);
  const source = expandProgram(table).rows;
  const rows = source.length;
  const memoryOf = spaceMemories(executable.spaces, machine);
  const firstRow = firstRows(demand);
  const costs = costTable(
    demand,
    machine,
    memoryOf,
    (d) => commandOps[table.op[firstRow[d] ?? 0] ?? 0] ?? 'BARRIER',
    (d) => table.core[firstRow[d] ?? 0] ?? 0,
  );
  // Plain loops here and below: TypedArray.from with a function costs twenty times as much.
  const op = new Uint8Array(rows);
  const kernel = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    op[i] = byte(table.op, int(source, i));
    kernel[i] = int(table.kernel, int(source, i));
  }

  const { queues, queue } = bindQueues(table, machine, source);
  const { order, queueStart } = orderRows(queue, op, queues.length);
  const sync = bindSemaphores(table, source, op, queue);
  const host = hostWork(executable, machine, op, kernel);

  const columns = {
    action: new Uint8Array(rows),
    setupTicks: new Float64Array(rows),
    bodyTicks: new Float64Array(rows),
    bodyPs: new Float64Array(rows),
    drainTicks: new Float64Array(rows),
    latencyPs: new Float64Array(rows),
    mainMemory: new Int32Array(rows).fill(-1),
    streamStart: new Uint32Array(rows + 1),
  };
  const streamCounts = Uint32Array.from(costs, (cost) => cost.streams.length);
  let streamCount = 0;
  for (let i = 0; i < rows; i++) {
    streamCount += streamCounts[int(demand.id, int(source, i))] ?? 0;
    columns.streamStart[i + 1] = streamCount;
  }
  const streamMemory = new Uint8Array(streamCount);
  const streamWork = new Float64Array(streamCount);
  let s = 0;
  for (let i = 0; i < rows; i++) {
    const code = byte(op, i);
    if (code === codes.signal || code === codes.wait || code === codes.barrier) {
      columns.action[i] = code === codes.signal ? action.signal : code === codes.wait ? action.wait : action.barrier;
      continue;
    }
    const cost = costs[int(demand.id, int(source, i))];
    if (cost === undefined) continue;
    columns.setupTicks[i] = cost.setupTicks;
    columns.bodyTicks[i] = cost.bodyTicks;
    columns.drainTicks[i] = cost.drainTicks;
    columns.latencyPs[i] = cost.latencyPs;
    columns.mainMemory[i] = cost.mainMemory;
    if (code === codes.host) columns.bodyPs[i] = host.ps[int(kernel, i)] ?? machine.host.handoverPs;
    for (const stream of cost.streams) {
      streamMemory[s] = stream.memory;
      streamWork[s++] = stream.workPs;
    }
  }

  const workload: Workload = {
    rows,
    reference: clockOf(machine, machine.referenceClock),
    queues,
    memories: Object.entries(machine.memories).map(([name, memory]) => ({ name, memory })),
    order,
    queueStart,
    kernel,
    queue,
    streamMemory,
    streamWork,
    ...columns,
    ...sync,
  };
  return { table, workload, demand, source, op, hostCode: codes.host, hostOps: host.ops };
}

function clockOf(machine: Machine, name: string): Clock {
  const hertz = machine.clocks[name];
  invariant(hertz !== undefined, `clock ${name}`);
  return createClock(hertz);
}

function firstRows(demand: DemandColumns): Int32Array {
  const first = new Int32Array(demand.distinct.length).fill(-1);
  for (let row = 0; row < demand.length; row++) if (first[int(demand.id, row)] === -1) first[int(demand.id, row)] = row;
  return first;
}

/** Queues with rows. Core numbers count all instances of all cores, in the order of the machine. */
function bindQueues(table: CommandTable, machine: Machine, source: Int32Array): { queues: WorkQueue[]; queue: Int32Array } {
  const kinds = queueNames.length;
  const instances = Object.entries(machine.cores).flatMap(([name, core]) => {
    const clock = clockOf(machine, core.clock);
    return Array.from({ length: core.count }, (_, i) => ({ name: core.count === 1 ? name : `${name}[${i}]`, clock }));
  });
  const hostKey = instances.length * kinds;
  const indexOf = new Int32Array(hostKey + 1).fill(-1);
  const keys = new Int32Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const row = int(source, i);
    const kind = byte(table.queue, row);
    const key = kind === hostKind ? hostKey : short(table.core, row) * kinds + kind;
    keys[i] = key;
    indexOf[key] = 0;
  }
  const used = [...indexOf.keys()].filter((key) => indexOf[key] === 0);
  used.forEach((key, i) => (indexOf[key] = i));
  const queue = keys; // renumbered in place
  for (let i = 0; i < queue.length; i++) queue[i] = int(indexOf, int(keys, i));
  const reference = clockOf(machine, machine.referenceClock);
  const queues = used.map((k): WorkQueue => {
    const core = Math.floor(k / kinds);
    const instance = instances[core];
    const kind: QueueName = instance === undefined ? 'host' : (queueNames[k % kinds] ?? 'host');
    return instance === undefined
      ? { name: 'host', kind, core: 0, clock: reference, rank: kinds * instances.length }
      : { name: `${instance.name}.${kind}`, kind, core, clock: instance.clock, rank: queueNames.indexOf(kind) * instances.length + core };
  });
  return { queues, queue };
}

function orderRows(queue: Int32Array, op: Uint8Array, queueCount: number): { order: Int32Array; queueStart: Uint32Array } {
  const queueStart = new Uint32Array(queueCount + 1);
  let barriers = 0;
  for (let i = 0; i < queue.length; i++) {
    if (byte(op, i) === codes.barrier) barriers++;
    else queueStart[int(queue, i) + 1] = (queueStart[int(queue, i) + 1] ?? 0) + 1;
  }
  for (let k = 0; k < queueCount; k++) queueStart[k + 1] = (queueStart[k + 1] ?? 0) + (queueStart[k] ?? 0) + barriers;
  const order = new Int32Array(queueStart[queueCount] ?? 0);
  const next = queueStart.slice();
  const put = (k: number, row: number): void => {
    order[next[k] ?? 0] = row;
    next[k] = (next[k] ?? 0) + 1;
  };
  for (let i = 0; i < queue.length; i++) {
    if (byte(op, i) === codes.barrier) for (let k = 0; k < queueCount; k++) put(k, i);
    else put(int(queue, i), i);
  }
  return { order, queueStart };
}

type Sync = Pick<Workload, 'semaphore' | 'count' | 'semaphores' | 'signaller'>;

/** Dense numbers for the semaphores (core, id) that occur. Binding words of SIGNAL and WAIT (after the form): core, id, count. */
function bindSemaphores(table: CommandTable, source: Int32Array, op: Uint8Array, queue: Int32Array): Sync {
  const semaphore = new Int32Array(source.length).fill(-1);
  const count = new Int32Array(source.length);
  const numbers: Map<number, number>[] = [];
  const signaller: number[] = [];
  for (let i = 0; i < source.length; i++) {
    const code = byte(op, i);
    if (code !== codes.signal && code !== codes.wait) continue;
    const form = uint(table.wordStart, int(source, i));
    const binding = form + 1 + int(table.words, form);
    const ids = (numbers[int(table.words, binding)] ??= new Map());
    const id = int(table.words, binding + 1);
    let number = ids.get(id);
    if (number === undefined) {
      number = signaller.length;
      ids.set(id, number);
      signaller.push(-1);
    }
    semaphore[i] = number;
    count[i] = int(table.words, binding + 2);
    if (code === codes.signal) signaller[number] = int(queue, i);
  }
  return { semaphore, count, semaphores: signaller.length, signaller: Int32Array.from(signaller) };
}

/** Operations and ps of one HOST command of each kernel. */
function hostWork(executable: Executable, machine: Machine, op: Uint8Array, kernel: Int32Array): { ops: Float64Array; ps: Float64Array } {
  const commands = new Float64Array(executable.kernels.length);
  for (let i = 0; i < op.length; i++) {
    const k = int(kernel, i);
    if (byte(op, i) === codes.host && k >= 0) commands[k] = (commands[k] ?? 0) + 1;
  }
  const { handoverPs, opsPerSecond, bytesPerSecond } = machine.host;
  const ops = new Float64Array(executable.kernels.length);
  const ps = new Float64Array(executable.kernels.length);
  executable.kernels.forEach(({ work }, k) => {
    const n = commands[k] ?? 0;
    if (n === 0) return;
    const share = work.kind === 'host' ? { ops: work.ops / n, bytes: work.bytes / n } : { ops: 0, bytes: 0 };
    ops[k] = share.ops;
    ps[k] = handoverPs + Math.ceil((share.ops * 1e12) / opsPerSecond) + Math.ceil((share.bytes * 1e12) / bytesPerSecond);
  });
  return { ops, ps };
}
