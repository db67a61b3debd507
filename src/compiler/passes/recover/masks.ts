/**
 * Masks of attention: which are the causal triangle, and how the others are given to Attention, which takes one mask of numbers.
 *
 * A selecting mask becomes numbers to add: 0 where a score stays, the number that took its place elsewhere. Both give the same
 * weights wherever a query may see one key at least; for a query that sees none, no form of mask means anything.
 */
import { equalDim, maxDim, type Dim } from '../../../graph/index.ts';
import type { Node, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, sameShape, type Pattern } from './match.ts';
import type { Mask } from './scores.ts';
import type { NodeWriter } from './writer.ts';

/** Scores without masks: [batch, heads, queries, keys]. */
export interface ScoreShape {
  readonly shape: readonly Dim[];
  /** Keys in front of the first query's own. */
  readonly offset: Dim;
}

/** Numbers that make a weight zero, as in `unseen` of the scores. */
const low = -9999;

/** The mask lets each query see its own key and those before it, and nothing else. */
export function isCausal(p: Pattern, mask: Mask, scores: ScoreShape): boolean {
  return mask.kind === 'added' ? isAddedTriangle(p, mask.id, scores) : isVisibleTriangle(p, mask.condition, mask.visible, scores);
}

/** Numbers: 0 on and below the diagonal, very low above. */
function isAddedTriangle(p: Pattern, given: ValueId, scores: ScoreShape): boolean {
  const { id } = throughViews(p, given);
  if (isConstantTriangle(p, id, scores, (x) => (x === 0 ? true : x <= low ? false : null))) return true;
  const where = p.made(id, 'Where');
  if (where !== null) {
    const [a, b] = [fillOf(p, where.inputs[1]), fillOf(p, where.inputs[2])];
    if (a === 0 && b !== null && b <= low) return isVisibleTriangle(p, input(where, 0), true, scores);
    if (b === 0 && a !== null && a <= low) return isVisibleTriangle(p, input(where, 0), false, scores);
    return false;
  }
  // The part strictly above the diagonal of a matrix full of the low number.
  const trilu = p.made(id, 'Trilu');
  const fill = trilu === null ? null : fillOf(p, trilu.inputs[0]);
  return trilu !== null && fill !== null && fill <= low && isSquare(p, id, scores) && upper(trilu) && diagonal(p, trilu) === 1;
}

