import { defineMessage, type Message } from '../diagnostics.ts';
import { formatBytes, formatCount } from '../units.ts';

/** SYS60xx-SYS61xx: running a program on numbers. SYS62xx: what the sanitizer finds. */
export const tooLargeToRun: Message<{ needed: number; limit: number; parts: readonly { name: string; bytes: number }[] }> = defineMessage(
  'SYS6001',
  'error',
  'program too large to run on numbers',
  'Running a program on numbers keeps every region of the program and every scratchpad window it uses in arrays of this process. ' +
    'Timing needs none of them: `systole simulate` without `--values` has no such limit.',
  ({ needed, limit, parts }) =>
    `Running this program on numbers needs ${formatBytes(needed)}, more than the ${formatBytes(limit)} kept for it ` +
    `(largest: ${parts.map((p) => `${p.name} ${formatBytes(p.bytes)}`).join(', ')}). Time it without values, or use a smaller model or smaller dimensions (--dim).`,
);

export const noWeightNumbers: Message<{ model: string; reason: string }> = defineMessage(
  'SYS6002',
  'error',
  'the program has no weight numbers',
  'A program can be compiled and timed without the numbers of its constants: external data that is not there, quantization scales that are ' +
    'placeholders, or `--no-weights`. Running it on values needs them.',
  ({ model, reason }) =>
    `"${model}" cannot run on numbers (${reason === '--no-weights' ? 'written without its weights' : reason}). ${
      reason.includes('scales')
        ? 'Give int8 its scales: `--calibrate FILE` or `--calibrate random:SEED`.'
        : reason === '--no-weights'
          ? 'Compile without `--no-weights`; text of a program keeps them with `disasm --weights`.'
          : 'Give the external data that the model names.'
    } Timing works without.`,
);

export const placeholderScales: Message<{ names: readonly string[] }> = defineMessage(
  'SYS6003',
  'error',
  'quantization scales are placeholders',
  'An fp32 model on an int8 machine is quantized with placeholder scales, enough for timing. Values need real scales, measured on inputs.',
  ({ names }) =>
    `The quantization scales of ${names.map((n) => `"${n}"`).join(', ')} are placeholders: results would mean nothing. ` +
    'Compile with `--calibrate FILE` (inputs of the model) or `--calibrate random:SEED`.',
);

export const missingInput: Message<{ name: string; dtype: string; shape: readonly number[] }> = defineMessage(
  'SYS6004',
  'error',
  'an input is missing',
  'Every input of the entry point needs a tensor, by name.',
  ({ name, dtype, shape }) => `Input "${name}" (${dtype} [${shape.join(', ')}]) was not given. Add it to the values file.`,
);

export const unknownInput: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS6005',
  'error',
  'unknown input',
  'A tensor was given under a name that is no input of the entry point.',
  ({ name, known, near }) =>
    `"${name}" is not an input of this program. ${near === undefined ? '' : `Did you mean "${near}"? `}Inputs: ${known.join(', ') || 'none'}.`,
);

export const wrongInput: Message<{ name: string; given: string; wanted: string }> = defineMessage(
  'SYS6006',
  'error',
  'an input has the wrong type or shape',
  'A tensor must have the shape the program was compiled for, and the stored dtype, or float32 where the program quantizes it.',
  ({ name, given, wanted }) =>
    `Input "${name}" is ${given}, but the program takes ${wanted}. Convert it, or compile with other dimensions (--dim).`,
);

export const unknownEntryPoint: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS6007',
  'error',
  'unknown entry point',
  'A program is started at an entry point; most programs have one.',
  ({ name, known, near }) =>
    `The program has no entry point "${name}". ${near === undefined ? '' : `Did you mean "${near}"? `}Entry points: ${known.join(', ') || 'none'}.`,
);

export const dtypeNotExecutable: Message<{ command: string; dtype: string }> = defineMessage(
  'SYS6008',
  'error',
  'element type not executable',
  'Arithmetic runs on 8, 16 and 32-bit integers and on float32. Other types can be moved and timed.',
  ({ command, dtype }) =>
    `${command} has operands of ${dtype}, which do not run on numbers (8, 16 and 32-bit integers and float32 do). Time it without values, or compile with another --precision.`,
);

