/** Repeated regions after lowering: they carry and stack no more than is read. */
import { bytesOf, elementCount, tensorBytes } from '../../core/index.ts';
import { isRepeatEnd, repeatRanges } from '../../graph/index.ts';
import type { Constant, Graph, Node, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { staticShape } from '../passes/constants.ts';
import type { Pass } from '../passes/pass.ts';
import { writtenOpset } from './writer.ts';

/** A stack larger than this is not worth the order of its rows. */
export const mostStackBytes: number = 64 * 2 ** 20;

/**
 * Stacks that nobody reads are not made, and what no trip finds is not carried: of a value that every trip makes anew and whose last is
 * read, the last row of a stack is.
 *
 *     %h, %ys = systole.RepeatEnd(%s, %n, %y)      =>      %h = systole.RepeatEnd(%s, %n)      where nobody reads %ys
 */
export const trimRegions: Pass = {
  name: 'trim-regions',
  summary: 'Repeated regions carry and stack only what is read',
  run(graph) {
    if (!graph.nodes.some(isRepeatEnd)) return graph;
    const read = new Set(graph.outputs);
    for (const node of graph.nodes) for (const id of node.inputs) if (id !== null) read.add(id);
    const trimmer = startTrimmer(graph, read);
    const nodes: Node[] = [];
    let from = 0;
    for (const range of repeatRanges(graph.nodes)) {
      nodes.push(...graph.nodes.slice(from, range.begin), ...trimmer.trim(range));
      from = range.end + 1;
    }
    nodes.push(...graph.nodes.slice(from));
    return trimmer.changed() ? { ...graph, values: trimmer.values, nodes } : graph;
  },
};

type Range = ReturnType<typeof repeatRanges>[number];

interface Trimmer {
  readonly values: readonly Value[];
  /** The region, its ends included, and what follows it at once. */
  trim(range: Range): readonly Node[];
  changed(): boolean;
}

function startTrimmer(graph: Graph, read: ReadonlySet<ValueId>): Trimmer {
  const values = graph.values.slice();
  let changed = false;
  const add = (name: string, type: TensorType, constant: Constant | null): ValueId => {
    const id = values.length;
    values.push({ id, name: `${name}#${id}`, type, layout: 'row-major', quantization: null, constant });
    return id;
  };
  const ints = (name: string, list: readonly number[]): ValueId => {
    const tensor = { dtype: 'int64' as const, shape: [list.length], data: BigInt64Array.from(list, BigInt) };
    return add(name, tensor, { kind: 'bytes', bytes: bytesOf(tensor) });
  };
  /** `final` as a row of a stack. */
  const lastRow = (end: Node, stack: ValueId, at: number, final: ValueId): readonly Node[] => {
    const { name, type } = values[final] as Value;
    const shape = staticShape(type) ?? [];
    const row = add(`${name}:row`, { ...type, shape: [1, ...shape] }, null);
    const common = { domain: '', version: writtenOpset, origin: end.origin };
    const cut = [ints(name, [at]), ints(name, [at + 1]), ints(name, [0]), ints(name, [1])];
    return [
      { ...common, op: 'Slice', name: `${end.name}:${name}:row`, inputs: [stack, ...cut], outputs: [row], attributes: {} },
      {
        ...common,
        op: 'Reshape',
        name: `${end.name}:${name}`,
        inputs: [row, ints(name, shape)],
        outputs: [final],
        attributes: { allowzero: { kind: 'int', value: 1 } },
      },
    ];
  };

  const trim = ({ begin, end, form }: Range): readonly Node[] => {
    const [first, last] = [graph.nodes[begin] as Node, graph.nodes[end] as Node];
    const body = graph.nodes.slice(begin + 1, end);
    const found = new Set([...body.flatMap((n) => n.inputs), ...last.inputs.slice(1)]);
    const stacked = form.stacked.filter((s) => read.has(s.whole));
    const behind: Node[] = [];
    const carried = form.carried.filter((c) => {
      if (found.has(c.seen)) return true;
      if (!read.has(c.final)) return false;
      const { name, type } = values[c.final] as Value;
      if (form.trips * tensorBytes(type.dtype, elementCount(staticShape(type) ?? [])) > mostStackBytes) return true;
      let stack = stacked.find((s) => s.entry === c.next);
      if (stack === undefined) {
        const whole = add(`${name}:stack`, { ...type, shape: [form.trips, ...type.shape] }, null);
        stack = { entry: c.next, whole, reversed: false };
        stacked.push(stack);
      }
      behind.push(...lastRow(last, stack.whole, stack.reversed ? 0 : form.trips - 1, c.final));
      return false;
    });
    const token = carried[0]?.seen ?? form.scanned[0]?.entry;
    const isSame = carried.length === form.carried.length && stacked.length === form.stacked.length && behind.length === 0;
    // A region that nobody reads goes as a whole; one that hands out nothing stays as it is.
    if (isSame || carried.length + stacked.length === 0 || token === undefined) return [first, ...body, last];
    changed = true;
    const attributes = (node: Node, list: readonly { readonly reversed: boolean }[]): Node['attributes'] => ({
      ...node.attributes,
      carried: { kind: 'int', value: carried.length },
      directions: { kind: 'ints', value: list.map((s) => (s.reversed ? 1 : 0)) },
    });
    return [
      {
        ...first,
        inputs: [...carried.map((c) => c.initial), ...form.scanned.map((s) => s.whole)],
        outputs: [...carried.map((c) => c.seen), ...form.scanned.map((s) => s.entry)],
        attributes: attributes(first, form.scanned),
      },
      ...body,
      {
        ...last,
        inputs: [token, ...carried.map((c) => c.next), ...stacked.map((s) => s.entry)],
        outputs: [...carried.map((c) => c.final), ...stacked.map((s) => s.whole)],
        attributes: attributes(last, stacked),
      },
      ...behind,
    ];
  };
  return { values, trim, changed: () => changed };
}
