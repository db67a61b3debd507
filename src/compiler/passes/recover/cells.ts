/**
 * One step of an LSTM (Hochreiter & Schmidhuber 1997; the forget gate of Gers et al. 2000) or a GRU (Cho et al. 2014,
 * arXiv:1406.1078), as frameworks write a step: products with the input and the state, gates cut from their sum, sigmoids, tanh.
 */
import type { Node, Value, ValueId } from '../../../graph/ir.ts';
import { bothWays, input, near, output, type Pattern } from './match.ts';
import { factorsOf, linearOf, madeBy, type Bias, type GateBias, type Linear, type Product } from './linear.ts';

export type ConstantAt = (id: ValueId) => Value | null;

export interface Cell {
  readonly op: 'LSTM' | 'GRU';
  readonly x: ValueId;
  readonly h: ValueId;
  /** null: a GRU. */
  readonly c: ValueId | null;
  readonly newH: ValueId;
  readonly newC: ValueId | null;
  readonly hidden: number;
  readonly features: number;
  /** By gate in the operator's order: i, o, f, c of an LSTM, z, r, h of a GRU. */
  readonly w: readonly Product[];
  readonly r: readonly Product[];
  readonly wb: readonly GateBias[];
  readonly rb: readonly GateBias[];
  /** GRU: the reset gate is applied behind the state's product. */
  readonly linearBeforeReset: boolean;
  readonly nodes: readonly Node[];
}

const noBias: GateBias = { biases: [], number: 0 };

/** o · tanh(c'), c' = f · c + i · tanh(g); anchored at the product. */
export function lstmCell(p: Pattern, anchor: Node, constantAt: ConstantAt): Cell | null {
  for (const { a, b } of factorsOf(p, output(anchor))) {
    const tanh = madeBy(p, b, 'Tanh');
    const o = gateOf(p, a, 'Sigmoid', constantAt);
    const sum = tanh === null ? null : p.made(tanh.x, 'Add');
    if (tanh === null || o === null || sum === null) continue;
    for (const [kept, fresh] of bothWays(sum)) {
      for (const { node: keep, a: forget, b: c } of factorsOf(p, kept)) {
        const f = gateOf(p, forget, 'Sigmoid', constantAt);
        if (f === null) continue;
        for (const { node: add, a: first, b: second } of factorsOf(p, fresh)) {
          const i = gateOf(p, first, 'Sigmoid', constantAt);
          const g = gateOf(p, second, 'Tanh', constantAt);
          if (i === null || g === null) continue;
          const nodes = [anchor, tanh.node, sum, keep, add];
          const cell = assembleLstm(p, [i, o, f, g], { c, newC: output(sum), newH: output(anchor), nodes });
          if (cell !== null) return cell;
        }
      }
    }
  }
  return null;
}

interface Gate {
  readonly linear: Linear;
  readonly nodes: readonly Node[];
}

function gateOf(p: Pattern, id: ValueId, activation: string, constantAt: ConstantAt): Gate | null {
  const made = madeBy(p, id, activation);
  if (made === null) return null;
  const linear = linearOf(p, made.x, constantAt);
  return linear.products.length === 0 ? null : { linear, nodes: [made.node, ...linear.nodes] };
}

/** Which product of each gate is with this operand; null where one gate has none, or more than one. */
function productsWith(gates: readonly Gate[], operand: ValueId): readonly Product[] | null {
  const found = gates.map(({ linear }) => linear.products.filter((q) => q.operand === operand));
  const list = found.flatMap((f) => (f.length === 1 ? f : []));
  return list.length === gates.length ? list : null;
}

function assembleLstm(
  p: Pattern,
  gates: readonly Gate[],
  { c, newC, newH, nodes }: { readonly c: ValueId; readonly newC: ValueId; readonly newH: ValueId; readonly nodes: readonly Node[] },
): Cell | null {
  const hidden = p.shape(newH).at(-1);
  const [first] = gates;
  if (typeof hidden !== 'number' || first === undefined || p.shape(newH).length !== 2 || p.shape(c).length !== 2) return null;
  if (gates.some(({ linear }) => linear.others.length > 0 || linear.products.length !== 2)) return null;
  const operands = orderedOperands(p, first.linear, hidden);
  if (operands === null) return null;
  const [w, r] = [productsWith(gates, operands.x), productsWith(gates, operands.h)];
  if (w === null || r === null || !fits(w, operands.features, hidden) || !fits(r, hidden, hidden)) return null;
  return {
    op: 'LSTM',
    ...operands,
    c,
    newC,
    newH,
    hidden,
    w,
    r,
    wb: gates.map(({ linear }) => ({ biases: linear.biases, number: linear.number })),
    rb: gates.map(() => noBias),
    linearBeforeReset: false,
    nodes: [...nodes, ...gates.flatMap((g) => g.nodes)],
  };
}

/** The input and the state: the state has the size of the cell; where both have, exporters write the input first. */
function orderedOperands(
  p: Pattern,
  linear: Linear,
  hidden: number,
): { readonly x: ValueId; readonly h: ValueId; readonly features: number } | null {
  const [a, b] = linear.products;
  if (a === undefined || b === undefined || a.operand === b.operand) return null;
  const [first, second] = [a, b].map((q) => p.shape(q.operand).at(-1));
  if (second === hidden && typeof first === 'number') return { x: a.operand, h: b.operand, features: first };
  return first === hidden && typeof second === 'number' ? { x: b.operand, h: a.operand, features: second } : null;
}

/** Each product takes that many features, and gives at least this gate's columns. */
function fits(products: readonly Product[], features: number, hidden: number): boolean {
  return products.every((q) => {
    const width = q.weight.type.shape[q.transposed ? 0 : 1];
    return q.rows === features && typeof width === 'number' && q.column + hidden <= width;
  });
}

