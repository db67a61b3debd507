/**
 * Commands in program text: `OP word… field=value…`. Fields may come in any order; those at their usual value are left out.
 * One table says which fields there are and how each is written; `print` and `build` below pick theirs from it.
 */
import { assertNever } from '../core/index.ts';
import {
  operands,
  vectorOpcodes,
  type AccumulateMode,
  type Command,
  type CommandOp,
  type ConvCommand,
  type Drain,
  type MatmulCommand,
  type Ref,
  type RepeatCommand,
  type VectorStep,
} from './command.ts';
import { commandOps } from './command-table.ts';
import { resolve, type Names } from './text-names.ts';
import { parseRef, printRef } from './text-ref.ts';
import { printNumber, type LineScanner } from './text-scanner.ts';

/** References; `in` and `out` may repeat. */
const refFields = ['x', 'w', 'acc', 'out', 'bias', 'multiplier', 'src', 'dst', 'index', 'in'] as const;
/** Numbers, comma-separated, as many as stated. */
const numberFields = { groups: 1, stride: 2, dilation: 2, pad: 2, zero: 2, outZero: 1, clamp: 2, kernel: 2, box: 4, scale: 1 } as const;

type RefField = (typeof refFields)[number];
type NumberField = keyof typeof numberFields;
type FieldName = RefField | NumberField;

const modes = ['overwrite', 'accumulate'] as const;
const poolKinds = ['max', 'average'] as const;
const reduceKinds = ['sum', 'max', 'sumSquares', 'product'] as const;

// Printing.

const list = (...values: readonly number[]): string => values.map(printNumber).join(',');

function field(name: NumberField, values: readonly number[], usual: readonly number[]): string {
  return values.every((v, i) => Object.is(v, usual[i])) ? '' : ` ${name}=${list(...values)}`;
}

export function printCommand(c: Command, names: Names): string {
  const ref = (name: RefField, r: Ref): string => ` ${name}=${printRef(r, names)}`;
  const refs = (name: RefField, all: readonly Ref[]): string => all.map((r) => ref(name, r)).join('');
  const drain = (d: Drain | null): string =>
    d === null
      ? ''
      : ref('out', d.out) +
        (d.bias === null ? '' : ref('bias', d.bias)) +
        (d.multiplier === null ? '' : ref('multiplier', d.multiplier)) +
        field('outZero', [d.outZero], [0]) +
        field('clamp', [d.lo, d.hi], [-Infinity, Infinity]);
  const contraction = (k: ConvCommand | MatmulCommand): string => ` ${k.mode}${ref('x', k.x)}${ref('w', k.w)}${ref('acc', k.acc)}`;
  const zeros = (k: ConvCommand | MatmulCommand): string => field('zero', [k.xZero, k.wZero], [0, 0]);

  switch (c.op) {
    case 'CONV':
    case 'DWCONV':
      return (
        c.op +
        contraction(c) +
        field('groups', [c.groups], [1]) +
        field('stride', c.strides, [1, 1]) +
        field('dilation', c.dilations, [1, 1]) +
        field('pad', [c.padTop, c.padLeft], [0, 0]) +
        zeros(c) +
        drain(c.drain)
      );
    case 'MATMUL':
      return c.op + contraction(c) + zeros(c) + drain(c.drain);
    case 'POOL':
      return (
        `POOL ${c.kind}${ref('x', c.x)}${ref('out', c.out)} kernel=${list(...c.kernel)}` +
        field('stride', c.strides, [1, 1]) +
        field('dilation', c.dilations, [1, 1]) +
        field('pad', [c.padTop, c.padLeft], [0, 0]) +
        ` box=${list(...c.countBox)}` +
        field('zero', [c.xZero, c.outZero], [0, 0]) +
        field('scale', [c.multiplier], [1]) +
        field('clamp', [c.lo, c.hi], [-Infinity, Infinity])
      );
    case 'VECTOR':
      return `VECTOR${refs('in', c.inputs)}${refs('out', c.outputs)} { ${c.steps.map(printStep).join(' | ')} }`.replace('{  }', '{ }');
    case 'REDUCE':
      return `REDUCE ${c.kind} ${c.mode}${ref('x', c.x)}${ref('acc', c.acc)}${field('zero', [c.xZero, 0], [0, 0])}`;
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return `${c.op} ${c.operand}${ref('dst', c.dst)}${ref('src', c.src)}${c.index === undefined ? '' : ref('index', c.index)}`;
    case 'HOST':
      return `HOST ${c.segment}${refs('in', c.inputs)}${refs('out', c.outputs)}`;
    case 'SIGNAL':
    case 'WAIT':
      return `${c.op} core ${c.core} semaphore ${c.id} count ${c.count}`;
    case 'BARRIER':
      return 'BARRIER';
    case 'REPEAT':
      return `REPEAT ${c.count} length ${c.length}${c.strides.map((s) => ` step ${names.region(s.region)}+${s.bytes}`).join('')}`;
    default:
      return assertNever(c);
  }
}

