import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS2xxx: the machine and its description. 200x the file, 201x its keys, 202x quantities, 203x formulas, 204x settings, 205x and up sense. */

const hint = (near: string | undefined): string => (near === undefined ? '' : ` Did you mean "${near}"?`);
const list = (words: readonly string[]): string => (words.length === 0 ? 'none' : words.join(', '));

export const unknownTarget: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS2001',
  'error',
  'unknown target',
  'A target is the name of a built-in preset (see `systole targets`) or the path of a YAML file that describes a machine.',
  ({ name, known, near }) =>
    `"${name}" is neither a preset nor a file. ${near === undefined ? '' : `Did you mean "${near}"? `}Presets: ${known.join(', ')}.`,
);

export const yamlSyntax: Message<{ problem: string }> = defineMessage(
  'SYS2002',
  'error',
  'not YAML',
  'A machine description is one YAML 1.2 document whose top level is a map. Indent with spaces, write `key: value`, quote texts that contain ": " or start with a special character.',
  ({ problem }) =>
    `The description is not readable as YAML: ${problem}. Correct the line; \`systole targets NAME\` prints a preset to start from.`,
);

export const otherYaml: Message<{ found: readonly string[]; known: readonly string[] }> = defineMessage(
  'SYS1084',
  'error',
  'YAML that describes no machine',
  'The file is YAML, but none of the keys of a machine description stands in it. It is a study, or a file of another program, perhaps.',
  ({ found, known }) =>
    `this is YAML, but no machine description: its keys are ${list(found)}, where ${known.join(', ')} were expected. ` +
    '`systole targets NAME --yaml` prints a description to start from.',
);

export const duplicateKey: Message<{ key: string }> = defineMessage(
  'SYS2003',
  'error',
  'key written twice',
  'A map may have a key only once: with two values it would be a guess which one counts.',
  ({ key }) => `The key "${key}" stands twice in the same map. Remove one.`,
);

export const unknownKey: Message<{ key: string; parent: string; near: string | undefined; known: readonly string[] }> = defineMessage(
  'SYS2010',
  'error',
  'unknown key',
  'Descriptions are strict: a key that means nothing is an error, because a misspelt key would silently leave a default in place. schema.json at the root of the package lists every key with its unit.',
  ({ key, parent, near, known }) => `"${key}" is not a key of ${parent}.${hint(near)} Known keys: ${list(known)}.`,
);

export const missingKey: Message<{ key: string; parent: string; expects: string }> = defineMessage(
  'SYS2011',
  'error',
  'missing key',
  'The key has no default, because any value we chose would shape results without being seen.',
  ({ key, parent, expects }) => `${parent} lacks "${key}". Add it: ${expects}`,
);

export const wrongType: Message<{ path: string; got: string; expects: string }> = defineMessage(
  'SYS2012',
  'error',
  'wrong type of value',
  'Some fields are maps, some lists, some true or false, some texts and some quantities (a text with a unit, or a plain number where there is no dimension).',
  ({ path, got, expects }) => `${path} is ${got}. It must be ${expects}`,
);

export const notOneOf: Message<{ path: string; got: string; allowed: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS2013',
  'error',
  'not one of the choices',
  'The field takes one of a few words; schema.json says what each of them means.',
  ({ path, got, allowed, near }) => `${path} is ${got}, which is not one of: ${list(allowed)}.${hint(near)}`,
);

export const badName: Message<{ name: string; parent: string }> = defineMessage(
  'SYS2014',
  'error',
  'unusable name',
  'Names of clocks, cores and memories appear in paths and formulas, where "-" is a minus and "." a step down.',
  ({ name, parent }) => `"${name}" cannot name an entry of ${parent}. Use letters, digits and "_", beginning with a letter.`,
);

export const wrongUnit: Message<{ path: string; text: string; got: string; expects: string; example: string }> = defineMessage(
  'SYS2020',
  'error',
  'wrong unit',
  'Every quantity is checked for its dimension, through formulas too, so that a frequency cannot end up as a size. Sizes: B, KiB, MiB, GiB, kB, MB, GB. Times: s, ms, us, ns, ps, cycles. Frequencies: Hz, kHz, MHz, GHz. Bandwidths: B/s, GB/s, B/cycle. Energies: J, nJ, pJ, fJ, pJ/B. Others: W, mW, V, mV, nm, mm2, GOPS.',
  ({ path, text, got, expects, example }) => `${path} is "${text}", ${got}, but it must be ${expects}. Write it like ${example}.`,
);

