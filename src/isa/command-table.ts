/**
 * Commands in columns: one row of small columns per command, operands packed as 32-bit words in a pool, fp numbers in another.
 * `CommandTableBuilder` is the only writer; `readCommand` gives one row back as an object.
 *
 * The words of a row are `[formWords, form…, binding…]`. The *form* is all that the demand of a command depends on (dtypes, memories,
 * extents, strides, modes); the *binding* is what differs between tiles of one shape (regions, offsets, zero points, padding, semaphore
 * ids, indices of fp numbers). Rows with equal op, core and form have equal demand, so `demandTable` computes each form once; the form also
 * fixes how many words the binding has.
 */
import { allDTypes, assertNever, invariant, type DType } from '../core/index.ts';
import {
  operands,
  queueNames,
  vectorOpcodes,
  type AccumulateMode,
  type Command,
  type CommandOp,
  type ConvCommand,
  type Drain,
  type MatmulCommand,
  type Ref,
  type Slot,
  type VectorStep,
} from './command.ts';

export interface CommandTable {
  readonly length: number;
  /** Index into `commandOps`. */
  readonly op: Uint8Array;
  readonly core: Uint16Array;
  /** Index into `queueNames`. */
  readonly queue: Uint8Array;
  /** Index into executable.kernels, -1 for none. */
  readonly kernel: Int32Array;
  /** First word of row i in `words`; `wordStart[length]` closes the last. */
  readonly wordStart: Uint32Array;
  readonly words: Int32Array;
  /** fp64 immediates, referred to by index from `words`. */
  readonly numbers: Float64Array;
}

export interface CommandTableBuilder {
  /** Appends a command; returns its row. */
  emit(slot: Slot, command: Command): number;
  finish(): CommandTable;
}

/** Every op, in the order of the codes in `CommandTable.op`. New ops go at the end. */
export const commandOps = [
  'CONV',
  'DWCONV',
  'MATMUL',
  'POOL',
  'VECTOR',
  'REDUCE',
  'LOAD',
  'STORE',
  'COPY',
  'HOST',
  'SIGNAL',
  'WAIT',
  'BARRIER',
  'REPEAT',
] as const;

const reduceKinds = ['sum', 'max', 'sumSquares'] as const;

const indexOf = <Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> =>
  Object.fromEntries(names.map((name, i) => [name, i])) as Record<Name, number>;

const opCode: Readonly<Record<CommandOp, number>> = indexOf(commandOps);
const queueCode = indexOf(queueNames);
const dtypeCode: Readonly<Record<DType, number>> = indexOf(allDTypes);
const opcodeCode = indexOf(vectorOpcodes);
const operandCode = indexOf(operands);
const reduceCode = indexOf(reduceKinds);

/** Header word of a reference: dtype in bits 0-4, rank in 5-8, ring in 9, wide (64-bit extents and strides) in 10, space above. */
const rankShift = 5;
const ringBit = 1 << 9;
const wideBit = 1 << 10;
const spaceShift = 11;

/** Flag bits of a contraction. */
const accumulateBit = 1;
const drainBit = 2;
const biasBit = 4;
const multiplierBit = 8;

const two32 = 4294967296;

function fitsWord(n: number): boolean {
  return (n | 0) === n;
}

function isWide(ref: Ref): boolean {
  for (const e of ref.extents) if (!fitsWord(e)) return true;
  for (const s of ref.strides) if (!fitsWord(s)) return true;
  return ref.ring !== undefined && !fitsWord(ref.ring.bytes);
}

