/**
 * Program text -> executable: the inverse of `disassemble`. Whatever the text, this returns a whole executable or throws coded errors with
 * file, line and column. Grammar: docs/program-format.md.
 */
import { fail, isaMessages, suggest, SystoleError, type Diagnostic } from '../core/index.ts';
import { storedSegment } from './binary.ts';
import { queueNames, type Slot } from './command.ts';
import { createCommandTable, type CommandTableBuilder } from './command-writer.ts';
import type { Executable, Region, TensorBinding, WeightSegment } from './executable.ts';
import { textVersion } from './text.ts';
import { parseCommand } from './text-command.ts';
import { nameTable } from './text-names.ts';
import { LineScanner } from './text-scanner.ts';
import * as sections from './text-sections.ts';

export interface AssembleOptions {
  /** Named in messages. */
  readonly file?: string;
}

/** As many syntax errors as one wants to read at once. */
const mostErrors = 20;

/** Reads program text. Errors: SYS5020 with line and column, all of them up to 20; SYS1080 cut short; SYS1081 something else. */
export function assemble(text: string, options: AssembleOptions = {}): Executable {
  const file = options.file ?? 'program text';
  const lines = text.split(/\r?\n/);
  checkFirstLine(lines, file);
  const assembler = createAssembler(file);
  const problems: Diagnostic[] = [];
  const last = lines.findLastIndex((line) => line.trim() !== '');
  for (const [i, line] of lines.entries()) {
    try {
      assembler.line(line, i + 1);
    } catch (error) {
      if (!(error instanceof SystoleError)) throw error;
      // Half a line at the end of a text that is cut there says nothing that its cut does not.
      if (i !== last || assembler.ended()) problems.push(...error.diagnostics);
      if (problems.length >= mostErrors) break;
    }
  }
  if (!assembler.ended() && problems.length < mostErrors) {
    problems.push(isaMessages.textCutShort(assembler.read(), { location: { file, line: last + 1 } }));
  }
  if (problems.length > 0) fail(...problems);
  return assembler.finish(lines.length);
}

/** What does not begin like program text is told once, not line by line. */
function checkFirstLine(lines: readonly string[], file: string): void {
  const at = lines.findIndex((line) => !/^\s*(;.*)?$/.test(line));
  const found = (lines[at] ?? '').trim();
  if (/^systole\b/.test(found)) return;
  fail(isaMessages.notProgramText({ found: found.slice(0, 40) }, { location: { file, ...(at === -1 ? {} : { line: at + 1 }) } }));
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
  'end',
  'origin',
  'mapping',
  'work',
  'cold',
  'input',
  'output',
  'segment',
] as const;

const base64 = /^\s*\| ?(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*$/;

interface Assembler {
  line(text: string, number: number): void;
  /** Has the closing line been read? */
  ended(): boolean;
  /** How far the text went, for whoever has to find the rest. */
  read(): { readonly program: string | null; readonly commands: number };
  finish(lines: number): Executable;
}

function createAssembler(file: string): Assembler {
  let ended = false;
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
  const programs: { name: string; builder: CommandTableBuilder; commands: number }[] = [];
  const segments: SegmentDraft[] = [];
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
        if (s.integer('the version') !== textVersion) s.fail(`This systole reads program text of version ${textVersion}`);
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
        segments.push({ offset, bytes, hash: s.text('a hash'), lines: raw, number: s.line });
        return;
      }
      case 'program':
        programs.push({ name: s.text('the name of a program'), builder: createCommandTable(), commands: 0 });
        return;
      case 'end':
        ended = true;
        return;
    }
  };

  const command = (s: LineScanner): void => {
    const slot = parseSlot(s);
    const program = programs.at(-1) ?? s.fail('Commands belong below a `program`');
    program.builder.emit(slot, parseCommand(s, names));
    program.commands++;
  };

  return {
    line(text, number) {
      const s = new LineScanner(text, number, file);
      if (s.atEnd()) return;
      if (ended) return s.fail('The text has ended: nothing may follow its `end`');
      if (/^\s*\|/.test(text)) {
        if (raw === null) return s.fail('Nothing before this line takes text of its own');
        if (raw === segments.at(-1)?.lines && !base64.test(text))
          return s.fail('These are not the bytes of weights as `disasm --weights` writes them (base64)');
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
    ended: () => ended,
    read: () => ({ program: programs.at(-1)?.name ?? null, commands: programs.at(-1)?.commands ?? 0 }),
    finish(lines) {
      const missing = (what: string): never => new LineScanner('', lines, file).fail(`The text has no \`${what}\` line`);
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
        weights: { ...weights, segments: segments.map((g) => textSegment(g, weights.absent, file)) },
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

interface SegmentDraft {
  readonly offset: number;
  readonly bytes: number;
  readonly hash: string;
  /** The bytes as base64, line by line, and the line of text above them. */
  readonly lines: readonly string[];
  readonly number: number;
}

/** A segment of program text. Its hash is checked when it is read. */
function textSegment(g: SegmentDraft, absent: string | null, file: string): WeightSegment {
  const bytes = g.lines.reduce((sum, line) => sum + base64Length(line.trim()), 0);
  if (absent === null && bytes !== g.bytes) {
    fail(
      isaMessages.assemblySyntax(
        { what: `This segment has ${g.bytes} bytes; in the lines below it were found ${bytes}`, near: undefined },
        { location: { file, line: g.number } },
      ),
    );
  }
  const load = (): Uint8Array => Uint8Array.from(g.lines.map((line) => atob(line)).join(''), (c) => c.charCodeAt(0));
  return storedSegment(g.offset, g.bytes, g.hash, absent === null ? load : null, absent ?? '');
}

/** Bytes that whole groups of four digits stand for. */
function base64Length(digits: string): number {
  return (digits.length / 4) * 3 - (/=*$/.exec(digits)?.[0].length ?? 0);
}
