/** Broadcasting before operator set 7 was asked for by attributes and aligned at an axis; since then shapes align at their ends. */
import type { Dim } from '../../graph/index.ts';
import type { NamedNode } from './names.ts';
import type { Facts } from './upgrade.ts';
import { integer, reshaped } from './upgrade-parts.ts';

/**
 * `axis` says where the second operand's dimensions begin in the first's: ones behind them give the same by alignment at the end.
 * Without it they align at the end already.
 */
export function broadcastForm(node: NamedNode, facts: Facts): readonly NamedNode[] {
  const [a = '', b = ''] = node.inputs;
  const plain = { ...node, attributes: node.attributes.filter((x) => x.name !== 'broadcast' && x.name !== 'axis') };
  const outer = facts.shape(a);
  const inner = facts.shape(b);
  if (outer === null || inner === null || inner.length === 0) return [plain];
  const axis = integer(node, 'broadcast') === 1 ? integer(node, 'axis') : facts.old ? channelAxis(outer, inner) : null;
  if (axis === null) return [plain];
  const rank = outer.length;
  const behind = rank - (axis < 0 ? axis + rank : axis) - inner.length;
  if (behind <= 0 || behind >= rank) return [plain];
  const second = reshaped(
    node,
    b,
    Array.from({ length: behind }, (_, i) => inner.length + i),
  );
  return [second.node, { ...plain, inputs: [a, second.output] }];
}

/** Early exporters added biases without an axis: one number a channel that fits the channels and not the last dimension. */
function channelAxis(outer: readonly Dim[], inner: readonly Dim[]): number | null {
  const [size] = inner;
  if (inner.length !== 1 || outer.length < 3 || typeof size !== 'number' || size === 1) return null;
  const last = outer.at(-1);
  return outer[1] === size && typeof last === 'number' && last !== size && last !== 1 ? 1 : null;
}

/** Before set 7 the slope was a number for all or one for each channel (axis 1), whatever the rank of the input. */
export function slopeForm(node: NamedNode, facts: Facts): readonly NamedNode[] {
  const [x = '', slope = ''] = node.inputs;
  const rank = facts.shape(x)?.length ?? 0;
  if (rank <= 2 || facts.shape(slope)?.length !== 1) return [node];
  const second = reshaped(
    node,
    slope,
    Array.from({ length: rank - 2 }, (_, i) => 1 + i),
  );
  return [second.node, { ...node, inputs: [x, second.output] }];
}