export const deadlock: Message<{ blocked: readonly string[]; done: number; total: number }> = defineMessage(
  'SYS6009',
  'error',
  'deadlock',
  'Every queue that has commands left waits: for a semaphore nobody will signal any more, or at a barrier the others cannot reach. ' +
    'A program from `systole compile` never does this; `systole disasm` shows the waits of a hand-written one.',
  ({ blocked, done, total }) =>
    `The program stops after ${formatCount(done)} of ${formatCount(total)} commands because every queue waits:\n${blocked.map((b) => `  ${b}`).join('\n')}\n` +
    'Add the missing SIGNAL, or lower the count of a WAIT.',
);

export const outsideMemory: Message<{ command: string; operand: string; area: string; first: number; last: number; bytes: number }> =
  defineMessage(
    'SYS6010',
    'error',
    'reference outside its memory',
    'A command may only touch bytes of the region or scratchpad window it names.',
    ({ command, operand, area, first, last, bytes }) =>
      `${command}: operand ${operand} touches bytes ${first}..${last} of ${area}, which has ${formatCount(bytes)} bytes. ` +
      'Correct the offset, extents or strides of the reference.',
  );

export const memoryNotInMachine: Message<{ name: string; machine: string; known: readonly string[] }> = defineMessage(
  'SYS6011',
  'error',
  'the machine lacks a memory of the program',
  'A program runs on machines with the memories it was compiled for.',
  ({ name, machine, known }) =>
    `The program uses memory "${name}", which machine "${machine}" does not have (it has ${known.join(', ')}). Compile for this machine.`,
);

export const hasNoBytes: Message<{ value: string; kind: string; segment: string }> = defineMessage(
  'SYS6012',
  'error',
  'a value that memory cannot hold',
  'Values between engines, host segments, inputs and outputs are tensors of numbers in memory. Text, sequences, optionals and maps exist only inside one host segment; a program that hands them on can be timed, not run.',
  ({ value, kind, segment }) =>
    `"${value}" is ${kind}, which host segment "${segment}" takes from or gives to others, and memory holds only tensors of numbers. Timing works; to compute values, run the model with the interpreter, or cut it where values are tensors.`,
);

export const sanitizerNeverWritten: Message<{ reader: string; operand: string; bytes: string; count: number }> = defineMessage(
  'SYS6201',
  'error',
  'bytes read before they are written',
  'The sanitizer follows every byte. A command reads bytes which no earlier command, input or weight has written.',
  ({ reader, operand, bytes, count }) =>
    `${reader} reads operand ${operand}, ${bytes}, where nothing was written before${times(count)}. Load or compute these bytes first, or correct the reference.`,
);

export const sanitizerRace: Message<{ one: string; oneDoes: string; other: string; otherDoes: string; bytes: string; count: number }> =
  defineMessage(
    'SYS6202',
    'error',
    'unordered conflicting accesses',
    'Two commands touch the same bytes, at least one writes, and no chain of queue order, SIGNAL/WAIT or BARRIER orders them: ' +
      'on a machine either can come first.',
    ({ one, oneDoes, other, otherDoes, bytes, count }) =>
      `${one} ${oneDoes} ${bytes}, which ${other} ${otherDoes}, and nothing orders the two${times(count)}. ` +
      'Add a SIGNAL after the first and a WAIT before the second, or use different bytes.',
  );

export const sanitizerOutOfOrder: Message<{
  later: string;
  laterDid: string;
  earlier: string;
  earlierDoes: string;
  bytes: string;
  count: number;
}> = defineMessage(
  'SYS6203',
  'error',
  'tile destroyed while still needed',
  'The rows of a program, taken one after the other, say which command each byte should come from. Synchronisation forces another order here.',
  ({ later, laterDid, earlier, earlierDoes, bytes, count }) =>
    `${earlier} ${earlierDoes} ${bytes} only after ${later}, which stands later in the program, ${laterDid} them${times(count)}. ` +
    'Correct the semaphores, or give the two tiles different bytes.',
);

export const sanitizerOverlap: Message<{ reader: string; operand: string; kept: string; over: string; bytes: string; count: number }> =
  defineMessage(
    'SYS6204',
    'warning',
    'live tiles overlap',
    'A command reads a tile that one kernel wrote and another kernel has partly written over: two tiles that are alive at once share bytes.',
    ({ reader, operand, kept, over, bytes, count }) =>
      `${reader} reads operand ${operand}, ${bytes}, partly from ${kept} and partly from ${over}, which wrote over it${times(count)}. ` +
      'Give the two tiles different bytes.',
  );

