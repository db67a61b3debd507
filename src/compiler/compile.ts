/**
 * ONNX graph + machine -> executable. The whole story, one named step a line:
 * passes -> bind -> lower -> precision -> fuse -> kernels -> homes -> tiles and commands -> executable.
 */
import {
  bitsOf,
  bytesPerElement,
  compilerMappingMessages,
  elementCount,
  fail,
  rowMajorStrides,
  seededRandom,
  SystoleError,
  tensorBytes,
  visible,
  type DType,
  type Diagnostic,
} from '../core/index.ts';
import { bindGraph, printGraph, requireSizes, type Graph, type Node } from '../graph/index.ts';
import type { Core, Machine } from '../hw-configs/index.ts';
import { disassemble, type EntryPoint, type Executable, type NodeFate, type Ref, type Region, type TensorBinding } from '../isa/index.ts';
import { describeKernels, describePlacement, generate, type Generated } from './codegen/generate.ts';
import type { ImportedModel } from './import/index.ts';
import { lower, narrowFloats, productsOfStored, unrollBodies, widenFloats, type Lowered } from './lower/index.ts';
import { refusedTypes } from './kernels/engine-types.ts';
import { growCaches } from './kernels/caches.ts';
import { byWeight, kernelsByOrigin } from './kernels/main-kernel.ts';
import { hasRoomInPlace, placeInOutputs } from './kernels/in-place.ts';
import { selectKernels, type Selection } from './kernels/select.ts';
import { unknownDims, unknownOperators } from './model-problems.ts';
import { kernelWrites, placeTensors, type Boundary, type Placement } from './memory/placement.ts';
import { foldConstants, fusePasses, preparePasses, recoverBodies, runPasses } from './passes/index.ts';
import { assignPrecision, choosePrecision, withTables, type CalibrationTable, type Precision } from './precision/index.ts';
import type { MapperEnvironment } from './tiling/environment.ts';

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

export interface Compilation {
  readonly executable: Executable;
  /** Texts of the stages, made when read: for `--emit`. */
  readonly stages: Readonly<Record<'graph' | 'kernels' | 'schedule' | 'memory' | 'asm', () => string>>;
  /** After precision, before fusing: what the program must compute. */
  readonly quantizedGraph: Graph;
  /** After fusing: what kernels were made from. */
  readonly lowered: Graph;
  readonly selection: Selection;
  /** Where values of that graph lie while the program runs; not those that exist only on chip. By value name. */
  readonly tensors: () => ReadonlyMap<string, TensorBinding>;
  /** Those that lie in a core's own memory instead, in full. By value name. */
  readonly onChip: () => ReadonlyMap<string, Ref>;
}

/** Models as `prepare` left them. */
const preparedModels = new WeakSet<ImportedModel>();

/**
 * The part of compilation that no machine changes: run once per model, shared by the points of a sweep. A model that was prepared
 * comes back as it is: what passes made may look like something to recover again.
 */
export function prepare(model: ImportedModel): ImportedModel {
  if (preparedModels.has(model)) return model;
  const prepared = runPreparation(model);
  preparedModels.add(prepared);
  return prepared;
}

function runPreparation(model: ImportedModel): ImportedModel {
  const told: Diagnostic[] = [];
  const graph = runPasses(model.graph, [foldConstants, ...recoverBodies, unrollBodies, ...preparePasses], { report: (d) => told.push(d) });
  return graph === model.graph ? model : { ...model, graph, diagnostics: [...model.diagnostics, ...told] };
}

