/** Cells of recurrent networks become LSTM and GRU: a step written out as one of one step, a Scan over a cell as one of all steps. */
import { printDim } from '../../../graph/index.ts';
import type { Attributes, Constant, Graph, Node, TensorType, Value, ValueId } from '../../../graph/ir.ts';
import { gruCell, lstmCell, type Cell, type ConstantAt } from './cells.ts';
import { stackedBiases, stackedWeights } from './linear.ts';
import { frontAxis, patternOf, type Pattern } from './match.ts';
import type { Found, Maker, Recovery } from './recovery.ts';
import { createNodeWriter, type NodeWriter } from './writer.ts';

/** One step: the state goes in and comes out as it did, with an axis for the direction inside. */
export const recurrentSteps: Recovery = {
  name: 'recover-recurrent-steps',
  summary: 'gates, products and sums that are one step of an LSTM or a GRU become that operator',
  anchors: ['Mul', 'Add'],
  find(anchor, p, make) {
    const constantAt: ConstantAt = (id) => (p.value(id).constant === null ? null : p.value(id));
    const cell = anchor.op === 'Mul' ? lstmCell(p, anchor, constantAt) : gruCell(p, anchor, constantAt);
    if (cell === null || p.value(cell.newH).type.dtype !== 'float32') return null;
    return step(p, anchor, cell, make);
  },
};

function step(p: Pattern, anchor: Node, cell: Cell, make: Maker): Found {
  const [before, after] = [createNodeWriter(make, anchor), createNodeWriter(make, anchor)];
  const dtype = 'float32';
  const wide = (id: ValueId): ValueId => before.op('Unsqueeze', [id], { dtype, shape: [1, ...p.shape(id)] }, axes(0));
  const state: TensorType = { dtype, shape: [1, ...p.shape(cell.newH)] };
  const x = wide(cell.x);
  const h = wide(cell.h);
  const c = cell.c === null ? null : wide(cell.c);
  const y = make.value(`${anchor.name}/steps`, { dtype, shape: [1, ...state.shape] });
  const lastH = make.value(`${anchor.name}/state`, state);
  const lastC = cell.newC === null ? null : make.value(`${anchor.name}/cell`, state);
  after.op('Squeeze', [lastH], p.value(cell.newH).type, axes(0), cell.newH);
  if (lastC !== null && cell.newC !== null) after.op('Squeeze', [lastC], p.value(cell.newC).type, axes(0), cell.newC);
  const place = cell.newC === null ? null : p.producer(cell.newC);
  return {
    nodes: [...new Set(cell.nodes.filter((n) => n !== anchor)), anchor],
    op: cell.op,
    version: 22,
    inputs: [x, ...parameters(before, cell), null, h, ...(c === null ? [] : [c])],
    outputs: lastC === null ? [y, lastH] : [y, lastH, lastC],
    attributes: attributesOf(cell),
    before: before.nodes,
    after: after.nodes,
    // What comes after the cell's new state may read it before the new output is made.
    ...(place === null || cell.newC === null ? {} : { at: place, keeps: [cell.newC] }),
    detail: `one step, ${cell.features} features, state of ${cell.hidden}`,
  };
}

function axes(axis: number): Attributes {
  return { axes: { kind: 'ints', value: [axis] } };
}

function attributesOf(cell: Cell): Attributes {
  return {
    hidden_size: { kind: 'int', value: cell.hidden },
    ...(cell.linearBeforeReset ? { linear_before_reset: { kind: 'int', value: 1 } } : {}),
  };
}

/** W, R and B of the operator. */
function parameters(w: NodeWriter, cell: Cell): readonly ValueId[] {
  const gates = cell.w.length;
  const rows = gates * cell.hidden;
  const constant = (what: string, shape: readonly number[], contents: Constant): ValueId =>
    w.constant(what, { dtype: 'float32', shape }, contents);
  return [
    constant('W', [1, rows, cell.features], stackedWeights(cell.w, cell.hidden, cell.features)),
    constant('R', [1, rows, cell.hidden], stackedWeights(cell.r, cell.hidden, cell.hidden)),
    constant('B', [1, 2 * rows], stackedBiases([...cell.wb, ...cell.rb], cell.hidden)),
  ];
}