/** `op dst [a [b [c]]] [#immediate]`: trailing unused sources (-1) and an immediate of 0 are left out. */
function printStep(s: VectorStep): string {
  const sources = [s.a, s.b, s.c];
  while (sources.at(-1) === -1) sources.pop();
  return [s.op, s.dst, ...sources, ...(Object.is(s.immediate, 0) ? [] : [`#${printNumber(s.immediate)}`])].join(' ');
}

// Parsing.

/** The fields of one line, as they were found. */
interface Fields {
  ref(name: RefField): Ref;
  maybeRef(name: RefField): Ref | null;
  refs(name: RefField): readonly Ref[];
  /** `usual` stands in for what is left out; without it the field is required. */
  numbers(name: NumberField, usual?: readonly number[]): readonly number[];
  integers(name: NumberField, usual?: readonly number[]): readonly number[];
}

function isNumberField(name: FieldName): name is NumberField {
  return name in numberFields;
}

function parseFields(scanner: LineScanner, names: Names, allowed: readonly FieldName[]): Fields {
  const refs = new Map<string, Ref[]>();
  const numbers = new Map<string, number[]>();
  while (scanner.atWord()) {
    const name = scanner.oneOf(allowed, 'field');
    scanner.expect('=');
    if (!isNumberField(name)) {
      refs.set(name, [...(refs.get(name) ?? []), parseRef(scanner, names)]);
      continue;
    }
    const count = numberFields[name];
    const values = [scanner.number(`a number of ${name}`)];
    while (scanner.take(',')) values.push(scanner.number(`a number of ${name}`));
    if (values.length !== count) scanner.fail(`\`${name}\` takes ${count} number${count === 1 ? '' : 's'}, found ${values.length}`);
    numbers.set(name, values);
  }
  const missing = (name: string): never => scanner.fail(`The field \`${name}=\` is missing`);
  const numbersOf = (name: NumberField, usual?: readonly number[]): readonly number[] => numbers.get(name) ?? usual ?? missing(name);
  return {
    ref: (name) => refs.get(name)?.[0] ?? missing(name),
    maybeRef: (name) => refs.get(name)?.[0] ?? null,
    refs: (name) => refs.get(name) ?? [],
    numbers: numbersOf,
    integers: (name, usual) => {
      const values = numbersOf(name, usual);
      return values.every((v) => (v | 0) === v) ? values : scanner.fail(`\`${name}\` takes whole numbers of 32 bits`);
    },
  };
}

const pairOf = (values: readonly number[]): readonly [number, number] => [values[0] ?? 0, values[1] ?? 0];
const drainFields: readonly FieldName[] = ['x', 'w', 'acc', 'zero', 'out', 'bias', 'multiplier', 'outZero', 'clamp'];

function parseContraction(
  scanner: LineScanner,
  names: Names,
  more: readonly NumberField[],
): { readonly fields: Fields; readonly common: Omit<MatmulCommand, 'op'> } {
  const mode: AccumulateMode = scanner.oneOf(modes, 'mode');
  const fields = parseFields(scanner, names, [...drainFields, ...more]);
  const [xZero, wZero] = pairOf(fields.integers('zero', [0, 0]));
  const out = fields.maybeRef('out');
  const [lo, hi] = pairOf(fields.numbers('clamp', [-Infinity, Infinity]));
  const drain: Drain | null =
    out === null
      ? null
      : {
          out,
          bias: fields.maybeRef('bias'),
          multiplier: fields.maybeRef('multiplier'),
          outZero: fields.integers('outZero', [0])[0] ?? 0,
          lo,
          hi,
        };
  if (out === null && fields.maybeRef('bias') !== null) scanner.fail('A `bias=` without an `out=` to drain to');
  return { fields, common: { mode, x: fields.ref('x'), w: fields.ref('w'), acc: fields.ref('acc'), drain, xZero, wZero } };
}

