import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS5xxx: the program, its files, its text, its verifier. */
export const matrixDTypeMissing: Message<{ dtype: string; core: string; supported: readonly string[] }> = defineMessage(
  'SYS5001',
  'error',
  'matrix engine without this dtype',
  'A matrix engine multiplies the operand dtypes listed under `rates` in its description. A program compiled for another machine may use others.',
  ({ dtype, core, supported }) =>
    `The matrix engine of core "${core}" does not multiply ${dtype}; it supports ${supported.join(', ') || 'nothing'}. ` +
    `Compile for this machine, or add ${dtype} to the engine's rates.`,
);

export const unknownCore: Message<{ core: number; count: number; machine: string }> = defineMessage(
  'SYS5002',
  'error',
  'core out of range',
  'Commands name cores by number: the cores of the machine description in order, each as often as its `count`.',
  ({ core, count, machine }) =>
    `A command runs on core ${core}, but ${machine} has ${count} core${count === 1 ? '' : 's'} (numbered from 0). Compile for this machine, or raise the core count.`,
);

export const unknownSpace: Message<{ space: string; machine: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS5003',
  'error',
  'memory not on this machine',
  'An executable names the memories its references point into; the machine it runs on must have memories of these names.',
  ({ space, machine, known, near }) =>
    `The program uses memory "${space}", which ${machine} does not have. ${near === undefined ? '' : `Did it mean "${near}"? `}` +
    `Its memories: ${known.join(', ')}. Compile for this machine, or name the memory in its description.`,
);

export const notExecutable: Message<{ size: number; what: string }> = defineMessage(
  'SYS5010',
  'error',
  'not an executable',
  'A `.npu` file begins with the eight bytes 89 4E 50 55 0D 0A 1A 0A. Files that lost their high bits or line ends on the way do not.',
  ({ size, what }) =>
    `This file (${size} bytes) is not a .npu executable: ${what}. Make one with \`systole compile MODEL --target T -o out.npu\`.`,
);

export const executableVersion: Message<{ found: number; supported: number }> = defineMessage(
  'SYS5011',
  'error',
  'executable of another version',
  'The format version stands in the header of a `.npu` file. Fields may be added within a version; a new version changes what is there.',
  ({ found, supported }) =>
    `The executable has format version ${found}; this systole reads version ${supported}. Compile the model again, or use the systole that wrote it.`,
);

export const executableTruncated: Message<{ size: number; expected: number }> = defineMessage(
  'SYS5012',
  'error',
  'executable of the wrong length',
  'The header and the weight table say how long a `.npu` file is. A shorter one was cut in transfer; a longer one was appended to.',
  ({ size, expected }) =>
    `The executable is ${size} bytes long and should be ${expected}: it was ${size < expected ? 'cut short' : 'appended to'}. Copy or compile it again.`,
);

export const executableDamaged: Message<{ what: string }> = defineMessage(
  'SYS5013',
  'error',
  'damaged executable',
  'The bytes of a `.npu` file do not have the check sum or the form they were written with.',
  ({ what }) => `The executable is damaged: ${what}. Copy or compile it again.`,
);

export const weightsNotThere: Message<{ reason: string; offset: number; bytes: number }> = defineMessage(
  'SYS5014',
  'error',
  'weights are not in the executable',
  'An executable written with --no-weights, or compiled from a model whose external data was absent, holds sizes and hashes only. It can be timed, not run on values.',
  ({ reason, offset, bytes }) =>
    `The ${bytes} weight bytes at offset ${offset} are not in the executable (${reason}). Time it without values, or compile with the weights present and embedded.`,
);

export const assemblySyntax: Message<{ what: string; near: string | undefined }> = defineMessage(
  'SYS5020',
  'error',
  'program text',
  'The assembler reads what `systole disasm` prints; the grammar stands in docs/program-format.md. A line is one command or one entry of a table.',
  ({ what, near }) => `${what}.${near === undefined ? '' : ` Did you mean "${near}"?`}`,
);

export const textCutShort: Message<{ program: string | null; commands: number }> = defineMessage(
  'SYS1080',
  'error',
  'program text cut short',
  'Program text closes with the line `end`. Without it commands or tables are missing behind the place where the text stops: a copy was interrupted, or a file was cut. Text written by an older systole has no such line: add it where the text is whole.',
  ({ program, commands }) =>
    `the text stops here, without its last line \`end\`${program === null ? ', before its first program' : `: ${commands} command${commands === 1 ? '' : 's'} of program "${program}" were read`}. ` +
    'Copy the whole file, or disassemble the program again.',
);

export const notProgramText: Message<{ found: string }> = defineMessage(
  'SYS1081',
  'error',
  'not program text',
  'Program text begins with the line `systole 1`, as `systole disasm` prints it; comments and blank lines may stand before.',
  ({ found }) =>
    `this is not program text: ${found === '' ? 'it is empty' : `it begins with ${JSON.stringify(found)}`}, not with \`systole 1\`. Give a text that \`systole disasm\` wrote.`,
);

export const programTooLong: Message<{ commands: number; most: number }> = defineMessage(
  'SYS5030',
  'error',
  'program too long',
  'A REPEAT runs the commands below it `count` times, and REPEATs nest: a wrong count multiplies. Loops and recurrent layers become REPEATs; every trip is simulated, so that time and memory grow with their number.',
  ({ commands, most }) =>
    `The program runs ${commands} commands; at most ${most} are simulated. Check the counts of its REPEATs: give a loop fewer iterations, or a recurrent layer a shorter sequence, and take the rest in proportion.`,
);

