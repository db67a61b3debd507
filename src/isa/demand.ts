/**
 * The demand of one command on a machine: engine ticks, bytes per memory, actions to price. The simulator turns demand into time under
 * contention; the compiler's estimate takes `max(demand / peak rate)` of the same numbers. Ticks are of the core's clock.
 *
 * An engine is occupied for
 *   ticks = startTicks + max(compute, bytes read / read port, bytes written / write port  of every local memory it touches)
 * where a port moves memory.readBytesPerSecond / clock bytes per tick. External memories do not enter `ticks`: see `external`.
 *
 * Formulas and worked examples: matrix products in `matrix-ticks.ts`, the others at their functions below.
 */
import { assertNever, bytesPerElement, ceilDiv, fail, invariant, isaMessages, ofOperands, suggest, type DType } from '../core/index.ts';
import type { Core, Machine, Memory } from '../hw-configs/machine.ts';
import type {
  Command,
  ConvCommand,
  HostCommand,
  MatmulCommand,
  MoveCommand,
  Operand,
  PoolCommand,
  Ref,
  ReduceCommand,
  VectorCommand,
} from './command.ts';
import { matrixTicks, swapped, type Product } from './matrix-ticks.ts';
import { elementBytes, external, movedRef, refElements, type ExternalTraffic, type LocalTraffic } from './traffic.ts';
import { laneTicksOf, stepClass, ticksPerElement } from './vector-costs.ts';

export interface Demand {
  /** Ticks the engine is occupied. */
  readonly ticks: number;
  /** Further ticks until the results are visible and the command retires. */
  readonly drainTicks: number;
  /** As the ONNX graph counts: padding taps count, K = taps × Cin / groups. */
  readonly macs: number;
  readonly issuedMacs: number;
  /** Ticks of single vector lanes. */
  readonly laneTicks: number;
  readonly local: readonly LocalTraffic[];
  readonly external: readonly ExternalTraffic[];
  readonly actions: Actions;
}

/** What energy is paid for, besides the bytes of `local` and `external`. Idle multipliers are gated: useful MACs are priced. */
export interface Actions {
  readonly macs: number;
  /** Operand dtype of the MACs. */
  readonly macDType: DType | null;
  /** Vector element operations; free steps (loads, stores, immediates) are not among them. */
  readonly vectorOps: number;
}

export interface DemandContext {
  /** executable.spaces: memory names. */
  readonly spaces: readonly string[];
}

/** Core number -> description: the cores of the machine in order, each as often as its count. Errors: SYS5002. */
export function coreAt(machine: Machine, core: number): { readonly name: string; readonly core: Core } {
  let first = 0;
  for (const [name, candidate] of Object.entries(machine.cores)) {
    if (core < first + candidate.count) return { name, core: candidate };
    first += candidate.count;
  }
  return fail(isaMessages.unknownCore({ core, count: first, machine: machine.name }));
}

/** The memory of a space. Errors: SYS5003. */
export function memoryAt(machine: Machine, spaces: readonly string[], space: number): Memory {
  const name = spaces[space];
  invariant(name !== undefined, `space ${space} of ${spaces.length}`);
  const memory = machine.memories[name];
  if (memory !== undefined) return memory;
  const known = Object.keys(machine.memories);
  return fail(isaMessages.unknownSpace({ space: name, machine: machine.name, known, near: suggest(name, known) }));
}

/** Demand of `command` on `core`. Errors: SYS5001 (dtype), SYS5003 (memory). */
export function demand(command: Command, core: Core, machine: Machine, context: DemandContext): Demand {
  switch (command.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL':
      return contractionDemand(command, core, machine, context);
    case 'POOL':
      return poolDemand(command, core, machine, context);
    case 'VECTOR':
      return vectorDemand(command, core, machine, context);
    case 'REDUCE':
      return reduceDemand(command, core, machine, context);
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return moveDemand(command, core, machine, context);
    case 'HOST':
      return hostDemand(command, core, machine, context);
    case 'SIGNAL':
    case 'WAIT':
    case 'BARRIER':
    case 'REPEAT':
      return nothing;
    default:
      return assertNever(command);
  }
}

