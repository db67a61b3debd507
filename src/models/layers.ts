/** Modules that several networks share, as PyTorch exporters write them at opset 17. */
import type { GraphWriter } from './graph-writer.ts';

/** Trained biases are about this large. */
const biasDeviation = 0.02;

/** y = x W + b on the last axis: MatMul and Add, the weight transposed at export. */
export function linear(
  net: GraphWriter,
  scope: string,
  x: string,
  from: number,
  to: number,
  options: { readonly bias?: boolean; readonly gain?: number } = {},
): string {
  const path = parameter(scope);
  const product = net.op(scope, 'MatMul', [x, net.weight(`${path}.weight`, [from, to], Math.sqrt((options.gain ?? 1) / from))]);
  return options.bias === false ? product : net.op(scope, 'Add', [net.weight(`${path}.bias`, [to], biasDeviation), product]);
}

/** torch.nn.LayerNorm, one node since opset 17. */
export function layerNorm(net: GraphWriter, scope: string, x: string, width: number, epsilon: number): string {
  const path = parameter(scope);
  const scale = net.filled(`${path}.weight`, [width], 1);
  const bias = net.weight(`${path}.bias`, [width], biasDeviation);
  return net.op(scope, 'LayerNormalization', [x, scale, bias], { axis: -1, epsilon: { float: epsilon } });
}

/** Zhang & Sennrich 2019 (arXiv:1910.07467), split into its operators: x / sqrt(mean(x²) + ε) · g. */
export function rmsNorm(net: GraphWriter, scope: string, x: string, width: number, epsilon: number): string {
  const square = net.op(scope, 'Pow', [x, net.scalar(scope, 2)]);
  const mean = net.op(scope, 'ReduceMean', [square], { axes: [-1] });
  const root = net.op(scope, 'Sqrt', [net.op(scope, 'Add', [mean, net.scalar(scope, epsilon)])]);
  const inverse = net.op(scope, 'Div', [net.scalar(scope, 1), root]);
  const normal = net.op(scope, 'Mul', [x, inverse]);
  return net.op(scope, 'Mul', [net.filled(`${parameter(scope)}.weight`, [width], 1), normal]);
}

/** Hendrycks & Gimpel 2016 (arXiv:1606.08415), exact form, split as exporters do before opset 20: x · (1 + erf(x/√2)) · 0.5. */
export function gelu(net: GraphWriter, scope: string, x: string): string {
  const scaled = net.op(scope, 'Div', [x, net.scalar(scope, Math.SQRT2)]);
  const sum = net.op(scope, 'Add', [net.op(scope, 'Erf', [scaled]), net.scalar(scope, 1)]);
  return net.op(scope, 'Mul', [net.op(scope, 'Mul', [x, sum]), net.scalar(scope, 0.5)]);
}

/** x · sigmoid(x). */
export function silu(net: GraphWriter, scope: string, x: string): string {
  return net.op(scope, 'Mul', [x, net.op(scope, 'Sigmoid', [x])]);
}

/** [batch, length, heads · size] -> [batch, heads, length, size]. */
export function splitHeads(net: GraphWriter, scope: string, x: string, shape: readonly [number, number, number, number]): string {
  return net.op(scope, 'Transpose', [net.op(scope, 'Reshape', [x, net.ints(scope, shape)])], { perm: [0, 2, 1, 3] });
}

/**
 * softmax(q kᵀ / √size + mask) v over heads: [batch, heads, length, size] each, `mask` null for none. Merged to [batch, length, heads · size].
 * Vaswani et al. 2017 (arXiv:1706.03762).
 */
export function attention(
  net: GraphWriter,
  scope: string,
  { q, k, v }: { readonly q: string; readonly k: string; readonly v: string },
  { size, mask, merged }: { readonly size: number; readonly mask: string | null; readonly merged: readonly [number, number, number] },
): string {
  const transposed = net.op(scope, 'Transpose', [k], { perm: [0, 1, 3, 2] });
  const scores = net.op(scope, 'Div', [net.op(scope, 'MatMul', [q, transposed]), net.scalar(scope, Math.sqrt(size))]);
  const masked = mask === null ? scores : net.op(scope, 'Add', [scores, mask]);
  const weights = net.op(scope, 'Softmax', [masked], { axis: -1 });
  const mixed = net.op(scope, 'Transpose', [net.op(scope, 'MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
  return net.op(scope, 'Reshape', [mixed, net.ints(scope, merged)]);
}

/** `/encoder/layer.0/attention` -> `encoder.layer.0.attention`. */
export function parameter(scope: string): string {
  return scope.split('/').slice(1).join('.');
}
