/**
 * What becomes of every node of the file on a machine, and why. Where the model compiles the program answers; where it does not
 * (sizes left open, a memory too small, an operator nobody knows) the stages are run as far as they go.
 */
import { compilerMappingMessages, compilerMessages, SystoleError, type Diagnostic } from '../core/index.ts';
import { bindGraph, opDef, requireSizes, type Graph, type Node } from '../graph/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import type { RunsOn } from '../isa/index.ts';
import { adviceFor } from './fate-advice.ts';
import { sizesToTry, type OpenSize } from './fate-sizes.ts';
import { assumeShapes } from './fate-unknown.ts';
import { compile, prepare, type Compilation } from './compile.ts';
import { lowerGraph, planKernels, type CompileOptions, type PlannedKernels } from './plan.ts';
import type { ImportedModel } from './import/index.ts';
import type { Limit } from './kernels/context.ts';
import { byWeight, kernelsByOrigin } from './kernels/main-kernel.ts';
import type { Selection } from './kernels/select.ts';
import type { HostMember, KernelSpec } from './kernels/spec.ts';
import { unknownDims, unknownOperators } from './model-problems.ts';

/** Where a node runs. `folded`: nothing is left to run; the reason says why. */
export type Fate = RunsOn | 'unsupported';

export interface NodeReport {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  /** The node whose body this one is in, null at the top. */
  readonly parent: string | null;
  /** The composite operator it is part of where one was recovered, as "Attention /layer.0/MatMul_1"; null for most. */
  readonly composite: { readonly op: string; readonly name: string } | null;
  readonly fate: Fate;
  /** Name of the kernel that runs it, the one that matters most where there are several; null where none does. */
  readonly kernel: string | null;
  readonly reason: string;
  /** What the machine allows and what the node asks for, where that is the reason. */
  readonly limit: Limit | null;
  /** What to change so that it runs on an engine, or runs at all; null where there is nothing to change. */
  readonly fix: string | null;
}

export interface FateReport {
  readonly nodes: readonly NodeReport[];
  /** The program, where there is one and every size is as given. */
  readonly compilation: Compilation | null;
  /** Dimensions nobody fixed, and the sizes fates were judged at. */
  readonly open: readonly OpenSize[];
  /** Why there is no program; empty where there is one, and where only sizes are missing. */
  readonly problems: readonly Diagnostic[];
  /** Of the stages as far as they ran. */
  readonly diagnostics: readonly Diagnostic[];
}

/** @throws SystoleError only when operands contradict each other: then the file is no model */
export function explainFates(model: ImportedModel, machine: Machine, options: CompileOptions): FateReport {
  const prepared = prepare(model);
  const unknown = unknownOperators(prepared.graph);
  const attempt: Attempt<Compilation> =
    unknown.length > 0 ? { value: null, problems: unknown } : attemptOf(() => compile(prepared, machine, options));
  if (attempt.value !== null) {
    const compilation = attempt.value;
    const nodes = reportsOf(prepared, compilation.lowered, compilation.selection);
    return { nodes, compilation, open: [], problems: [], diagnostics: compilation.executable.diagnostics };
  }
  const { value: assumed } = attemptOf(() => assumeShapes(prepared.graph));
  const judged = assumed === null ? prepared : { ...prepared, graph: assumed.graph };
  const told = withoutProgram(judged, machine, options, attempt.problems);
  const report = {
    ...told,
    nodes: told.nodes.map((n) => (assumed?.nodes.has(n.name) === true ? { ...n, reason: `${n.reason}; ${keepsShape}` } : n)),
  };
  const diagnostics = [...prepared.diagnostics, ...unknownDims(model.graph, options.dims), ...report.diagnostics];
  return { ...report, compilation: null, diagnostics };
}

const keepsShape = 'what follows is judged as if it kept the shape of its first input';

/** Sizes for the dimensions that are still open with which every shape of the model can be told; null where none was found. */
export function fittingSizes(model: ImportedModel, dims: CompileOptions['dims']): readonly OpenSize[] | null {
  const { graph } = prepare(model);
  for (const open of sizesToTry(graph, dims)) {
    const sizes = { ...Object.fromEntries(open.map((o) => [o.symbol, o.assumed])), ...dims };
    if (attemptOf(() => requireSizes(lowerGraph(bindGraph(graph, sizes).graph).graph)).problems.length === 0) return open;
  }
  return null;
}

interface Attempt<T> {
  readonly value: T | null;
  readonly problems: readonly Diagnostic[];
}