const noActions: Actions = { macs: 0, macDType: null, vectorOps: 0 };
const nothing: Demand = { ticks: 0, drainTicks: 0, macs: 0, issuedMacs: 0, laneTicks: 0, local: [], external: [], actions: noActions };

/** Gathers what one command reads and writes, by port. */
function createPorts(core: Core, machine: Machine, context: DemandContext) {
  const local: LocalTraffic[] = [];
  const outside: ExternalTraffic[] = [];
  const clock = machine.clocks[core.clock];
  invariant(clock !== undefined, `clock ${core.clock}`);
  const touch = (direction: 'read' | 'write', ref: Ref, operand: Operand, localBytes: number): void => {
    const memory = memoryAt(machine, context.spaces, ref.space);
    if (memory.owner !== 'core') {
      const traffic = external(ref, memory, direction, operand);
      if (traffic.bytes > 0) outside.push(traffic);
    } else if (localBytes > 0) {
      local.push({ space: ref.space, direction, bytes: localBytes, operand });
    }
  };
  return {
    local,
    external: outside,
    /** `localBytes`: how many bytes cross the port if the memory is local; re-reads included. */
    read: (ref: Ref, operand: Operand, localBytes: number): void => touch('read', ref, operand, localBytes),
    write: (ref: Ref, operand: Operand, localBytes: number): void => touch('write', ref, operand, localBytes),
    /** Ticks the busiest local port needs. */
    ticks: (): number => {
      const busy = new Map<string, number>();
      let most = 0;
      for (const t of local) {
        const memory = memoryAt(machine, context.spaces, t.space);
        const perTick = (t.direction === 'read' ? memory.readBytesPerSecond : memory.writeBytesPerSecond) / clock;
        const key = `${t.space} ${t.direction}`;
        const ticks = (busy.get(key) ?? 0) + t.bytes / perTick;
        busy.set(key, ticks);
        most = Math.max(most, ticks);
      }
      return Math.ceil(most - most * 1e-12);
    },
  };
}

/** The product a contraction command computes: see `matrix-ticks.ts` for the terms. */
export function productOf(c: ConvCommand | MatmulCommand): Product {
  const acc = c.acc.extents;
  if (c.op === 'MATMUL') {
    const rank = acc.length;
    const batches = acc.slice(0, -2).reduce((n, e) => n * e, 1);
    return {
      products: batches,
      depthwise: false,
      m: acc[rank - 2] ?? 1,
      n: acc[rank - 1] ?? 1,
      channels: c.x.extents[c.x.extents.length - 1] ?? 1,
      taps: 1,
    };
  }
  const [batch = 1, outChannels = 1, height = 1, width = 1] = acc;
  const taps = (c.w.extents[2] ?? 1) * (c.w.extents[3] ?? 1);
  const m = batch * height * width;
  if (c.op === 'DWCONV') {
    const inChannels = c.x.extents[1] ?? 1;
    return { products: inChannels, depthwise: true, m, n: outChannels / inChannels, channels: 1, taps };
  }
  return { products: c.groups, depthwise: false, m, n: outChannels / c.groups, channels: c.w.extents[1] ?? 1, taps };
}

/**
 * Elements that cross the ports of the array, by dataflow. K, M, N per product, F_K = folds along K (1 when depthwise fits a fold).
 *   ws           x K·M·⌈N/C⌉   w K·N           sums written M·N·F_K, read M·N·(F_K − 1) (+ M·N to accumulate)
 *   is           x K·M         w K·N·⌈M/C⌉     sums as ws
 *   os           x K·M·⌈N/C⌉   w K·N·⌈M/R⌉     sums written M·N, read only to accumulate
 *   dot-product  x K·M·⌈N/O⌉   w K·N           sums as os (approximation: weights are held while pixels stream, and the adder tree's
 *                                              own registers hold the sums of the tile)
 */