export const sanitizerOutOfBounds: Message<{
  command: string;
  operand: string;
  area: string;
  first: number;
  last: number;
  bytes: number;
  count: number;
}> = defineMessage(
  'SYS6205',
  'error',
  'reference outside its region or window',
  'A command may only touch bytes of the region or scratchpad window it names.',
  ({ command, operand, area, first, last, bytes, count }) =>
    `${command}: operand ${operand} touches bytes ${first}..${last} of ${area}, which has ${formatCount(bytes)} bytes${times(count)}. ` +
    'Correct the offset, extents or strides of the reference.',
);

export const sanitizerLostWrite: Message<{ writer: string; over: string; bytes: string; count: number }> = defineMessage(
  'SYS6206',
  'warning',
  'result written over before anyone read it',
  'A command wrote bytes that another wrote over before any command read one of them: wasted work, or two live tiles in one place.',
  ({ writer, over, bytes, count }) =>
    `${over} writes over ${bytes}, which ${writer} wrote and nobody read${times(count)}. Drop the first command, or give the two tiles different bytes.`,
);

export const sanitizerRing: Message<{ command: string; operand: string; why: string; count: number }> = defineMessage(
  'SYS6207',
  'error',
  'ring reference broken',
  'A ring wraps whole slabs of one axis: its stride divides the ring, the tile is no longer than the ring and starts inside it.',
  ({ command, operand, why, count }) =>
    `${command}: operand ${operand} is no valid ring: ${why}${times(count)}. Correct the ring's base, bytes or axis.`,
);

export const sanitizerConstantWritten: Message<{ command: string; operand: string; bytes: string; count: number }> = defineMessage(
  'SYS6208',
  'error',
  'constants written',
  'The weights region is read-only: several runs, and several programs, share it.',
  ({ command, operand, bytes, count }) =>
    `${command} writes operand ${operand} into constants, ${bytes}${times(count)}. Write to an arena, output or state region.`,
);

export const sanitizerTotal: Message<{ shown: number; total: number }> = defineMessage(
  'SYS6209',
  'error',
  'more findings than shown',
  'The sanitizer shows the first findings; the rest often has the same cause.',
  ({ shown, total }) =>
    `The sanitizer found ${formatCount(total)} pairs of commands in fault and shows the first ${shown}. Correct these first.`,
);

export const sanitizerUnwatched: Message<{ area: string; bytes: number }> = defineMessage(
  'SYS6210',
  'info',
  'region too large to watch',
  'The sanitizer keeps several words for every byte a program may write; regions beyond its budget are only checked for bounds.',
  ({ area, bytes }) => `${area} (${formatBytes(bytes)}) is too large to follow byte by byte: only its bounds were checked.`,
);

export const sanitizerSelfOverlap: Message<{
  command: string;
  written: string;
  other: string;
  otherIsWritten: boolean;
  bytes: string;
  count: number;
}> = defineMessage(
  'SYS6211',
  'error',
  'a command writes over its own operand',
  'An engine reads operands and writes results as it goes, so a result may share no bytes with an operand or another result. ' +
    'Element for element in place is fine: equal offset, extents, strides and element size.',
  ({ command, written, other, otherIsWritten, bytes, count }) =>
    `${command} writes ${bytes} as operand ${written} and ${otherIsWritten ? 'writes' : 'reads'} them as operand ${other}${times(count)}. ` +
    'Give the two operands different bytes.',
);

export const sanitizerRingsDisagree: Message<{
  reader: string;
  operand: string;
  mine: string;
  writer: string;
  theirs: string;
  area: string;
  count: number;
}> = defineMessage(
  'SYS6212',
  'error',
  'rings disagree',
  'A ring is written and read by several commands; all must wrap at the same bytes, or the reader finds other slabs than the writer left.',
  ({ reader, operand, mine, writer, theirs, area, count }) =>
    `${reader} reads operand ${operand} around a ring of ${mine} of ${area}, but ${writer} wrote it around ${theirs}${times(count)}. ` +
    "Give both references the same ring's base and bytes.",
);

function times(count: number): string {
  return count > 1 ? ` (${formatCount(count)} times)` : '';
}

export const otherState: Message<{ region: string; given: number; bytes: number }> = defineMessage(
  'SYS6020',
  'error',
  'state of another program',
  'State regions are handed from run to run of one program. A program for another length of the cache has another layout: give it the caches as inputs.',
  ({ region, given, bytes }) =>
    `region "${region}" holds ${bytes} bytes of state, and ${given} were given. Give the state that a run of the same program left, or the caches as inputs.`,
);
