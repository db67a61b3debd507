/**
 * The YAML form of a machine: the single source of its keys, their meaning and units, and of `schema.json`.
 * A quantity is a text with its unit ("512 KiB"), a plain number where it has no dimension, or a formula over other fields
 * ("rows * cols"); `units.ts` says which kinds of quantity there are, `resolve.ts` turns them into numbers.
 */
import * as z from 'zod';
import type { Description } from './description.ts';
import type { MatrixPorts, Memory, VectorCostClass } from './machine.ts';
import { quantityKinds, type QuantityKindName } from './units.ts';

// No `new Function`: the room also runs in pages whose content policy forbids eval.
z.config({ jitless: true });

/** What the loader must know of a field beyond its shape. */
export type FieldRole =
  | { readonly role: 'quantity'; readonly kind: QuantityKindName }
  | { readonly role: 'name'; readonly of: 'memories' | 'clocks' }
  /** A map whose keys are names of memories. */
  | { readonly role: 'keyed by memories' }
  /** A map whose keys the user chooses: dots address them, settings add none. */
  | { readonly role: 'map' };

const roles: z.core.$ZodRegistry<FieldRole> = z.registry<FieldRole>();

/** Operand types a matrix engine may list. */
const matrixDTypes = [
  'int4',
  'int8',
  'uint8',
  'int16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float16',
  'bfloat16',
  'float32',
] as const;
const vectorDTypes = [
  'bool',
  'int4',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'float16',
  'bfloat16',
  'float32',
] as const;

function quantity(kind: QuantityKindName, meaning: string) {
  const { example } = quantityKinds[kind];
  const unit = typeof example === 'number' ? 'no unit' : `unit as in "${example}"`;
  const schema = z
    .union([z.string().min(1), z.number()])
    .brand<'quantity'>()
    .meta({ description: `${meaning} (${quantityKinds[kind].expects}; ${unit}; or a formula)`, examples: [example] });
  roles.add(schema, { role: 'quantity', kind });
  return schema;
}

function nameOf(of: 'memories' | 'clocks', meaning: string) {
  const schema = z.string().min(1).describe(`${meaning} (a name in \`${of}\`)`);
  roles.add(schema, { role: 'name', of });
  return schema;
}

const memoryName = (meaning: string) => nameOf('memories', meaning);

const identifier = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/);

function mapOf<Schema extends z.ZodType>(value: Schema, meaning: string, role: FieldRole = { role: 'map' }) {
  const schema = z.record(identifier, value).describe(meaning);
  roles.add(schema, role);
  return schema;
}

function cited(kind: QuantityKindName, meaning: string) {
  return z
    .strictObject({
      value: quantity(kind, meaning),
      source: z.string().min(1).describe('Where the value comes from: paper and table, datasheet, or the word "estimate" and why.'),
      low: quantity(kind, 'Lower end of the published or plausible range').optional(),
      high: quantity(kind, 'Upper end of the published or plausible range').optional(),
    })
    .describe(`${meaning}, with its source.`);
}

const ports = z
  .strictObject({
    activations: z.array(memoryName('Where moving operands are read')).min(1).describe('Memories the engine reads activations from.'),
    weights: z.array(memoryName('Where constants are read')).min(1).describe('Memories the engine reads weights from.'),
    results: z.array(memoryName('Where results go')).min(1).describe('Memories the engine writes finished results to.'),
  } satisfies Record<keyof MatrixPorts, z.ZodType>)
  .describe('Core-local memories that the operands of the matrix engine come from and go to; the first of each list is preferred.');

const matrixCommon = {
  rates: z
    .strictObject({
      int4: quantity('ratio', 'Rate at int4').optional(),
      int8: quantity('ratio', 'Rate at int8').optional(),
      uint8: quantity('ratio', 'Rate at uint8').optional(),
      int16: quantity('ratio', 'Rate at int16').optional(),
      float8e4m3fn: quantity('ratio', 'Rate at float8e4m3fn').optional(),
      float8e4m3fnuz: quantity('ratio', 'Rate at float8e4m3fnuz').optional(),
      float8e5m2: quantity('ratio', 'Rate at float8e5m2').optional(),
      float8e5m2fnuz: quantity('ratio', 'Rate at float8e5m2fnuz').optional(),
      float16: quantity('ratio', 'Rate at float16').optional(),
      bfloat16: quantity('ratio', 'Rate at bfloat16').optional(),
      float32: quantity('ratio', 'Rate at float32').optional(),
    } satisfies Record<(typeof matrixDTypes)[number], z.ZodType>)
    .describe('Multiply-accumulates per array element and tick, by operand type; a type that is not listed is not supported.'),
  accumulatorBits: quantity('count', 'Width of one accumulator in bits: 32, or up to 48 for sums of 16-bit products').default(brand(32)),
  requantize: z
    .enum(['output-stage', 'vector'])
    .describe('Where int32 sums become int8: `output-stage` at the drain of the array, `vector` by commands of the vector engine.'),
  rescale: z
    .enum(['float', 'fixed-point'])
    .default('float')
    .describe(
      'How sums are rescaled: by an fp32 factor, or by a 31-bit integer and a shift as integer-only engines do (docs/numerics.md).',
    ),
  ports,
  start: quantity('ticks', 'Time the sequencer needs to start one command'),
};