/** A Scan whose body is one cell: states in and out, the input along an axis, what comes out at each step the new state. */
export const recurrentScans: Recovery = {
  name: 'recover-recurrent-scans',
  summary: 'a Scan whose body is one step of an LSTM or a GRU becomes that operator',
  anchors: ['Scan'],
  find(anchor, p, make) {
    const body = anchor.attributes['body'];
    if (body?.kind !== 'graph' || (anchor.version ?? p.graph.opset) < 9) return null;
    const form = formOf(anchor, body.value);
    return form === null ? null : scanned(p, anchor, body.value, form, make);
  },
};

interface ScanForm {
  readonly states: number;
  /** Axis of the scanned input that steps run along. */
  readonly axis: number;
  readonly outputAxes: readonly number[];
  readonly reverse: boolean;
  readonly captures: readonly ValueId[];
}

/** One scanned input, and all that comes out runs the same way. */
function formOf(scan: Node, body: Graph): ScanForm | null {
  const ints = (name: string): readonly number[] => {
    const a = scan.attributes[name];
    return a?.kind === 'ints' ? a.value : [];
  };
  const count = scan.attributes['num_scan_inputs'];
  if (count?.kind !== 'int' || count.value !== 1) return null;
  const captured = scan.captures ?? 0;
  const captures = captured === 0 ? [] : scan.inputs.slice(-captured).filter((id) => id !== null);
  const states = scan.inputs.length - captured - 1;
  const made = body.outputs.length - states;
  const backward = (ints('scan_input_directions')[0] ?? 0) !== 0;
  const same = Array.from({ length: made }, (_, k) => (ints('scan_output_directions')[k] ?? 0) !== 0).every((b) => b === backward);
  const outputAxes = Array.from({ length: made }, (_, k) => frontAxis(ints('scan_output_axes')[k] ?? 0, 3));
  return same && (states === 1 || states === 2)
    ? { states, axis: frontAxis(ints('scan_input_axes')[0] ?? 0, 3), outputAxes, reverse: backward, captures }
    : null;
}

function scanned(p: Pattern, anchor: Node, body: Graph, form: ScanForm, make: Maker): Found | null {
  const inner = patternOf(body);
  const own = form.states + 1;
  const constantAt = (id: ValueId): Value | null => {
    const value = inner.value(id);
    const at = body.inputs.indexOf(id);
    const outer = at >= own ? form.captures[at - own] : undefined;
    if (outer !== undefined) return p.value(outer).constant === null ? null : p.value(outer);
    return value.constant === null ? null : value;
  };
  const cell = cellOf(inner, body, form, constantAt);
  if (cell === null) return null;
  const x = anchor.inputs[form.states];
  const states = anchor.inputs.slice(0, form.states);
  const { h, c } = cell.slots;
  const [h0, c0] = [states[h], c === null ? null : states[c]];
  if (x === null || x === undefined || h0 === null || h0 === undefined || c0 === undefined || p.shape(x).length !== 3) return null;
  // A cell computes alike for every entry of the batch; those of the states and of the input must be the same entries.
  return assembleScan(p, anchor, cell, { x, h0, c0, form }, make);
}

interface FoundCell {
  readonly cell: Cell;
  /** Which state each is, by place among the Scan's. */
  readonly slots: { readonly h: number; readonly c: number | null };
  readonly scans: number;
}