function arrayAccesses(core: Core, p: Product): { x: number; w: number; sums: number; sumPasses: number } {
  const engine = core.matrix;
  const depth = p.taps * p.channels;
  const x = p.products * depth * p.m;
  const w = p.products * depth * p.n;
  const sums = p.products * p.m * p.n;
  if (engine.kind === 'dot-product') return { x: x * ceilDiv(p.n, engine.outputLanes), w, sums, sumPasses: 1 };
  switch (engine.dataflow) {
    case 'ws':
      return { x: x * ceilDiv(p.n, engine.cols), w, sums, sumPasses: ceilDiv(depth, engine.rows) };
    case 'is': {
      const q = swapped(p);
      return { x, w: w * ceilDiv(q.n, engine.cols), sums, sumPasses: ceilDiv(depth, engine.rows) };
    }
    case 'os':
      return { x: x * ceilDiv(p.n, engine.cols), w: w * ceilDiv(p.m, engine.rows), sums, sumPasses: 1 };
    default:
      return assertNever(engine.dataflow);
  }
}

/**
 * CONV, DWCONV, MATMUL. The drain of finished sums runs in the output stage under the products: it costs ticks only where its bytes bind a
 * port. It reads the sums once, bias and multiplier once, and writes the outputs once.
 */
function contractionDemand(c: ConvCommand | MatmulCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const rate = ofOperands(core.matrix.rates, c.x.dtype);
  if (rate === undefined) {
    const name = Object.keys(machine.cores).find((k) => machine.cores[k] === core) ?? '?';
    return fail(isaMessages.matrixDTypeMissing({ dtype: c.x.dtype, core: name, supported: Object.keys(core.matrix.rates) }));
  }
  const product = productOf(c);
  const t = matrixTicks(core.matrix, rate, product);
  const a = arrayAccesses(core, product);
  const ports = createPorts(core, machine, context);
  const sumBytes = a.sums * bytesPerElement(c.acc.dtype);
  ports.read(c.x, 'inputs', elementBytes(c.x, a.x));
  ports.read(c.w, 'weights', elementBytes(c.w, a.w));
  ports.read(c.acc, 'partials', sumBytes * (a.sumPasses - (c.mode === 'overwrite' ? 1 : 0) + (c.drain === null ? 0 : 1)));
  ports.write(c.acc, 'partials', sumBytes * a.sumPasses);
  if (c.drain !== null) {
    const { out, bias, multiplier } = c.drain;
    if (bias !== null) ports.read(bias, 'weights', elementBytes(bias, refElements(bias)));
    if (multiplier !== null) ports.read(multiplier, 'weights', elementBytes(multiplier, refElements(multiplier)));
    ports.write(out, 'outputs', elementBytes(out, refElements(out)));
  }
  return {
    ticks: core.matrix.startTicks + Math.max(t.compute, ports.ticks()),
    drainTicks: t.drain,
    macs: t.macs,
    issuedMacs: t.issuedMacs,
    laneTicks: 0,
    local: ports.local,
    external: ports.external,
    actions: { macs: t.macs, macDType: c.x.dtype, vectorOps: 0 },
  };
}

/**
 * Elements an operand delivers to the lanes: axes it is broadcast along (stride 0) are free at the end, where a register holds the value,
 * and read again further out.
 */
function deliveredElements(ref: Ref): number {
  let axis = ref.extents.length - 1;
  while (axis >= 0 && (ref.strides[axis] === 0 || ref.extents[axis] === 1)) axis--;
  let n = 1;
  for (; axis >= 0; axis--) n *= ref.extents[axis] ?? 1;
  return n;
}

/**
 * VECTOR: E elements through the program, a lane each: compute = ⌈ ⌈E/lanes⌉ × Σ ticksPerOp ⌉, laneTicks = E × Σ.
 * Example: 100 elements, 16 lanes, `load load add store` with add = 1: ⌈100/16⌉·1 = 7 ticks, 100 lane ticks.
 */
function vectorDemand(c: VectorCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const first = c.outputs[0];
  invariant(first !== undefined, 'a VECTOR command has an output');
  const elements = refElements(first);
  const each = ticksPerElement(c.steps, core);
  const ports = createPorts(core, machine, context);
  const lanes = laneTicksOf(c, core);
  for (const input of c.inputs) ports.read(input, 'inputs', elementBytes(input, deliveredElements(input)));
  for (const output of c.outputs) ports.write(output, 'outputs', elementBytes(output, refElements(output)));
  const steps = c.steps.reduce((n, s) => n + (stepClass[s.op] === null ? 0 : 1), 0);
  return vectorResult(core, ports, Math.ceil(ceilDiv(elements, core.vector.lanes) * each), lanes, elements * steps);
}