const matrix = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('systolic'),
        rows: quantity('count', 'Rows of processing elements: reduction depth held at once in `ws`'),
        cols: quantity('count', 'Columns of processing elements: output channels at once in `ws`'),
        dataflow: z.enum(['ws', 'os', 'is']).describe('What stays in the array: weights, outputs or inputs.'),
        doubleBuffered: z.boolean().describe('Whether the next stationary operand shifts in while the present one is used.'),
        ...matrixCommon,
      })
      .describe('A grid of processing elements that pass operands to their neighbours.'),
    z
      .strictObject({
        kind: z.literal('dot-product'),
        inputLanes: quantity('count', 'Input channels reduced per tick'),
        outputLanes: quantity('count', 'Output channels per tick'),
        pixels: quantity('count', 'Output pixels per tick'),
        ...matrixCommon,
      })
      .describe('Adder trees over input channels, one per output channel and pixel (NVDLA and Ethos style).'),
  ])
  .describe('The matrix engine: convolutions and matrix products.');

const opCost = (what: string) => quantity('ratio', `Ticks one lane needs for ${what} of one element`);

const vector = z
  .strictObject({
    lanes: quantity('count', 'Elements worked on at once'),
    dtypes: z.array(z.enum(vectorDTypes)).min(1).describe('Element types the vector engine reads and writes.'),
    ticksPerOp: z
      .strictObject({
        add: opCost('an add, subtract, compare or move'),
        mul: opCost('a multiplication'),
        div: opCost('a division or square root'),
        exp: opCost('an exponential, logarithm, tanh, erf or sigmoid'),
        requantize: opCost('a conversion between integer scales'),
        reduce: opCost('one step of a sum or maximum'),
        transpose: opCost('a move that changes the order of axes'),
      } satisfies Record<VectorCostClass, z.ZodType>)
      .describe('Cost of element operations, in ticks of one lane.'),
    functions: z
      .enum(['exact', 'table'])
      .default('exact')
      .describe(
        'How exp, sigmoid, tanh, erf and 1/√x are computed: rounded from the exact result, or looked up and interpolated (docs/numerics.md).',
      ),
    tableSteps: quantity('count', 'Steps of a table of `functions: table`, a power of two').default(brand(256)),
    start: quantity('ticks', 'Time the sequencer needs to start one command'),
  })
  .describe('The vector engine: elementwise work, pooling, reductions.');

const core = z
  .strictObject({
    count: quantity('count', 'How many of this core the chip has').default(brand(1)),
    clock: nameOf('clocks', 'The clock all engines of the core run on'),
    scratchpad: memoryName('The memory that holds tiles; `owner: core`'),
    accumulator: memoryName('The memory that holds accumulators; default: the scratchpad').optional(),
    matrix,
    vector,
    dma: z
      .strictObject({
        bandwidth: quantity('bytesPerTick', 'What one direction moves at most'),
        start: quantity('ticks', 'Time to set up one transfer'),
      })
      .describe('The DMA channels: one in, one out.'),
    semaphores: quantity('count', 'Counting semaphores of the core').default(brand(32)),
  })
  .describe('One kind of core: a matrix engine, a vector engine, DMA channels and the memory they share.');

const memory = z
  .strictObject({
    kind: z
      .enum(['scratchpad', 'sram', 'dram', 'flash', 'link'] satisfies readonly Memory['kind'][])
      .describe('scratchpad and sram are on chip; dram and flash off chip; link is memory behind a link, such as a host over PCIe.'),
    size: quantity('size', 'Capacity (of each core, where `owner: core`)'),
    bandwidth: quantity('bandwidth', 'Peak rate of reads and of writes, each').optional(),
    readBandwidth: quantity('bandwidth', 'Peak rate of reads; overrides `bandwidth`').optional(),
    writeBandwidth: quantity('bandwidth', 'Peak rate of writes; overrides `bandwidth`').optional(),
    latency: quantity('time', 'From request to first byte'),
    burst: quantity('size', 'Smallest transfer; a part of a burst is moved whole'),
    readOnly: z.boolean().default(false).describe('Whether programs may only read it (flash).'),
    owner: z
      .enum(['core', 'shared', 'external'] satisfies readonly Memory['owner'][])
      .describe('core: inside the core that names it, one per core; shared: on chip, reached by DMA; external: off chip, reached by DMA.'),
    model: z
      .enum(['fixed', 'bandwidth'] satisfies readonly Memory['model'][])
      .default('bandwidth')
      .describe('How transfers take time: `fixed` ignores other streams, `bandwidth` shares the bus between them.'),
  })
  .describe('One memory. "B/cycle" counts the clock of the owning core, or the reference clock where it is shared or external.');

