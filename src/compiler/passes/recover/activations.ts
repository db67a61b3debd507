/**
 * Activations exporters write as products: Gelu (Hendrycks & Gimpel 2016, arXiv:1606.08415) by erf and by tanh, Swish (Ramachandran et
 * al. 2017, arXiv:1710.05941), HardSwish (Howard et al. 2019, arXiv:1905.02244), Mish (Misra 2019, arXiv:1908.08681). The factors may
 * stand in any order and be grouped in any way, and parts may be cast to a wider type and back.
 */
import type { Node, ValueId } from '../../../graph/ir.ts';
import { input, near, output, productOf, sameShape, sumOf, throughCasts, type Pattern, type Product } from './match.ts';
import type { Found, Recovery } from './recovery.ts';

type Form = Omit<Found, 'nodes' | 'inputs'> & { readonly nodes: readonly Node[] };

/** One way to read a product: x, before any cast, times one other value. */
interface Reading {
  readonly p: Pattern;
  readonly product: Product;
  readonly x: ValueId;
  readonly other: ValueId;
}

/** Whether the value is x, perhaps cast: the casts. */
function castsOfX({ p, x }: Reading, id: ValueId | null | undefined): readonly Node[] | null {
  if (id === null || id === undefined) return null;
  const cast = throughCasts(p, id);
  return cast.id === x ? cast.nodes : null;
}

/** The value behind casts that only it goes through. */
function behindCasts(p: Pattern, id: ValueId, ...ops: readonly string[]): { readonly node: Node; readonly nodes: readonly Node[] } | null {
  const cast = throughCasts(p, id);
  const node = p.made(cast.id, ...ops);
  return node === null ? null : { node, nodes: [...cast.nodes, node] };
}

/** The value is x times a number: that number, and the nodes between. */
function multipleOf(r: Reading, id: ValueId): { readonly factor: number; readonly nodes: readonly Node[] } | null {
  const casts = castsOfX(r, id);
  if (casts !== null) return { factor: 1, nodes: casts };
  const node = r.p.made(throughCasts(r.p, id).id, 'Mul', 'Div', 'Neg');
  if (node === null) return null;
  if (node.op === 'Neg') {
    const negated = castsOfX(r, input(node, 0));
    return negated === null ? null : { factor: -1, nodes: [...throughCasts(r.p, id).nodes, node, ...negated] };
  }
  const product = productOf(r.p, node);
  const inner = product !== null && product.values.length === 1 ? castsOfX(r, product.values[0]) : null;
  return product === null || inner === null
    ? null
    : { factor: product.factor, nodes: [...throughCasts(r.p, id).nodes, ...product.nodes, ...inner] };
}

/** f + number: the nodes, the number, and the value f. */
function plusNumber(p: Pattern, id: ValueId, number: number): { readonly value: ValueId; readonly nodes: readonly Node[] } | null {
  const cast = throughCasts(p, id);
  const sum = sumOf(p, cast.id);
  const [value] = sum?.values ?? [];
  return sum !== null && value !== undefined && sum.values.length === 1 && near(sum.term, number)
    ? { value, nodes: [...cast.nodes, ...sum.nodes] }
    : null;
}

/** 1 + f where the product has the factor ½, or ½ + ½ f where it has 1: f. */
function halfOnePlus({ p, product, other }: Reading): { readonly value: ValueId; readonly nodes: readonly Node[] } | null {
  if (near(product.factor, 0.5)) return plusNumber(p, other, 1);
  const sum = near(product.factor, 1) ? plusNumber(p, other, 0.5) : null;
  const mul = sum === null ? null : p.made(sum.value, 'Mul', 'Div');
  const half = mul === null ? null : productOf(p, mul);
  const [value] = half?.values ?? [];
  if (sum === null || half === null || value === undefined || half.values.length !== 1 || !near(half.factor, 0.5)) return null;
  return { value, nodes: [...sum.nodes, ...half.nodes] };
}