function vectorResult(core: Core, ports: ReturnType<typeof createPorts>, compute: number, laneTicks: number, vectorOps: number): Demand {
  return {
    ticks: core.vector.startTicks + Math.max(compute, ports.ticks()),
    drainTicks: 0,
    macs: 0,
    issuedMacs: 0,
    laneTicks,
    local: ports.local,
    external: ports.external,
    actions: { macs: 0, macDType: null, vectorOps },
  };
}

/**
 * POOL: laneTicks = outputs × (kh × kw × add, + requantize when averaging); compute = ⌈laneTicks / lanes⌉. Every tap is read.
 * Example: 2×2 max of 8×8×16 outputs, 16 lanes, add = 1: 1024·4 = 4,096 lane ticks, 256 ticks.
 */
function poolDemand(c: PoolCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const taps = c.kernel[0] * c.kernel[1];
  const outputs = refElements(c.out);
  const laneTicks = laneTicksOf(c, core);
  const ports = createPorts(core, machine, context);
  ports.read(c.x, 'inputs', elementBytes(c.x, outputs * taps));
  ports.write(c.out, 'outputs', elementBytes(c.out, outputs));
  return vectorResult(core, ports, Math.ceil(laneTicks / core.vector.lanes), laneTicks, outputs * (taps + (c.kind === 'average' ? 1 : 0)));
}

/** REDUCE: laneTicks = elements of x × reduce; compute = ⌈laneTicks / lanes⌉. Results are kept in lanes: written once, read to accumulate. */
function reduceDemand(c: ReduceCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const elements = refElements(c.x);
  const laneTicks = laneTicksOf(c, core);
  const results = c.acc.extents.reduce((n, e, axis) => (c.acc.strides[axis] === 0 ? n : n * e), 1);
  const ports = createPorts(core, machine, context);
  ports.read(c.x, 'inputs', elementBytes(c.x, elements));
  if (c.mode === 'accumulate') ports.read(c.acc, 'partials', elementBytes(c.acc, results));
  ports.write(c.acc, 'partials', elementBytes(c.acc, results));
  return vectorResult(core, ports, Math.ceil(laneTicks / core.vector.lanes), laneTicks, elements);
}

/**
 * LOAD, STORE, COPY: compute = ⌈bytes / dma.bytesPerTick⌉, the DMA's own limit.
 * Example: 16 × 7 rows of 56 bytes at 16 B/tick: ⌈6272/16⌉ = 392 ticks; on a memory of 64-byte bursts it moves 112·64 = 7,168 bytes.
 */
function moveDemand(c: MoveCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const [src, dst] = [movedRef(c, 'src'), movedRef(c, 'dst')];
  const moved = elementBytes(src, refElements(src));
  const ports = createPorts(core, machine, context);
  ports.read(src, c.operand, moved);
  ports.write(dst, c.operand, moved);
  // Axes that share an index read it once.
  if (c.index !== undefined) ports.read(c.index, 'inputs', elementBytes(c.index, distinctElements(c.index)));
  return {
    ...nothing,
    ticks: core.dma.startTicks + Math.max(Math.ceil(moved / core.dma.bytesPerTick), ports.ticks()),
    local: ports.local,
    external: ports.external,
  };
}

function distinctElements({ extents, strides }: Ref): number {
  return extents.reduce((n, extent, axis) => (strides[axis] === 0 ? n : n * extent), 1);
}

/** HOST: bytes only; its operations and their time stand in the kernel's work. */
function hostDemand(c: HostCommand, core: Core, machine: Machine, context: DemandContext): Demand {
  const ports = createPorts(core, machine, context);
  for (const input of c.inputs) ports.read(input, 'inputs', elementBytes(input, refElements(input)));
  for (const output of c.outputs) ports.write(output, 'outputs', elementBytes(output, refElements(output)));
  return { ...nothing, local: ports.local, external: ports.external };
}
