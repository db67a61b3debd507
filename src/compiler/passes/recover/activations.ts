/**
 * Activations exporters write as products: Gelu (Hendrycks & Gimpel 2016, arXiv:1606.08415) by erf and by tanh, Swish (Ramachandran et
 * al. 2017, arXiv:1710.05941), HardSwish (Howard et al. 2019, arXiv:1905.02244), Mish (Misra 2019, arXiv:1908.08681). The factors may stand in any order and be grouped in any way.
 */
import type { Node, ValueId } from '../../../graph/ir.ts';
import { input, near, productOf, sumOf, type Pattern, type Product } from './match.ts';
import type { Found, Recovery } from './recovery.ts';

type Form = Omit<Found, 'nodes'> & { readonly nodes: readonly Node[] };

/** The product as x times one other value: every way to read it so. */
function pairs(product: Product): readonly (readonly [ValueId, ValueId])[] {
  const [a, b] = product.values;
  if (a === undefined || b === undefined || product.values.length !== 2) return [];
  return [
    [a, b],
    [b, a],
  ];
}

/** The value is x times a number: that number, and the nodes between. */
function multipleOf(p: Pattern, id: ValueId, x: ValueId): { readonly factor: number; readonly nodes: readonly Node[] } | null {
  if (id === x) return { factor: 1, nodes: [] };
  const node = p.made(id, 'Mul', 'Div');
  const product = node === null ? null : productOf(p, node);
  return product !== null && product.values.length === 1 && product.values[0] === x
    ? { factor: product.factor, nodes: product.nodes }
    : null;
}

/** 1 + f: the node that adds, and the value f. */
function onePlus(p: Pattern, id: ValueId): { readonly value: ValueId; readonly nodes: readonly Node[] } | null {
  const sum = sumOf(p, id);
  const [value] = sum?.values ?? [];
  return sum !== null && value !== undefined && sum.values.length === 1 && near(sum.term, 1) ? { value, nodes: sum.nodes } : null;
}

/** x · (1 + erf(x / √2)) · ½ */
function geluErf(p: Pattern, product: Product, x: ValueId, other: ValueId): Form | null {
  const sum = near(product.factor, 0.5) ? onePlus(p, other) : null;
  const erf = sum === null ? null : p.made(sum.value, 'Erf');
  const inner = erf === null ? null : multipleOf(p, input(erf, 0), x);
  if (sum === null || erf === null || inner === null || !near(inner.factor, Math.SQRT1_2)) return null;
  return { nodes: [...product.nodes, ...sum.nodes, erf, ...inner.nodes], op: 'Gelu', version: 20, inputs: [x], detail: 'erf form' };
}

/** x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) · ½ */
function geluTanh(p: Pattern, product: Product, x: ValueId, other: ValueId): Form | null {
  const sum = near(product.factor, 0.5) ? onePlus(p, other) : null;
  const tanh = sum === null ? null : p.made(sum.value, 'Tanh');
  const scale = tanh === null ? null : p.made(tanh.inputs[0], 'Mul', 'Div');
  const argument = scale === null ? null : productOf(p, scale);
  if (sum === null || tanh === null || argument === null || !near(argument.factor, Math.sqrt(2 / Math.PI))) return null;
  const [first, second] = argument.values;
  const inner =
    second === undefined && first !== undefined
      ? cubic(p, first, x)
      : first === x && second !== undefined
        ? evenCubic(p, second, x)
        : second === x && first !== undefined
          ? evenCubic(p, first, x)
          : null;
  if (inner === null || argument.values.length > 2) return null;
  return {
    nodes: [...product.nodes, ...sum.nodes, tanh, ...argument.nodes, ...inner],
    op: 'Gelu',
    version: 20,
    inputs: [x],
    attributes: { approximate: { kind: 'string', value: 'tanh' } },
    detail: 'tanh form',
  };
}

const cubicTerm = 0.044715;

/** x + 0.044715 x³ */
function cubic(p: Pattern, id: ValueId, x: ValueId): readonly Node[] | null {
  const sum = p.made(id, 'Add');
  if (sum === null) return null;
  const other = sum.inputs[0] === x ? input(sum, 1) : sum.inputs[1] === x ? input(sum, 0) : null;
  const mul = other === null ? null : p.made(other, 'Mul');
  const product = mul === null ? null : productOf(p, mul);
  const power = product !== null && near(product.factor, cubicTerm) ? powers(p, product.values, x, 3) : null;
  return product === null || power === null ? null : [sum, ...product.nodes, ...power];
}

/** 1 + 0.044715 x² */
function evenCubic(p: Pattern, id: ValueId, x: ValueId): readonly Node[] | null {
  const sum = onePlus(p, id);
  const mul = sum === null ? null : p.made(sum.value, 'Mul');
  const product = mul === null ? null : productOf(p, mul);
  const power = product !== null && near(product.factor, cubicTerm) ? powers(p, product.values, x, 2) : null;
  return sum === null || product === null || power === null ? null : [...sum.nodes, ...product.nodes, ...power];
}

