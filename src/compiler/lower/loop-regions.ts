/**
 * Loop and Scan as repeated regions: their bodies written once.
 *
 * What a Loop's body computes from the number of the trip alone is computed beforehand, and handed out trip by trip; entries of a tensor
 * from outside that the number picks are handed out as they are.
 */
import { bytesOf, viewBytes, type Tensor } from '../../core/index.ts';
import { attributeInt } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import type { NotHere } from '../kernels/context.ts';
import { staticShape } from '../passes/constants.ts';
import type { KnownTrips } from './known-trips.ts';
import type { Region, Writer } from './writer.ts';

/** Copies the nodes of a body but those in `left`; `known` has values of the body already. */
export function inline(
  w: Writer,
  body: Graph,
  known: Map<ValueId, ValueId>,
  left: (node: Node) => boolean = () => false,
): (id: ValueId) => ValueId {
  const outer = (id: ValueId): ValueId => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const value = body.values[id];
    if (value === undefined || value.constant === null) throw new Error(`a body reads "${value?.name}" before it is made`);
    const made = w.constant(value);
    known.set(id, made);
    return made;
  };
  const version = (node: Node): { readonly version?: number } =>
    node.version === undefined && body.opset !== w.opset ? { version: body.opset } : {};
  for (const node of body.nodes) {
    if (left(node)) continue;
    const made = w.inlined(
      { ...node, inputs: node.inputs.map((id) => (id === null ? null : outer(id))), ...version(node) },
      node.outputs.map((id) => ({
        name: body.values[id]?.name ?? '',
        type: body.values[id]?.type ?? { dtype: 'float32', shape: [], unranked: true },
      })),
    );
    node.outputs.forEach((id, i) => known.set(id, made[i] as ValueId));
  }
  return outer;
}

export interface LoopBody {
  readonly body: Graph;
  /** Inputs of the body in order: carried values, then entries, or for a Loop known ones; then what it reads from outside. */
  readonly carried: readonly {
    readonly input: ValueId;
    readonly initial: ValueId;
    readonly output: ValueId;
    readonly known: Tensor | null;
  }[];
  readonly entries: readonly { readonly input: ValueId; readonly whole: ValueId; readonly axis: number; readonly reversed: boolean }[];
  readonly captured: readonly { readonly input: ValueId; readonly outside: ValueId }[];
  /** Outputs of the body that are stacked. */
  readonly made: readonly { readonly output: ValueId; readonly axis: number; readonly reversed: boolean }[];
}

type Entry = Region['scanned'][number] & { readonly input: ValueId };

/** @returns what stands for the outputs of the node: carried values, then stacks; or why its body cannot be repeated */
export function writeRegion(w: Writer, loop: LoopBody, trips: KnownTrips | number): readonly ValueId[] | NotHere {
  const { body } = loop;
  const count = typeof trips === 'number' ? trips : trips.trips;
  const tensorsOf = (id: ValueId): readonly Tensor[] | null => (typeof trips === 'number' ? null : trips.of(id));
  const isKnown = (node: Node): boolean => typeof trips !== 'number' && trips.isKnown(node);

  const values = new Map(loop.captured.map((c) => [c.input, c.outside]));
  const stays = (c: LoopBody['carried'][number]): boolean => c.output === c.input;
  for (const c of loop.carried) if (stays(c)) values.set(c.input, c.initial);
  const moving = loop.carried.filter((c) => !stays(c) && c.known === null);

  const entries: Entry[] = loop.entries.map(({ input, whole, axis, reversed }) => ({ input, whole: axisFirst(w, whole, axis), reversed }));
  const picked = new Set<Node>();
  for (const node of body.nodes) {
    const entry = isKnown(node) ? null : pickedEntry(w, node, values, tensorsOf);
    if (entry === null) continue;
    entries.push(entry);
    picked.add(node);
  }
  // Known values that something reads at run time, or that are stacked.
  const reads = new Set(body.nodes.flatMap((n) => (isKnown(n) || picked.has(n) ? [] : n.inputs)));
  for (const { output } of [...moving, ...loop.made]) reads.add(output);
  for (const id of reads) {
    const tensors = id === null ? null : tensorsOf(id);
    const [first] = tensors ?? [];
    if (id === null || tensors === null || first === undefined) continue;
    if (
      tensors.some((t) => t.dtype !== first.dtype || t.shape.length !== first.shape.length || t.shape.some((d, i) => d !== first.shape[i]))
    )
      return { reason: `the size of "${body.values[id]?.name}" changes from one iteration to the next` };
    if (first.dtype === 'string') return { reason: 'its body computes with text' };
    if (tensors.every((t) => sameBytes(t, first))) values.set(id, w.tensor(first));
    else entries.push({ input: id, whole: w.tensor(stackOf(tensors)), reversed: false });
  }
  if (moving.length + entries.length === 0) return { reason: 'nothing changes from one iteration to the next' };

  const done = w.repeat({
    trips: count,
    initial: moving.map((c) => c.initial),
    scanned: entries,
    body(carried, given) {
      const inside = new Map(values);
      moving.forEach((c, j) => inside.set(c.input, carried[j] as ValueId));
      entries.forEach((e, k) => inside.set(e.input, given[k] as ValueId));
      const outer = inline(w, body, inside, (node) => isKnown(node) || picked.has(node));
      return {
        next: moving.map((c) => outer(c.output)),
        made: loop.made.map(({ output, reversed }) => ({ entry: outer(output), reversed })),
      };
    },
  });
  if (done === null) return { reason: 'the size or type of what it carries changes from one iteration to the next' };
  const finals = new Map(moving.map((c, j) => [c.input, done.final[j] as ValueId]));
  return [
    ...loop.carried.map((c) => finals.get(c.input) ?? (c.known === null ? c.initial : w.tensor(c.known))),
    ...loop.made.map(({ axis }, k) => axisBack(w, done.stacked[k] as ValueId, axis)),
  ];
}

