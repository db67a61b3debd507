/**
 * ONNX graph + machine -> executable. The whole story, one named step a line:
 * passes -> bind -> lower -> precision -> fuse -> kernels -> homes -> tiles and commands -> executable.
 */
import { compilerMappingMessages, fail, SystoleError, type Diagnostic } from '../core/index.ts';
import { bindGraph, printGraph, type Graph } from '../graph/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import { disassemble, type Executable, type Ref, type Region, type TensorBinding } from '../isa/index.ts';
import { assembleExecutable } from './assemble-executable.ts';
import { generate } from './codegen/generate.ts';
import { describeKernels, describePlacement, describeSchedule } from './describe.ts';
import type { ImportedModel } from './import/index.ts';
import type { Selection } from './kernels/select.ts';
import { unrollBodies } from './lower/index.ts';
import { placeTensors, type Boundary, type Placement } from './memory/placement.ts';
import { unknownDims, unknownOperators } from './model-problems.ts';
import { foldConstants, preparePasses, recoverBodies, runPasses } from './passes/index.ts';
import { onlyCore, planKernels, type CompileOptions, type PlannedKernels, type PlannedSelection } from './plan.ts';
import { localTable, tensorTable } from './tensor-table.ts';
import { environmentOf, type MapperEnvironment } from './tiling/environment.ts';

export interface Compilation {
  readonly executable: Executable;
  /** Texts of the stages, made when read: for `--emit`. */
  readonly stages: Readonly<Record<'graph' | 'kernels' | 'schedule' | 'memory' | 'asm', () => string>>;
  /** After precision, before fusing: what the program must compute. */
  readonly quantizedGraph: Graph;
  /** Before precision, in the same operators and names: what precision starts from. */
  readonly floatGraph: () => Graph;
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
  const place = (selection: Selection, boundary: Boundary): Placement =>
    placeTensors(graph, selection.views, selection.kernels, machine, spaces, boundary, selection);
  const excess = (regions: readonly Region[]): Diagnostic[] => oversized(machine, spaces, regions);
  const build = ({ selection, diagnostics: told }: PlannedSelection, placement: Placement): Built => {
    // Before any command is written: tensors no memory holds would be cut into endless tiles.
    failIf(excess(placement.regions));
    const env = environmentOf(machine, core, placement.resident, options.mappingSeed);
    const generated = generate(graph, selection, placement, env);
    const diagnostics = [
      ...prepared.diagnostics,
      ...unknownDims(model.graph, options.dims),
      ...assumed,
      ...told,
      ...coreCount(machine),
      ...generated.diagnostics,
    ];
    const executable = assembleExecutable(model, machine, options, mode, {
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
    floatGraph: planned.floatGraph,
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

interface Built {
  readonly selection: Selection;
  readonly placement: Placement;
  readonly env: MapperEnvironment;
  readonly executable: Executable;
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
