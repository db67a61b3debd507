/** Softmax and its logarithm along an axis. */
import { elementCount } from '../../core/index.ts';
import { attributeInt, tableOf, type Node, type Value } from '../../graph/index.ts';
import { groupOutput, wrongType, type NotHere, type SelectContext } from './context.ts';
import type { SoftmaxKernel, VectorPlan } from './spec.ts';
import { isPlainFloat } from './values.ts';
import { createStepWriter, perTensor } from './vector-plan.ts';

export function selectSoftmax(cx: SelectContext, node: Node): SoftmaxKernel | NotHere {
  const input = cx.graph.values[node.inputs[0] as number];
  const output = cx.graph.values[node.outputs[0] as number];
  if (input === undefined || output === undefined) throw new Error(`${node.op} without operands`);
  if (!isPlainFloat(input) && input.quantization === null) return wrongType(input);
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a softmax' };
  const x = cx.views.view(input.id);
  const rank = x.shape.length;
  // Before opset 13 everything from `axis` (1) on is one row; since then one axis (the last) is.
  const whole = (node.version ?? cx.graph.opset) < 13;
  const given = attributeInt(node, 'axis', whole ? 1 : -1);
  const axis = given < 0 ? given + rank : given;
  return {
    kind: 'softmax',
    name: cx.name,
    origin: cx.origin,
    class: 'softmax',
    engine: 'vector',
    dtype: x.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
    x,
    outer: elementCount(x.shape.slice(0, axis)),
    length: whole ? elementCount(x.shape.slice(axis)) : (x.shape[axis] ?? 1),
    inner: whole ? 1 : elementCount(x.shape.slice(axis + 1)),
    xZero: input.quantization === null ? 0 : perTensor(input).zero,
    ...lowerSoftmax(input, output, node.op === 'LogSoftmax', tableOf(node)),
  };
}

type Writer = ReturnType<typeof createStepWriter>;

/** The programs of a softmax; the maximum of quantized inputs comes with the zero point already subtracted. */
function lowerSoftmax(
  input: Value,
  output: Value,
  logarithm: boolean,
  table: number,
): Pick<SoftmaxKernel, 'exponential' | 'quotient' | 'both'> {
  const plan = (write: (w: Writer) => number, quantized: boolean): VectorPlan => {
    const w = createStepWriter(table);
    const y = write(w);
    if (!quantized || output.quantization === null) w.store(0, y);
    else {
      const { scale, zero } = perTensor(output);
      w.store(0, w.step('quantize', y, w.immediate(scale), w.immediate(zero)));
    }
    return { steps: w.steps, operands: [] };
  };
  /** x − max */
  const shifted = (w: Writer): number => {
    if (input.quantization === null) return w.step('sub', w.step('load', 0), w.step('load', 1));
    const { scale, zero } = perTensor(input);
    const s = w.immediate(scale);
    const x = w.step('dequantize', w.step('loadInt', 0), w.immediate(zero), s);
    return w.step('sub', x, w.step('dequantize', w.step('loadInt', 1), w.immediate(0), s));
  };
  const exponential = plan((w) => w.step('exp', shifted(w)), false);
  if (logarithm) {
    return { exponential, quotient: null, both: plan((w) => w.step('sub', shifted(w), w.step('log', w.step('load', 2))), true) };
  }
  return {
    exponential,
    quotient: plan((w) => w.step('div', w.step('load', 0), w.step('load', 1)), true),
    both: plan((w) => w.step('div', w.step('exp', shifted(w)), w.step('load', 2)), true),
  };
}