export function parseCommand(scanner: LineScanner, names: Names): Command {
  const op: CommandOp = scanner.oneOf(commandOps, 'command');
  switch (op) {
    case 'CONV':
    case 'DWCONV': {
      const { fields, common } = parseContraction(scanner, names, ['groups', 'stride', 'dilation', 'pad']);
      const [padTop, padLeft] = pairOf(fields.integers('pad', [0, 0]));
      return {
        op,
        ...common,
        groups: fields.integers('groups', [1])[0] ?? 1,
        strides: pairOf(fields.integers('stride', [1, 1])),
        dilations: pairOf(fields.integers('dilation', [1, 1])),
        padTop,
        padLeft,
      };
    }
    case 'MATMUL':
      return { op, ...parseContraction(scanner, names, []).common };
    case 'POOL': {
      const kind = scanner.oneOf(poolKinds, 'kind of pooling');
      const fields = parseFields(scanner, names, ['x', 'out', 'kernel', 'stride', 'dilation', 'pad', 'box', 'zero', 'scale', 'clamp']);
      const [padTop, padLeft] = pairOf(fields.integers('pad', [0, 0]));
      const [top = 0, left = 0, bottom = 0, right = 0] = fields.integers('box');
      const [xZero, outZero] = pairOf(fields.integers('zero', [0, 0]));
      const [lo, hi] = pairOf(fields.numbers('clamp', [-Infinity, Infinity]));
      return {
        op,
        kind,
        x: fields.ref('x'),
        out: fields.ref('out'),
        kernel: pairOf(fields.integers('kernel')),
        strides: pairOf(fields.integers('stride', [1, 1])),
        dilations: pairOf(fields.integers('dilation', [1, 1])),
        padTop,
        padLeft,
        countBox: [top, left, bottom, right],
        xZero,
        multiplier: fields.numbers('scale', [1])[0] ?? 1,
        outZero,
        lo,
        hi,
      };
    }
    case 'VECTOR': {
      const fields = parseFields(scanner, names, ['in', 'out']);
      return { op, inputs: fields.refs('in'), outputs: fields.refs('out'), steps: parseSteps(scanner) };
    }
    case 'REDUCE': {
      const kind = scanner.oneOf(reduceKinds, 'kind of reduction');
      const mode = scanner.oneOf(modes, 'mode');
      const fields = parseFields(scanner, names, ['x', 'acc', 'zero']);
      return { op, kind, mode, x: fields.ref('x'), acc: fields.ref('acc'), xZero: fields.integers('zero', [0, 0])[0] ?? 0 };
    }
    case 'LOAD':
    case 'STORE':
    case 'COPY': {
      const operand = scanner.oneOf(operands, 'operand');
      const fields = parseFields(scanner, names, ['dst', 'src', 'index']);
      const index = fields.maybeRef('index');
      return { op, src: fields.ref('src'), dst: fields.ref('dst'), operand, ...(index === null ? {} : { index }) };
    }
    case 'HOST': {
      const segment = scanner.integer('the index of a host segment');
      const fields = parseFields(scanner, names, ['in', 'out']);
      return { op, segment, inputs: fields.refs('in'), outputs: fields.refs('out') };
    }
    case 'SIGNAL':
    case 'WAIT': {
      scanner.expect('core');
      const core = scanner.integer('a core');
      scanner.expect('semaphore');
      const id = scanner.integer('a semaphore');
      scanner.expect('count');
      return { op, core, id, count: scanner.integer('a count') };
    }
    case 'BARRIER':
      return { op };
    case 'REPEAT':
      return parseRepeat(scanner, names);
    default:
      return assertNever(op);
  }
}

function parseSteps(scanner: LineScanner): VectorStep[] {
  const steps: VectorStep[] = [];
  scanner.expect('{');
  while (!scanner.take('}')) {
    if (steps.length > 0) scanner.expect('|');
    const op = scanner.oneOf(vectorOpcodes, 'vector operation');
    const dst = scanner.integer('a register');
    const source = (): number => (scanner.atNumber() ? scanner.integer('a register') : -1);
    const [a, b, c] = [source(), source(), source()];
    steps.push({ op, dst, a, b, c, immediate: scanner.take('#') ? scanner.number('an immediate') : 0 });
  }
  return steps;
}

function parseRepeat(scanner: LineScanner, names: Names): RepeatCommand {
  const count = scanner.integer('how often to repeat');
  scanner.expect('length');
  const length = scanner.integer('how many commands to repeat');
  const strides: { region: number; bytes: number }[] = [];
  while (scanner.take('step')) {
    const name = scanner.word('a region');
    const region = resolve(name, names.regions, 'r') ?? scanner.fail(`Unknown region \`${name}\``);
    scanner.take('+');
    strides.push({ region, bytes: scanner.long('bytes per iteration') });
  }
  return { op: 'REPEAT', count, length, strides };
}
