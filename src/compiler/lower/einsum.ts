/** Einsum as transposes, sums and one MatMul for each further operand. */
import { elementCount } from '../../core/index.ts';
import { attributeString } from '../../graph/index.ts';
import type { ValueId } from '../../graph/ir.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** A value with a letter for each axis. */
interface Term {
  readonly id: ValueId;
  readonly axes: readonly string[];
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Letters of an equation, `...` written out as the letters 0, 1, … from the right; null where it is not one. */
function parse(equation: string, ranks: readonly number[]): Equation | null {
  const [left = '', right] = equation.replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== ranks.length) return null;
  const dots = terms.map((t, i) => (t.includes('...') ? (ranks[i] ?? 0) - (t.length - 3) : 0));
  const most = Math.max(0, ...dots);
  const letters = (term: string, count: number): string[] => {
    const at = term.indexOf('...');
    if (at < 0) return term.split('');
    const more = Array.from({ length: count }, (_, i) => `${most - count + i}`);
    return [...term.slice(0, at).split(''), ...more, ...term.slice(at + 3).split('')];
  };
  const inputs = terms.map((t, i) => letters(t, dots[i] ?? 0));
  if (inputs.some((axes, i) => axes.length !== ranks[i])) return null;
  if (right !== undefined) return { inputs, output: letters(right, most) };
  const all = inputs.flat();
  const once = [...new Set(all)].filter((a) => /[a-zA-Z]/.test(a) && all.indexOf(a) === all.lastIndexOf(a)).sort();
  return { inputs, output: [...Array.from({ length: most }, (_, i) => `${i}`), ...once] };
}

function permuted(w: Writer, term: Term, axes: readonly string[]): ValueId {
  return w.transpose(
    term.id,
    axes.map((a) => term.axes.indexOf(a)),
  );
}

/** Sums away the axes nobody else has. */
function reduced(w: Writer, term: Term, keep: (axis: string) => boolean): Term {
  const gone = term.axes.flatMap((a, i) => (keep(a) ? [] : [i]));
  if (gone.length === 0) return term;
  const id = w.op('ReduceSum', [term.id, w.ints(gone)], { keepdims: 0 });
  return { id, axes: term.axes.filter(keep) };
}

/** Two terms into one: axes both have and somebody needs later are batches, axes both have and nobody needs are summed. */
function multiplied(w: Writer, left: Term, right: Term, needed: (axis: string) => boolean): Term {
  const a = reduced(w, left, (x) => needed(x) || right.axes.includes(x));
  const b = reduced(w, right, (x) => needed(x) || left.axes.includes(x));
  const extent = (axis: string): number => Math.max(w.shape(a.id)[a.axes.indexOf(axis)] ?? 1, w.shape(b.id)[b.axes.indexOf(axis)] ?? 1);
  const shared = a.axes.filter((x) => b.axes.includes(x));
  const batch = shared.filter(needed);
  const inner = shared.filter((x) => !needed(x));
  const rows = a.axes.filter((x) => !shared.includes(x));
  const columns = b.axes.filter((x) => !shared.includes(x));
  const count = (axes: readonly string[]): number => elementCount(axes.map(extent));
  const axes = [...batch, ...rows, ...columns];
  if (inner.length === 0) {
    // Nothing is summed: each pair of elements is multiplied once.
    const wide = (term: Term, own: readonly string[]): ValueId =>
      w.reshape(
        permuted(w, term, [...batch, ...own]),
        axes.map((x) => (term.axes.includes(x) ? extent(x) : 1)),
      );
    return { id: w.op('Mul', [wide(a, rows), wide(b, columns)]), axes };
  }
  const matrix = (term: Term, axes: readonly string[], shape: readonly number[]): ValueId => w.reshape(permuted(w, term, axes), shape);
  const x = matrix(a, [...batch, ...rows, ...inner], [...batch.map(extent), count(rows), count(inner)]);
  const y = matrix(b, [...batch, ...inner, ...columns], [...batch.map(extent), count(inner), count(columns)]);
  return { id: w.reshape(w.op('MatMul', [x, y]), axes.map(extent)), axes };
}

const einsum: Rule = (w, node) => {
  const ids = node.inputs.filter((id) => id !== null);
  const equation = parse(
    attributeString(node, 'equation', ''),
    ids.map((id) => w.shape(id).length),
  );
  if (equation === null) return null;
  const { inputs, output } = equation;
  if (inputs.some((axes) => new Set(axes).size < axes.length)) return { reason: 'its equation takes a diagonal' };
  const sizes = new Map<string, number>();
  for (const [i, axes] of inputs.entries()) {
    for (const [j, axis] of axes.entries()) {
      const extent = w.shape(ids[i] as ValueId)[j] ?? 1;
      const known = sizes.get(axis);
      if (known !== undefined && known !== extent) return { reason: 'its operands broadcast against each other' };
      sizes.set(axis, extent);
    }
  }
  const terms = ids.map((id, i): Term => ({ id, axes: inputs[i] ?? [] }));
  const [first, ...rest] = terms;
  if (first === undefined) return null;
  let term = first;
  rest.forEach((next, i) => {
    const later = new Set([...output, ...rest.slice(i + 1).flatMap((t) => t.axes)]);
    term = multiplied(w, term, next, (axis) => later.has(axis));
  });
  return [
    permuted(
      w,
      reduced(w, term, (axis) => output.includes(axis)),
      output,
    ),
  ];
};

export const einsumRules: Rules = { Einsum: einsum };
