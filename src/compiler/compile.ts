/**
 * ONNX graph + machine -> executable. The whole story, one named step a line:
 * passes -> bind -> lower -> precision -> fuse -> kernels -> homes -> tiles and commands -> executable.
 */
import {
  compilerMappingMessages,
  compilerMessages,
  elementCount,
  fail,
  lanesTake,
  ofOperands,
  suggest,
  tensorBytes,
  type DType,
  type Diagnostic,
} from '../core/index.ts';
import { bindGraph, opDef, suggestOp, printGraph, symbolsOf, type Graph, type Node } from '../graph/index.ts';
import type { Core, Machine } from '../hw-configs/index.ts';
import { disassemble, type EntryPoint, type Executable, type NodeFate, type Region, type TensorBinding } from '../isa/index.ts';
import { describeKernels, describePlacement, generate, type Generated } from './codegen/generate.ts';
import type { ImportedModel } from './import/index.ts';
import { lower, unrollBodies, widenFloats, type Lowered } from './lower/index.ts';
import { selectKernels, type Selection } from './kernels/select.ts';
import { kernelWrites, placeTensors, type Boundary, type Placement } from './memory/placement.ts';
import { foldConstants, fusePasses, preparePasses, runPasses } from './passes/index.ts';
import { assignPrecision, choosePrecision, type CalibrationTable, type Precision } from './precision/index.ts';
import type { MapperEnvironment } from './tiling/environment.ts';

export interface CompileOptions {
  readonly precision: 'auto' | Precision;
  /** Symbolic dimension -> size. */
  readonly dims: Readonly<Record<string, number>>;
  /** Ranges of float values by name; null: placeholder scales. */
  readonly calibration: CalibrationTable | null;
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
}

/** The part of compilation that no machine changes: run once per model, shared by the points of a sweep. */
export function prepare(model: ImportedModel): ImportedModel {
  const told: Diagnostic[] = [];
  const graph = runPasses(model.graph, [foldConstants, unrollBodies, ...preparePasses], { report: (d) => told.push(d) });
  return graph === model.graph ? model : { ...model, graph, diagnostics: [...model.diagnostics, ...told] };
}

export function compile(model: ImportedModel, machine: Machine, options: CompileOptions): Compilation {
  const prepared = prepare(model);
  failIf(unknownOperators(prepared.graph));
  const { graph: bound, diagnostics: assumed } = bindGraph(prepared.graph, options.dims);
  const core = onlyCore(machine);
  const planned = planKernels(bound, machine, options);
  const { graph, selection, mode, quantizedGraph } = planned;
  const spaces = Object.keys(machine.memories);
  checkMachine(machine, core, selection);
  const place = (boundary: Boundary): Placement => placeTensors(graph, selection.views, selection.kernels, machine, spaces, boundary);
  const excess = (regions: readonly Region[]): Diagnostic[] => oversized(machine, spaces, regions);
  const build = (placement: Placement): Built => {
    // Before any command is written: tensors no memory holds would be cut into endless tiles.
    failIf(excess(placement.regions));
    const env = environment(machine, core, spaces, placement);
    const generated = generate(graph, selection, placement, env);
    const diagnostics = [
      ...prepared.diagnostics,
      ...unknownDims(model.graph, options.dims),
      ...assumed,
      ...planned.diagnostics,
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
    return { placement, env, executable };
  };
  const apart = place('apart');
  let built = build(excess(apart.regions).length > 0 ? place('shared') : apart);
  // With the weights, whose size codegen knows.
  if (excess(built.executable.regions).length > 0) built = build(place('shared'));
  failIf(excess(built.executable.regions));
  const { placement, env, executable } = built;
  return {
    executable,
    quantizedGraph,
    selection,
    lowered: graph,
    tensors: () => tensorTable(graph, selection, placement),
    stages: {
      graph: () => printGraph(graph),
      kernels: () => describeKernels(executable.kernels),
      schedule: () => describeSchedule(executable),
      memory: () => describePlacement(graph, selection, placement, env),
      asm: () => disassemble(executable, { weights: 'hash' }),
    },
  };
}

export interface PlannedKernels {
  /** After fusing. */
  readonly graph: Graph;
  /** After precision, before fusing. */
  readonly quantizedGraph: Graph;
  readonly mode: Precision;
  readonly selection: Selection;
  readonly diagnostics: readonly Diagnostic[];
}

/** From bound sizes to kernels: which engine runs what. Nothing is placed or tiled yet. */
export function planKernels(bound: Graph, machine: Machine, options: CompileOptions): PlannedKernels {
  const core = onlyCore(machine);
  const lowered = lowerGraph(bound);
  const mode = options.precision === 'auto' ? choosePrecision(matrixTypes(core), lowered.graph) : options.precision;
  const precise = assignPrecision(lowered.graph, { mode, calibration: options.calibration, matrix: matrixTypes(core) });
  const graph = runPasses(precise.graph, fusePasses);
  return {
    graph,
    quantizedGraph: precise.graph,
    mode,
    selection: selectKernels(graph, lowered.declined),
    diagnostics: [...lowered.diagnostics, ...precise.diagnostics],
  };
}

export interface LoweredGraph extends Lowered {
  readonly diagnostics: readonly Diagnostic[];
}

/** In float32 and integers, in operators that engines run where that is possible: what precision is assigned to, and calibrated on. */
export function lowerGraph(bound: Graph): LoweredGraph {
  const widened = widenFloats(bound);
  return { ...lower(widened.graph), diagnostics: widened.diagnostics };
}

/** Sizes given for dimensions the model does not have. */
function unknownDims(graph: Graph, dims: Readonly<Record<string, number>>): Diagnostic[] {
  const sized = graph.inputs.flatMap((id) => (graph.values[id]?.type.shape ?? []).flatMap(symbolsOf));
  const symbols = [...new Set([...sized, ...(graph.unknowns ?? []).map((u) => u.symbol)])];
  return Object.keys(dims)
    .filter((name) => !symbols.includes(name))
    .map((name) => compilerMappingMessages.unknownDimension({ name, symbols, near: suggest(name, symbols) }));
}

/** Operators without a definition, each once, bodies included. */
function unknownOperators(graph: Graph): Diagnostic[] {
  const found = new Map<string, Node[]>();
  const visit = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      if (node.body === undefined && opDef(node.domain, node.op) === undefined) {
        const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
        const users = found.get(operator);
        if (users === undefined) found.set(operator, [node]);
        else users.push(node);
      }
      for (const a of Object.values(node.attributes)) if (a.kind === 'graph') visit(a.value.nodes);
    }
  };
  visit(graph.nodes);
  return [...found].map(([operator, users]) => {
    const nodes = users.map((n) => n.name);
    const near = suggestOp(users[0]?.op ?? operator);
    return compilerMessages.unknownOperator({ operator, count: nodes.length, nodes, near }, { origin: nodes });
  });
}