function attemptOf<T>(run: () => T): Attempt<T> {
  try {
    return { value: run(), problems: [] };
  } catch (error) {
    if (error instanceof SystoleError) return { value: null, problems: error.diagnostics };
    throw error;
  }
}

/** Fates from the kernels alone, at sizes that fit, or, where not even those can be chosen, operator by operator. */
function withoutProgram(
  model: ImportedModel,
  machine: Machine,
  options: CompileOptions,
  problems: readonly Diagnostic[],
): Omit<FateReport, 'compilation'> {
  // Given sizes that contradict each other are a problem; fates are then judged at others.
  const tries = Object.keys(options.dims).length === 0 ? [options.dims] : [options.dims, {}];
  for (const dims of tries) {
    for (const open of sizesToTry(model.graph, dims)) {
      const sizes = { ...Object.fromEntries(open.map((o) => [o.symbol, o.assumed])), ...dims };
      const planned = attemptOf(() => planAt(model.graph, machine, options, sizes)).value;
      if (planned === null) continue;
      const nodes = withProblems(reportsOf(model, planned.graph, planned.selection), problems);
      // What is only missing is told by the open sizes; what else is wrong stays a problem.
      const left =
        open.length === 0 || dims !== options.dims ? problems : problems.filter((p) => p.code === compilerMessages.unknownOperator.code);
      return { nodes, open, problems: left, diagnostics: planned.diagnostics };
    }
  }
  const composites = compositesOf(model.graph);
  const nodes = model.nodeTable.map((row) => rowOf(row, composites, judgeAlone(model.graph, row)));
  return { nodes, open: [], problems, diagnostics: [] };
}

function planAt(graph: Graph, machine: Machine, options: CompileOptions, sizes: Readonly<Record<string, number>>): PlannedKernels {
  const bound = bindGraph(graph, sizes);
  const planned = planKernels(bound.graph, machine, options);
  return { ...planned, diagnostics: [...bound.diagnostics, ...planned.diagnostics] };
}

/** A kernel that fits nowhere is why there is no program: its nodes say so. */
function withProblems(nodes: NodeReport[], problems: readonly Diagnostic[]): NodeReport[] {
  const failing = new Map(
    problems.flatMap((p) => (p.code === compilerMappingMessages.kernelDoesNotFit.code ? p.origin.map((name) => [name, p] as const) : [])),
  );
  if (failing.size === 0) return nodes;
  return nodes.map((node) => {
    const problem = failing.get(node.name);
    return problem === undefined
      ? node
      : { ...node, reason: `${node.reason}, where it does not fit (${problem.code})`, fix: problem.message };
  });
}

type Row = ImportedModel['nodeTable'][number];
type Judgement = Omit<NodeReport, 'name' | 'opType' | 'domain' | 'parent' | 'composite'>;
type Composites = ReadonlyMap<string, NonNullable<NodeReport['composite']>>;

function rowOf(row: Row, composites: Composites, judgement: Judgement): NodeReport {
  const composite = composites.get(row.name) ?? null;
  return { name: row.name, opType: row.opType, domain: row.domain, parent: row.parent, composite, ...judgement };
}

/** Nodes of the file by the operator that several of them were recovered as. */
function compositesOf(graph: Graph): Composites {
  const found = new Map<string, NonNullable<NodeReport['composite']>>();
  for (const { op, name, origin } of graph.nodes) {
    if (origin.length > 1) for (const part of origin) found.set(part, { op, name });
  }
  return found;
}

function reportsOf(model: ImportedModel, graph: Graph, selection: Selection): NodeReport[] {
  const kernelsOf = kernelsByOrigin(selection.kernels);
  const members = membersOf(selection);
  const views = new Set(selection.viewNodes.flatMap((n: Node) => n.origin));
  const rows = new Map(model.nodeTable.map((row) => [row.name, row]));
  /** Null where the node itself left no trace: then what it is part of says where it went. */
  const judge = (row: Row): Judgement | null => {
    const kernels = kernelsOf.get(row.name);
    if (kernels !== undefined) return ofKernels(kernels, members, row);
    if (views.has(row.name)) return folded(retiredReason.view);
    const retired = graph.retired[row.name];
    return retired === undefined ? null : folded(retiredReason[retired]);
  };
  const judgeWithOwners = (row: Row): Judgement => {
    const own = judge(row);
    if (own !== null) return own;
    for (let owner = ownerOf(rows, row); owner !== undefined; owner = ownerOf(rows, owner)) {
      const judgement = judge(owner);
      if (judgement !== null) return { ...judgement, reason: `runs with "${owner.name}" (${owner.opType}): ${judgement.reason}` };
    }
    return folded('absorbed by its neighbours, or nothing reads its results');
  };
  const composites = compositesOf(model.graph);
  return model.nodeTable.map((row) => rowOf(row, composites, judgeWithOwners(row)));
}

