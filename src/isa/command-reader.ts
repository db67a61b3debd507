/** Columns -> commands. */
import { allDTypes, assertNever, invariant } from '../core/index.ts';
import {
  operands,
  vectorOpcodes,
  type AccumulateMode,
  type Command,
  type CommandOp,
  type Drain,
  type Ref,
  type VectorStep,
} from './command.ts';
import { at, commandOps, formRange, nameAt, type CommandTable } from './command-table.ts';
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

/** The command of row `row`, as it was emitted. Throws (our bug) where the words are not those of a command; `decodeExecutable` checks files. */
export function readCommand(table: CommandTable, row: number): Command {
  const [start, end] = formRange(table, row);
  return new RowReader(table, start, end).command(nameAt(commandOps, at(table.op, row)));
}

/** Does the command take up all words of its row, and no others? Then rows of its form do, whatever they are bound to. */
export function fillsItsRow(table: CommandTable, row: number): boolean {
  const [start, end] = formRange(table, row);
  const reader = new RowReader(table, start, end);
  reader.command(nameAt(commandOps, at(table.op, row)));
  return reader.isAt(end, at(table.wordStart, row + 1));
}

/** A reference whose binding is still to be read. */
type FormRef = Pick<Ref, 'space' | 'dtype' | 'extents' | 'strides'> & {
  readonly ring: { readonly bytes: number; readonly axis: number } | null;
};

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

  isAt(form: number, binding: number): boolean {
    return this.#form === form && this.#binding === binding;
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
        const flags = this.#f();
        const operand = nameAt(operands, flags & (indexBit - 1));
        const srcForm = this.#formRef();
        const dstForm = this.#formRef();
        const indexForm = (flags & indexBit) === 0 ? null : this.#formRef();
        const move = { op, src: this.#bindRef(srcForm), dst: this.#bindRef(dstForm), operand };
        return indexForm === null ? move : { ...move, index: this.#bindRef(indexForm) };
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