const placement = z
  .strictObject({
    constants: memoryName('Home of weights and other constants'),
    activations: memoryName('Home of intermediate tensors'),
    state: memoryName('Home of state kept between runs, such as KV caches'),
    inputs: memoryName('Where the model inputs are given'),
    outputs: memoryName('Where the model outputs are left'),
  })
  .describe('The operating point: which memory is the home of what.');

const host = z
  .strictObject({
    rate: quantity('operationRate', 'Elementary operations per second of an operator that falls back to the host'),
    handover: quantity('time', 'One hand-over, NPU to host and back'),
    bandwidth: quantity('bandwidth', 'Rate at which the host reads and writes operands'),
    memory: memoryName('Where the operands of host operators lie'),
  })
  .describe('The processor that runs what the NPU cannot.');

const technology = z
  .strictObject({
    node: quantity('length', 'Process node'),
    voltage: quantity('voltage', 'Supply voltage'),
    energy: z
      .strictObject({
        mac: z
          .strictObject({
            int4: cited('energy', 'Energy of one int4 multiply-accumulate').optional(),
            int8: cited('energy', 'Energy of one int8 multiply-accumulate').optional(),
            uint8: cited('energy', 'Energy of one uint8 multiply-accumulate').optional(),
            int16: cited('energy', 'Energy of one int16 multiply-accumulate').optional(),
            float8e4m3fn: cited('energy', 'Energy of one float8e4m3fn multiply-accumulate').optional(),
            float8e4m3fnuz: cited('energy', 'Energy of one float8e4m3fnuz multiply-accumulate').optional(),
            float8e5m2: cited('energy', 'Energy of one float8e5m2 multiply-accumulate').optional(),
            float8e5m2fnuz: cited('energy', 'Energy of one float8e5m2fnuz multiply-accumulate').optional(),
            float16: cited('energy', 'Energy of one float16 multiply-accumulate').optional(),
            bfloat16: cited('energy', 'Energy of one bfloat16 multiply-accumulate').optional(),
            float32: cited('energy', 'Energy of one float32 multiply-accumulate').optional(),
          } satisfies Record<(typeof matrixDTypes)[number], z.ZodType>)
          .describe('Energy per multiply-accumulate, by operand type.'),
        vectorOp: cited('energy', 'Energy of one element operation of the vector engine'),
        memory: mapOf(cited('energyPerByte', 'Energy per byte read or written'), 'Energy per byte, by name of the memory.', {
          role: 'keyed by memories',
        }),
        hostOp: cited('energy', 'Energy of one elementary host operation'),
      })
      .describe('Energy per action.'),
    leakage: cited('power', 'Power drawn whether or not work is done'),
    area: mapOf(cited('area', 'Area of one part of the chip'), 'Area by part; the parts add up to the chip.'),
  })
  .describe('Process, voltage, energy and area; every constant cites its source.');

const description = z
  .strictObject({
    name: z.string().min(1).describe('Name of the machine.'),
    description: z.string().min(1).describe('What it is, in one sentence.'),
    clocks: mapOf(quantity('frequency', 'Frequency'), 'Clocks by name.'),
    referenceClock: nameOf('clocks', 'The clock that `cycles` in results counts'),
    cores: mapOf(core, 'Kinds of core by name; the main core of a preset is `npu`.'),
    memories: mapOf(memory, 'All memories by name; in presets the main core has `scratchpad`, off-chip DRAM is `dram`.'),
    placement,
    host,
    technology,
  })
  .describe('A machine for the Systole compiler and simulator.');

function brand(value: number): z.infer<ReturnType<typeof quantity>> {
  return value as z.infer<ReturnType<typeof quantity>>;
}

/** Every quantity replaced by its number in the machine's base unit. */
type Resolved<T> =
  T extends z.core.$brand<'quantity'>
    ? number
    : T extends string | number | boolean | undefined
      ? T
      : T extends readonly (infer Item)[]
        ? readonly Resolved<Item>[]
        : { readonly [Key in keyof T]: Resolved<T[Key]> };

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/**
 * `Description` is written out in description.ts because isolated declarations cannot infer an exported type from zod.
 * This line does not compile when the two differ.
 */
const sameAsWritten: Same<Resolved<z.infer<typeof description>>, Description> = true;
void sameAsWritten;

export const descriptionSchema: z.ZodType = description;

export function roleOf(schema: z.ZodType): FieldRole | undefined {
  return roles.get(schema);
}

/** The JSON Schema of a description (draft 2020-12), for editors: what `schema.json` at the repository root holds. */
export function descriptionJsonSchema(): object {
  return {
    ...z.toJSONSchema(description, { io: 'input', target: 'draft-2020-12' }),
    title: 'Systole machine description',
  };
}
