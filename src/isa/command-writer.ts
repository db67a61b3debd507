/** Commands -> columns. */
import { allDTypes, assertNever, invariant, type DType } from '../core/index.ts';
import {
  operands,
  queueNames,
  vectorOpcodes,
  type Command,
  type CommandOp,
  type ConvCommand,
  type MatmulCommand,
  type Ref,
  type Slot,
} from './command.ts';
import { commandOps, type CommandTable } from './command-table.ts';
import {
  accumulateBit,
  biasBit,
  drainBit,
  multiplierBit,
  rankShift,
  reduceKinds,
  ringBit,
  spaceShift,
  two32,
  wideBit,
  indexBit,
} from './command-words.ts';

export interface CommandTableBuilder {
  /** Appends a command; returns its row. */
  emit(slot: Slot, command: Command): number;
  /** Appends row `row` of the table this builder continues. */
  copy(row: number): number;
  finish(): CommandTable;
}

const indexOf = <Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> =>
  Object.fromEntries(names.map((name, i) => [name, i])) as Record<Name, number>;

const opCode: Readonly<Record<CommandOp, number>> = indexOf(commandOps);
const queueCode = indexOf(queueNames);
const dtypeCode: Readonly<Record<DType, number>> = indexOf(allDTypes);
const opcodeCode = indexOf(vectorOpcodes);
const operandCode = indexOf(operands);
const reduceCode = indexOf(reduceKinds);

function fitsWord(n: number): boolean {
  return (n | 0) === n;
}

function isWide(ref: Ref): boolean {
  for (const e of ref.extents) if (!fitsWord(e)) return true;
  for (const s of ref.strides) if (!fitsWord(s)) return true;
  return ref.ring !== undefined && !fitsWord(ref.ring.bytes);
}

