/** Repeated regions of a graph on numbers. */
import { isTensor, type RuntimeValue, type Tensor } from '../core/index.ts';
import type { Live } from './evaluate-values.ts';
import type { Node, ValueId } from './ir.ts';
import { entryOf } from './ops/control-flow-parts.ts';
import { joined } from './ops/move.ts';
import { reshaped } from './ops/numbers.ts';
import type { RepeatForm } from './ops/repeat.ts';

export interface RegionRunner {
  /** Shows the results of a node to whoever watches. */
  see(node: Node, results: readonly RuntimeValue[]): void;
  /** Runs a node of the body; `last`: for the last time. */
  run(node: Node, last: boolean): void;
}

/** @param nodes  from one end to the other, both included */
export function runRegion(nodes: readonly Node[], form: RepeatForm, live: Live, runner: RegionRunner): void {
  const begin = nodes[0] as Node;
  const end = nodes.at(-1) as Node;
  const tensor = (id: ValueId, node: Node): Tensor => {
    const value = live.read(id, node.name);
    if (!isTensor(value)) throw new Error(`"${node.name}" reads a value that is no tensor`);
    return value;
  };
  const wholes = form.scanned.map((s) => tensor(s.whole, begin));
  let carried = form.carried.map((c) => tensor(c.initial, begin));
  const rows = form.stacked.map((): Tensor[] => []);
  for (let trip = 0; trip < form.trips; trip++) {
    const last = trip === form.trips - 1;
    const entries = wholes.map((x, k) => entryOf(x, 0, form.scanned[k]?.reversed === true ? form.trips - 1 - trip : trip));
    const given = [...carried, ...entries];
    runner.see(begin, given);
    if (last) live.settle(begin, given);
    else live.put(begin, given);
    for (const node of nodes.slice(1, -1)) runner.run(node, last);
    carried = form.carried.map((c) => tensor(c.next, end));
    form.stacked.forEach((s, k) => rows[k]?.push(tensor(s.entry, end)));
  }
  const stacks = rows.map((row, k) => stack(form.stacked[k]?.reversed === true ? row.toReversed() : row));
  const results = [...carried, ...stacks];
  runner.see(end, results);
  live.settle(end, results);
}

function stack(rows: readonly Tensor[]): Tensor {
  const [first] = rows;
  if (first === undefined) throw new Error('a region of no trips');
  return joined(
    rows.map((row) => reshaped(row, [1, ...row.shape])),
    0,
    [rows.length, ...first.shape],
  );
}