/** The values multiply to x to this power: by itself, or by Pow. */
function powers(p: Pattern, values: readonly ValueId[], x: ValueId, wanted: number): readonly Node[] | null {
  const nodes: Node[] = [];
  let degree = 0;
  for (const id of values) {
    const pow = p.made(id, 'Pow');
    const square = p.made(id, 'Mul');
    if (id === x) degree += 1;
    else if (pow !== null && pow.inputs[0] === x) {
      degree += p.scalar(pow.inputs[1]) ?? NaN;
      nodes.push(pow);
    } else if (square !== null && square.inputs[0] === x && square.inputs[1] === x) {
      degree += 2;
      nodes.push(square);
    } else return null;
  }
  return degree === wanted ? nodes : null;
}

/** x · sigmoid(αx) */
function swish(p: Pattern, product: Product, x: ValueId, other: ValueId): Form | null {
  const sigmoid = near(product.factor, 1) ? p.made(other, 'Sigmoid') : null;
  const inner = sigmoid === null ? null : multipleOf(p, input(sigmoid, 0), x);
  if (sigmoid === null || inner === null) return null;
  const alpha = inner.factor;
  return {
    nodes: [...product.nodes, sigmoid, ...inner.nodes],
    op: 'Swish',
    version: 24,
    inputs: [x],
    attributes: alpha === 1 ? {} : { alpha: { kind: 'float', value: Math.fround(alpha) } },
    detail: alpha === 1 ? 'x · sigmoid(x)' : `x · sigmoid(${Number(alpha.toPrecision(4))} x)`,
  };
}

/** x · clip(x + 3, 0, 6) / 6, or x · hardsigmoid(x) with slope 1/6 */
function hardSwish(p: Pattern, product: Product, x: ValueId, other: ValueId): Form | null {
  const hard = p.made(other, 'HardSigmoid');
  if (hard !== null && hard.inputs[0] === x && near(product.factor, 1)) {
    const alpha = hard.attributes['alpha'];
    const beta = hard.attributes['beta'];
    const slope = alpha?.kind === 'float' ? alpha.value : 0.2;
    const shift = beta?.kind === 'float' ? beta.value : 0.5;
    if (!near(slope, 1 / 6) || !near(shift, 0.5)) return null;
    return { nodes: [...product.nodes, hard], op: 'HardSwish', version: 22, inputs: [x], detail: 'x · hardsigmoid(x)' };
  }
  const clip = near(product.factor, 1 / 6) ? p.made(other, 'Clip') : null;
  if (clip === null) return null;
  const bound = (index: number, attribute: string): number | null => {
    const a = clip.attributes[attribute];
    return a?.kind === 'float' ? a.value : p.scalar(clip.inputs[index]);
  };
  const sum = bound(1, 'min') === 0 && bound(2, 'max') === 6 ? sumOf(p, input(clip, 0)) : null;
  if (sum === null || sum.values[0] !== x || sum.values.length !== 1 || !near(sum.term, 3)) return null;
  return { nodes: [...product.nodes, clip, ...sum.nodes], op: 'HardSwish', version: 22, inputs: [x], detail: 'x · clip(x + 3, 0, 6) / 6' };
}

/** x · tanh(softplus(x)), softplus whole or as log(1 + exp(x)) */
function mish(p: Pattern, product: Product, x: ValueId, other: ValueId): Form | null {
  const tanh = near(product.factor, 1) ? p.made(other, 'Tanh') : null;
  const plus = tanh === null ? null : p.made(tanh.inputs[0], 'Softplus', 'Log');
  if (tanh === null || plus === null) return null;
  if (plus.op === 'Softplus') {
    return plus.inputs[0] === x ? { nodes: [...product.nodes, tanh, plus], op: 'Mish', version: 22, inputs: [x], detail: '' } : null;
  }
  const sum = onePlus(p, input(plus, 0));
  const exp = sum === null ? null : p.made(sum.value, 'Exp');
  if (sum === null || exp === null || exp.inputs[0] !== x) return null;
  return { nodes: [...product.nodes, tanh, plus, ...sum.nodes, exp], op: 'Mish', version: 22, inputs: [x], detail: 'log(1 + exp(x))' };
}

const forms = [geluErf, geluTanh, swish, hardSwish, mish];

export const activations: Recovery = {
  name: 'recover-activations',
  summary: 'products that are Gelu, Swish, HardSwish or Mish become one node',
  anchors: ['Mul', 'Div'],
  find(anchor, p) {
    const product = productOf(p, anchor);
    if (product === null) return null;
    for (const [x, other] of pairs(product)) {
      for (const form of forms) {
        const found = form(p, product, x, other);
        if (found !== null) return { ...found, nodes: [...found.nodes.filter((n) => n !== anchor), anchor] };
      }
    }
    return null;
  },
};
