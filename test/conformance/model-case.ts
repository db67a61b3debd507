/** One whole model: imported, every node's fate told, compiled with sizes bound, timed. */
import { compile, importModel, type CompileOptions, type ImportedModel } from '../../src/compiler/index.ts';
import { bindDims, symbolsOf, totalMacs } from '../../src/graph/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { checkModel, type CheckedNode } from '../../src/reports/index.ts';
import { simulate } from '../../src/simulator/index.ts';
import { dependentOutputs } from './dependence.ts';
import { failureOf } from './failure.ts';
import type { TestFiles } from './packs.ts';
import { macsByPlace, underpricedHostKernels, unreachedOutputs } from './program-checks.ts';
import { settingsFor, type ModelSettings } from './settings.ts';

export const conformanceTarget = 'edge-systolic-32';

export interface ModelRun {
  readonly macs: number;
  readonly npuMacs: number;
  readonly npuKernels: number;
  readonly hostKernels: number;
  readonly cycles: number;
  /** Nodes that run somewhere and have no cost. */
  readonly unpriced: readonly string[];
  /** Host kernels cheaper than moving their operands. */
  readonly underpriced: readonly string[];
  /** Outputs that should hang on an input of the run and do not. */
  readonly foldedAway: readonly string[];
  /** No output of the model hangs on the values of an input. */
  readonly constant: boolean;
}

export interface ModelCase {
  /** null when it imports. */
  readonly importFailure: string | null;
  /** Rows of `check` without any size given. */
  readonly rows: number;
  readonly fates: Readonly<Record<string, number>>;
  /** Nodes on an engine without the name of a kernel, with sizes or without. */
  readonly unnamed: readonly string[];
  readonly fateFailure: string | null;
  readonly dims: Readonly<Record<string, number>>;
  readonly values: readonly string[];
  readonly run: ModelRun | null;
  readonly runFailure: string | null;
}

export async function modelCase(name: string, files: TestFiles): Promise<ModelCase> {
  const bytes = files.read('model.onnx') ?? new Uint8Array();
  const external = (location: string, offset: number, length: number | null): Promise<Uint8Array | null> => {
    const found = files.read(location);
    return Promise.resolve(found?.subarray(offset, length === null ? undefined : offset + length) ?? null);
  };
  const blank = { rows: 0, fates: {}, unnamed: [], fateFailure: null, dims: {}, values: [], run: null, runFailure: null };
  let model: ImportedModel;
  try {
    model = await importModel(bytes, { name, external });
  } catch (error) {
    const { what } = failureOf(error);
    return { ...blank, importFailure: what, fateFailure: what, runFailure: what };
  }
  const machine = await loadMachine({ preset: conformanceTarget });
  const symbols = inputSymbols(model);
  const settings = settingsFor(name, symbols);
  const fates = fatesOf(model, machine);
  const ran = await runOf(name, bytes, external, machine, settings, symbols);
  return { ...blank, importFailure: null, ...fates, dims: settings.dims, values: Object.keys(settings.values), ...ran };
}

function inputSymbols(model: ImportedModel): readonly string[] {
  const { graph } = model;
  return [...new Set(graph.inputs.flatMap((id) => (graph.values[id]?.type.shape ?? []).flatMap((d) => symbolsOf(d))))].sort();
}

const options = (dims: Readonly<Record<string, number>>): CompileOptions => ({ precision: 'auto', dims, calibration: null });

const engines: ReadonlySet<string> = new Set(['matrix', 'vector', 'movement']);

function unnamedNodes(nodes: readonly CheckedNode[]): readonly string[] {
  return nodes.filter((n) => engines.has(n.fate) && (n.kernel ?? '') === '').map((n) => n.name);
}

function runsSomewhere({ fate }: CheckedNode): boolean {
  return engines.has(fate) || fate === 'host';
}

function fatesOf(model: ImportedModel, machine: Machine): Pick<ModelCase, 'rows' | 'fates' | 'unnamed' | 'fateFailure'> {
  try {
    const { nodes } = checkModel(model, machine, options({}));
    const fates: Record<string, number> = {};
    for (const { fate } of nodes) fates[fate] = (fates[fate] ?? 0) + 1;
    return { rows: nodes.length, fates, unnamed: unnamedNodes(nodes), fateFailure: null };
  } catch (error) {
    return { rows: 0, fates: {}, unnamed: [], fateFailure: failureOf(error).what };
  }
}

async function runOf(
  name: string,
  bytes: Uint8Array,
  external: (location: string, offset: number, length: number | null) => Promise<Uint8Array | null>,
  machine: Machine,
  { dims, values }: ModelSettings,
  symbols: readonly string[],
): Promise<Pick<ModelCase, 'run' | 'runFailure'>> {
  try {
    const model = await importModel(bytes, { name, external, inputValues: new Map(Object.entries(values)) });
    // Sizes that values have settled are not asked for any more; what only a run decides may come to light later.
    const left = new Set(inputSymbols(model));
    const open = Object.fromEntries(Object.entries(dims).filter(([symbol]) => left.has(symbol) || !symbols.includes(symbol)));
    const { executable, quantizedGraph } = compile(model, machine, options(open));
    const result = simulate(executable, machine);
    const { nodes } = checkModel(model, machine, options(open));
    const { npu, host } = macsByPlace(executable);
    const dependent = dependentOutputs(model.graph);
    const kept = new Set(dependentOutputs(quantizedGraph));
    const unreached = new Set(unreachedOutputs(executable));
    return {
      runFailure: null,
      run: {
        macs: Math.max(npu + host, totalMacs(bindDims(model.graph, open))),
        npuMacs: npu,
        npuKernels: executable.kernels.filter((k) => k.engine !== 'host').length,
        hostKernels: executable.kernels.filter((k) => k.engine === 'host').length,
        cycles: result.totals.cycles,
        unpriced: [...unnamedNodes(nodes), ...nodes.filter((n) => n.cost === null && runsSomewhere(n)).map((n) => n.name)],
        underpriced: underpricedHostKernels(executable, machine, result),
        foldedAway: dependent.filter((output) => !kept.has(output) || unreached.has(output)),
        constant: dependent.length === 0,
      },
    };
  } catch (error) {
    return { run: null, runFailure: failureOf(error).what };
  }
}