export const unknownUnit: Message<{ path: string; text: string; unit: string; near: string | undefined }> = defineMessage(
  'SYS2021',
  'error',
  'unknown unit',
  'Units are spelt exactly: kB is 1000 bytes, KiB is 1024 bytes, b is nothing.',
  ({ path, text, unit, near }) => `${path} is "${text}", but "${unit}" is neither a unit nor a field of the description.${hint(near)}`,
);

export const outOfRange: Message<{ path: string; text: string; value: string; problem: string; example: string }> = defineMessage(
  'SYS2022',
  'error',
  'value out of range',
  'Sizes, rates, frequencies and counts are above zero; latencies and energies are not negative; sizes in bytes, counts and start times in cycles are whole; all are finite.',
  ({ path, text, value, problem, example }) =>
    `${path} is ${text === value ? text : `"${text}" = ${value}`}, but it ${problem}. Write a value like ${example}.`,
);

export const formulaSyntax: Message<{ path: string; text: string; problem: string }> = defineMessage(
  'SYS2030',
  'error',
  'formula not readable',
  'A formula has numbers, units, names of other fields, + - * / ^, parentheses and the functions min, max, ceil, floor, round, abs, sqrt, log2. Nothing else: a description is data, not a program.',
  ({ path, text, problem }) => `${path} is "${text}", which is neither a value with a unit nor a formula we accept: ${problem}.`,
);

export const formulaUnknownName: Message<{ path: string; text: string; name: string; near: string | undefined }> = defineMessage(
  'SYS2031',
  'error',
  'formula names an unknown field',
  'A name in a formula is looked up beside the field itself, then one level up, and so on to the top of the description. Only quantities can be used.',
  ({ path, text, name, near }) => `${path} is "${text}", but "${name}" names no quantity of this description.${hint(near)}`,
);

export const formulaCycle: Message<{ chain: readonly string[] }> = defineMessage(
  'SYS2032',
  'error',
  'formulas in a circle',
  'Each formula needs the value of the next, and the last needs the first. Give one of them a number.',
  ({ chain }) => `These formulas need each other: ${chain.join(' -> ')}. Give one of them a value.`,
);

export const formulaDimensions: Message<{ path: string; text: string; problem: string }> = defineMessage(
  'SYS2033',
  'error',
  'formula mixes dimensions',
  'Only quantities of equal dimension can be added, subtracted or compared; exponents and the arguments of ceil, floor, round and log2 are plain numbers. Divide by a unit to get one: ceil(size / 1 KiB).',
  ({ path, text, problem }) => `${path} is "${text}": ${problem}.`,
);

export const badSetting: Message<{ setting: string; problem: string }> = defineMessage(
  'SYS2040',
  'error',
  'setting not readable',
  'A setting is path=value, such as memories.dram.bandwidth="25.6 GB/s" or cores.npu.matrix.rows=64. It replaces the value in the description before formulas are worked out; a setting of `bandwidth` also replaces readBandwidth and writeBandwidth.',
  ({ setting, problem }) => `The setting "${setting}" cannot be read: ${problem}. Write path=value, for example cores.npu.matrix.rows=64.`,
);

export const unknownPath: Message<{
  path: string;
  missing: string;
  parent: string;
  siblings: readonly string[];
  near: string | undefined;
}> = defineMessage(
  'SYS2041',
  'error',
  'unknown path',
  'A setting or a study names a field of the machine by its path: keys joined by dots, names of cores and memories included. `systole targets NAME` shows what a preset has.',
  ({ path, missing, parent, siblings, near }) =>
    `The machine has no "${path}": "${missing}" is not in ${parent}, which has ${list(siblings)}.${hint(near)}`,
);

export const unknownName: Message<{ path: string; name: string; of: string; known: readonly string[]; near: string | undefined }> =
  defineMessage(
    'SYS2050',
    'error',
    'name of nothing',
    'Cores, placement, ports, host and energy table refer to memories and clocks by name.',
    ({ path, name, of, known, near }) => `${path} names "${name}", which is not in ${of}.${hint(near)} There is: ${list(known)}.`,
  );

export const noWritableHome: Message<{ path: string; memory: string; writable: readonly string[] }> = defineMessage(
  'SYS2051',
  'error',
  'no writable home',
  'Activations, state, inputs, outputs and operands of host operators change from run to run, so their memory must be writable.',
  ({ path, memory, writable }) => `${path} is "${memory}", which is read-only. Writable memories: ${list(writable)}.`,
);

