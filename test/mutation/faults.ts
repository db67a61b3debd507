/**
 * Where a program can be broken, and how: for each kind of fault, the faults that one row offers. A fault is one change: a command replaced,
 * taken out or moved, or one number of the weights.
 */
import type { Command, ConvCommand, MatmulCommand, MoveCommand, PoolCommand, Ref, VectorStep } from '../../src/isa/index.ts';
import { bytesPerElement } from '../../src/core/index.ts';
import { mapRefs, type NamedRef } from './refs.ts';
import type { BaseProgram, Row } from './programs.ts';

export const faultKinds = ['tile bounds', 'strides', 'pads', 'scales', 'signs', 'semaphores', 'addresses', 'ring phase'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  /** What sort of change: sorts are chosen before changes, so that a sort with many variants does not crowd out the others. */
  readonly sort: string;
  /** "padTop 1 → 2": with program and row it names the mutant. */
  readonly what: string;
  readonly change:
    | { readonly kind: 'replace'; readonly command: Command }
    /** Rows that go. */
    | { readonly kind: 'remove'; readonly rows: readonly number[] }
    /** The row goes before row `to`. */
    | { readonly kind: 'move'; readonly to: number }
    /** One float32 of the weights region. */
    | { readonly kind: 'weight'; readonly offset: number; readonly factor: number };
}

type FaultsOf = (program: BaseProgram, row: number, command: Command) => readonly Fault[];

export const faultsOf: Readonly<Record<FaultKind, FaultsOf>> = {
  'tile bounds': (_, __, c) => boundsFaults(c),
  strides: (_, __, c) => [...windowStrides(c), ...refStrides(c)],
  pads: (_, __, c) => padFaults(c),
  scales: scaleFaults,
  signs: signFaults,
  semaphores: semaphoreFaults,
  addresses: addressFaults,
  'ring phase': (_, __, c) => ringFaults(c),
};

const replaced = (sort: string, what: string, command: Command): Fault => ({ sort, what, change: { kind: 'replace', command } });

function windowOf(c: Command): ConvCommand | PoolCommand | null {
  return c.op === 'CONV' || c.op === 'DWCONV' || c.op === 'POOL' ? c : null;
}

function contractionOf(c: Command): ConvCommand | MatmulCommand | null {
  return c.op === 'CONV' || c.op === 'DWCONV' || c.op === 'MATMUL' ? c : null;
}

function padFaults(c: Command): Fault[] {
  const window = windowOf(c);
  if (window === null) return [];
  return (['padTop', 'padLeft'] as const).flatMap((side) =>
    [-1, 1].map((by) => replaced(side, `${side} ${window[side]} → ${window[side] + by}`, { ...window, [side]: window[side] + by })),
  );
}

function windowStrides(c: Command): Fault[] {
  const window = windowOf(c);
  if (window === null) return [];
  const [down, across] = window.strides;
  const to = (strides: readonly [number, number]): Fault =>
    replaced('window', `strides ${down},${across} → ${strides.join()}`, { ...window, strides });
  const bigger = [to([down + 1, across]), to([down, across + 1])];
  return [...bigger, ...(down > 1 ? [to([down - 1, across])] : []), ...(across > 1 ? [to([down, across - 1])] : [])];
}

/** A step of one reference that is an element longer or shorter. */
function refStrides(c: Command): Fault[] {
  return refFaults(c, ({ ref, name }) =>
    ref.strides.flatMap((stride, axis) =>
      (ref.extents[axis] ?? 1) < 2 || stride === 0
        ? []
        : [-1, 1].map((by) => {
            const to = stride + by * bytesPerElement(ref.dtype);
            return { what: `${name} stride ${axis} ${stride} → ${to}`, ref: { ...ref, strides: ref.strides.with(axis, to) } };
          }),
    ),
  );
}

