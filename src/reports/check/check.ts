/** Where every operator of a model runs on a machine, why, what it costs and what to change: fates joined with the costs of a run. */
import { compilerMappingMessages, elementCount, tensorBytes, version, type Diagnostic } from '../../core/index.ts';
import {
  explainFates,
  type Compilation,
  type CompileOptions,
  type Fate,
  type FateReport,
  type ImportedModel,
  type NodeReport,
  type OpenSize,
} from '../../compiler/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import { simulate } from '../../simulator/index.ts';
import type { KernelResult, Result } from '../../simulator/result.ts';

export const checkSchemaVersion = 1;

/** What the kernels of one node take. Nodes that share a kernel (fused ones) all name its whole cost. */
export interface NodeCost {
  /** Reference cycles from first issue to last retire, summed over the node's kernels; they may overlap other kernels. */
  readonly cycles: number;
  /** The part of the whole run's cycles that waits for these kernels. */
  readonly attributedCycles: number;
  /** Bytes through memories outside the cores, both directions. */
  readonly bytes: number;
  /** Hand-overs to the host and back. */
  readonly handovers: number;
  /** Whether the cost stands for one iteration of a loop: how often it runs is known only at run time. */
  readonly perIteration: boolean;
  /** How many nodes share these kernels, this one included. */
  readonly sharedBy: number;
}

export interface CheckedNode extends NodeReport {
  /** null where nothing runs, and where sizes are open: see `costNeeds`. */
  readonly cost: NodeCost | null;
  /** Dimensions to fix with --dim before a cost can be told. */
  readonly costNeeds: readonly string[];
}

export interface FateSummary {
  readonly fate: Fate;
  readonly nodes: number;
  readonly kernels: number;
  readonly macs: number;
  readonly attributedCycles: number;
  /** From first issue to last retire, of all kernels together: they may run while others do. */
  readonly spanCycles: number;
}

/** An input and an output of the model that are one tensor of the state. */
export interface CheckedCache {
  readonly past: string;
  readonly present: string;
  /** Of `present`, along the axis it grows on, and how many of them a run writes. */
  readonly rows: number;
  readonly appendedRows: number;
  /** Of all rows. */
  readonly bytes: number;
  readonly memory: string;
}

export interface CheckReport {
  readonly schemaVersion: number;
  readonly tool: { readonly name: 'systole'; readonly version: string };
  readonly model: { readonly name: string; readonly sha256: string; readonly opset: number };
  readonly target: { readonly name: string };
  readonly summary: {
    readonly nodes: number;
    readonly fates: readonly FateSummary[];
    /** null without a program. */
    readonly totals: {
      readonly cycles: number;
      readonly seconds: number;
      readonly macs: number;
      readonly npuMacs: number;
      readonly hostSeconds: number;
      readonly handovers: number;
      /** Of the caches, outside the cores. */
      readonly stateReadBytes: number;
      readonly stateWriteBytes: number;
    } | null;
    /** Inputs that stay from run to run as parts of outputs, growing in place; empty without a program. */
    readonly caches: readonly CheckedCache[];
    /** Dimensions without a size, and the size each fate was judged at; empty where costs can be told. */
    readonly openDims: readonly OpenSize[];
    /** Composite operators found in what exporters had split, and what else the compiler noted. */
    readonly recovered: readonly string[];
  };
  readonly nodes: readonly CheckedNode[];
  /** Why there is no program; empty where there is one. */
  readonly problems: readonly Diagnostic[];
  readonly diagnostics: readonly Diagnostic[];
}

/** @throws SystoleError where the file is no model: operands that contradict each other */
export function checkModel(model: ImportedModel, machine: Machine, options: CompileOptions): CheckReport {
  const report = explainFates(model, machine, options);
  const result = report.compilation === null ? null : simulate(report.compilation.executable, machine);
  const open = report.open.map((o) => o.symbol);
  const costs = result === null ? null : costsByNode(result, machine, report);
  const nodes = report.nodes.map((node): CheckedNode => ({
    ...node,
    cost: node.fate === 'folded' ? null : (costs?.get(node.name) ?? null),
    costNeeds: node.fate === 'folded' ? [] : open,
  }));
  return {
    schemaVersion: checkSchemaVersion,
    tool: { name: 'systole', version },
    model: { name: model.identity.name, sha256: model.identity.sha256, opset: model.identity.opset },
    target: { name: machine.name },
    summary: {
      nodes: nodes.length,
      fates: summarize(nodes, result),
      totals: result === null ? null : totalsOf(result),
      caches: report.compilation === null ? [] : cachesOf(report.compilation),
      openDims: report.open,
      recovered: report.diagnostics.filter(isRecovery).map((d) => d.message),
    },
    nodes,
    problems: report.problems,
    diagnostics: report.diagnostics,
  };
}

/** Passes tell what they recovered with codes SYS4260 to SYS4279. */
export function isRecovery(d: Diagnostic): boolean {
  return /^SYS42[67]\d$/.test(d.code);
}