export const memoryNotLocal: Message<{ path: string; memory: string; owner: string; local: readonly string[] }> = defineMessage(
  'SYS2052',
  'error',
  'engine memory outside the core',
  'Engines of this version read and write memories inside their core only; DMA brings everything else there. So scratchpad, accumulator and every port must name memories with `owner: core`.',
  ({ path, memory, owner, local }) =>
    `${path} names "${memory}", whose owner is "${owner}": engines work on memories inside the core. Use one of: ${list(local)}; or set memories.${memory}.owner to core.`,
);

export const memoryOfTwoCores: Message<{ memory: string; cores: readonly string[] }> = defineMessage(
  'SYS2053',
  'error',
  'one memory in two cores',
  'A memory with `owner: core` is inside that core. Two kinds of core need a memory each, also when they are alike.',
  ({ memory, cores }) => `memories.${memory} is inside a core, but ${cores.join(' and ')} both name it. Give each core its own.`,
);

export const accumulatorTooSmall: Message<{ memory: string; has: number; needs: number; row: string }> = defineMessage(
  'SYS2054',
  'error',
  'accumulator smaller than one row of results',
  'The array gives one row of sums per tick; a memory that cannot hold one row cannot hold any tile.',
  ({ memory, has, needs, row }) =>
    `memories.${memory} has ${has} B, but one row of results (${row}) needs ${needs} B. Make it larger by at least ${needs - has} B, or the array smaller.`,
);

export const scratchpadTooSmall: Message<{ memory: string; has: number; needs: number }> = defineMessage(
  'SYS2055',
  'error',
  'scratchpad too small for any program',
  'A tile needs operands, results, bias and scales at once; below a kibibyte not even one row of a small array fits.',
  ({ memory, has, needs }) => `memories.${memory} has ${has} B; the smallest scratchpad a program can use is ${needs} B.`,
);

export const matrixNonsense: Message<{ path: string; problem: string; change: string }> = defineMessage(
  'SYS2056',
  'error',
  'impossible engine',
  'The parts of the engine contradict each other or what programs mean: sums are int32 or float32, rates are between 1/1024 and 64 of a multiply-accumulate per element and tick.',
  ({ path, problem, change }) => `${path}: ${problem}. ${change}.`,
);

export const placementInCores: Message<{ what: string; memory: string; cores: number }> = defineMessage(
  'SYS2057',
  'error',
  'home of which core?',
  'A memory with `owner: core` exists once per core. As the home of tensors it would have to be the memory of one certain core.',
  ({ what, memory, cores }) =>
    `placement.${what} is "${memory}", of which there are ${cores}, one in each core. Use a shared or external memory, or a single core.`,
);

export const sourceRange: Message<{ path: string; value: number; low: number; high: number }> = defineMessage(
  'SYS2058',
  'error',
  'value outside its own range',
  'A cited constant may carry the published range (`low`, `high`); its value lies within.',
  ({ path, value, low, high }) => `${path}: the value ${value} is not between low ${low} and high ${high}.`,
);

export const portTooNarrow: Message<{ memory: string; port: string; has: number; needs: number; dtype: string }> = defineMessage(
  'SYS2070',
  'warning',
  'memory too narrow for the array',
  'The array can use more bytes per tick than the memory its port names can move; the array then waits, at best by the ratio of the two.',
  ({ memory, port, has, needs, dtype }) =>
    `memories.${memory} moves ${rounded(has)} B per tick, but the array at ${dtype} uses ${rounded(needs)} B per tick of ${port}: it will wait. Widen memories.${memory}.bandwidth, or make the array smaller.`,
);

export const unpricedPart: Message<{ path: string; what: string }> = defineMessage(
  'SYS2071',
  'warning',
  'energy not priced',
  'Energy is counters times constants. What has no constant counts as zero, so totals are too low.',
  ({ path, what }) => `${path} is not given: ${what} will cost no energy. Add a value and its source.`,
);

export const unusedMemory: Message<{ memory: string }> = defineMessage(
  'SYS2072',
  'warning',
  'memory nobody uses',
  'A memory takes part when a core, a port, the placement or the host names it.',
  ({ memory }) => `memories.${memory} is named by no core, port, placement or host: it changes nothing. Remove it or name it.`,
);

export const beyondTime: Message<{ path: string; given: string; allowed: string }> = defineMessage(
  'SYS2059',
  'error',
  'beyond what time is kept in',
  'Time is integer picoseconds in 53 bits, about two and a half hours. Bandwidths below a kilobyte a second and latencies above a second make runs longer than that; they are typing errors on any machine.',
  ({ path, given, allowed }) => `${path} is ${given}; ${allowed}. Look at the unit.`,
);

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