/** x · (1 + erf(x / √2)) · ½ */
function geluErf(r: Reading): Form | null {
  const sum = halfOnePlus(r);
  const erf = sum === null ? null : behindCasts(r.p, sum.value, 'Erf');
  const inner = erf === null ? null : multipleOf(r, input(erf.node, 0));
  if (sum === null || erf === null || inner === null || !near(inner.factor, Math.SQRT1_2)) return null;
  return { nodes: [...sum.nodes, ...erf.nodes, ...inner.nodes], op: 'Gelu', version: 20, detail: 'erf form' };
}

/** x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) · ½ */
function geluTanh(r: Reading): Form | null {
  const sum = halfOnePlus(r);
  const tanh = sum === null ? null : behindCasts(r.p, sum.value, 'Tanh');
  const scale = tanh === null ? null : behindCasts(r.p, input(tanh.node, 0), 'Mul', 'Div');
  const argument = scale === null ? null : productOf(r.p, scale.node);
  if (sum === null || tanh === null || scale === null || argument === null || !near(argument.factor, Math.sqrt(2 / Math.PI))) return null;
  const inner = polynomial(r, argument.values);
  if (inner === null) return null;
  return {
    nodes: [...sum.nodes, ...tanh.nodes, ...scale.nodes, ...argument.nodes, ...inner],
    op: 'Gelu',
    version: 20,
    attributes: { approximate: { kind: 'string', value: 'tanh' } },
    detail: 'tanh form',
  };
}

const cubicTerm = 0.044715;

/** x + 0.044715 x³, or x · (1 + 0.044715 x²). */
function polynomial(r: Reading, values: readonly ValueId[]): readonly Node[] | null {
  const [first, second] = values;
  if (first === undefined || values.length > 2) return null;
  if (second === undefined) return cubic(r, first);
  const ways = [
    [first, second],
    [second, first],
  ] as const;
  for (const [x, even] of ways) {
    const casts = castsOfX(r, x);
    const rest = casts === null ? null : evenCubic(r, even);
    if (casts !== null && rest !== null) return [...casts, ...rest];
  }
  return null;
}

/** x + 0.044715 x³ */
function cubic(r: Reading, id: ValueId): readonly Node[] | null {
  const sum = behindCasts(r.p, id, 'Add');
  if (sum === null) return null;
  for (const [a, b] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const casts = castsOfX(r, sum.node.inputs[a]);
    const power = casts === null ? null : scaledPower(r, input(sum.node, b), 3);
    if (casts !== null && power !== null) return [...sum.nodes, ...casts, ...power];
  }
  return null;
}

/** 1 + 0.044715 x² */
function evenCubic(r: Reading, id: ValueId): readonly Node[] | null {
  const sum = plusNumber(r.p, id, 1);
  const power = sum === null ? null : scaledPower(r, sum.value, 2);
  return sum === null || power === null ? null : [...sum.nodes, ...power];
}

/** 0.044715 times a power of x. */
function scaledPower(r: Reading, id: ValueId, degree: number): readonly Node[] | null {
  const mul = behindCasts(r.p, id, 'Mul', 'Div');
  const product = mul === null ? null : productOf(r.p, mul.node);
  const power = product !== null && near(product.factor, cubicTerm) ? powers(r, product.values, degree) : null;
  return mul === null || product === null || power === null ? null : [...mul.nodes, ...product.nodes, ...power];
}

/** The values multiply to x to this power: by itself, or by Pow. */
function powers(r: Reading, values: readonly ValueId[], wanted: number): readonly Node[] | null {
  const nodes: Node[] = [];
  let degree = 0;
  for (const id of values) {
    const casts = castsOfX(r, id);
    const pow = behindCasts(r.p, id, 'Pow', 'Mul');
    const base = pow === null ? null : castsOfX(r, pow.node.inputs[0]);
    const second = pow?.node.op === 'Mul' ? castsOfX(r, pow.node.inputs[1]) : [];
    if (casts !== null) {
      degree += 1;
      nodes.push(...casts);
    } else if (pow !== null && base !== null && second !== null) {
      degree += pow.node.op === 'Mul' ? 2 : (r.p.scalar(pow.node.inputs[1]) ?? NaN);
      nodes.push(...pow.nodes, ...base, ...second);
    } else return null;
  }
  return degree === wanted ? nodes : null;
}