export function compile(model: ImportedModel, machine: Machine, options: CompileOptions): Compilation {
  const prepared = prepare(model);
  failIf(unknownOperators(prepared.graph));
  const { graph: bound, diagnostics: assumed } = bindGraph(prepared.graph, options.dims);
  const core = onlyCore(machine);
  const planned = planKernels(bound, machine, options);
  const { graph, mode, quantizedGraph } = planned;
  const spaces = Object.keys(machine.memories);
  checkMachine(machine);
  const place = ({ views, kernels, placed, caches }: Selection, boundary: Boundary): Placement =>
    placeTensors(graph, views, kernels, machine, spaces, boundary, placed, caches);
  const excess = (regions: readonly Region[]): Diagnostic[] => oversized(machine, spaces, regions);
  const build = ({ selection, diagnostics: told }: PlannedSelection, placement: Placement): Built => {
    // Before any command is written: tensors no memory holds would be cut into endless tiles.
    failIf(excess(placement.regions));
    const env = environment(machine, core, spaces, placement, options.mappingSeed);
    const generated = generate(graph, selection, placement, env);
    const diagnostics = [
      ...prepared.diagnostics,
      ...unknownDims(model.graph, options.dims),
      ...assumed,
      ...told,
      ...coreCount(machine),
      ...generated.diagnostics,
    ];
    const executable = assemble(model, machine, options, mode, {
      graph,
      original: prepared.graph,
      selection,
      placement,
      generated,
      spaces,
      diagnostics,
    });
    return { selection, placement, env, executable };
  };
  const attempt = (selected: PlannedSelection): Built => {
    const apart = place(selected.selection, 'apart');
    const built = build(selected, excess(apart.regions).length > 0 ? place(selected.selection, 'shared') : apart);
    // With the weights, whose size codegen knows.
    return excess(built.executable.regions).length > 0 ? build(selected, place(selected.selection, 'shared')) : built;
  };
  const built = withCachesOrCopies(planned, attempt, (b) => excess(b.executable.regions));
  failIf(excess(built.executable.regions));
  const { selection, placement, env, executable } = built;
  return {
    executable,
    quantizedGraph,
    selection,
    lowered: graph,
    tensors: () => tensorTable(graph, selection, placement),
    onChip: () => localTable(graph, selection, placement),
    stages: {
      graph: () => printGraph(graph),
      kernels: () => describeKernels(executable.kernels),
      schedule: () => describeSchedule(executable),
      memory: () => describePlacement(graph, selection, placement, env),
      asm: () => disassemble(executable, { weights: 'hash' }),
    },
  };
}

interface PlannedSelection {
  readonly selection: Selection;
  readonly diagnostics: readonly Diagnostic[];
}

/** Caches stay where they are if there is room for that; else they are copied, which may fit where inputs and outputs live in another memory. */
function withCachesOrCopies(planned: PlannedKernels, attempt: (s: PlannedSelection) => Built, excess: (b: Built) => Diagnostic[]): Built {
  const { copied } = planned;
  if (copied === null) return attempt(planned);
  try {
    const built = attempt(planned);
    if (excess(built).length === 0) return built;
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
  }
  return attempt(copied());
}

export interface PlannedKernels extends PlannedSelection {
  /** After fusing. */
  readonly graph: Graph;
  /** After precision, before fusing. */
  readonly quantizedGraph: Graph;
  readonly mode: Precision;
  /** The same with every cache copied in place of growing where it lies; null where none grows. */
  readonly copied: (() => PlannedSelection) | null;
}

/** From bound sizes to kernels: which engine runs what. Nothing is placed or tiled yet. */
export function planKernels(bound: Graph, machine: Machine, options: CompileOptions): PlannedKernels {
  const core = onlyCore(machine);
  const lowered = lowerGraph(inAskedFloats(bound, options.precision), {
    kept: keptFloats(core, bound, options.precision),
    products: core.matrix.rates.float32 !== undefined && options.precision !== 'int8',
    stored: options.precision === 'int8' ? [] : matrixTypes(core),
  });
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
  const quantizedGraph = withTables(precise.graph, core.vector.tableSteps ?? null);
  const graph = runPasses(quantizedGraph, fusePasses);
  const refused = refusedTypes(core);
  const selected = selectKernels(graph, lowered.declined, refused.refuse);
  const placed = hasRoomInPlace(graph, machine) ? placeInOutputs(graph, selected) : selected;
  const grown = growCaches(graph, placed, machine);
  const told = (caches: readonly Diagnostic[], { kernels }: Selection): Diagnostic[] => [
    ...lowered.diagnostics,
    ...precise.diagnostics,
    ...caches,
    ...refused.told(kernels),
  ];
  const { selection } = grown;
  const copied = (): PlannedSelection => ({ selection: placed, diagnostics: told(grown.copied(), placed) });
  return {
    graph,
    quantizedGraph,
    mode,
    selection,
    diagnostics: told(grown.diagnostics, selection),
    copied: selection.caches.length === 0 ? null : copied,
  };
}

export interface LoweredGraph extends Lowered {
  readonly diagnostics: readonly Diagnostic[];
}

export interface FloatTypes {
  /** 16-bit types that engines compute on; other floats become float32. */
  readonly kept: ReadonlySet<DType>;
  /** Whether the array multiplies float32. */
  readonly products: boolean;
  /** What the array multiplies, 8-bit floats among it. */
  readonly stored: readonly DType[];
}

/**
 * In the floats and integers that engines have, in operators that they run where that is possible: what precision is assigned to, and
 * calibrated on. Without `floats` all is float32.
 */
