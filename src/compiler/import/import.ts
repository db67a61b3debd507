/** From the bytes of a file to a graph: one named step a line, each in its own file. */
import { compilerMessages, elementCount, fail, graphMessages, suggest, tensorBytes, type Diagnostic } from '../../core/index.ts';
import type { Graph, Value } from '../../graph/ir.ts';
import { decodeModel, newestOpset, type ExternalReader } from '../../onnx/index.ts';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValueInfo } from '../../onnx/model.ts';
import { buildGraph, type BuildContext } from './build.ts';
import { readExternal, type ExternalData } from './external.ts';
import { inlineFunctions } from './functions.ts';
import { readInputs, type InputOptions } from './inputs.ts';
import { bodiesOf, nameGraph, plainDomain, type NodeRow, type Versions } from './names.ts';
import { findFreeNames } from './scope.ts';
import { oldestDefined } from './upgrade.ts';

export interface ImportOptions extends InputOptions {
  /** What the model is called in reports. */
  readonly name: string;
  /** Reads external data; without it, or where it answers null, those weights are absent. */
  readonly external?: ExternalReader | undefined;
  /** Hex SHA-256 of the bytes, if the caller has it already. */
  readonly sha256?: string | undefined;
}

export interface ImportedModel {
  readonly graph: Graph;
  readonly identity: {
    readonly name: string;
    readonly sha256: string;
    readonly opset: number;
    readonly parameterBytes?: number;
  };
  /**
   * Every node of the file once, bodies of If, Loop and Scan behind their node: what `origin` and `retired` refer to. Nodes inside
   * model-local functions are not among them: they bear the names of the calls.
   */
  readonly nodeTable: readonly NodeRow[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Imports any readable model: operators nobody defines become nodes typed as the file says, what only a run decides stays open.
 * @throws SystoleError with SYS1xxx when the bytes are not a readable ONNX file, SYS40xx when the model contradicts itself, SYS3xxx
 * where operands do not fit their operator
 */
export async function importModel(bytes: Uint8Array, options: ImportOptions): Promise<ImportedModel> {
  const { model, diagnostics } = decodeModel(bytes);
  const external = await readExternal(model, options.external);
  const sha256 = options.sha256 ?? (await hashBytes(bytes));
  const { name, inputValues, shapes } = options;
  const imported = importDecoded(model, { name, sha256, external, inputValues, shapes });
  return { ...imported, diagnostics: [...diagnostics, ...imported.diagnostics] };
}

async function hashBytes(bytes: Uint8Array): Promise<string> {
  // A view of a shared buffer is refused by digest, hence the check; files never are.
  const own =
    bytes.buffer instanceof ArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Uint8Array.from(bytes);
  const digest = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', own));
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** The same from a model that is decoded already (built in memory, or changed by a tool). */
export function importDecoded(
  model: OnnxModel,
  options: InputOptions & { readonly name: string; readonly sha256: string; readonly external?: ExternalData },
): ImportedModel {
  const { versions, warnings } = readVersions(model);
  const declared = versions.get('') ?? newestOpset;
  const outputs = model.graph.outputs.length > 0 ? model.graph.outputs : unreadValues(model.graph);
  if (outputs.length === 0) fail(compilerMessages.noOutputs({ name: model.graph.name }));
  if (outputs !== model.graph.outputs) warnings.push(compilerMessages.outputsInferred({ outputs: outputs.map((v) => v.name) }));
  const named = nameGraph({ ...model.graph, outputs }, versions);
  const source = inlineFunctions(model, named, versions);
  // One that is also an initializer (always so before IR 4) is a constant: its default cannot be overridden once it is compiled in.
  const held = new Set([...model.graph.initializers.map((t) => t.name), ...model.graph.sparseInitializers.map((t) => t.values.name)]);
  const open = model.graph.inputs.filter((input) => !held.has(input.name) || options.inputValues?.has(input.name) === true);
  const { inputs, settled, diagnostics } = readInputs(open, options);
  const cx: BuildContext = {
    opset: Math.max(declared, oldestDefined),
    old: model.irVersion < 3,
    external: options.external ?? new Map(),
    free: findFreeNames(),
    settled,
    problems: [],
    warnings: [],
    absent: [],
    strange: new Map(),
    leftOpen: new Set(),
    retired: new Map(),
  };
  const graph = buildGraph(options.name, source, inputs, cx);
  return {
    graph,
    identity: { name: options.name, sha256: options.sha256, opset: declared },
    nodeTable: named.rows,
    diagnostics: [...warnings, ...diagnostics, ...cx.warnings, ...strangeAttributes(cx.strange), ...absentWeights(cx.absent)],
  };
}

/** Versions of the operator sets the model imports. Without any import a file is from before there were versions, or at fault. */
function readVersions({ opsetImports, irVersion }: OnnxModel): { versions: Versions; warnings: Diagnostic[] } {
  const versions = new Map(opsetImports.flatMap(({ domain, version }) => (version >= 1 ? [[plainDomain(domain), version] as const] : [])));
  if (versions.has('')) return { versions, warnings: [] };
  // IR 3 brought operator sets (docs/IR.md); a model may use other domains only.
  const version = irVersion < 3 ? 1 : newestOpset;
  const others = [...versions.keys()];
  versions.set('', version);
  const silent = irVersion < 3 || others.length > 0;
  return { versions, warnings: silent ? [] : [compilerMessages.noOperatorSet({ assumed: version })] };
}

/** What a graph without declared outputs gives: every value nobody reads, as ONNX Runtime has it. */
function unreadValues({ nodes }: OnnxGraph): readonly OnnxValueInfo[] {
  const read = new Set<string>();
  const visit = (list: readonly OnnxNode[]): void => {
    for (const node of list) {
      for (const input of node.inputs) read.add(input);
      for (const { graph } of bodiesOf(node)) {
        visit(graph.nodes);
        for (const output of graph.outputs) read.add(output.name);
      }
    }
  };
  visit(nodes);
  const unread = nodes.flatMap((node) => node.outputs.filter((output) => output !== '' && !read.has(output)));
  return unread.map((name) => ({ name, type: { kind: 'none' } }));
}

function strangeAttributes(found: BuildContext['strange']): readonly Diagnostic[] {
  return [...found.values()].map(({ op, attribute, known, nodes }) =>
    graphMessages.unknownAttribute({ op, attribute, nodes, near: suggest(attribute, known) }, { origin: nodes }),
  );
}

function absentWeights(absent: readonly Value[]): readonly Diagnostic[] {
  if (absent.length === 0) return [];
  let bytes = 0;
  for (const { type } of absent) bytes += tensorBytes(type.dtype, elementCount(type.shape.filter((d) => typeof d === 'number')));
  const names = absent.map((v) => v.name);
  return [compilerMessages.weightsAbsent({ count: absent.length, bytes, names }, { origin: names })];
}