/** A tile that ends one too early: of a move, or of the channels summed; or sums that start anew or go on where they should not. */
function boundsFaults(c: Command): Fault[] {
  if (c.op === 'LOAD' || c.op === 'STORE') return shorterMove(c);
  const k = contractionOf(c);
  if (k === null) return [];
  const mode = k.mode === 'overwrite' ? 'accumulate' : 'overwrite';
  const faults = [replaced('mode', `${k.mode} → ${mode}`, { ...k, mode })];
  const [xAxis, wAxis] = k.op === 'MATMUL' ? [k.x.extents.length - 1, k.w.extents.length - 2] : [1, 1];
  const channels = k.w.extents[wAxis] ?? 1;
  if (k.op === 'DWCONV' || channels < 2 || (k.op === 'CONV' && k.groups > 1)) return faults;
  const fewer = (ref: Ref, axis: number): Ref => ({ ...ref, extents: ref.extents.with(axis, channels - 1) });
  const less = { ...k, x: fewer(k.x, xAxis), w: fewer(k.w, wAxis) };
  const later = { ...less.x, offset: less.x.offset + (k.x.strides[xAxis] ?? 0) };
  return [
    ...faults,
    replaced('fewer', `${channels} → ${channels - 1} channels`, less),
    ...(k.x.ring === undefined ? [replaced('later', `${channels - 1} channels, x from the second on`, { ...less, x: later })] : []),
  ];
}

/** The tile comes, or goes, without its last row, column or channel. */
function shorterMove(c: MoveCommand): Fault[] {
  return c.src.extents.flatMap((count, axis) => {
    if (count < 2) return [];
    const less = (ref: Ref): Ref => ({ ...ref, extents: ref.extents.with(axis, count - 1) });
    return [replaced(c.op, `axis ${axis}: ${count - 1} of ${count}`, { ...c, src: less(c.src), dst: less(c.dst) })];
  });
}

/** Numbers that count with the other sign: bytes read as signed or not, zero points and factors negated, a sum in place of a difference. */
function signFaults(program: BaseProgram, row: number, c: Command): Fault[] {
  const bytes = refFaults(c, ({ ref, name }) =>
    (ref.dtype === 'int8' || ref.dtype === 'uint8') && c.op !== 'LOAD' && c.op !== 'STORE' && c.op !== 'COPY'
      ? [{ what: `${name} ${ref.dtype} → ${other(ref.dtype)}`, ref: { ...ref, dtype: other(ref.dtype) } }]
      : [],
  ).map((f) => ({ ...f, sort: 'bytes' }));
  if (c.op === 'VECTOR') {
    const flipped = (step: VectorStep): VectorStep | null => {
      if (step.op === 'add') return { ...step, op: 'sub' };
      if (step.op === 'sub') return { ...step, op: 'add' };
      return step.op === 'immediate' && step.immediate !== 0 ? { ...step, immediate: -step.immediate } : null;
    };
    const steps = c.steps.flatMap((step, i) => {
      const to = flipped(step);
      const what = `step ${i} ${step.op} → ${to?.op} ${to?.op === 'immediate' ? to.immediate : ''}`;
      return to === null ? [] : [replaced(step.op, what, { ...c, steps: c.steps.with(i, to) })];
    });
    return [...bytes, ...steps];
  }
  const k = contractionOf(c);
  if (k === null) return bytes;
  const x = k.xZero === 0 ? [] : [replaced('xZero', `xZero ${k.xZero} → ${-k.xZero}`, { ...k, xZero: -k.xZero })];
  const { drain } = k;
  if (drain === null || drain.multiplier === null) return [...bytes, ...x];
  const out = drain.outZero === 0 ? [] : [{ ...k, drain: { ...drain, outZero: -drain.outZero } }];
  return [
    ...bytes,
    ...x,
    ...out.map((command) => replaced('outZero', `outZero ${drain.outZero} → ${-drain.outZero}`, command)),
    ...multiplierFaults(program, row, drain.multiplier, [-1]),
  ];
}

