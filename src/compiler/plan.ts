/** From bound sizes to kernels: passes -> lower -> precision -> fuse -> kernels, with parts of tensors and caches in place. */
import { compilerMappingMessages, fail, type DType, type Diagnostic } from '../core/index.ts';
import { requireSizes, type Graph } from '../graph/index.ts';
import type { Core, Machine } from '../hw-configs/index.ts';
import { joinAttention } from './kernels/attention.ts';
import { growCaches } from './kernels/caches.ts';
import { refusedTypes } from './kernels/engine-types.ts';
import { hasRoomInPlace, placeInOutputs } from './kernels/in-place.ts';
import { withExpandedWeights } from './kernels/expanded-weights.ts';
import { copyInRegions } from './kernels/regions.ts';
import { selectKernels, type Selection } from './kernels/select.ts';
import { lower, narrowFloats, productsOfStored, widenFloats, type Lowered, type Regions } from './lower/index.ts';
import { attentionChoice, type AttentionChoice } from './tiling/attention-choice.ts';
import { toldOfAttention } from './tiling/attention-told.ts';
import { environmentOf } from './tiling/environment.ts';
import { movableMemory } from './memory/moved.ts';
import { fusePasses, inBlocks, runPasses } from './passes/index.ts';
import { assignPrecision, choosePrecision, withTables, type CalibrationTable, type Precision } from './precision/index.ts';

export interface CompileOptions {
  readonly precision: 'auto' | Precision;
  /** Symbolic dimension -> size. */
  readonly dims: Readonly<Record<string, number>>;
  /** Ranges of float values by name; null: placeholder scales. */
  readonly calibration: CalibrationTable | null;
  /**
   * Draws any legal mapping by this seed, where left out the one estimated best is taken: whatever tiles, loop orders, buffers and ways of
   * moving are chosen, the program must compute the same. For tests; slow programs come of it.
   */
  readonly mappingSeed?: number;
}

