/** HOST: an ONNX subgraph in text, run by the graph room's reference evaluators. Operands are in the order of the graph's inputs and outputs. */
import {
  bitsOf,
  bytesOf,
  bytesPerElement,
  fail,
  graphMessages,
  invariant,
  simulatorMessages,
  viewBytes,
  type Tensor,
} from '../../core/index.ts';
import { interpret, parseGraph, type Graph } from '../../graph/index.ts';
import type { HostCommand, Ref } from '../../isa/command.ts';
import type { HostSegment } from '../../isa/executable.ts';
import { tile, type Context } from './context.ts';
import { gather, scatter } from './tile.ts';

/** Runs a segment on tensors. */
export type HostEvaluator = (segment: number, inputs: readonly Tensor[]) => readonly Tensor[];

/** Segments are parsed when first run. */
export function createHost(segments: readonly HostSegment[]): HostEvaluator {
  const parsed = new Map<number, Graph>();
  return (index, inputs) => {
    const segment = segments[index];
    invariant(segment !== undefined, `host segment ${index} of ${segments.length}`);
    let graph = parsed.get(index);
    if (graph === undefined) {
      graph = parseGraph(segment.graph, `host segment "${segment.name}"`);
      parsed.set(index, graph);
    }
    return evaluate(graph, inputs);
  };
}

function evaluate(graph: Graph, inputs: readonly Tensor[]): readonly Tensor[] {
  const named = new Map<string, Tensor>();
  for (const id of [...graph.inputs, ...graph.outputs]) refuseWithoutBytes(graph, id);
  for (const [i, id] of graph.inputs.entries()) {
    const value = graph.values[id];
    const tensor = inputs[i];
    invariant(value !== undefined && tensor !== undefined, `host segment "${graph.name}" has an input ${i}`);
    // References may merge axes; the graph says how the numbers are shaped.
    const shape = value.type.shape.map((d, axis) => (typeof d === 'number' ? d : (tensor.shape[axis] ?? 1)));
    // Elements of less than a byte cross memory as the bytes they are packed in.
    named.set(value.name, { ...tensor, dtype: bitsOf(value.type.dtype) < 8 ? value.type.dtype : tensor.dtype, shape });
  }
  const outputs = interpret(graph, named);
  return graph.outputs.map((id) => {
    const tensor = outputs.get(graph.values[id]?.name ?? '');
    invariant(tensor !== undefined, `host segment "${graph.name}" computes its output ${id}`);
    return tensor;
  });
}

function refuseWithoutBytes(graph: Graph, id: number): void {
  const value = graph.values[id];
  if (value === undefined) return;
  const { container, dtype } = value.type;
  if (container === undefined && dtype !== 'string') return;
  fail(
    simulatorMessages.hasNoBytes({
      value: value.name,
      kind: container === undefined ? 'text' : `a value of kind ${container}`,
      segment: graph.name,
    }),
  );
}

export function runHost(cx: Context, c: HostCommand): void {
  const outputs = cx.host(
    c.segment,
    c.inputs.map((ref) => readTensor(cx, ref)),
  );
  for (const [i, ref] of c.outputs.entries()) {
    const tensor = outputs[i];
    invariant(
      tensor !== undefined && (tensor.dtype === ref.dtype || (bitsOf(tensor.dtype) < 8 && ref.dtype === 'uint8')),
      `output ${i} of host segment ${c.segment} is ${tensor?.dtype}, not ${ref.dtype}`,
    );
    const raw = bytesOf(tensor);
    const to = tile(cx, ref);
    if (raw.byteLength !== to.count * bytesPerElement(ref.dtype)) {
      // Only operators whose result sizes hang on values do that: the program took the largest.
      fail(graphMessages.hostResultSize({ segment: c.segment, output: i, shape: tensor.shape, expected: to.count }));
    }
    // Scattering moves words: the bytes must start at a multiple of them.
    const aligned = raw.byteOffset % 4 === 0 ? raw : raw.slice();
    scatter(to, aligned.buffer, aligned.byteOffset);
  }
}

function readTensor(cx: Context, ref: Ref): Tensor {
  const from = tile(cx, ref);
  const raw = new Uint8Array(from.count * bytesPerElement(ref.dtype));
  gather(from, raw.buffer, 0);
  return { dtype: ref.dtype, shape: ref.extents, data: viewBytes(ref.dtype, raw) };
}