function other(dtype: 'int8' | 'uint8'): 'int8' | 'uint8' {
  return dtype === 'int8' ? 'uint8' : 'int8';
}

function scaleFaults(program: BaseProgram, row: number, c: Command): Fault[] {
  const factors = [0.75, 1.25, 2];
  if (c.op === 'VECTOR') {
    const used = c.steps.flatMap((step, i) =>
      step.op === 'immediate' && Number.isFinite(step.immediate) && step.immediate !== 0 ? [i] : [],
    );
    return used.flatMap((i) =>
      factors.map((factor) => {
        const step = c.steps[i];
        const immediate = (step?.immediate ?? 0) * factor;
        const steps = c.steps.map((s, j): VectorStep => (j === i ? { ...s, immediate } : s));
        return replaced('immediate', `immediate ${step?.immediate} → ${immediate}`, { ...c, steps });
      }),
    );
  }
  if (c.op === 'POOL' && c.kind === 'average' && c.out.dtype === 'int8') {
    return factors.map((f) =>
      replaced('multiplier', `multiplier ${c.multiplier} → ${c.multiplier * f}`, { ...c, multiplier: c.multiplier * f }),
    );
  }
  const k = contractionOf(c);
  const drain = k?.drain;
  if (k === null || drain?.multiplier === null || drain === null || drain === undefined) return [];
  const zeros = [-3, 2].map((by) =>
    replaced('outZero', `outZero ${drain.outZero} → ${drain.outZero + by}`, { ...k, drain: { ...drain, outZero: drain.outZero + by } }),
  );
  return [...zeros, ...multiplierFaults(program, row, drain.multiplier, factors)];
}

/** A number of the weight image: the LOAD that brought the multipliers tells where they come from. */
function multiplierFaults(program: BaseProgram, row: number, multiplier: Ref, factors: readonly number[]): Fault[] {
  const load = program.rows.slice(0, row).findLast(({ command: l }) => l.op === 'LOAD' && covers(l.dst, multiplier))?.command;
  if (load?.op !== 'LOAD' || load.src.region !== program.executable.weights.region) return [];
  const first = load.src.offset + multiplier.offset - load.dst.offset;
  const channels = multiplier.extents[0] ?? 1;
  return Array.from({ length: channels }, (_, channel) => channel).flatMap((channel) =>
    factors.map((factor): Fault => ({
      sort: 'multiplier',
      what: `multiplier of channel ${channel} × ${factor}`,
      change: { kind: 'weight', offset: first + 4 * channel, factor },
    })),
  );
}

function covers(dense: Ref, part: Ref): boolean {
  const bytes = dense.extents.reduce((n, e) => n * e, bytesPerElement(dense.dtype));
  return dense.region === part.region && dense.space === part.space && part.offset >= dense.offset && part.offset < dense.offset + bytes;
}

/** A few elements off, or where another command of the kernel has this operand. */
function addressFaults(program: BaseProgram, row: number, c: Command): Fault[] {
  const kernel = program.rows[row]?.slot.kernel;
  const others = program.rows.flatMap((r) => (r.slot.kernel === kernel && r.command.op === c.op ? [r.command] : []));
  return refFaults(c, ({ ref, name }) => {
    const moved = [-8, -3, -1, 1, 2, 8].map((n) => ref.offset + n * bytesPerElement(ref.dtype));
    const slots = others.flatMap((o) => mapRefs(o).flatMap((n) => (n.name === name && n.ref.region === ref.region ? [n.ref.offset] : [])));
    return [...new Set([...moved, ...slots])]
      .filter((offset) => offset !== ref.offset && offset >= 0 && ref.ring === undefined)
      .map((offset) => ({ what: `${name} at ${ref.offset} → ${offset}`, ref: { ...ref, offset } }));
  });
}

