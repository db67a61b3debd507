import { defineMessage, type Message } from '../diagnostics.ts';
import { formatBytes, formatCount } from '../units.ts';

/** SYS45xx: mapping kernels onto a machine. */

/** What is needed, against what there is. */
export interface Shortfall {
  readonly memory: string;
  readonly demandBytes: number;
  readonly capacityBytes: number;
  readonly terms: readonly { readonly what: string; readonly bytes: number }[];
}

const amount = (n: number): string => `${formatCount(n)} B (${formatBytes(n)})`;

function shortfallText(s: Shortfall): string {
  const terms = s.terms
    .filter((t) => t.bytes > 0)
    .slice(0, 6)
    .map((t) => `${t.what} ${formatCount(t.bytes)} B`)
    .join(' + ');
  return `needs at least ${amount(s.demandBytes)} of ${s.memory}, which has ${amount(s.capacityBytes)}: ${formatCount(s.demandBytes - s.capacityBytes)} B short. Made of: ${terms}.`;
}

export const kernelDoesNotFit: Message<{ kernel: string; shortfall: Shortfall }> = defineMessage(
  'SYS4501',
  'error',
  'a kernel does not fit on chip',
  'Even the smallest tile of this kernel, one output element of one channel with single buffers, is larger than the memory its engine works from. Windows are not cut: all taps of one output must be on chip at once.',
  ({ kernel, shortfall }) =>
    `the smallest tile of ${kernel} ${shortfallText(shortfall)} Enlarge the memory (--set memories.${shortfall.memory}.size=…) or make the window smaller.`,
);

export const activationsDoNotFit: Message<{ step: string; shortfall: Shortfall }> = defineMessage(
  'SYS4502',
  'error',
  'activations do not fit their home',
  'Intermediate tensors live whole in the memory that the operating point names as the home of activations. The demand given is the largest sum of tensors alive at one kernel; no placement can need less. If demand is below capacity, the plan found is fragmented and its height is given.',
  ({ step, shortfall }) =>
    `intermediate tensors alive at ${step} together: the plan ${shortfallText(shortfall)} Enlarge the memory (--set memories.${shortfall.memory}.size=…), give activations another home (--set placement.activations=…), or shrink the input or the batch.`,
);

export const memoryTooSmall: Message<{ shortfall: Shortfall }> = defineMessage(
  'SYS4503',
  'error',
  'a memory is too small for what lives in it',
  'The operating point places weights, inputs, outputs and activations in named memories. Their sizes are fixed by the model; the sum exceeds the memory.',
  ({ shortfall }) =>
    `what the operating point places in ${shortfall.memory} ${shortfallText(shortfall)} Enlarge it (--set memories.${shortfall.memory}.size=…) or place something elsewhere (--set placement.constants=…).`,
);

export const dtypeNotSupported: Message<{ engine: string; dtype: string; allowed: string; nodes: readonly string[] }> = defineMessage(
  'SYS4504',
  'warning',
  'the engine does not compute in this element type',
  'A machine lists the operand types of its matrix engine (rates) and of its vector engine (dtypes). What computes in others runs on the host.',
  ({ engine, dtype, allowed, nodes }) =>
    `${nodes.length === 1 ? 'a node computes' : `${nodes.length} nodes compute`} in ${dtype} (${nodes.slice(0, 3).join(', ')}${nodes.length > 3 ? ', …' : ''}), and the ${engine} engine in ${allowed}: ${nodes.length === 1 ? 'it runs' : 'they run'} on the host. Choose another --precision, quantize the model, or add the type to the machine.`,
);

export const tooFewSemaphores: Message<{ needed: number; available: number }> = defineMessage(
  'SYS4505',
  'error',
  'too few semaphores',
  'Queues synchronise over counting semaphores, one per ordered pair of queues that depend on each other.',
  ({ needed, available }) => `the program needs ${needed} semaphores, the core has ${available}. Raise cores.*.semaphores.`,
);

export const onlyOneCore: Message<{ name: string; total: number }> = defineMessage(
  'SYS4506',
  'warning',
  'one core of several is used',
  'The present schedule runs all kernels on one core; peak figures count all cores, so utilisation looks low on machines with several.',
  ({ name, total }) => `the machine has ${total} cores; the program runs on one (${name}).`,
);

export const homeNotWritable: Message<{ what: string; memory: string }> = defineMessage(
  'SYS4507',
  'error',
  'no writable home',
  'Activations, outputs and state are written at run time; a read-only memory such as flash cannot hold them.',
  ({ what, memory }) => `${what} are placed in ${memory}, which is read-only. Name a writable memory (--set placement.${what}=…).`,
);

export const constantsOnChip: Message<{ memory: string }> = defineMessage(
  'SYS4508',
  'error',
  'constants cannot live in a core memory',
  'Weights are brought on chip tile by tile; a home inside a core is not compiled for.',
  ({ memory }) => `placement.constants names ${memory}, which belongs to a core. Name a shared or external memory.`,
);