/** @param base  a table whose rows `copy` may take over; its numbers are kept, so that copied rows still find theirs */
export function createCommandTable(base: CommandTable | null = null): CommandTableBuilder {
  let op = new Uint8Array(256);
  let core = new Uint16Array(256);
  let queue = new Uint8Array(256);
  let kernel = new Int32Array(256);
  let wordStart = new Uint32Array(257);
  let words = new Int32Array(8192);
  let numbers = new Float64Array(Math.max(256, base?.numbers.length ?? 0));
  let rows = 0;
  let w = 0;
  let numberCount = 0;
  if (base !== null) {
    numbers.set(base.numbers);
    numberCount = base.numbers.length;
  }

  const growRows = (): void => {
    const size = rows * 2;
    op = enlarge(op, new Uint8Array(size));
    core = enlarge(core, new Uint16Array(size));
    queue = enlarge(queue, new Uint8Array(size));
    kernel = enlarge(kernel, new Int32Array(size));
    wordStart = enlarge(wordStart, new Uint32Array(size + 1));
  };
  const word = (value: number): void => {
    if (w === words.length) words = enlarge(words, new Int32Array(w * 2));
    words[w++] = value;
  };
  const long = (value: number): void => {
    word(value | 0);
    word(Math.floor(value / two32));
  };
  const number = (value: number): void => {
    if (numberCount === numbers.length) numbers = enlarge(numbers, new Float64Array(numberCount * 2));
    numbers[numberCount++] = value;
  };

  const formRef = (ref: Ref): void => {
    const wide = isWide(ref);
    const rank = ref.extents.length;
    invariant(rank === ref.strides.length && rank < 16, `a reference has ${rank} extents and ${ref.strides.length} strides`);
    const put = wide ? long : word;
    word(
      dtypeCode[ref.dtype] |
        (rank << rankShift) |
        (ref.ring === undefined ? 0 : ringBit) |
        (wide ? wideBit : 0) |
        (ref.space << spaceShift),
    );
    for (let i = 0; i < rank; i++) put(ref.extents[i] ?? 0);
    for (let i = 0; i < rank; i++) put(ref.strides[i] ?? 0);
    if (ref.ring !== undefined) {
      put(ref.ring.bytes);
      word(ref.ring.axis);
    }
  };
  const bindRef = (ref: Ref): void => {
    word(ref.region);
    long(ref.offset);
    if (ref.ring !== undefined) long(ref.ring.base);
  };
  const formRefs = (refs: readonly Ref[]): void => {
    word(refs.length);
    for (const ref of refs) formRef(ref);
  };

  const formContraction = (c: ConvCommand | MatmulCommand): void => {
    const d = c.drain;
    word(
      (c.mode === 'accumulate' ? accumulateBit : 0) |
        (d === null ? 0 : drainBit | (d.bias === null ? 0 : biasBit) | (d.multiplier === null ? 0 : multiplierBit)),
    );
    formRef(c.x);
    formRef(c.w);
    formRef(c.acc);
    if (d === null) return;
    formRef(d.out);
    if (d.bias !== null) formRef(d.bias);
    if (d.multiplier !== null) formRef(d.multiplier);
  };
  const bindContraction = (c: ConvCommand | MatmulCommand): void => {
    const d = c.drain;
    bindRef(c.x);
    bindRef(c.w);
    bindRef(c.acc);
    word(c.xZero);
    word(c.wZero);
    if (d === null) return;
    bindRef(d.out);
    if (d.bias !== null) bindRef(d.bias);
    if (d.multiplier !== null) bindRef(d.multiplier);
    word(d.outZero);
    word(numberCount);
    number(d.lo);
    number(d.hi);
  };

  const form = (c: Command): void => {
    switch (c.op) {
      case 'CONV':
      case 'DWCONV':
        formContraction(c);
        word(c.groups);
        word(c.strides[0]);
        word(c.strides[1]);
        word(c.dilations[0]);
        word(c.dilations[1]);
        return;
      case 'MATMUL':
        return formContraction(c);
      case 'POOL':
        word(c.kind === 'max' ? 0 : 1);
        formRef(c.x);
        formRef(c.out);
        word(c.kernel[0]);
        word(c.kernel[1]);
        word(c.strides[0]);
        word(c.strides[1]);
        word(c.dilations[0]);
        word(c.dilations[1]);
        return;
      case 'VECTOR':
        formRefs(c.inputs);
        formRefs(c.outputs);
        word(c.steps.length);
        for (const s of c.steps) {
          word(opcodeCode[s.op]);
          word(s.dst);
          word(s.a);
          word(s.b);
          word(s.c);
        }
        return;
      case 'REDUCE':
        word(reduceCode[c.kind] | (c.mode === 'accumulate' ? 4 : 0));
        formRef(c.x);
        formRef(c.acc);
        return;
      case 'LOAD':
      case 'STORE':
      case 'COPY':
        word(operandCode[c.operand] | (c.index === undefined ? 0 : indexBit));
        formRef(c.src);
        formRef(c.dst);
        if (c.index !== undefined) formRef(c.index);
        return;
      case 'HOST':
        formRefs(c.inputs);
        formRefs(c.outputs);
        return;
      case 'REPEAT':
        word(c.strides.length);
        return;
      case 'SIGNAL':
      case 'WAIT':
      case 'BARRIER':
        return;
      default:
        return assertNever(c);
    }
  };

  const bind = (c: Command): void => {
    switch (c.op) {
      case 'CONV':
      case 'DWCONV':
        bindContraction(c);
        word(c.padTop);
        word(c.padLeft);
        return;
      case 'MATMUL':
        return bindContraction(c);
      case 'POOL':
        bindRef(c.x);
        bindRef(c.out);
        word(c.padTop);
        word(c.padLeft);
        for (const edge of c.countBox) word(edge);
        word(c.xZero);
        word(c.outZero);
        word(numberCount);
        number(c.multiplier);
        number(c.lo);
        number(c.hi);
        return;
      case 'VECTOR':
        for (const ref of c.inputs) bindRef(ref);
        for (const ref of c.outputs) bindRef(ref);
        word(numberCount);
        for (const s of c.steps) number(s.immediate);
        return;
      case 'REDUCE':
        bindRef(c.x);
        bindRef(c.acc);
        word(c.xZero);
        return;
      case 'LOAD':
      case 'STORE':
      case 'COPY':
        bindRef(c.src);
        bindRef(c.dst);
        if (c.index !== undefined) bindRef(c.index);
        return;
      case 'HOST':
        word(c.segment);
        for (const ref of c.inputs) bindRef(ref);
        for (const ref of c.outputs) bindRef(ref);
        return;
      case 'SIGNAL':
      case 'WAIT':
        word(c.core);
        word(c.id);
        word(c.count);
        return;
      case 'BARRIER':
        return;
      case 'REPEAT':
        word(c.count);
        word(c.length);
        for (const s of c.strides) {
          word(s.region);
          long(s.bytes);
        }
        return;
      default:
        return assertNever(c);
    }
  };

  return {
    emit(slot, command) {
      if (rows === op.length) growRows();
      op[rows] = opCode[command.op];
      core[rows] = slot.core;
      queue[rows] = queueCode[slot.queue];
      kernel[rows] = slot.kernel;
      const start = w;
      word(0);
      form(command);
      words[start] = w - start - 1;
      bind(command);
      rows++;
      wordStart[rows] = w;
      return rows - 1;
    },
    copy(row) {
      invariant(base !== null && row < base.length, `no row ${row} to copy`);
      if (rows === op.length) growRows();
      op[rows] = base.op[row] ?? 0;
      core[rows] = base.core[row] ?? 0;
      queue[rows] = base.queue[row] ?? 0;
      kernel[rows] = base.kernel[row] ?? 0;
      const from = base.wordStart[row] ?? 0;
      const to = base.wordStart[row + 1] ?? 0;
      while (w + to - from > words.length) words = enlarge(words, new Int32Array(words.length * 2));
      for (let i = from; i < to; i++) words[w++] = base.words[i] ?? 0;
      rows++;
      wordStart[rows] = w;
      return rows - 1;
    },
    finish: () => ({
      length: rows,
      op: op.slice(0, rows),
      core: core.slice(0, rows),
      queue: queue.slice(0, rows),
      kernel: kernel.slice(0, rows),
      wordStart: wordStart.slice(0, rows + 1),
      words: words.slice(0, w),
      numbers: numbers.slice(0, numberCount),
    }),
  };
}

function enlarge<A extends { set(source: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
