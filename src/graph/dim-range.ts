import type { Dim } from './dim.ts';

/**
 * The least and the greatest a dimension can be with every symbol a whole number from 0 on. Terms are taken one by one, so the
 * interval may be wider than the truth, never narrower.
 */
export function dimRange(dim: Dim): readonly [number, number] {
  if (typeof dim === 'number') return [dim, dim];
  if (dim.kind === 'symbol') return [0, Infinity];
  const [a, b] = dimRange(dim.left);
  const [c, d] = dimRange(dim.right);
  switch (dim.kind) {
    case 'add':
      return [a + c, b + d];
    case 'sub':
      return [a - d, b - c];
    case 'max':
      return [Math.max(a, c), Math.max(b, d)];
    case 'mul': {
      const corners = [times(a, c), times(a, d), times(b, c), times(b, d)];
      return [Math.min(...corners), Math.max(...corners)];
    }
    case 'floorDiv':
    case 'ceilDiv': {
      // A divisor that may be 0 or less says nothing, except that it keeps the sign of what it divides.
      if (c < 0 || d === 0) return [-Infinity, Infinity];
      const least = Math.max(1, c);
      const round = dim.kind === 'floorDiv' ? Math.floor : Math.ceil;
      return [round(a >= 0 ? over(a, d) : a / least), round(b >= 0 ? b / least : over(b, d))];
    }
  }
}

/** 0 · ∞ is 0: one of the two never gets there. */
function times(x: number, y: number): number {
  return x === 0 || y === 0 ? 0 : x * y;
}

function over(x: number, y: number): number {
  return Math.abs(x) === Infinity ? x : x / y;
}

/** Whether the expression has more than `limit` symbols and numbers: too long to read, and to compute with again and again. */
export function isLongDim(dim: Dim, limit: number): boolean {
  const pending: Dim[] = [dim];
  let count = 0;
  for (let d = pending.pop(); d !== undefined; d = pending.pop()) {
    if (typeof d === 'number' || d.kind === 'symbol') {
      if (++count > limit) return true;
    } else pending.push(d.left, d.right);
  }
  return false;
}