function semaphoreFaults({ rows }: BaseProgram, row: number, c: Command): Fault[] {
  if (c.op !== 'WAIT' && c.op !== 'SIGNAL') return [];
  const ids = [...new Set(rows.flatMap((r) => (r.command.op === 'WAIT' ? [r.command.id] : [])))].filter((id) => id !== c.id);
  return [
    { sort: 'none', what: `no ${c.op}`, change: { kind: 'remove', rows: [row] } },
    replaced('count', `count ${c.count} → ${c.count + 1}`, { ...c, count: c.count + 1 }),
    ...ids.map((id) => replaced('id', `semaphore ${c.id} → ${id}`, { ...c, id })),
    ...(c.op === 'WAIT' ? raceFaults(rows, row, c) : []),
  ];
}

/** Faults that leave all counts balanced: only the order of commands suffers. */
export function raceFaults(rows: readonly Row[], row: number, c: Command): Fault[] {
  if (c.op !== 'WAIT' && c.op !== 'SIGNAL') return [];
  const queue = rows[row]?.slot.queue;
  const works = (r: Row | undefined): boolean => r?.slot.queue === queue && r?.command.op !== 'WAIT' && r?.command.op !== 'SIGNAL';
  if (c.op === 'SIGNAL') {
    const producer = rows.findLastIndex((r, i) => i < row && works(r));
    return producer < 0
      ? []
      : [{ sort: 'move', what: `SIGNAL before the command of row ${producer}`, change: { kind: 'move', to: producer } }];
  }
  const consumer = rows.findIndex((r, i) => i > row && works(r));
  const signal = partnerOf(rows, row, c.id);
  return [
    ...(signal < 0
      ? []
      : [{ sort: 'pair', what: `neither WAIT nor its SIGNAL in row ${signal}`, change: { kind: 'remove', rows: [row, signal] } } as const]),
    ...(consumer < 0
      ? []
      : [{ sort: 'move', what: `WAIT after the command of row ${consumer}`, change: { kind: 'move', to: consumer + 1 } } as const]),
  ];
}

/** The SIGNAL whose token this WAIT takes; counts of 1, as our programs have. */
function partnerOf(rows: readonly Row[], wait: number, id: number): number {
  const sync = (op: 'SIGNAL' | 'WAIT'): number[] => rows.flatMap(({ command }, i) => (command.op === op && command.id === id ? [i] : []));
  return sync('SIGNAL')[sync('WAIT').indexOf(wait)] ?? -1;
}

/** The ring begins elsewhere, has a row more or less, is entered a row off, or does not wrap. */
function ringFaults(c: Command): Fault[] {
  return refFaults(c, ({ ref, name }) => {
    const { ring } = ref;
    if (ring === undefined) return [];
    const step = ref.strides[ring.axis] ?? 0;
    const phase = (by: number): number => ring.base + ((ref.offset - ring.base + by + ring.bytes) % ring.bytes);
    const { ring: _, ...straight } = ref;
    return [
      ...[-step, step].map((by) => ({ what: `${name} entered at ${ref.offset} → ${phase(by)}`, ref: { ...ref, offset: phase(by) } })),
      ...[-step, step].map((by) => ({
        what: `${name} ring of ${ring.bytes} → ${ring.bytes + by} bytes`,
        ref: { ...ref, ring: { ...ring, bytes: ring.bytes + by } },
      })),
      ...[-step, step, 2 * step].map((by) => ({
        what: `${name} ring from ${ring.base} → ${ring.base + by}`,
        ref: { ...ref, offset: ref.offset + by, ring: { ...ring, base: ring.base + by } },
      })),
      { what: `${name} does not wrap`, ref: straight },
    ];
  });
}

/** Changes one reference at a time. */
function refFaults(c: Command, change: (named: NamedRef) => readonly { readonly what: string; readonly ref: Ref }[]): Fault[] {
  return mapRefs(c).flatMap((named) => change(named).map(({ what, ref }) => replaced(named.name, what, named.with(ref))));
}