/** The cell a body is: its states come in and go out in the same places, all that is scanned out is the new state. */
function cellOf(inner: Pattern, body: Graph, form: ScanForm, constantAt: ConstantAt): FoundCell | null {
  const behind = (id: ValueId): ValueId => {
    let at = id;
    for (let from: ValueId | null = id; from !== null; from = inner.made(at, 'Identity')?.inputs[0] ?? null) at = from;
    return at;
  };
  const results = body.outputs.map(behind);
  const scans = results.slice(form.states);
  for (const newH of new Set(results.slice(0, form.states))) {
    const anchor = inner.producer(newH);
    if (anchor === null) continue;
    const cell =
      anchor.op === 'Mul' ? lstmCell(inner, anchor, constantAt) : anchor.op === 'Add' ? gruCell(inner, anchor, constantAt) : null;
    if (cell === null || (cell.c === null) !== (form.states === 1)) continue;
    const h = results.indexOf(newH);
    const c = cell.newC === null ? null : results.indexOf(cell.newC);
    const states = body.inputs;
    const [x, oldH, oldC] = [behind(cell.x), behind(cell.h), cell.c === null ? null : behind(cell.c)];
    const fits = oldH === states[h] && x === states[form.states] && (c === null || (c < form.states && oldC === states[c]));
    if (fits && scans.every((id) => id === newH) && inner.value(newH).type.dtype === 'float32')
      return { cell, slots: { h, c }, scans: scans.length };
    // Input and state may be told apart only here: they have the same size.
    if (x === states[h] && oldH === states[form.states] && scans.every((id) => id === newH)) {
      const turned = turnedAround(cell);
      const known = c === null || (c < form.states && oldC === states[c]);
      if (turned !== null && known) return { cell: turned, slots: { h, c }, scans: scans.length };
    }
  }
  return null;
}

/** The cell with input and state exchanged, where they have the same size: sums do not tell them apart. */
function turnedAround(cell: Cell): Cell | null {
  return cell.op === 'LSTM' && cell.features === cell.hidden ? { ...cell, x: cell.h, h: cell.x, w: cell.r, r: cell.w } : null;
}

interface ScanOperands {
  readonly x: ValueId;
  readonly h0: ValueId;
  readonly c0: ValueId | null;
  readonly form: ScanForm;
}

function assembleScan(
  p: Pattern,
  anchor: Node,
  { cell, slots, scans }: FoundCell,
  { x, h0, c0, form }: ScanOperands,
  make: Maker,
): Found | null {
  const [before, after] = [createNodeWriter(make, anchor), createNodeWriter(make, anchor)];
  const dtype = 'float32';
  const shape = p.shape(x);
  if (form.axis > 1 || form.outputAxes.some((a) => a > 1)) return null;
  const perm: Attributes = { perm: { kind: 'ints', value: [1, 0, 2] } };
  const [first = 1, second = 1, features = 1] = shape;
  const [length, batch] = form.axis === 0 ? [first, second] : [second, first];
  const sequence = form.axis === 0 ? x : before.op('Transpose', [x], { dtype, shape: [length, batch, features] }, perm);
  const wide = (id: ValueId): ValueId => before.op('Unsqueeze', [id], { dtype, shape: [1, ...p.shape(id)] }, axes(0));
  const h = wide(h0);
  const c = c0 === null ? null : wide(c0);
  const state: TensorType = { dtype, shape: [1, batch, cell.hidden] };
  const y = make.value(`${anchor.name}/steps`, { dtype, shape: [length, 1, batch, cell.hidden] });
  const lastH = make.value(`${anchor.name}/state`, state);
  const lastC = c === null ? null : make.value(`${anchor.name}/cell`, state);
  const give = (from: ValueId, index: number): void => {
    const to = anchor.outputs[index];
    if (to !== undefined) after.op('Squeeze', [from], p.value(to).type, axes(0), to);
  };
  give(lastH, slots.h);
  if (lastC !== null && slots.c !== null) give(lastC, slots.c);
  for (let k = 0; k < scans; k++) {
    const to = anchor.outputs[form.states + k];
    if (to === undefined) continue;
    const { type } = p.value(to);
    const isBatchFirst = form.outputAxes[k] === 1;
    const steps = after.op(
      'Squeeze',
      [y],
      isBatchFirst ? { dtype, shape: [length, batch, cell.hidden] } : type,
      axes(1),
      isBatchFirst ? undefined : to,
    );
    if (isBatchFirst) after.op('Transpose', [steps], type, perm, to);
  }
  return {
    nodes: [anchor],
    op: cell.op,
    version: 22,
    inputs: [sequence, ...parameters(before, cell), null, h, ...(c === null ? [] : [c])],
    outputs: lastC === null ? [y, lastH] : [y, lastH, lastC],
    attributes: { ...attributesOf(cell), ...(form.reverse ? { direction: { kind: 'string', value: 'reverse' } } : {}) },
    before: before.nodes,
    after: after.nodes,
    detail: `from a Scan, ${printDim(length)} steps, ${cell.features} features, state of ${cell.hidden}${form.reverse ? ', backward' : ''}`,
  };
}
