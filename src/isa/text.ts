/**
 * Program text: how people read and write executables. `disassemble` prints tables first, then a command a line; `assemble` reads that back,
 * and encodes to the same bytes. Grammar: docs/program-format.md.
 */
import { fail, isaMessages, quoted, suggest, SystoleError, type Diagnostic } from '../core/index.ts';
import { segmentHash, storedSegment, withoutWeights } from './binary.ts';
import { queueNames, type Slot } from './command.ts';
import { readCommand } from './command-reader.ts';
import { readSlot } from './command-table.ts';
import { createCommandTable, type CommandTableBuilder } from './command-writer.ts';
import type { EntryPoint, Executable, Program, Region, TensorBinding, WeightImage, WeightSegment } from './executable.ts';
import { parseCommand, printCommand } from './text-command.ts';
import { nameTable, type Names } from './text-names.ts';
import { LineScanner, printNumber, printText } from './text-scanner.ts';
import * as sections from './text-sections.ts';

export interface DisassembleOptions {
  /** `base64` prints the weights themselves, so that the text is the whole executable; default `hash`. */
  readonly weights: 'hash' | 'base64';
}

const version = 1;

export function disassemble(executable: Executable, options: DisassembleOptions = { weights: 'hash' }): string {
  const e = executable;
  const names = nameTable(e);
  const block = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : [...lines, '']);
  return [
    `systole ${version}`,
    sections.printModel(e.model),
    sections.printTarget(e.target),
    ...Object.entries(e.options).map(([key, value]) => sections.printOption(key, value)),
    '',
    ...block(e.spaces.map((name, i) => `space ${i} ${printText(name)}`)),
    ...block(e.regions.map(sections.printRegion)),
    ...block(e.kernels.flatMap((k, i) => sections.printKernel(k, i, names))),
    ...block(e.entryPoints.flatMap(printEntryPoint)),
    ...block(e.nodes.map(sections.printNode)),
    ...block(e.hostSegments.flatMap((s) => [`host ${printText(s.name)}`, ...rawLines(s.graph)])),
    ...block(e.diagnostics.map(sections.printDiagnostic)),
    ...block(printWeights(e.weights, options.weights)),
    ...e.programs.flatMap((p) => block(printProgram(p, e, names))),
  ].join('\n');
}

function printEntryPoint(p: EntryPoint): string[] {
  const scalars = p.scalars.length === 0 ? '' : ` scalars${p.scalars.map((s) => ` ${printText(s)}`).join('')}`;
  return [
    `entry ${printText(p.name)} program ${p.program}${scalars}`,
    ...p.inputs.map((b) => sections.printBinding('input', b)),
    ...p.outputs.map((b) => sections.printBinding('output', b)),
  ];
}

/** Text of its own, kept line by line: `| line`. */
function rawLines(text: string): string[] {
  return text.split('\n').map((line) => `  | ${line}`);
}

function printWeights(image: WeightImage, how: DisassembleOptions['weights']): string[] {
  const embedded = how === 'base64' && image.absent === null;
  const absent = image.absent ?? (embedded ? null : withoutWeights);
  return [
    `weights region ${image.region} bytes ${printNumber(image.bytes)} ${absent === null ? 'embedded' : `absent ${quoted(absent)}`}`,
    ...image.segments.flatMap((s) => [
      `  segment ${printNumber(s.offset)} bytes ${printNumber(s.bytes)} hash ${JSON.stringify(segmentHash(s, image))}`,
      ...(embedded ? base64Lines(s.read()) : []),
    ]),
  ];
}

/** 96 characters a line, 72 bytes. */
function base64Lines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let i = 0; i < bytes.length; i += 72) lines.push(`  | ${btoa(String.fromCharCode(...bytes.subarray(i, i + 72)))}`);
  return lines;
}