/** (1 − z) · n + z · h, or n + z · (h − n), with n = tanh(x + r · h); anchored at the sum. */
export function gruCell(p: Pattern, anchor: Node, constantAt: ConstantAt): Cell | null {
  for (const mixed of mixesOf(p, anchor)) {
    const z = gateOf(p, mixed.z, 'Sigmoid', constantAt);
    const tanh = madeBy(p, mixed.n, 'Tanh');
    const sum = tanh === null ? null : linearOf(p, tanh.x, constantAt);
    const hidden = p.shape(mixed.h).at(-1);
    if (z === null || tanh === null || sum === null || typeof hidden !== 'number' || p.shape(mixed.h).length !== 2) continue;
    const nodes = [anchor, ...mixed.nodes, tanh.node, ...sum.nodes];
    const cell =
      afterProduct(p, { ...mixed, z, sum, hidden, nodes, newH: output(anchor) }, constantAt) ??
      beforeProduct(p, { ...mixed, z, sum, hidden, nodes, newH: output(anchor) }, constantAt);
    if (cell !== null) return cell;
  }
  return null;
}

interface Mix {
  readonly z: ValueId;
  readonly n: ValueId;
  readonly h: ValueId;
  readonly nodes: readonly Node[];
}

function mixesOf(p: Pattern, anchor: Node): readonly Mix[] {
  return bothWays(anchor).flatMap(([left, right]): Mix[] => {
    const turned = factorsOf(p, left).flatMap(({ node, a, b }): Mix[] => {
      const sub = p.made(a, 'Sub');
      if (sub === null) return [];
      // z · (h − n) + n
      if (sub.inputs[1] === right) return [{ z: b, n: right, h: input(sub, 0), nodes: [node, sub] }];
      // (1 − z) · n + z · h
      if (!near(p.scalar(sub.inputs[0]), 1)) return [];
      const z = input(sub, 1);
      return factorsOf(p, right).flatMap((other) => (other.a === z ? [{ z, n: b, h: other.b, nodes: [node, sub, other.node] }] : []));
    });
    return turned;
  });
}

interface GruParts extends Omit<Mix, 'z'> {
  readonly z: Gate;
  readonly sum: Linear;
  readonly hidden: number;
  readonly newH: ValueId;
}

/** n = tanh(xW + r · (hR + b)) */
function afterProduct(p: Pattern, g: GruParts, constantAt: ConstantAt): Cell | null {
  const [product] = g.sum.others;
  if (g.sum.others.length !== 1 || g.sum.products.length !== 1) return null;
  for (const { node, a, b } of factorsOf(p, product)) {
    const r = gateOf(p, a, 'Sigmoid', constantAt);
    const state = linearOf(p, b, constantAt);
    if (r === null || state.others.length > 0 || state.products.length !== 1 || state.products[0]?.operand !== g.h) continue;
    const found = assembleGru(p, g, r, {
      candidateW: g.sum.products,
      candidateR: state.products,
      rb: state,
      nodes: [node, ...state.nodes],
      linearBeforeReset: true,
    });
    if (found !== null) return found;
  }
  return null;
}

/** n = tanh(xW + (r · h)R + b) */
function beforeProduct(p: Pattern, g: GruParts, constantAt: ConstantAt): Cell | null {
  if (g.sum.others.length > 0 || g.sum.products.length !== 2) return null;
  for (const candidate of g.sum.products) {
    const rest = g.sum.products.filter((q) => q !== candidate);
    for (const { node, a, b } of factorsOf(p, candidate.operand)) {
      const r = b === g.h ? gateOf(p, a, 'Sigmoid', constantAt) : null;
      if (r === null) continue;
      const found = assembleGru(p, g, r, {
        candidateW: rest,
        candidateR: [{ ...candidate, operand: g.h }],
        rb: null,
        nodes: [node],
        linearBeforeReset: false,
      });
      if (found !== null) return found;
    }
  }
  return null;
}

interface Candidate {
  readonly candidateW: readonly Product[];
  readonly candidateR: readonly Product[];
  readonly rb: { readonly biases: readonly Bias[]; readonly number: number } | null;
  readonly nodes: readonly Node[];
  readonly linearBeforeReset: boolean;
}

function assembleGru(p: Pattern, g: GruParts, r: Gate, candidate: Candidate): Cell | null {
  const gates = [g.z, r];
  if (gates.some(({ linear }) => linear.others.length > 0 || linear.products.length !== 2)) return null;
  const x = candidate.candidateW[0]?.operand;
  const features = x === undefined ? undefined : p.shape(x).at(-1);
  if (x === undefined || typeof features !== 'number' || x === g.h) return null;
  const [wGates, rGates] = [productsWith(gates, x), productsWith(gates, g.h)];
  if (wGates === null || rGates === null) return null;
  const [w, rr] = [
    [...wGates, ...candidate.candidateW],
    [...rGates, ...candidate.candidateR],
  ];
  if (!fits(w, features, g.hidden) || !fits(rr, g.hidden, g.hidden)) return null;
  const bias = ({ biases, number }: GateBias): GateBias => ({ biases, number });
  return {
    op: 'GRU',
    x,
    h: g.h,
    c: null,
    newH: g.newH,
    newC: null,
    hidden: g.hidden,
    features,
    w,
    r: rr,
    wb: [...gates.map(({ linear }) => bias(linear)), bias(g.sum)],
    rb: [noBias, noBias, candidate.rb === null ? noBias : bias(candidate.rb)],
    linearBeforeReset: candidate.linearBeforeReset,
    nodes: [...g.nodes, ...g.z.nodes, ...r.nodes, ...candidate.nodes],
  };
}