export function createCommandTable(): CommandTableBuilder {
  let op = new Uint8Array(256);
  let core = new Uint16Array(256);
  let queue = new Uint8Array(256);
  let kernel = new Int32Array(256);
  let wordStart = new Uint32Array(257);
  let words = new Int32Array(8192);
  let numbers = new Float64Array(256);
  let rows = 0;
  let w = 0;
  let numberCount = 0;

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
        word(operandCode[c.operand]);
        formRef(c.src);
        formRef(c.dst);
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

/** Where and for whom row `row` runs. */
export function readSlot(table: CommandTable, row: number): Slot {
  return { core: at(table.core, row), queue: nameAt(queueNames, at(table.queue, row)), kernel: at(table.kernel, row) };
}

/** First and one-past-last word of the form of `row`: see the head of this file. */
export function formRange(table: CommandTable, row: number): readonly [number, number] {
  const start = at(table.wordStart, row) + 1;
  return [start, start + at(table.words, start - 1)];
}

/** The command of row `row`, as it was emitted. Throws (our bug) where the words are not those of a command; `decodeExecutable` checks files. */
export function readCommand(table: CommandTable, row: number): Command {
  const [start, end] = formRange(table, row);
  return new RowReader(table, start, end).command(nameAt(commandOps, at(table.op, row)));
}

/** A reference whose binding is still to be read. */
type FormRef = Pick<Ref, 'space' | 'dtype' | 'extents' | 'strides'> & { readonly ring: { readonly bytes: number; readonly axis: number } | null };

/** Two cursors over one row. A class, because both cursors move together through a dozen small steps. */
class RowReader {
  readonly #words: Int32Array;
  readonly #immediates: Float64Array;
  #form: number;
  #binding: number;

  constructor(table: CommandTable, form: number, binding: number) {
    this.#words = table.words;
    this.#immediates = table.numbers;
    this.#form = form;
    this.#binding = binding;
  }

  #f(): number {
    return this.#words[this.#form++] ?? 0;
  }

  #b(): number {
    return this.#words[this.#binding++] ?? 0;
  }

  #fLong(): number {
    const low = this.#f() >>> 0;
    return this.#f() * two32 + low;
  }

  #bLong(): number {
    const low = this.#b() >>> 0;
    return this.#b() * two32 + low;
  }

  /** How many parts follow; a damaged word must not ask for gigabytes. */
  #count(): number {
    const n = this.#f();
    invariant(n >= 0 && n <= this.#words.length, `${n} parts in ${this.#words.length} words`);
    return n;
  }

  #fPair(): readonly [number, number] {
    return [this.#f(), this.#f()];
  }

  #formRef(): FormRef {
    const header = this.#f();
    const rank = (header >> rankShift) & 15;
    const wide = (header & wideBit) !== 0;
    const extents = new Array<number>(rank);
    const strides = new Array<number>(rank);
    for (let i = 0; i < rank; i++) extents[i] = wide ? this.#fLong() : this.#f();
    for (let i = 0; i < rank; i++) strides[i] = wide ? this.#fLong() : this.#f();
    const ring = (header & ringBit) === 0 ? null : { bytes: wide ? this.#fLong() : this.#f(), axis: this.#f() };
    return { space: header >>> spaceShift, dtype: nameAt(allDTypes, header & 31), extents, strides, ring };
  }

  #formRefs(): FormRef[] {
    return Array.from({ length: this.#count() }, () => this.#formRef());
  }

  #bindRef(f: FormRef): Ref {
    const ref = {
      space: f.space,
      region: this.#b(),
      dtype: f.dtype,
      offset: this.#bLong(),
      extents: f.extents,
      strides: f.strides,
    };
    return f.ring === null ? ref : { ...ref, ring: { base: this.#bLong(), bytes: f.ring.bytes, axis: f.ring.axis } };
  }

  #contraction(): { x: Ref; w: Ref; mode: AccumulateMode; acc: Ref; drain: Drain | null; xZero: number; wZero: number } {
    const flags = this.#f();
    const hasDrain = (flags & drainBit) !== 0;
    const xForm = this.#formRef();
    const wForm = this.#formRef();
    const accForm = this.#formRef();
    const outForm = hasDrain ? this.#formRef() : null;
    const biasForm = (flags & biasBit) === 0 ? null : this.#formRef();
    const multiplierForm = (flags & multiplierBit) === 0 ? null : this.#formRef();
    const x = this.#bindRef(xForm);
    const w = this.#bindRef(wForm);
    const acc = this.#bindRef(accForm);
    const xZero = this.#b();
    const wZero = this.#b();
    const mode = (flags & accumulateBit) === 0 ? 'overwrite' : 'accumulate';
    if (outForm === null) return { x, w, mode, acc, drain: null, xZero, wZero };
    const out = this.#bindRef(outForm);
    const bias = biasForm === null ? null : this.#bindRef(biasForm);
    const multiplier = multiplierForm === null ? null : this.#bindRef(multiplierForm);
    const outZero = this.#b();
    const [lo, hi] = this.#numbers(2);
    return { x, w, mode, acc, drain: { out, bias, multiplier, outZero, lo: lo ?? 0, hi: hi ?? 0 }, xZero, wZero };
  }

  #numbers(count: number): number[] {
    const start = this.#b();
    const values = new Array<number>(count);
    for (let i = 0; i < count; i++) values[i] = this.#immediates[start + i] ?? 0;
    return values;
  }

  command(op: CommandOp): Command {
    switch (op) {
      case 'CONV':
      case 'DWCONV': {
        const common = this.#contraction();
        const groups = this.#f();
        const strides = this.#fPair();
        const dilations = this.#fPair();
        return { op, ...common, groups, strides, dilations, padTop: this.#b(), padLeft: this.#b() };
      }
      case 'MATMUL':
        return { op, ...this.#contraction() };
      case 'POOL': {
        const kind = this.#f() === 0 ? 'max' : 'average';
        const xForm = this.#formRef();
        const outForm = this.#formRef();
        const kernel = this.#fPair();
        const strides = this.#fPair();
        const dilations = this.#fPair();
        const x = this.#bindRef(xForm);
        const out = this.#bindRef(outForm);
        const padTop = this.#b();
        const padLeft = this.#b();
        const countBox = [this.#b(), this.#b(), this.#b(), this.#b()] as const;
        const xZero = this.#b();
        const outZero = this.#b();
        const [multiplier = 0, lo = 0, hi = 0] = this.#numbers(3);
        return { op, kind, x, out, kernel, strides, dilations, padTop, padLeft, countBox, xZero, multiplier, outZero, lo, hi };
      }
      case 'VECTOR': {
        const inputForms = this.#formRefs();
        const outputForms = this.#formRefs();
        const forms = Array.from({ length: this.#count() }, () => ({
          op: nameAt(vectorOpcodes, this.#f()),
          dst: this.#f(),
          a: this.#f(),
          b: this.#f(),
          c: this.#f(),
        }));
        const inputs = inputForms.map((f) => this.#bindRef(f));
        const outputs = outputForms.map((f) => this.#bindRef(f));
        const immediates = this.#numbers(forms.length);
        const steps: VectorStep[] = forms.map((s, i) => ({ ...s, immediate: immediates[i] ?? 0 }));
        return { op, inputs, outputs, steps };
      }
      case 'REDUCE': {
        const flags = this.#f();
        const xForm = this.#formRef();
        const accForm = this.#formRef();
        const mode: AccumulateMode = (flags & 4) === 0 ? 'overwrite' : 'accumulate';
        return { op, kind: nameAt(reduceKinds, flags & 3), mode, x: this.#bindRef(xForm), acc: this.#bindRef(accForm), xZero: this.#b() };
      }
      case 'LOAD':
      case 'STORE':
      case 'COPY': {
        const operand = nameAt(operands, this.#f());
        const srcForm = this.#formRef();
        const dstForm = this.#formRef();
        return { op, src: this.#bindRef(srcForm), dst: this.#bindRef(dstForm), operand };
      }
      case 'HOST': {
        const inputForms = this.#formRefs();
        const outputForms = this.#formRefs();
        const segment = this.#b();
        return { op, segment, inputs: inputForms.map((f) => this.#bindRef(f)), outputs: outputForms.map((f) => this.#bindRef(f)) };
      }
      case 'SIGNAL':
      case 'WAIT':
        return { op, core: this.#b(), id: this.#b(), count: this.#b() };
      case 'BARRIER':
        return { op };
      case 'REPEAT': {
        const count = this.#b();
        const length = this.#b();
        const strides = Array.from({ length: this.#count() }, () => ({ region: this.#b(), bytes: this.#bLong() }));
        return { op, count, length, strides };
      }
      default:
        return assertNever(op);
    }
  }
}

function at(column: { readonly [index: number]: number; readonly length: number }, index: number): number {
  const value = column[index];
  invariant(value !== undefined, `index ${index} of a column of ${column.length}`);
  return value;
}

function nameAt<Name extends string>(names: readonly Name[], index: number): Name {
  const name = names[index];
  invariant(name !== undefined, `code ${index} of ${names.length}`);
  return name;
}