/** A command a line: row, queue, kernel, command; bodies of REPEAT indented; a comment where the kernel changes. */
function printProgram(program: Program, e: Executable, names: Names): string[] {
  const table = program.commands;
  const lines = [`program ${printText(program.name)}`];
  const rowWidth = String(Math.max(0, table.length - 1)).length;
  const slots = Array.from({ length: table.length }, (_, row) => readSlot(table, row));
  const queueWidth = Math.max(0, ...new Set(slots.map((s) => printQueue(s).length)));
  const kernelWidth = Math.max(0, ...new Set(slots.map((s) => printKernelIndex(s.kernel).length)));
  const repeats: number[] = [];
  let kernel = -1;
  slots.forEach((slot, row) => {
    while ((repeats.at(-1) ?? row + 1) <= row) repeats.pop();
    if (slot.kernel !== kernel) {
      kernel = slot.kernel;
      const k = e.kernels[kernel];
      if (k !== undefined)
        lines.push(
          `; kernel ${kernel} ${oneLine(k.name)}: ${oneLine(k.origin.join(', '))}${k.mapping === '' ? '' : ` (${oneLine(k.mapping)})`}`,
        );
    }
    const command = readCommand(table, row);
    lines.push(
      `${String(row).padStart(rowWidth)}: ${printQueue(slot).padEnd(queueWidth)} ${printKernelIndex(slot.kernel).padEnd(kernelWidth)} ` +
        `${'  '.repeat(repeats.length)}${printCommand(command, names)}`,
    );
    if (command.op === 'REPEAT') repeats.push(row + 1 + command.length);
  });
  return lines;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

function printQueue(slot: Slot): string {
  return `c${slot.core}.${slot.queue}`;
}

function printKernelIndex(kernel: number): string {
  return kernel === -1 ? 'k-' : `k${kernel}`;
}

export interface AssembleOptions {
  /** Named in messages. */
  readonly file?: string;
}

/** As many syntax errors as one wants to read at once. */
const mostErrors = 20;

/** Reads program text. Errors: SYS5020 with line and column, all of them up to 20. */
export function assemble(text: string, options: AssembleOptions = {}): Executable {
  const file = options.file ?? 'program text';
  const assembler = createAssembler(file);
  const problems: Diagnostic[] = [];
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    try {
      assembler.line(line, i + 1);
    } catch (error) {
      if (!(error instanceof SystoleError)) throw error;
      problems.push(...error.diagnostics);
      if (problems.length >= mostErrors) break;
    }
  }
  if (problems.length > 0) fail(...problems);
  return assembler.finish(lines.length);
}

const keywords = [
  'systole',
  'model',
  'target',
  'option',
  'space',
  'region',
  'kernel',
  'entry',
  'node',
  'host',
  'diagnostic',
  'weights',
  'program',
  'origin',
  'mapping',
  'work',
  'cold',
  'input',
  'output',
  'segment',
] as const;

interface Assembler {
  line(text: string, number: number): void;
  finish(lines: number): Executable;
}

