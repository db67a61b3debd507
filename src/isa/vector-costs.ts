/** What the lanes of a vector engine take for an element: per step of a program, and per command. */
import type { Core, VectorCostClass } from '../hw-configs/machine.ts';
import type { Command, VectorOpcode } from './command.ts';
import { refElements } from './traffic.ts';

/**
 * What class a step of a VECTOR program costs as; null: free, the lane's load and store ports do it beside the arithmetic. Conversions to
 * and from integers ride on loads and stores.
 */
export const stepClass: Readonly<Record<VectorOpcode, VectorCostClass | null>> = {
  load: null,
  loadInt: null,
  immediate: null,
  store: null,
  add: 'add',
  sub: 'add',
  max: 'add',
  min: 'add',
  neg: 'add',
  abs: 'add',
  floor: 'add',
  addInt: 'add',
  mulInt: 'mul',
  divInt: 'div',
  remainder: 'div',
  bitAnd: 'add',
  bitOr: 'add',
  bitXor: 'add',
  less: 'add',
  equal: 'add',
  select: 'add',
  round: 'add',
  pow: 'exp',
  powInt: 'exp',
  lookup: 'exp',
  expTable: 'exp',
  sigmoidTable: 'exp',
  tanhTable: 'exp',
  erfTable: 'exp',
  inverseRootTable: 'exp',
  sin: 'exp',
  cos: 'exp',
  tan: 'exp',
  asin: 'exp',
  acos: 'exp',
  atan: 'exp',
  sinh: 'exp',
  cosh: 'exp',
  asinh: 'exp',
  acosh: 'exp',
  atanh: 'exp',
  unpack: 'add',
  toFloat16: 'add',
  toBfloat16: 'add',
  rescale: 'requantize',
  mul: 'mul',
  dequantize: 'mul',
  div: 'div',
  sqrt: 'div',
  exp: 'exp',
  tanh: 'exp',
  erf: 'exp',
  log: 'exp',
  sigmoid: 'exp',
  quantize: 'requantize',
  requantize: 'requantize',
};

/**
 * Lane ticks of one element through a VECTOR program: Σ ticksPerOp(class of step). A program that computes nothing puts elements elsewhere,
 * which occupies its lane for ticksPerOp.transpose.
 */
export function ticksPerElement(steps: readonly { readonly op: VectorOpcode }[], core: Core): number {
  let ticks = 0;
  let computes = false;
  for (const { op } of steps) {
    const cls = stepClass[op];
    if (cls === null) continue;
    computes = true;
    ticks += core.vector.ticksPerOp[cls];
  }
  return computes ? ticks : core.vector.ticksPerOp.transpose;
}

/** Lane ticks of a command of the vector engine; 0 for others. They add up to the same sum however a kernel is tiled. */
export function laneTicksOf(c: Command, core: Core): number {
  const costs = core.vector.ticksPerOp;
  switch (c.op) {
    case 'VECTOR': {
      const first = c.outputs[0];
      return first === undefined ? 0 : refElements(first) * ticksPerElement(c.steps, core);
    }
    case 'POOL':
      return refElements(c.out) * (c.kernel[0] * c.kernel[1] * costs.add + (c.kind === 'average' ? costs.requantize : 0));
    case 'REDUCE':
      return refElements(c.x) * costs.reduce;
    default:
      return 0;
  }
}
