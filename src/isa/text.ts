/**
 * Program text: how people read and write executables. `disassemble` prints tables first, then a command a line; `assemble` (assemble.ts)
 * reads that back, and encodes to the same bytes. Grammar: docs/program-format.md.
 */
import { quoted } from '../core/index.ts';
import { segmentHash, withoutWeights } from './binary.ts';
import type { Slot } from './command.ts';
import { readCommand } from './command-reader.ts';
import { readSlot } from './command-table.ts';
import type { EntryPoint, Executable, Program, WeightImage } from './executable.ts';
import { printCommand } from './text-command.ts';
import { nameTable, type Names } from './text-names.ts';
import { printNumber, printText } from './text-scanner.ts';
import * as sections from './text-sections.ts';

export interface DisassembleOptions {
  /** `base64` prints the weights themselves, so that the text is the whole executable; default `hash`. */
  readonly weights: 'hash' | 'base64';
}

export const textVersion = 1;
/** Closes the text: without it nobody could tell a whole text from one cut between two commands. */
const lastLine = 'end';

export function disassemble(executable: Executable, options: DisassembleOptions = { weights: 'hash' }): string {
  const e = executable;
  const names = nameTable(e);
  const block = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : [...lines, '']);
  return [
    `systole ${textVersion}`,
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
    `${lastLine}\n`,
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