export function lowerGraph(bound: Graph, floats: FloatTypes = { kept: new Set(), products: true, stored: [] }): LoweredGraph {
  const widened = widenFloats(bound, floats.kept);
  const lowered = lower(widened.graph, floats.products);
  return { ...lowered, graph: productsOfStored(lowered.graph, floats.stored), diagnostics: widened.diagnostics };
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

interface Built {
  readonly selection: Selection;
  readonly placement: Placement;
  readonly env: MapperEnvironment;
  readonly executable: Executable;
}

function onlyCore(machine: Machine): Core {
  const core = Object.values(machine.cores)[0];
  return core ?? fail(compilerMappingMessages.noMatrixEngine({ machine: machine.name }));
}

function matrixTypes(core: Core): DType[] {
  return Object.keys(core.matrix.rates) as DType[];
}

function coreCount(machine: Machine): Diagnostic[] {
  const total = Object.values(machine.cores).reduce((n, c) => n + c.count, 0);
  const name = Object.keys(machine.cores)[0] ?? '';
  return total > 1 ? [compilerMappingMessages.onlyOneCore({ name, total })] : [];
}

/** Placement the machine can do at all. */
function checkMachine(machine: Machine): void {
  if (machine.memories[machine.placement.constants]?.owner === 'core') {
    fail(compilerMappingMessages.constantsOnChip({ memory: machine.placement.constants }));
  }
}

function environment(machine: Machine, core: Core, spaces: readonly string[], placement: Placement, seed?: number): MapperEnvironment {
  const capacity = new Map<string, number>();
  for (const [name, m] of Object.entries(machine.memories)) {
    if (m.owner === 'core') capacity.set(name, m.sizeBytes - (placement.resident.get(name) ?? 0));
  }
  return {
    machine,
    core,
    matrix: core.matrix,
    tickPs: 1e12 / (machine.clocks[core.clock] ?? 1),
    capacity,
    spaces,
    chance: seed === undefined ? null : seededRandom(seed),
  };
}

interface Parts {
  readonly graph: Graph;
  readonly original: Graph;
  readonly selection: Selection;
  readonly placement: Placement;
  readonly generated: Generated;
  readonly spaces: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

function assemble(model: ImportedModel, machine: Machine, options: CompileOptions, mode: Precision, p: Parts): Executable {
  const { graph, placement, generated } = p;
  const regions: Region[] = placement.regions.map((r, i) => (i === placement.weightsRegion ? { ...r, bytes: generated.weights.bytes } : r));
  return {
    formatVersion: 1,
    model: {
      name: model.identity.name,
      sha256: model.identity.sha256,
      opset: model.identity.opset,
      macs: generated.kernels.reduce((n, k) => n + k.macs, 0),
      parameterBytes: parameterBytes(p.original),
    },
    target: { name: machine.name, planHash: machine.planHash },
    options: {
      precision: mode,
      calibrated: options.calibration !== null,
      ...(Object.keys(options.dims).length > 0 ? { dims: Object.entries(options.dims).map(([k, v]) => `${k}=${v}`) } : {}),
    },
    spaces: p.spaces,
    regions,
    programs: [{ name: 'main', commands: generated.commands }],
    entryPoints: [entryPoint(p)],
    kernels: generated.kernels,
    nodes: nodeFates(model, p),
    hostSegments: generated.hostSegments,
    weights: { ...generated.weights, absent: generated.weights.absent ?? (hasPlaceholders(graph) ? 'placeholder scales' : null) },
    diagnostics: p.diagnostics,
  };
}

/** Distinct constants the graph uses after folding, in their ONNX dtype. */
function parameterBytes(graph: Graph): number {
  const used = new Set<number>();
  for (const node of graph.nodes) for (const id of node.inputs) if (id !== null && graph.values[id]?.constant) used.add(id);
  let bytes = 0;
  for (const id of used) {
    const v = graph.values[id];
    if (v === undefined) continue;
    bytes += tensorBytes(v.type.dtype, elementCount(v.type.shape.map((d) => (typeof d === 'number' ? d : 1))));
  }
  return bytes;
}

function hasPlaceholders(graph: Graph): boolean {
  return graph.values.some((v) => v.quantization?.source === 'placeholder');
}

function bindingOf(graph: Graph, selection: Selection, placement: Placement, id: number): TensorBinding {
  const value = graph.values[id];
  if (value === undefined) throw new Error(`no value ${id}`);
  const home = placement.home(selection.views.rootOf(id));
  const q = value.quantization;
  return {
    name: value.name,
    region: home.region,
    offset: home.offset,
    dtype: value.type.dtype,
    shape: selection.views.view(id).shape,
    ...(home.strides === null ? {} : { strides: home.strides.map((s) => s * bytesPerElement(value.type.dtype)) }),
    quantization:
      q === null ? null : { scale: q.scale[0] as number, zeroPoint: q.zeroPoint[0] as number, placeholder: q.source === 'placeholder' },
  };
}

function entryPoint(p: Parts): EntryPoint {
  const binding = (id: number): TensorBinding => bindingOf(p.graph, p.selection, p.placement, id);
  return { name: 'main', program: 0, inputs: p.graph.inputs.map(binding), outputs: p.graph.outputs.map(binding), scalars: [] };
}

/** Tensors with bytes in a region: model inputs and what kernels write outside the cores. */
function tensorTable(graph: Graph, selection: Selection, placement: Placement): ReadonlyMap<string, TensorBinding> {
  const ids = new Set([...graph.inputs, ...writtenValues(selection)]);
  const bindings = [...ids].map((id) => bindingOf(graph, selection, placement, id)).filter((b) => b.region >= 0);
  return new Map(bindings.map((b) => [b.name, b]));
}

/** What kernels write, and the wholes that they write parts of. */
function writtenValues(selection: Selection): ReadonlySet<number> {
  const written = selection.kernels.flatMap((k) => kernelWrites(k).map((v) => v.root));
  return new Set([...written, ...[...selection.placed.values()].map((p) => p.into)]);
}

/** Tensors whose home is a core's own memory: they have no region. */
function localTable(graph: Graph, selection: Selection, placement: Placement): ReadonlyMap<string, Ref> {
  const found = new Map<string, Ref>();
  for (const id of writtenValues(selection)) {
    const home = placement.home(id);
    const value = graph.values[id];
    if (value === undefined || home.region >= 0 || bitsOf(value.type.dtype) < 8) continue;
    const { shape: extents, dtype } = selection.views.view(id);
    const strides = rowMajorStrides(extents).map((n) => n * bytesPerElement(dtype));
    found.set(value.name, { space: home.space, region: -1, dtype, offset: home.offset, extents, strides });
  }
  return found;
}

/** Every node of the file: in a kernel, a view, folded, or dead. What is inside a body shares the fate of the node that has it. */
function nodeFates(model: ImportedModel, p: Parts): NodeFate[] {
  const index = new Map(p.selection.kernels.map((k, i) => [k, i]));
  const kernelOf = new Map<string, number>();
  for (const [name, kernels] of kernelsByOrigin(p.selection.kernels)) {
    const [main] = kernels.length > 1 ? byWeight(kernels) : kernels;
    const at = main === undefined ? undefined : index.get(main);
    if (at !== undefined) kernelOf.set(name, at);
  }
  const views = new Set(p.selection.viewNodes.flatMap((n: Node) => n.origin));
  const rows = new Map(model.nodeTable.map((row) => [row.name, row]));
  const ownKernel = (name: string): number | undefined => {
    for (let at: string | null = name; at !== null; at = rows.get(at)?.parent ?? null) {
      const kernel = kernelOf.get(at);
      if (kernel !== undefined || views.has(at) || p.graph.retired[at] !== undefined) return kernel;
    }
    return undefined;
  };
  return model.nodeTable.map(({ name, opType }) => {
    const kernel = ownKernel(name);
    if (kernel !== undefined) return { name, opType, fate: p.selection.kernels[kernel]?.kind === 'host' ? 'host' : 'kernel', kernel };
    return { name, opType, fate: views.has(name) ? 'view' : (p.graph.retired[name] ?? 'dead'), kernel: -1 };
  });
}

function failIf(problems: readonly Diagnostic[]): void {
  if (problems.length > 0) fail(...problems);
}

/** Memories that what is placed in them exceeds. */
function oversized(machine: Machine, spaces: readonly string[], regions: readonly Region[]): Diagnostic[] {
  const problems: Diagnostic[] = [];
  spaces.forEach((memory, space) => {
    const mine = regions.filter((r) => r.space === space);
    const demandBytes = mine.reduce((n, r) => Math.ceil(n / r.alignment) * r.alignment + r.bytes, 0);
    const capacityBytes = machine.memories[memory]?.sizeBytes ?? 0;
    if (demandBytes > capacityBytes) {
      problems.push(
        compilerMappingMessages.memoryTooSmall({
          shortfall: { memory, demandBytes, capacityBytes, terms: mine.map((r) => ({ what: r.name, bytes: r.bytes })) },
        }),
      );
    }
  });
  return problems;
}

function describeSchedule(executable: Executable): string {
  const { commands } = executable.programs[0] as Executable['programs'][number];
  const rows = new Map<number, { first: number; count: number }>();
  for (let row = 0; row < commands.length; row++) {
    const kernel = commands.kernel[row] as number;
    const r = rows.get(kernel);
    if (r === undefined) rows.set(kernel, { first: row, count: 1 });
    else r.count++;
  }
  const lines = executable.kernels.map((k, i) => {
    const r = rows.get(i) ?? { first: 0, count: 0 };
    return `${String(i).padStart(4)}  rows ${r.first}+${r.count}  ${k.tiles} tiles  estimate ${k.estimateCycles} cycles  ${visible(k.name)}  [${k.mapping}]`;
  });
  return `${lines.join('\n')}\n`;
}
