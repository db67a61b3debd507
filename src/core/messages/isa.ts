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
  ({ size, what }) => `This file (${size} bytes) is not a .npu executable: ${what}. Make one with \`systole compile MODEL --target T -o out.npu\`.`,
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