/** x · sigmoid(αx) */
function swish(r: Reading): Form | null {
  const sigmoid = near(r.product.factor, 1) ? behindCasts(r.p, r.other, 'Sigmoid') : null;
  const inner = sigmoid === null ? null : multipleOf(r, input(sigmoid.node, 0));
  return sigmoid === null || inner === null ? null : swishForm([...sigmoid.nodes, ...inner.nodes], inner.factor);
}

function swishForm(nodes: readonly Node[], alpha: number): Form {
  const slope = Math.fround(alpha);
  const detail = slope === 1 ? 'x · sigmoid(x)' : `x · sigmoid(${Number(alpha.toPrecision(4))} x)`;
  return { nodes, op: 'Swish', version: 24, attributes: slope === 1 ? {} : { alpha: { kind: 'float', value: slope } }, detail };
}

/** The numbers a value is kept between: Clip by inputs or attributes, or Min and Max. */
function clamped(
  p: Pattern,
  id: ValueId,
): { readonly x: ValueId; readonly low: number; readonly high: number; readonly nodes: readonly Node[] } | null {
  const node = p.made(throughCasts(p, id).id, 'Clip', 'Min', 'Max');
  if (node === null) return null;
  if (node.op === 'Clip') {
    const bound = (index: number, attribute: string): number | null => {
      const a = node.attributes[attribute];
      return a?.kind === 'float' ? a.value : p.scalar(node.inputs[index]);
    };
    const [low, high] = [bound(1, 'min'), bound(2, 'max')];
    return low === null || high === null ? null : { x: input(node, 0), low, high, nodes: [node] };
  }
  const outer = withNumber(p, node);
  const inner = outer === null ? null : p.made(outer.x, node.op === 'Min' ? 'Max' : 'Min', 'Relu');
  if (outer === null || inner === null || (inner.op === 'Relu' && node.op === 'Max')) return null;
  const below = inner.op === 'Relu' ? { x: input(inner, 0), number: 0 } : withNumber(p, inner);
  if (below === null) return null;
  const [low, high] = node.op === 'Min' ? [below.number, outer.number] : [outer.number, below.number];
  return { x: below.x, low, high, nodes: [node, inner] };
}

function withNumber(p: Pattern, node: Node): { readonly x: ValueId; readonly number: number } | null {
  if (node.inputs.length !== 2) return null;
  for (const [a, b] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const number = p.scalar(node.inputs[b]);
    if (number !== null) return { x: input(node, a), number };
  }
  return null;
}

/** x · clip(x + 3, 0, 6) / 6, or x · hardsigmoid(x) with slope 1/6 */
function hardSwish(r: Reading): Form | null {
  const { p, product, other } = r;
  const hard = p.made(other, 'HardSigmoid');
  const whole = hard === null ? null : castsOfX(r, hard.inputs[0]);
  if (hard !== null && whole !== null && near(product.factor, 1)) {
    const alpha = hard.attributes['alpha'];
    const beta = hard.attributes['beta'];
    const slope = alpha?.kind === 'float' ? alpha.value : 0.2;
    const shift = beta?.kind === 'float' ? beta.value : 0.5;
    if (!near(slope, 1 / 6) || !near(shift, 0.5)) return null;
    return { nodes: [hard, ...whole], op: 'HardSwish', version: 22, detail: 'x · hardsigmoid(x)' };
  }
  const clip = near(product.factor, 1 / 6) ? clamped(p, other) : null;
  const sum = clip !== null && clip.low === 0 && clip.high === 6 ? plusNumber(p, clip.x, 3) : null;
  const inner = sum === null ? null : castsOfX(r, sum.value);
  if (clip === null || sum === null || inner === null) return null;
  return { nodes: [...clip.nodes, ...sum.nodes, ...inner], op: 'HardSwish', version: 22, detail: 'x · clip(x + 3, 0, 6) / 6' };
}