export interface PlannedSelection {
  readonly selection: Selection;
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlannedKernels extends PlannedSelection {
  /** After fusing. */
  readonly graph: Graph;
  /** After precision, before fusing. */
  readonly quantizedGraph: Graph;
  /** Before precision, in the same operators: what its values would be in the floats of the model, by name. */
  readonly floatGraph: () => Graph;
  readonly mode: Precision;
  /** The same with every cache copied in place of growing where it lies; null where none grows. */
  readonly copied: (() => PlannedSelection) | null;
}

/** From bound sizes to kernels: which engine runs what. Nothing is placed or tiled yet. */
export function planKernels(bound: Graph, machine: Machine, options: CompileOptions): PlannedKernels {
  const core = onlyCore(machine);
  const floats: FloatTypes = {
    kept: keptFloats(core, bound, options.precision),
    products: core.matrix.rates.float32 !== undefined && options.precision !== 'int8',
    stored: options.precision === 'int8' ? [] : matrixTypes(core),
    regions: regionsOf(machine),
  };
  const asked = inAskedFloats(bound, options.precision);
  const lowered = lowerGraph(asked, floats);
  // Bodies that were written out may hold what nobody can size: operators without a definition.
  requireSizes(lowered.graph);
  const mode = options.precision === 'auto' ? choosePrecision(matrixTypes(core), lowered.graph) : options.precision;
  const precise = assignPrecision(lowered.graph, {
    mode,
    calibration: options.calibration,
    matrix: matrixTypes(core),
    vector: core.vector.dtypes,
    sumBits: core.matrix.requantize === 'output-stage' && core.matrix.rescale === undefined ? core.matrix.accumulatorBits : 32,
    rescale: core.matrix.rescale ?? 'float',
  });
  const refused = refusedTypes(core);
  const env = environmentOf(machine, core, new Map(), options.mappingSeed);
  const select = (defined: Graph): SelectedKernels => {
    const graph = runPasses(defined, [...fusePasses, copyInRegions]);
    const choice = attentionChoice(env);
    const joined = joinAttention(graph, selectKernels(graph, lowered.declined, refused.refuse), choice.pays);
    return { graph, selected: { ...joined, kernels: withExpandedWeights(graph, joined.kernels, core) }, choice };
  };
  const defined = withTables(precise.graph, core.vector.tableSteps ?? null);
  const first = select(defined);
  // Rows of scores too long to keep go block by block, which is another meaning: kernels are made anew.
  const quantizedGraph = inBlocks(defined, first.choice.blocks);
  const { graph, selected, choice } = quantizedGraph === defined ? first : select(quantizedGraph);
  const placed = hasRoomInPlace(graph, machine) ? placeInOutputs(graph, selected) : selected;
  const grown = growCaches(graph, placed, machine);
  const told = (caches: readonly Diagnostic[], { kernels }: Selection): Diagnostic[] => [
    ...lowered.diagnostics,
    ...precise.diagnostics,
    ...caches,
    ...refused.told(kernels),
    ...toldOfAttention(kernels, choice),
  ];
  const { selection } = grown;
  const copied = (): PlannedSelection => ({ selection: placed, diagnostics: told(grown.copied(), placed) });
  return {
    graph,
    quantizedGraph,
    floatGraph: () => (asked === bound ? lowered.graph : lowerGraph(bound, { ...floats, kept: new Set() }).graph),
    mode,
    selection,
    diagnostics: told(grown.diagnostics, selection),
    copied: selection.caches.length === 0 ? null : copied,
  };
}

interface SelectedKernels {
  readonly graph: Graph;
  readonly selected: Selection;
  readonly choice: AttentionChoice;
}

export interface FloatTypes {
  /** 16-bit types that engines compute on; other floats become float32. */
  readonly kept: ReadonlySet<DType>;
  /** Whether the array multiplies float32. */
  readonly products: boolean;
  /** What the array multiplies, 8-bit floats among it. */
  readonly stored: readonly DType[];
  /** When steps and loops are repeated regions. */
  readonly regions: Regions;
}

/**
 * In the floats and integers that engines have, in operators that they run where that is possible: what precision is assigned to, and
 * calibrated on. Without `floats` all is float32.
 */
export function lowerGraph(bound: Graph, floats: FloatTypes = { kept: new Set(), products: true, stored: [], regions: 'always' }): Lowered {
  const widened = widenFloats(bound, floats.kept);
  const lowered = lower(widened.graph, floats);
  return {
    ...lowered,
    graph: productsOfStored(lowered.graph, floats.stored),
    diagnostics: [...widened.diagnostics, ...lowered.diagnostics],
  };
}

/**
 * What a repetition moves lies in regions, never in a window. Where activations live in a core's own memory it would have to leave it, which
 * costs more than a longer program.
 */
function regionsOf(machine: Machine): Regions {
  if (movableMemory(machine) === null) return 'never';
  return machine.memories[machine.placement.activations]?.owner === 'core' ? 'long' : 'always';
}

function inAskedFloats(bound: Graph, precision: CompileOptions['precision']): Graph {
  return precision === 'fp16' ? narrowFloats(bound, 'float16') : precision === 'bf16' ? narrowFloats(bound, 'bfloat16') : bound;
}

/** 16-bit floats of a model stay where both engines have them, and float32 for what is in between; integer models compute in float32 around. */
function keptFloats(core: Core, bound: Graph, precision: CompileOptions['precision']): ReadonlySet<DType> {
  const asked = precision === 'fp16' || precision === 'bf16';
  const { dtypes } = core.vector;
  if (precision === 'int8' || precision === 'fp32') return new Set();
  if (!asked && bound.nodes.some((n) => n.op === 'QuantizeLinear')) return new Set();
  const has = (dtype: DType): boolean => core.matrix.rates[dtype] !== undefined && dtypes.includes(dtype) && dtypes.includes('float32');
  return new Set((['float16', 'bfloat16'] as const).filter((dtype) => asked || has(dtype)));
}

/** The core that programs are made for. Errors: a machine without one is refused. */
export function onlyCore(machine: Machine): Core {
  const core = Object.values(machine.cores)[0];
  return core ?? fail(compilerMappingMessages.noMatrixEngine({ machine: machine.name }));
}

function matrixTypes(core: Core): DType[] {
  return Object.keys(core.matrix.rates) as DType[];
}
