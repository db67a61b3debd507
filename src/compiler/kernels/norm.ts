/** LayerNormalization, RMSNormalization, InstanceNormalization and GroupNormalization as one kernel of the vector engine. */
import { elementCount } from '../../core/index.ts';
import { attributeFloat, attributeInt, tableOf, type Node, type Value } from '../../graph/index.ts';
import { groupOutput, wrongType, type NotHere, type SelectContext } from './context.ts';
import type { NormKernel, NormParameter, VectorPlan } from './spec.ts';
import { isPlainFloat } from './values.ts';
import { createStepWriter, perTensor } from './vector-plan.ts';

/** How a tensor is normalized: x as [outer, groups, a, b], statistics over a and b. */
interface Shape {
  readonly outer: number;
  readonly groups: number;
  readonly a: number;
  readonly b: number;
  /** Element strides of scale and bias along (groups, a, b). */
  readonly parameter: readonly [number, number, number];
}

function shapeOf(node: Node, shape: readonly number[], version: number): Shape {
  switch (node.op) {
    case 'InstanceNormalization':
      return { outer: shape[0] ?? 1, groups: shape[1] ?? 1, a: 1, b: elementCount(shape.slice(2)), parameter: [1, 0, 0] };
    case 'GroupNormalization': {
      const groups = attributeInt(node, 'num_groups', 1);
      const a = (shape[1] ?? 1) / groups;
      // Before opset 21 scale and bias are per group.
      return { outer: shape[0] ?? 1, groups, a, b: elementCount(shape.slice(2)), parameter: version >= 21 ? [a, 1, 0] : [1, 0, 0] };
    }
    default: {
      const axis = attributeInt(node, 'axis', -1);
      const first = axis < 0 ? axis + shape.length : axis;
      return { outer: 1, groups: elementCount(shape.slice(0, first)), a: 1, b: elementCount(shape.slice(first)), parameter: [0, 0, 1] };
    }
  }
}

export function selectNorm(cx: SelectContext, node: Node): NormKernel | NotHere {
  const valueOf = (id: number | null | undefined): Value | null => (id === null || id === undefined ? null : (cx.graph.values[id] ?? null));
  const input = valueOf(node.inputs[0]);
  const output = valueOf(node.outputs[0]);
  if (input === null || output === null) throw new Error(`${node.op} without operands`);
  if (!isPlainFloat(input) && input.quantization === null) return wrongType(input);
  if (cx.epilogue.length > 0) return { reason: 'an epilogue behind a normalization' };
  if (node.outputs.length > 1) return { reason: 'mean and deviation are outputs too' };
  const x = cx.views.view(input.id);
  const shape = shapeOf(node, x.shape, node.version ?? cx.graph.opset);
  const wanted = shape.parameter[2] === 1 ? shape.b : shape.parameter[1] === 1 ? shape.groups * shape.a : shape.groups;
  const parameters: NormParameter[] = [];
  for (const index of [1, 2]) {
    const value = valueOf(node.inputs[index]);
    if (value === null) continue;
    const view = cx.views.view(value.id);
    if (!isPlainFloat(value)) return wrongType(value);
    const count = elementCount(view.shape);
    if (count !== wanted) return { reason: `parameter ${value.name} holds ${count} numbers and is broadcast to ${wanted}` };
    parameters.push({ view, strides: [0, ...shape.parameter] });
  }
  const centre = node.op !== 'RMSNormalization';
  return {
    kind: 'norm',
    name: cx.name,
    origin: cx.origin,
    class: 'softmax',
    engine: 'vector',
    dtype: x.dtype,
    macs: 0,
    out: groupOutput(cx),
    nodes: cx.group,
    x,
    ...shape,
    parameters,
    ...programs(
      input,
      output,
      shape.a * shape.b,
      Math.fround(attributeFloat(node, 'epsilon', 1e-5)),
      centre,
      parameters.length,
      tableOf(node),
    ),
  };
}

/** The steps between the sums, each rounded as the reference evaluators round. */
function programs(
  input: Value,
  output: Value,
  count: number,
  epsilon: number,
  centre: boolean,
  parameters: number,
  table: number,
): Pick<NormKernel, 'real' | 'mean' | 'centred' | 'inverse' | 'finish'> {
  const plan = (write: (w: ReturnType<typeof createStepWriter>) => number): VectorPlan => {
    const w = createStepWriter(table);
    w.store(0, write(w));
    return { steps: w.steps, operands: [] };
  };
  return {
    real: plan((w) => {
      if (input.quantization === null) return w.step('load', 0);
      const { scale, zero } = perTensor(input);
      return w.step('dequantize', w.step('loadInt', 0), w.immediate(zero), w.immediate(scale));
    }),
    mean: centre ? plan((w) => w.step('div', w.step('load', 0), w.immediate(count))) : null,
    centred: centre ? plan((w) => w.step('sub', w.step('load', 0), w.step('load', 1))) : null,
    inverse: plan((w) => {
      const variance = w.step('div', w.step('load', 0), w.immediate(count));
      return w.inverseRoot(w.step('add', variance, w.immediate(epsilon)));
    }),
    finish: plan((w) => {
      let y = w.step('mul', w.step('load', 0), w.step('load', 1));
      if (parameters > 0) y = w.step('mul', y, w.step('load', 2));
      if (parameters > 1) y = w.step('add', y, w.step('load', 3));
      if (output.quantization === null) return y;
      const { scale, zero } = perTensor(output);
      return w.step('quantize', y, w.immediate(scale), w.immediate(zero));
    }),
  };
}