function axisFirst(w: Writer, id: ValueId, axis: number): ValueId {
  const rank = w.value(id).type.shape.length;
  return w.transpose(id, [axis, ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)]);
}

/** The first axis where it belongs. */
function axisBack(w: Writer, id: ValueId, axis: number): ValueId {
  const rank = w.value(id).type.shape.length;
  const at = (axis + rank) % rank;
  return w.transpose(
    id,
    Array.from({ length: rank }, (_, i) => (i === at ? 0 : i < at ? i + 1 : i)),
  );
}

/** `Gather(%x, %i)` of a tensor from outside by an index known for every trip: an entry of it. */
function pickedEntry(
  w: Writer,
  node: Node,
  outside: ReadonlyMap<ValueId, ValueId>,
  tensorsOf: (id: ValueId) => readonly Tensor[] | null,
): Entry | null {
  const [data = null, index = null] = node.inputs;
  const [input] = node.outputs;
  if (node.op !== 'Gather' || node.domain !== '' || data === null || index === null || input === undefined) return null;
  const from = outside.get(data);
  const tensors = tensorsOf(index);
  const shape = from === undefined ? null : staticShape(w.value(from).type);
  if (from === undefined || tensors === null || shape === null || tensors.some((t) => t.shape.length > 0)) return null;
  const axis = (attributeInt(node, 'axis', 0) + shape.length) % shape.length;
  const extent = shape[axis] ?? 0;
  const indices = tensors.map((t) => Number(t.data[0])).map((i) => (i < 0 ? i + extent : i));
  const [first = 0] = indices;
  const last = indices.at(-1) ?? 0;
  if (indices.some((i) => i < 0 || i >= extent)) return null;
  const up = indices.every((i, t) => i === first + t);
  const down = indices.every((i, t) => i === first - t);
  const part = up
    ? w.slice(from, axis, first, last + 1)
    : down
      ? w.slice(from, axis, last, first + 1)
      : w.op('Gather', [from, w.ints(indices)], { axis });
  return { input, whole: axisFirst(w, part, axis), reversed: down && !up };
}

function sameBytes(a: Tensor, b: Tensor): boolean {
  const [x, y] = [bytesOf(a), bytesOf(b)];
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

function stackOf(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors as readonly [Tensor];
  const parts = tensors.map(bytesOf);
  const each = parts[0]?.length ?? 0;
  const bytes = new Uint8Array(each * parts.length);
  parts.forEach((part, i) => bytes.set(part, i * each));
  return { dtype: first.dtype, shape: [tensors.length, ...first.shape], data: viewBytes(first.dtype, bytes) };
}
