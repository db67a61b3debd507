/** Random commands for properties: any words a command can hold, not only sensible ones. */
import fc from 'fast-check';
import { allDTypes } from '../../src/core/index.ts';
import {
  operands,
  queueNames,
  vectorOpcodes,
  type Command,
  type Drain,
  type HostCommand,
  type MoveCommand,
  type PoolCommand,
  type Ref,
  type ReduceCommand,
  type RepeatCommand,
  type SemaphoreCommand,
  type Slot,
  type VectorCommand,
} from '../../src/isa/command.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const offset = fc.oneof(fc.nat(100_000), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }));
const size = fc.oneof({ weight: 9, arbitrary: fc.nat(4096) }, { weight: 1, arbitrary: fc.integer({ min: 2 ** 31, max: 2 ** 45 }) });
const finite = fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(Infinity, -Infinity, -128, 127, -0));

export const anyRef: fc.Arbitrary<Ref> = fc.integer({ min: 0, max: 6 }).chain((rank) =>
  fc
    .record({
      space: fc.nat(40),
      region: fc.integer({ min: -1, max: 300 }),
      dtype: fc.constantFrom(...allDTypes),
      offset,
      extents: fc.array(size, { minLength: rank, maxLength: rank }),
      strides: fc.array(size, { minLength: rank, maxLength: rank }),
      ring: fc.option(fc.record({ base: offset, bytes: size, axis: fc.nat(7) }), { nil: undefined }),
    })
    .map(({ ring, ...rest }) => (ring === undefined ? rest : { ...rest, ring })),
);

const pair = fc.tuple(word, word);
const mode = fc.constantFrom('overwrite' as const, 'accumulate' as const);
const drain: fc.Arbitrary<Drain> = fc.record({
  out: anyRef,
  bias: fc.option(anyRef),
  multiplier: fc.option(anyRef),
  outZero: word,
  lo: finite,
  hi: finite,
});
const contraction = { mode, x: anyRef, w: anyRef, acc: anyRef, drain: fc.option(drain), xZero: word, wZero: word };
const refs = fc.array(anyRef, { maxLength: 3 });

export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    op: fc.constantFrom('CONV' as const, 'DWCONV' as const),
    ...contraction,
    groups: word,
    strides: pair,
    dilations: pair,
    padTop: word,
    padLeft: word,
  }),
  fc.record({ op: fc.constant('MATMUL' as const), ...contraction }),
  fc.record<PoolCommand>({
    op: fc.constant('POOL'),
    kind: fc.constantFrom('max', 'average'),
    x: anyRef,
    out: anyRef,
    kernel: pair,
    strides: pair,
    dilations: pair,
    padTop: word,
    padLeft: word,
    countBox: fc.tuple(word, word, word, word),
    xZero: word,
    multiplier: finite,
    outZero: word,
    lo: finite,
    hi: finite,
  }),
  fc.record<VectorCommand>({
    op: fc.constant('VECTOR'),
    inputs: refs,
    outputs: refs,
    steps: fc.array(fc.record({ op: fc.constantFrom(...vectorOpcodes), dst: word, a: word, b: word, c: word, immediate: finite }), {
      maxLength: 5,
    }),
  }),
  fc.record<ReduceCommand>({
    op: fc.constant('REDUCE'),
    kind: fc.constantFrom('sum', 'max', 'sumSquares', 'product'),
    mode,
    x: anyRef,
    acc: anyRef,
    xZero: word,
  }),
  fc.record<MoveCommand>(
    {
      op: fc.constantFrom('LOAD', 'STORE', 'COPY'),
      src: anyRef,
      dst: anyRef,
      index: anyRef,
      operand: fc.constantFrom(...operands),
    },
    { requiredKeys: ['op', 'src', 'dst', 'operand'] },
  ),
  fc.record<HostCommand>({ op: fc.constant('HOST'), segment: word, inputs: refs, outputs: refs }),
  fc.record<SemaphoreCommand>({ op: fc.constantFrom('SIGNAL', 'WAIT'), core: word, id: word, count: word }),
  fc.constant<Command>({ op: 'BARRIER' }),
  fc.record<RepeatCommand>({
    op: fc.constant('REPEAT'),
    count: word,
    length: word,
    strides: fc.array(fc.record({ region: fc.nat(1000), bytes: offset }), { maxLength: 3 }),
  }),
);

export const anySlot: fc.Arbitrary<Slot> = fc.record({
  core: fc.nat(65535),
  queue: fc.constantFrom(...queueNames),
  kernel: fc.integer({ min: -1, max: 5000 }),
});