// What the verifier finds. `where` names the row, its command and kernel: `Row 12 (CONV of kernel "conv1")`.

export const refOutOfBounds: Message<{
  where: string;
  operand: string;
  first: number;
  last: number;
  place: string;
  bytes: number;
}> = defineMessage(
  'SYS5031',
  'error',
  'reference out of bounds',
  'Every byte a command touches, over all iterations of the REPEATs around it, must lie in its region, or in the window of its memory.',
  ({ where, operand, first, last, place, bytes }) =>
    `${where}: operand ${operand} touches bytes ${first} to ${last} of ${place}, which has ${bytes} bytes. Correct its offset, extents or strides.`,
);

export const refNowhere: Message<{ where: string; operand: string; what: string }> = defineMessage(
  'SYS5032',
  'error',
  'reference to nothing',
  'A reference names a memory of the table of spaces and a region of the table of regions, the region in that memory; or a window (no region) of a memory that a core owns.',
  ({ where, operand, what }) => `${where}: operand ${operand} ${what}.`,
);

export const ringMalformed: Message<{ where: string; operand: string; what: string }> = defineMessage(
  'SYS5033',
  'error',
  'ring that does not close',
  'A ring lies in its region, begins at or before the offset, and is a whole number of steps of the axis that wraps, whose stride is the largest.',
  ({ where, operand, what }) => `${where}: operand ${operand}: ${what}.`,
);

export const operandsDisagree: Message<{ where: string; what: string }> = defineMessage(
  'SYS5034',
  'error',
  'operands that do not fit together',
  'Commands take their sizes from their references, so ranks, extents and dtypes of the operands must agree (docs/program-format.md).',
  ({ where, what }) => `${where}: ${what}.`,
);

export const dtypeUnsupported: Message<{ where: string; engine: string; dtype: string; supported: readonly string[] }> = defineMessage(
  'SYS5035',
  'error',
  'dtype this machine does not compute',
  'Matrix engines multiply the dtypes of their rates, vector engines take the dtypes they list.',
  ({ where, engine, dtype, supported }) =>
    `${where}: the ${engine} engine does not take ${dtype}, only ${supported.join(', ')}. Compile for this machine, or add the dtype to its description.`,
);

export const wrongQueue: Message<{ where: string; queue: string; allowed: string }> = defineMessage(
  'SYS5036',
  'error',
  'command on the wrong queue',
  'LOAD and COPY run on dma-in, STORE on dma-out, products on matrix, POOL, VECTOR and REDUCE on vector, HOST on host; synchronisation on any.',
  ({ where, queue, allowed }) => `${where} stands on queue ${queue}; it runs on ${allowed}.`,
);

export const repeatMalformed: Message<{ where: string; what: string }> = defineMessage(
  'SYS5037',
  'error',
  'REPEAT that does not nest',
  'A REPEAT counts the rows of its body, inner REPEATs and their bodies included; it must end where what encloses it ends, or before.',
  ({ where, what }) => `${where}: ${what}.`,
);

export const semaphoreShared: Message<{ semaphore: string; role: string; queues: readonly string[] }> = defineMessage(
  'SYS5038',
  'error',
  'semaphore with several users',
  'Each semaphore has one queue that signals it and one that waits for it; otherwise who wakes whom would depend on timing.',
  ({ semaphore, role, queues }) =>
    `${semaphore} is ${role} by ${queues.length} queues (${queues.join(', ')}); one only may. Use a semaphore for each.`,
);

export const semaphoreLeftOver: Message<{ semaphore: string; signalled: number; awaited: number }> = defineMessage(
  'SYS5039',
  'warning',
  'semaphore that does not return to zero',
  'Counts that remain at the end of a program would let the first WAITs of its next run through.',
  ({ semaphore, signalled, awaited }) =>
    `${semaphore} is signalled ${signalled} times and awaited ${awaited} times in one run. Balance them.`,
);

export const deadlock: Message<{ blocked: readonly string[] }> = defineMessage(
  'SYS5040',
  'error',
  'program that cannot finish',
  'Queues run in order and WAIT blocks its queue. Run on counts alone, without time, this program stops with queues that wait for each other, or for signals that never come.',
  ({ blocked }) => `The program stops before its end: ${blocked.join('; ')}. Move the SIGNALs before what waits for them.`,
);

export const regionsTooLarge: Message<{ memory: string; bytes: number; size: number; largest: string }> = defineMessage(
  'SYS5041',
  'error',
  'regions larger than their memory',
  'Regions of one memory are placed one after another, each at the next multiple of its alignment.',
  ({ memory, bytes, size, largest }) =>
    `The regions in ${memory} need ${bytes} bytes, ${bytes - size} more than its ${size}; the largest is ${largest}. Use a larger memory, or compile for this one.`,
);

export const tableBroken: Message<{ what: string }> = defineMessage(
  'SYS5042',
  'error',
  'tables that do not agree',
  'The tables of an executable name each other by index and place: kernels, regions, programs, weights.',
  ({ what }) => `${what}.`,
);