interface Built {
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

/** Precision and placement the machine can do at all; everything wrong at once. */
function checkMachine(machine: Machine, core: Core, selection: Selection): void {
  const problems: Diagnostic[] = [];
  const told = new Set<string>();
  const refuse = (engine: string, dtype: string, supported: readonly string[], kernel: string): void => {
    if (told.has(engine + dtype)) return;
    told.add(engine + dtype);
    problems.push(compilerMappingMessages.dtypeNotSupported({ engine, dtype, supported, kernel }));
  };
  for (const k of selection.kernels) {
    if (k.engine === 'matrix' && ofOperands(core.matrix.rates, k.dtype) === undefined) refuse('matrix', k.dtype, matrixTypes(core), k.name);
    if (k.engine === 'vector' && !lanesTake(core.vector.dtypes, k.dtype)) refuse('vector', k.dtype, core.vector.dtypes, k.name);
  }
  if (machine.memories[machine.placement.constants]?.owner === 'core') {
    problems.push(compilerMappingMessages.constantsOnChip({ memory: machine.placement.constants }));
  }
  if (problems.length > 0) fail(...problems);
}

function environment(machine: Machine, core: Core, spaces: readonly string[], placement: Placement): MapperEnvironment {
  const capacity = new Map<string, number>();
  for (const [name, m] of Object.entries(machine.memories)) {
    if (m.owner === 'core') capacity.set(name, m.sizeBytes - (placement.resident.get(name) ?? 0));
  }
  return { machine, core, matrix: core.matrix, tickPs: 1e12 / (machine.clocks[core.clock] ?? 1), capacity, spaces };
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
  const ids = [...graph.inputs, ...selection.kernels.flatMap((k) => kernelWrites(k).map((v) => v.root))];
  const bindings = ids.map((id) => bindingOf(graph, selection, placement, id)).filter((b) => b.region >= 0);
  return new Map(bindings.map((b) => [b.name, b]));
}

/** Every node of the file: in a kernel, a view, folded, or dead. What is inside a body shares the fate of the node that has it. */
function nodeFates(model: ImportedModel, p: Parts): NodeFate[] {
  const kernelOf = new Map<string, number>();
  p.selection.kernels.forEach((k, i) => {
    for (const name of k.origin) if (!kernelOf.has(name)) kernelOf.set(name, i);
  });
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
    return `${String(i).padStart(4)}  rows ${r.first}+${r.count}  ${k.tiles} tiles  estimate ${k.estimateCycles} cycles  ${k.name}  [${k.mapping}]`;
  });
  return `${lines.join('\n')}\n`;
}