/** x · tanh(softplus(x)), softplus whole or as log(1 + exp(x)) */
function mish(r: Reading): Form | null {
  const { p } = r;
  const tanh = near(r.product.factor, 1) ? behindCasts(p, r.other, 'Tanh') : null;
  const plus = tanh === null ? null : behindCasts(p, input(tanh.node, 0), 'Softplus', 'Log');
  if (tanh === null || plus === null) return null;
  if (plus.node.op === 'Softplus') {
    const x = castsOfX(r, plus.node.inputs[0]);
    return x === null ? null : { nodes: [...tanh.nodes, ...plus.nodes, ...x], op: 'Mish', version: 22, detail: 'x · tanh(softplus(x))' };
  }
  const sum = plusNumber(p, input(plus.node, 0), 1);
  const exp = sum === null ? null : p.made(sum.value, 'Exp');
  const x = exp === null ? null : castsOfX(r, exp.inputs[0]);
  if (sum === null || exp === null || x === null) return null;
  return { nodes: [...tanh.nodes, ...plus.nodes, ...sum.nodes, exp, ...x], op: 'Mish', version: 22, detail: 'x · tanh(log(1 + exp(x)))' };
}

const forms = [geluErf, geluTanh, swish, hardSwish, mish];

/** x / (1 + exp(−αx)) */
function swishQuotient(p: Pattern, anchor: Node): Found | null {
  const reading: Reading = {
    p,
    product: { factor: 1, values: [], nodes: [anchor] },
    x: throughCasts(p, input(anchor, 0)).id,
    other: input(anchor, 1),
  };
  const sum = plusNumber(p, reading.other, 1);
  const exp = sum === null ? null : p.made(sum.value, 'Exp');
  const inner = exp === null ? null : multipleOf(reading, input(exp, 0));
  if (sum === null || exp === null || inner === null || !(inner.factor < 0)) return null;
  return finish(p, anchor, input(anchor, 0), reading, swishForm([...sum.nodes, exp, ...inner.nodes], -inner.factor));
}

/** The form on x in the type that the anchor gives; casts of x that others read stay. */
function finish(p: Pattern, anchor: Node, given: ValueId, { product, x }: Reading, form: Form): Found | null {
  const out = p.value(output(anchor)).type;
  const operand = [given, x].find((id) => p.value(id).type.dtype === out.dtype);
  if (operand === undefined || !sameShape(p.shape(operand), out.shape) || p.value(operand).type.unranked === true) return null;
  const casts = new Set(p.users(x).filter((n) => castsOf(p, n, x)));
  const nodes = [...new Set([...product.nodes, ...form.nodes])].filter((n) => n !== anchor && !casts.has(n));
  return { ...form, nodes: [...nodes, anchor], also: [...casts].filter((n) => !n.outputs.includes(operand)), inputs: [operand] };
}

function castsOf(p: Pattern, node: Node, x: ValueId): boolean {
  return (
    (node.op === 'Cast' || node.op === 'CastLike') && node.domain === '' && node.inputs[0] === x && throughCasts(p, output(node)).id === x
  );
}

export const activations: Recovery = {
  name: 'recover-activations',
  summary: 'products that are Gelu, Swish, HardSwish or Mish become one node',
  anchors: ['Mul', 'Div'],
  find(anchor, p) {
    const quotient = anchor.op === 'Div' ? swishQuotient(p, anchor) : null;
    if (quotient !== null) return quotient;
    const product = productOf(p, anchor);
    const [a, b] = product?.values ?? [];
    if (product === null || a === undefined || b === undefined || product.values.length !== 2) return null;
    for (const [given, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const reading: Reading = { p, product, x: throughCasts(p, given).id, other };
      for (const form of forms) {
        const read = form(reading);
        const found = read === null ? null : finish(p, anchor, given, reading, read);
        if (found !== null) return found;
      }
    }
    return null;
  },
};