type Members = ReadonlyMap<string, HostMember>;

/** By node of the file: the first host node made from it. */
function membersOf({ kernels }: Selection): Members {
  const found = new Map<string, HostMember>();
  for (const kernel of kernels) {
    if (kernel.kind !== 'host') continue;
    for (const member of kernel.members) for (const name of member.node.origin) if (!found.has(name)) found.set(name, member);
  }
  return found;
}

function ownerOf(rows: ReadonlyMap<string, Row>, row: Row): Row | undefined {
  return row.parent === null ? undefined : rows.get(row.parent);
}

const retiredReason: Readonly<Record<Graph['retired'][string], string>> = {
  folded: 'known before the run, or merged into a neighbour',
  view: 'a view of its input: no byte moves',
  dead: 'nothing reads its results',
};

function folded(reason: string): Judgement {
  return { fate: 'folded', kernel: null, reason, limit: null, fix: null };
}

const engineFate = { matrix: 'matrix', vector: 'vector', dma: 'movement' } as const;
const places = { matrix: 'the matrix engine', vector: 'the vector engine', dma: 'data movement' } as const;

/** A node that became several kernels is told by the one that matters most. */
function ofKernels(kernels: readonly KernelSpec[], members: Members, row: Row): Judgement {
  const [first, ...others] = byWeight(kernels);
  const main = ofKernel(first as KernelSpec, members, row);
  const host = others.find((k) => k.kind === 'host');
  if (main.fate === 'host' || main.fate === 'unsupported' || host === undefined) return main;
  const part = ofKernel(host, members, row);
  return { ...part, fate: main.fate, kernel: main.kernel, reason: `${main.reason}, but a part of it on the host: ${part.reason}` };
}

function ofKernel(kernel: KernelSpec, members: Members, row: Row): Judgement {
  if (kernel.kind !== 'host') {
    const engine = kernel.engine === 'host' ? 'dma' : kernel.engine;
    const [anchor] = kernel.origin;
    const fused = kernel.origin.length > 1 && anchor !== row.name ? ` in the kernel of "${anchor}"` : '';
    return {
      fate: engineFate[engine],
      kernel: kernel.name,
      reason: `${kernel.class} on ${places[engine]}${fused}`,
      limit: null,
      fix: null,
    };
  }
  // Neighbours on the host share a kernel; each has a reason of its own.
  const member = members.get(row.name);
  if (member !== undefined && opDef(member.node.domain, member.node.op) === undefined) return unsupportedFate(row);
  const { reason, limit, fix } = member ?? kernel;
  return { fate: 'host', kernel: kernel.name, reason, limit: limit ?? null, fix: fix ?? adviceFor(member?.node.op ?? row.opType, reason) };
}

function unsupportedFate(row: Row): Judgement {
  const name = row.domain === '' ? row.opType : `${row.domain}.${row.opType}`;
  return {
    fate: 'unsupported',
    kernel: null,
    reason: `no definition of the operator ${name} is known`,
    limit: null,
    fix: 'export it as standard ONNX operators, or put its definition into the file as a model-local function',
  };
}

/** Without sizes: what the operator's kernel class says. */
function judgeAlone(graph: Graph, row: Row): Judgement {
  const def = opDef(row.domain, row.opType);
  const retired = graph.retired[row.name];
  if (retired !== undefined) return folded(retiredReason[retired]);
  if (row.opType === 'Constant' && row.domain === '') return folded(retiredReason.folded);
  if (def === undefined) return unsupportedFate(row);
  const by = (fate: Fate, reason: string): Judgement => ({
    fate,
    kernel: null,
    reason: `${reason}, judged by its operator alone: no program could be made`,
    limit: null,
    fix: fate === 'host' ? adviceFor(row.opType, reason) : null,
  });
  switch (def.kernelClass) {
    case 'attention':
    case 'contraction':
      return by('matrix', 'contraction on the matrix engine');
    case 'window':
    case 'elementwise':
    case 'reduce':
    case 'softmax':
      return by('vector', `${def.kernelClass} on the vector engine`);
    case 'move':
    case 'gather':
      return by('movement', 'data movement');
    case 'host':
      return by('host', `no engine of the machine runs ${row.opType}`);
  }
}