function totalsOf(result: Result): NonNullable<CheckReport['summary']['totals']> {
  const host = result.kernels.filter((k) => k.engine === 'host');
  const hostMacs = host.reduce((n, k) => n + k.macs, 0);
  const { cycles, seconds, macs, hostSeconds, stateReadBytes, stateWriteBytes } = result.totals;
  return { cycles, seconds, macs, npuMacs: macs - hostMacs, hostSeconds, handovers: host.length, stateReadBytes, stateWriteBytes };
}

function cachesOf({ selection, lowered, executable }: Compilation): readonly CheckedCache[] {
  const outputs = new Map(executable.entryPoints.flatMap((e) => e.outputs.map((b) => [b.name, b] as const)));
  return selection.caches.flatMap(({ past, present, rows, keptRows }) => {
    const id = lowered.outputs.find((o) => selection.views.rootOf(o) === present) ?? present;
    const [from, to] = [past, id].map((v) => lowered.values[v]?.name ?? '');
    const binding = outputs.get(to ?? '');
    if (from === undefined || to === undefined || binding === undefined) return [];
    const memory = executable.spaces[executable.regions[binding.region]?.space ?? -1] ?? '';
    const bytes = tensorBytes(binding.dtype, elementCount(binding.shape));
    return [{ past: from, present: to, rows, appendedRows: rows - keptRows, bytes, memory }];
  });
}

function costsByNode(result: Result, machine: Machine, report: FateReport): ReadonlyMap<string, NodeCost> {
  const kernelsOf = new Map<string, KernelResult[]>();
  for (const kernel of result.kernels) {
    for (const name of kernel.origin) {
      const list = kernelsOf.get(name);
      if (list === undefined) kernelsOf.set(name, [kernel]);
      else list.push(kernel);
    }
  }
  const outside = Object.entries(machine.memories).flatMap(([name, m]) => (m.owner === 'core' ? [] : [name]));
  const bytesOf = (kernel: KernelResult): number =>
    outside.reduce((n, memory) => n + Object.values(kernel.traffic[memory] ?? {}).reduce((m, t) => m + t.readBytes + t.writeBytes, 0), 0);
  const parents = new Map(report.nodes.map((n) => [n.name, n.parent]));
  /** Nodes of a body that runs as a whole name the cost of the node that has the body. */
  const ownerOf = (name: string): string | null => {
    let owner: string | null = name;
    while (owner !== null && !kernelsOf.has(owner)) owner = parents.get(owner) ?? null;
    return owner;
  };
  const owners = new Map(report.nodes.filter((n) => n.fate !== 'folded').map((n) => [n.name, ownerOf(n.name)]));
  const users = new Map<KernelResult, Set<string>>();
  for (const [name, owner] of owners) {
    for (const kernel of (owner === null ? undefined : kernelsOf.get(owner)) ?? []) {
      const known = users.get(kernel);
      if (known === undefined) users.set(kernel, new Set([name]));
      else known.add(name);
    }
  }
  const openLoops = new Set(report.diagnostics.flatMap((d) => (d.code === compilerMappingMessages.tripsUnknown.code ? d.origin : [])));
  const isPerIteration = (name: string): boolean => {
    for (let at: string | null = name; at !== null; at = parents.get(at) ?? null) if (openLoops.has(at)) return true;
    return false;
  };
  const found = new Map<string, NodeCost>();
  for (const [name, owner] of owners) {
    const kernels = owner === null ? [] : (kernelsOf.get(owner) ?? []);
    if (kernels.length === 0) continue;
    const [only, ...others] = kernels;
    // A host kernel may hold thousands of nodes: sets are joined only where a node has several kernels.
    const sharing =
      only !== undefined && others.length === 0 ? users.get(only) : new Set(kernels.flatMap((k) => [...(users.get(k) ?? [])]));
    found.set(name, {
      cycles: kernels.reduce((n, k) => n + k.spanCycles, 0),
      attributedCycles: kernels.reduce((n, k) => n + k.attributedCycles, 0),
      bytes: kernels.reduce((n, k) => n + bytesOf(k), 0),
      handovers: kernels.filter((k) => k.engine === 'host').length,
      sharedBy: sharing?.size ?? 1,
      perIteration: isPerIteration(name),
    });
  }
  return found;
}

const order: readonly Fate[] = ['matrix', 'vector', 'movement', 'host', 'unsupported', 'folded'];

function summarize(nodes: readonly CheckedNode[], result: Result | null): readonly FateSummary[] {
  const engineOf: Readonly<Record<Fate, string>> = {
    matrix: 'matrix',
    vector: 'vector',
    movement: 'dma',
    host: 'host',
    unsupported: '',
    folded: '',
  };
  return order.flatMap((fate) => {
    const mine = nodes.filter((n) => n.fate === fate).length;
    const kernels = (result?.kernels ?? []).filter((k) => k.engine === engineOf[fate]);
    if (mine === 0 && kernels.length === 0) return [];
    return [
      {
        fate,
        nodes: mine,
        kernels: kernels.length,
        macs: kernels.reduce((n, k) => n + k.macs, 0),
        attributedCycles: kernels.reduce((n, k) => n + k.attributedCycles, 0),
        spanCycles: kernels.reduce((n, k) => n + k.spanCycles, 0),
      },
    ];
  });
}
