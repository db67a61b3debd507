/**
 * Det of small matrices: of two rows as it is defined, of more by elimination. In every step the row with the largest first element is looked up,
 * the first row takes its place, and a multiple of it is subtracted from all others.
 */
import { elementCount } from '../../core/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import { placeOfLargest, positions, wholeNumbers } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** About twelve nodes a row; larger matrices are rare, and their determinants leave the range of float32. */
const mostRows = 8;

const det: Rule = (w, node) => {
  const [x = null] = node.inputs;
  const [out] = node.outputs;
  if (x === null || out === undefined || w.shape(x).includes(0) || w.value(x).type.dtype === 'float64') return null;
  const n = w.shape(x).at(-1) ?? 1;
  if (n > mostRows) {
    return {
      reason: `its matrices have ${n} rows`,
      limit: { what: 'rows of a determinant', actual: String(n), allowed: String(mostRows) },
    };
  }
  let rest = w.reshape(x, [elementCount(w.shape(x).slice(0, -2)), n, n]);
  const part = (id: ValueId, row: number, column: number): ValueId => w.slice(w.slice(id, 1, row, row + 1), 2, column, column + 1);
  if (n === 2) {
    const [across, back] = [w.op('Mul', [part(rest, 0, 0), part(rest, 1, 1)]), w.op('Mul', [part(rest, 0, 1), part(rest, 1, 0)])];
    return [w.reshape(w.op('Sub', [across, back]), w.shape(out))];
  }
  let product: ValueId | null = null;
  for (let size = n; size > 1; size--) {
    const step = eliminated(w, rest, size);
    product = product === null ? step.factor : w.op('Mul', [product, step.factor]);
    rest = step.rest;
  }
  return [w.reshape(product === null ? w.op('Identity', [rest]) : w.op('Mul', [product, rest]), w.shape(out))];
};

/** @param m  [batch, size, size] @returns what the step multiplies the determinant with, and the matrices of the rows left */
function eliminated(w: Writer, m: ValueId, size: number): { readonly factor: ValueId; readonly rest: ValueId } {
  const rows = positions(w, 3, 1, size);
  const place = placeOfLargest(w, w.op('Abs', [w.slice(m, 2, 0, 1)]), 1, rows);
  const row = w.op('systole.Lookup', [m, place], { axis: 1 });
  const pivot = w.slice(row, 2, 0, 1);
  const isFirst = w.op('Equal', [place, wholeNumbers(w, [], [0])]);
  const factor = w.op('Where', [isFirst, pivot, w.op('Neg', [pivot])]);
  const moved = w.op('Where', [w.op('Equal', [w.slice(rows, 1, 1, size), place]), w.slice(m, 1, 0, 1), w.slice(m, 1, 1, size)]);
  // Where all first elements are 0 the determinant is: nothing is to be subtracted.
  const none = w.op('Equal', [pivot, w.float(0)]);
  const share = w.op('Where', [none, w.float(0), w.op('Div', [w.slice(moved, 2, 0, 1), pivot])]);
  const rest = w.op('Sub', [w.slice(moved, 2, 1, size), w.op('Mul', [share, w.slice(row, 2, 1, size)])]);
  return { factor, rest };
}

export const determinantRules: Rules = { Det: det };
