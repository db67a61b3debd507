/**
 * What becomes of every node of the file on a machine, and why. Where the model compiles the program answers; where it does not
 * (sizes left open, a memory too small, an operator nobody knows) the stages are run as far as they go.
 */
import { SystoleError, type Diagnostic } from '../core/index.ts';
import { bindDims, bindPartly, opDef, openDims, type Graph, type Node } from '../graph/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import { adviceFor } from './fate-advice.ts';
import { compile, planKernels, prepare, type Compilation, type CompileOptions } from './compile.ts';
import type { ImportedModel } from './import/index.ts';
import type { Limit } from './kernels/context.ts';
import type { Selection } from './kernels/select.ts';
import type { KernelSpec } from './kernels/spec.ts';

/** Where a node runs. `folded`: nothing is left to run; the reason says why. */
export type Fate = 'matrix' | 'vector' | 'movement' | 'folded' | 'host' | 'unsupported';

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
  readonly assumed: Readonly<Record<string, number>>;
  /** Why there is no program, or none with these sizes; empty where there is one. */
  readonly problems: readonly Diagnostic[];
  /** Of the stages as far as they ran. */
  readonly diagnostics: readonly Diagnostic[];
}

/** @throws SystoleError only when operands contradict each other: then the file is no model */
export function explainFates(model: ImportedModel, machine: Machine, options: CompileOptions): FateReport {
  const prepared = prepare(model);
  const unknown = prepared.graph.nodes.some((node) => opDef(node.domain, node.op) === undefined);
  const attempt: Attempt<Compilation> = unknown ? { value: null, problems: [] } : attemptOf(() => compile(prepared, machine, options));
  if (attempt.value !== null) {
    const compilation = attempt.value;
    const nodes = reportsOf(prepared, compilation.lowered, compilation.selection);
    return { nodes, compilation, assumed: {}, problems: [], diagnostics: compilation.executable.diagnostics };
  }
  const open = openSymbols(prepared.graph, options.dims);
  if (open.length > 0) return withoutProgram(prepared, machine, options, standIns(open));
  return { ...withoutProgram(prepared, machine, options, [{}]), problems: attempt.problems };
}

/** Symbols without a size that nothing bounds. */
function openSymbols(graph: Graph, dims: Readonly<Record<string, number>>): readonly string[] {
  const open = openDims(bindPartly(graph, dims)).flatMap(({ symbol, unknown }) =>
    symbol === null || (unknown !== null && unknown.upper !== null) ? [] : [symbol],
  );
  return [...new Set(open)].sort();
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

/**
 * Sizes to judge fates at, most likely first: what exporters call batch, image and sequence, then the same size for all.
 * Lengths that are sums (past + sequence) are tried as such.
 */
function standIns(open: readonly string[]): readonly Readonly<Record<string, number>>[] {
  const guess = (name: string): number => {
    if (/batch|^n$|^b$/i.test(name)) return 1;
    if (/height|width|^h$|^w$/i.test(name)) return 224;
    return /total|past.*plus|\+/i.test(name) ? 32 : 16;
  };
  const sized = (size: (name: string) => number): Readonly<Record<string, number>> => Object.fromEntries(open.map((n) => [n, size(n)]));
  return [sized(guess), sized(() => 16), sized(() => 1), sized(() => 64), sized(() => 224)];
}

/** Fates from the kernels alone, or, where not even those can be chosen, operator by operator. */
function withoutProgram(
  model: ImportedModel,
  machine: Machine,
  options: CompileOptions,
  sizes: readonly Readonly<Record<string, number>>[],
): FateReport {
  const { graph } = model;
  let problems: readonly Diagnostic[] = [];
  for (const assumed of sizes) {
    const attempt = attemptOf(() => planKernels(bindDims(graph, { ...assumed, ...options.dims }), machine, options));
    if (attempt.value !== null) {
      const { graph: lowered, selection, diagnostics } = attempt.value;
      const nodes = reportsOf(model, lowered, selection);
      return { nodes, compilation: null, assumed, problems: [], diagnostics: [...model.diagnostics, ...diagnostics] };
    }
    if (problems.length === 0) problems = attempt.problems;
  }
  const composites = compositesOf(graph);
  const nodes = model.nodeTable.map((row) => rowOf(row, composites, judgeAlone(graph, row)));
  return { nodes, compilation: null, assumed: {}, problems, diagnostics: model.diagnostics };
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
  const kernelOf = new Map<string, KernelSpec>();
  const rank = (k: KernelSpec): number => ({ host: 0, matrix: 1, vector: 2, dma: 3 })[k.engine];
  for (const kernel of selection.kernels) {
    for (const name of kernel.origin) {
      // A node that became several kernels is told by the one that matters most: the host's, then the array's.
      const known = kernelOf.get(name);
      if (known === undefined || rank(kernel) < rank(known)) kernelOf.set(name, kernel);
    }
  }
  const views = new Set(selection.viewNodes.flatMap((n: Node) => n.origin));
  const rows = new Map(model.nodeTable.map((row) => [row.name, row]));
  const judge = (row: Row): Judgement => {
    const kernel = kernelOf.get(row.name);
    if (kernel !== undefined) return ofKernel(kernel, row);
    if (views.has(row.name)) return folded('a view of its input: no byte moves');
    const retired = graph.retired[row.name];
    if (retired !== undefined) return folded(retiredReason[retired]);
    const parent = row.parent === null ? undefined : rows.get(row.parent);
    if (parent !== undefined) {
      const outer = judge(parent);
      return { ...outer, reason: `part of "${parent.name}": ${outer.reason}` };
    }
    return folded('absorbed by its neighbours, or nothing reads its results');
  };
  const composites = compositesOf(model.graph);
  return model.nodeTable.map((row) => rowOf(row, composites, judge(row)));
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

function ofKernel(kernel: KernelSpec, row: Row): Judgement {
  if (kernel.kind !== 'host') {
    const where = { matrix: 'the matrix engine', vector: 'the vector engine', dma: 'data movement' }[
      kernel.engine as 'matrix' | 'vector' | 'dma'
    ];
    const [anchor] = kernel.origin;
    const fused = kernel.origin.length > 1 && anchor !== row.name ? ` in the kernel of "${anchor}"` : '';
    return {
      fate: engineFate[kernel.engine as keyof typeof engineFate],
      kernel: kernel.name,
      reason: `${kernel.class} on ${where}${fused}`,
      limit: null,
      fix: null,
    };
  }
  const unsupported = kernel.nodes.find((n) => opDef(n.domain, n.op) === undefined && n.origin.includes(row.name));
  if (unsupported !== undefined) return unsupportedFate(row);
  // Neighbours on the host share a kernel; each has a reason of its own.
  const { reason, limit, fix } = kernel.members.find((m) => m.node.origin.includes(row.name)) ?? kernel;
  return { fate: 'host', kernel: kernel.name, reason, limit: limit ?? null, fix: fix ?? adviceFor(row.opType, reason) };
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
    reason: `${reason}, judged by its operator alone: its sizes are not known`,
    limit: null,
    fix: fate === 'host' ? adviceFor(row.opType, reason) : null,
  });
  switch (def.kernelClass) {
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