export const runsOnHost: Message<{ op: string; nodes: readonly string[]; reason: string; bytes: number }> = defineMessage(
  'SYS4510',
  'warning',
  'operators run on the host',
  'No engine of the machine runs these operators as they stand; their operands are handed to the host and the results back. The cost is in the result (host seconds). Operators of one kind with one reason are told together.',
  ({ op, nodes, reason, bytes }) =>
    `${nodes.length === 1 ? `${op} ${nodes[0]} runs` : `${nodes.length} × ${op} (${nodes.slice(0, 3).join(', ')}${nodes.length > 3 ? ', …' : ''}) run`} on the host: ${reason}. ${formatBytes(bytes)} of operands cross over.`,
);

export const tripsUnknown: Message<{ op: string; node: string; input: string | null }> = defineMessage(
  'SYS4515',
  'warning',
  'cost of one iteration',
  'How often a loop on the host runs is decided by numbers that only a run knows. Its cost is that of one iteration; the time of the run, its MACs and energy follow from that. Giving what its trip count follows from settles it.',
  ({ op, node, input }) =>
    `${op} "${node}": how often it runs is known only at run time; its cost, and its part of the totals, is that of one iteration. ${settledBy(input)}`,
);

export const tripsAtMost: Message<{ op: string; node: string; most: number; input: string | null }> = defineMessage(
  'SYS4516',
  'warning',
  'cost of the most iterations there can be',
  'A loop on the host has a limit, and a condition that may end it earlier in the run. Its cost is that of all iterations up to the limit.',
  ({ op, node, most, input }) =>
    `${op} "${node}": a condition may end it before its ${most} iterations; its cost is that of all of them.${input === null ? '' : ` ${settledBy(input)}`}`,
);

function settledBy(input: string | null): string {
  return input === null
    ? 'Give the input its trip count and condition follow from with --input-value INPUT=….'
    : `Give --input-value ${input}=… to settle it.`;
}

export const noMatrixEngine: Message<{ machine: string }> = defineMessage(
  'SYS4511',
  'error',
  'the machine has no core',
  'A program needs one core with a matrix engine.',
  ({ machine }) => `${machine} describes no core. Add one under cores.`,
);

export const constantAbsent: Message<{ name: string; reason: string }> = defineMessage(
  'SYS4512',
  'error',
  'a constant has no numbers',
  'The model names this tensor but its contents are not there, so a program can be timed but neither written with weights nor run on values.',
  ({ name, reason }) =>
    `constant ${name} has no numbers (${reason}). Timing works without; for values put the data file beside the model, or use --no-weights.`,
);

export const programTooLong: Message<{ kernel: string; tiles: number; limit: number; memory: string; bytes: number }> = defineMessage(
  'SYS4513',
  'error',
  'the program would be too long',
  'Small on-chip memories cut kernels into many tiles, each with several commands. Beyond a few hundred thousand tiles a program takes longer to write than it is worth, and a gigabyte to hold.',
  ({ kernel, tiles, limit, memory, bytes }) =>
    `with ${formatBytes(bytes)} of ${memory} the program reaches ${formatCount(tiles)} tiles at ${kernel}; the limit is ${formatCount(limit)}. Enlarge the memory (--set memories.${memory}.size=…), the accumulators, or shrink the model.`,
);

export const unknownDimension: Message<{ name: string; symbols: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS4514',
  'warning',
  'no such dimension',
  'The --dim option gives sizes to symbolic dimensions by name. A name the model does not have changes nothing.',
  ({ name, symbols, near }) =>
    `--dim ${name} changes nothing: the model has ${symbols.length === 0 ? 'no open dimensions' : `the open dimensions ${symbols.join(', ')}`}.${near === undefined ? '' : ` Did you mean ${near}?`}`,
);

export const attentionInBlocks: Message<{ kernels: readonly string[]; block: number; keys: number }> = defineMessage(
  'SYS4560',
  'info',
  'attention in blocks of keys',
  'Rows of scores too long to keep on chip, or for few rows at a time only, go block by block: maximum, sum and weighted sum are carried along ' +
    '(docs/numerics.md). It is rounded otherwise than a whole row, not worse.',
  ({ kernels, block, keys }) =>
    `${named(kernels)} ${kernels.length === 1 ? 'takes' : 'take'} ${formatCount(keys)} keys in blocks of ${formatCount(block)}: whole rows of scores would leave room for few queries at a time.`,
);

export const attentionApart: Message<{ kernels: readonly string[]; reason: string }> = defineMessage(
  'SYS4561',
  'info',
  'scores leave the chip',
  'Product, softmax and product are one kernel where the estimate of that is no worse than of the three. Where it is worse, scores are written and read again.',
  ({ kernels, reason }) => `${named(kernels)} ${kernels.length === 1 ? 'runs' : 'run'} as separate kernels, scores in memory: ${reason}.`,
);

/** The first of them, and how many more there are. */
function named(kernels: readonly string[]): string {
  const [first = ''] = kernels;
  return kernels.length === 1 ? `attention ${first}` : `attention ${first} and ${kernels.length - 1} more`;
}
