/** Kernels, homes and commands -> the executable: identity of the model, entry point, what became of every node. */
import { elementCount, tensorBytes, type Diagnostic } from '../core/index.ts';
import { packedBytes, type Graph, type Node } from '../graph/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import type { EntryPoint, Executable, NodeFate, Region, TensorBinding } from '../isa/index.ts';
import type { Generated } from './codegen/generate.ts';
import type { ImportedModel } from './import/index.ts';
import { byWeight, kernelsByOrigin } from './kernels/main-kernel.ts';
import type { Selection } from './kernels/select.ts';
import type { Placement } from './memory/placement.ts';
import { packedOf } from './passes/packed-numbers.ts';
import type { CompileOptions } from './plan.ts';
import type { Precision } from './precision/index.ts';
import { bindingOf } from './tensor-table.ts';

export interface Parts {
  readonly graph: Graph;
  readonly original: Graph;
  readonly selection: Selection;
  readonly placement: Placement;
  readonly generated: Generated;
  readonly spaces: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export function assembleExecutable(model: ImportedModel, machine: Machine, options: CompileOptions, mode: Precision, p: Parts): Executable {
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

/** Distinct constants the graph uses after folding, in their ONNX dtype, or in the codes they were made of. */
function parameterBytes(graph: Graph): number {
  const used = new Set<number>();
  for (const node of graph.nodes) for (const id of node.inputs) if (id !== null && graph.values[id]?.constant) used.add(id);
  let bytes = 0;
  for (const id of used) {
    const v = graph.values[id];
    if (v === undefined) continue;
    const packed = packedOf(v);
    const fits = v.constant?.kind === 'bytes' ? v.constant.fits : undefined;
    if (packed !== null) bytes += packedBytes(packed);
    else bytes += tensorBytes(fits ?? v.type.dtype, elementCount(v.type.shape.map((d) => (typeof d === 'number' ? d : 1))));
  }
  return bytes;
}

function hasPlaceholders(graph: Graph): boolean {
  return graph.values.some((v) => v.quantization?.source === 'placeholder');
}

function entryPoint(p: Parts): EntryPoint {
  const binding = (id: number): TensorBinding => bindingOf(p.graph, p.selection, p.placement, id);
  return { name: 'main', program: 0, inputs: p.graph.inputs.map(binding), outputs: p.graph.outputs.map(binding), scalars: [] };
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