/** A condition: `visible` on and below the diagonal, the opposite above. */
function isVisibleTriangle(p: Pattern, given: ValueId, visible: boolean, scores: ScoreShape): boolean {
  const { id } = throughViews(p, given);
  if (isConstantTriangle(p, id, scores, (x) => (x !== 0) === visible)) return true;
  const node = p.made(id, 'Not', 'Trilu', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Equal');
  if (node === null) return false;
  if (node.op === 'Not') return isVisibleTriangle(p, input(node, 0), !visible, scores);
  if (node.op === 'Equal') {
    // A triangle of ones compared with 0 or 1.
    for (const [x, number] of bothWays(node)) {
      const wanted = p.scalar(number);
      if (wanted === 0 || wanted === 1) return isVisibleTriangle(p, x, wanted === 1 ? visible : !visible, scores);
    }
    return false;
  }
  if (node.op === 'Trilu') {
    const fill = fillOf(p, node.inputs[0]);
    if (fill === null || fill === 0 || !isSquare(p, id, scores)) return false;
    return upper(node) ? !visible && diagonal(p, node) === 1 : visible && diagonal(p, node) === 0;
  }
  return comparesPositions(p, node, visible, scores);
}

/** key + a < query + b and the like: visible means key ≤ query + offset. */
function comparesPositions(p: Pattern, node: Node, visible: boolean, scores: ScoreShape): boolean {
  const [a, b] = [positionsOf(p, input(node, 0)), positionsOf(p, input(node, 1))];
  if (a === null || b === null || a.axis === b.axis || scores.offset !== 0) return false;
  const turned = a.axis === 1;
  const [key, query] = turned ? [b, a] : [a, b];
  if (!equalDim(key.length, scores.shape[3] ?? 0) || !equalDim(query.length, scores.shape[2] ?? 0)) return false;
  const flip: Readonly<Record<string, string>> = {
    Less: 'Greater',
    Greater: 'Less',
    LessOrEqual: 'GreaterOrEqual',
    GreaterOrEqual: 'LessOrEqual',
  };
  const op = turned ? flip[node.op] : node.op;
  const apart = query.plus - key.plus;
  if (visible) return (op === 'LessOrEqual' && apart === 0) || (op === 'Less' && apart === 1);
  return (op === 'Greater' && apart === 0) || (op === 'GreaterOrEqual' && apart === 1);
}

/** A tensor of positions 0, 1, 2, … plus a number: along the last axis (0) or the one before (1). */
function positionsOf(p: Pattern, id: ValueId): { readonly axis: 0 | 1; readonly plus: number; readonly length: Dim } | null {
  const shape = p.shape(id);
  const alongLast = shape.slice(0, -1).every((d) => d === 1);
  const axis = alongLast ? 0 : shape.length >= 2 && shape.at(-1) === 1 && shape.slice(0, -2).every((d) => d === 1) ? 1 : null;
  const length = axis === null ? undefined : shape.at(-1 - axis);
  if (axis === null || length === undefined) return null;
  let at = id;
  let plus = 0;
  for (let depth = 0; depth < 8; depth++) {
    const known = p.numbers(at);
    if (known !== null && known.length > 0) {
      const first = known[0] ?? 0;
      return known.every((n, i) => n === first + i) ? { axis, plus: plus + first, length } : null;
    }
    const node = p.made(at, 'Range', 'Add', 'Cast', 'Unsqueeze', 'Reshape');
    if (node === null) return null;
    if (node.op === 'Range') {
      const first = p.scalar(node.inputs[0]);
      return first !== null && p.scalar(node.inputs[2]) === 1 ? { axis, plus: plus + first, length } : null;
    }
    const added = node.op === 'Add' ? bothWays(node).find(([, number]) => p.scalar(number) !== null) : undefined;
    if (node.op === 'Add' && added === undefined) return null;
    if (added !== undefined) plus += p.scalar(added[1]) ?? NaN;
    at = added === undefined ? input(node, 0) : added[0];
  }
  return null;
}

/** One row and column for each query and key, at least; [1, …, queries, keys]. */
function isConstantTriangle(p: Pattern, id: ValueId, scores: ScoreShape, sees: (x: number) => boolean | null): boolean {
  const shape = p.shape(id);
  const [queries, keys] = [shape.at(-2), shape.at(-1)];
  const [, , wantedQueries = 0, wantedKeys = 0] = scores.shape;
  if (typeof queries !== 'number' || typeof keys !== 'number' || typeof scores.offset !== 'number' || queries < 2) return false;
  if (queries !== wantedQueries || keys !== wantedKeys || shape.slice(0, -2).some((d) => d !== 1)) return false;
  const numbers = p.numbers(id);
  const { offset } = scores;
  return numbers?.every((x, i) => sees(x) === i % keys <= Math.floor(i / keys) + offset) ?? false;
}

/** Queries and keys are the same tokens. */
function isSquare(p: Pattern, id: ValueId, scores: ScoreShape): boolean {
  const shape = p.shape(id);
  const [, , queries = 0, keys = 0] = scores.shape;
  return (
    scores.offset === 0 &&
    equalDim(queries, keys) &&
    sameShape(shape.slice(-2), [queries, keys]) &&
    shape.slice(0, -2).every((d) => d === 1)
  );
}

function upper(trilu: Node): boolean {
  const a = trilu.attributes['upper'];
  return a?.kind === 'int' ? a.value !== 0 : true;
}

function diagonal(p: Pattern, trilu: Node): number | null {
  return trilu.inputs[1] === undefined || trilu.inputs[1] === null ? 0 : p.scalar(trilu.inputs[1]);
}

/** The one number all elements have, whatever the shape: of a constant, ConstantOfShape, Expand. */
function fillOf(p: Pattern, given: ValueId | null | undefined): number | null {
  if (given === null || given === undefined) return null;
  const { id } = throughViews(p, given);
  const scalar = p.scalar(id);
  if (scalar !== null) return scalar;
  const node = p.made(id, 'ConstantOfShape');
  if (node !== null) {
    const value = node.attributes['value'];
    return value?.kind === 'tensor' ? p.filled(value) : value === undefined ? 0 : null;
  }
  const numbers = p.numbers(id);
  const [first] = numbers ?? [];
  return first !== undefined && numbers?.every((n) => n === first) === true ? first : null;
}

/** Behind casts and views that only add axes of one element, or repeat what has one element along an axis of one row. */
function throughViews(p: Pattern, given: ValueId): { readonly id: ValueId } {
  let id = given;
  for (let depth = 0; depth < 8; depth++) {
    const node = p.made(id, 'Cast', 'CastLike', 'Unsqueeze', 'Expand', 'Reshape', 'Slice');
    if (node === null) return { id };
    const from = input(node, 0);
    const [before, after] = [p.shape(from), p.shape(id)];
    const tail = before.length >= 2 && after.length >= 2 && sameShape(before.slice(-2), after.slice(-2));
    const onlyOnes = before.slice(0, -2).every((d) => d === 1);
    // Expand repeats a matrix for batch and heads; a Slice of everything is a view, as is whatever else keeps the matrix.
    if (!(tail && onlyOnes) && !before.every((d) => d === 1) && !sameShape(before, after)) return { id };
    if (node.op === 'Slice' && !sameShape(before, after)) return { id };
    id = from;
  }
  return { id };
}

/** The masks as one to add, or null where one of them does not fit: at most four axes, each as wide as the scores or 1. */
export function joinMasks(p: Pattern, masks: readonly Mask[], scores: ScoreShape, w: NodeWriter): { readonly mask: ValueId | null } | null {
  let sum: { readonly id: ValueId; readonly shape: readonly Dim[] } | null = null;
  for (const mask of masks) {
    const id: ValueId = mask.kind === 'added' ? mask.id : mask.condition;
    const { type } = p.value(id);
    if (type.unranked === true || !fitsScores(type.shape, scores.shape)) return null;
    if (mask.kind === 'added' && !(masks.length === 1 ? /float/ : /^float32$/).test(type.dtype)) return null;
    const one =
      mask.kind === 'added'
        ? { id, shape: type.shape }
        : { id: chosenAsAdded(mask, type.shape, type.dtype === 'bool', w), shape: type.shape };
    if (sum === null) sum = one;
    else {
      const shape = widest(sum.shape, one.shape);
      sum = { id: w.op('Add', [sum.id, one.id], { dtype: 'float32', shape }), shape };
    }
  }
  return { mask: sum?.id ?? null };
}

function chosenAsAdded(mask: Extract<Mask, { kind: 'chosen' }>, shape: readonly Dim[], isBool: boolean, w: NodeWriter): ValueId {
  const [stays, goes] = [w.float('seen', 0), w.float('unseen', mask.fill)];
  // Zeros and ones of another type are what scores were multiplied with.
  const condition = isBool ? mask.condition : w.op('Cast', [mask.condition], { dtype: 'bool', shape }, { to: { kind: 'int', value: 9 } });
  return w.op('Where', mask.visible ? [condition, stays, goes] : [condition, goes, stays], { dtype: 'float32', shape });
}

function widest(a: readonly Dim[], b: readonly Dim[]): readonly Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return x === 1 ? y : y === 1 ? x : maxDim(x, y);
  });
}

/** The last axis need not be known to be as wide: the product with the values proves it. */
function fitsScores(shape: readonly Dim[], scores: readonly Dim[]): boolean {
  if (shape.length > scores.length || shape.length < 1) return false;
  return shape.every((d, i) => {
    const wanted = scores[i + scores.length - shape.length] ?? 0;
    const isLast = i === shape.length - 1;
    return d === 1 || equalDim(d, wanted) || (isLast && !(typeof d === 'number' && typeof wanted === 'number'));
  });
}