function createAssembler(file: string): Assembler {
  let systole = false;
  let model: Executable['model'] | null = null;
  let target: Executable['target'] | null = null;
  const optionValues: Record<string, Executable['options'][string]> = {};
  const spaces: string[] = [];
  const regions: Region[] = [];
  const kernels: sections.KernelDraft[] = [];
  const entryPoints: { name: string; program: number; inputs: TensorBinding[]; outputs: TensorBinding[]; scalars: string[] }[] = [];
  const nodes: Executable['nodes'][number][] = [];
  const hosts: { name: string; lines: string[] }[] = [];
  const diagnostics: Diagnostic[] = [];
  const programs: { name: string; builder: CommandTableBuilder }[] = [];
  const segments: { offset: number; bytes: number; hash: string; lines: string[] }[] = [];
  let weights = { region: -1, bytes: 0, absent: null as string | null };
  /** Takes `| …` lines. */
  let raw: string[] | null = null;
  let names = nameTable({ spaces, regions });

  /** The index written in an entry must be its place: it is what references elsewhere say. */
  const indexed = (s: LineScanner, place: number): void => {
    const { column } = s;
    const index = s.integer('its index');
    if (index !== place) s.fail(`Entries are numbered in order: expected ${place}, found ${index}`, undefined, column);
  };

  const section = (s: LineScanner): void => {
    const keyword = s.oneOf(keywords, 'keyword');
    raw = null;
    switch (keyword) {
      case 'systole':
        if (s.integer('the version') !== version) s.fail(`This systole reads program text of version ${version}`);
        systole = true;
        return;
      case 'model':
        model = sections.parseModel(s);
        return;
      case 'target':
        target = sections.parseTarget(s);
        return;
      case 'option': {
        const [key, value] = sections.parseOption(s);
        optionValues[key] = value;
        return;
      }
      case 'space':
        indexed(s, spaces.length);
        spaces.push(s.text('the name of a memory'));
        names = nameTable({ spaces, regions });
        return;
      case 'region':
        indexed(s, regions.length);
        regions.push(sections.parseRegion(s));
        names = nameTable({ spaces, regions });
        return;
      case 'kernel':
        indexed(s, kernels.length);
        kernels.push(sections.parseKernel(s));
        return;
      case 'origin':
      case 'mapping':
      case 'work':
      case 'cold':
        sections.parseKernelPart(keyword, s, kernels.at(-1) ?? s.fail(`\`${keyword}\` belongs below a kernel`), names);
        return;
      case 'entry': {
        const name = s.text('the name of an entry point');
        s.expect('program');
        const program = s.integer('a program');
        const scalars: string[] = [];
        if (s.take('scalars')) while (s.atText()) scalars.push(s.text('a scalar'));
        entryPoints.push({ name, program, inputs: [], outputs: [], scalars });
        return;
      }
      case 'input':
      case 'output': {
        const entry = entryPoints.at(-1) ?? s.fail(`\`${keyword}\` belongs below an entry point`);
        (keyword === 'input' ? entry.inputs : entry.outputs).push(sections.parseBinding(s));
        return;
      }
      case 'node':
        nodes.push(sections.parseNode(s));
        return;
      case 'host':
        raw = [];
        hosts.push({ name: s.text('the name of a host segment'), lines: raw });
        return;
      case 'diagnostic':
        diagnostics.push(sections.parseDiagnostic(s));
        return;
      case 'weights': {
        s.expect('region');
        const region = s.integer('a region');
        s.expect('bytes');
        const bytes = s.long('bytes');
        weights = { region, bytes, absent: s.take('embedded') ? null : (s.expect('absent'), s.text('why')) };
        return;
      }
      case 'segment': {
        const offset = s.long('an offset');
        s.expect('bytes');
        const bytes = s.long('bytes');
        s.expect('hash');
        raw = [];
        segments.push({ offset, bytes, hash: s.text('a hash'), lines: raw });
        return;
      }
      case 'program':
        programs.push({ name: s.text('the name of a program'), builder: createCommandTable() });
        return;
    }
  };

  const command = (s: LineScanner): void => {
    const slot = parseSlot(s);
    const program = programs.at(-1) ?? s.fail('Commands belong below a `program`');
    program.builder.emit(slot, parseCommand(s, names));
  };

  return {
    line(text, number) {
      const s = new LineScanner(text, number, file);
      if (s.atEnd()) return;
      if (/^\s*\|/.test(text)) {
        if (raw === null) return s.fail('Nothing before this line takes text of its own');
        raw.push(text.replace(/^\s*\| ?/, ''));
        return;
      }
      if (s.atNumber()) {
        s.integer('a row');
        s.expect(':');
        command(s);
      } else if (/^\s*c\d+\./.test(text)) command(s);
      else section(s);
      s.expectEnd();
    },
    finish(lines) {
      const missing = (what: string): never => new LineScanner('', lines, file).fail(`The text has no \`${what}\` line`);
      if (!systole) missing('systole');
      return {
        formatVersion: 1,
        model: model ?? missing('model'),
        target: target ?? missing('target'),
        options: optionValues,
        spaces,
        regions,
        programs: programs.map((p) => ({ name: p.name, commands: p.builder.finish() })),
        entryPoints,
        kernels,
        nodes,
        hostSegments: hosts.map((h) => ({ name: h.name, graph: h.lines.join('\n') })),
        weights: { ...weights, segments: segments.map((g) => textSegment(g, weights.absent)) },
        diagnostics,
      };
    },
  };
}

function parseSlot(s: LineScanner): Slot {
  const { column } = s;
  const place = s.word('a queue, such as `c0.matrix`');
  const [, core = '', name = ''] =
    /^c(\d+)\.(.*)$/.exec(place) ?? s.fail(`Expected a queue, such as \`c0.matrix\`, found \`${place}\``, undefined, column);
  const queue = queueNames.find((q) => q === name) ?? s.fail(`Unknown queue \`${name}\``, suggest(name, queueNames), column);
  if (Number(core) > 65535) s.fail('Cores are numbered up to 65535', undefined, column);
  const kernelColumn = s.column;
  const kernel = s.word('a kernel, such as `k0`');
  if (!/^k(-|\d+)$/.test(kernel)) s.fail(`Expected a kernel, such as \`k0\` or \`k-\`, found \`${kernel}\``, undefined, kernelColumn);
  return { core: Number(core), queue, kernel: kernel === 'k-' ? -1 : Number(kernel.slice(1)) };
}

/** A segment of program text. Its length and hash are checked when it is read. */
function textSegment(
  g: { readonly offset: number; readonly bytes: number; readonly hash: string; readonly lines: readonly string[] },
  absent: string | null,
): WeightSegment {
  const load = (): Uint8Array => {
    const bytes = Uint8Array.from(g.lines.map((line) => atob(line)).join(''), (c) => c.charCodeAt(0));
    if (bytes.length !== g.bytes) fail(isaMessages.executableTruncated({ size: bytes.length, expected: g.bytes }));
    return bytes;
  };
  return storedSegment(g.offset, g.bytes, g.hash, absent === null ? load : null, absent ?? '');
}
