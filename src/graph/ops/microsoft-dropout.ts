/** Dropout of com.microsoft, outside training: with masks as bits, and the gradients that training graphs hold. */
import { elementCount } from '../../core/index.ts';
import { ceilDivDim, productDim } from '../dim.ts';
import { floatsOf, numbersOf, tensorOf } from './numbers.ts';
import { defineOp, misfit, requiredTensor, requiredType, type EvaluateContext, type OpDef } from './op-def.ts';
import { optionalTensor } from './quantized-ops.ts';

const round = Math.fround;

function trains(context: EvaluateContext, index: number): boolean {
  const mode = optionalTensor(context, index);
  return mode !== null && (numbersOf(mode)[0] ?? 0) !== 0;
}

/** Inputs: data, ratio, training_mode. Outputs: data, and a bit for each element that was kept. */
const bitmaskDropout: OpDef = defineOp({
  domain: 'com.microsoft',
  name: 'BitmaskDropout',
  since: [1],
  kernelClass: 'host',
  attributes: { seed: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'data');
    return [x, { dtype: 'uint32', shape: [ceilDivDim(productDim(x.shape), 32)] }];
  },
  evaluate(context) {
    if (trains(context, 2)) misfit(context, 'it is in training mode, its result is random', 'Export the model for inference');
    const x = requiredTensor(context, 0, 'data');
    const count = elementCount(x.shape);
    const bits = new Uint32Array(Math.ceil(count / 32));
    for (let i = 0; i < count; i++) bits[i >> 5] = ((bits[i >> 5] ?? 0) | (1 << (i & 31))) >>> 0;
    return [x, tensorOf('uint32', [bits.length], bits)].slice(0, context.outputs.length);
  },
});

/** dx = dy where kept, scaled by 1 / (1 - ratio) in training. Inputs: dy, mask, ratio, training_mode. */
function dropoutGrad(name: string, kept: (mask: ArrayLike<number>, i: number) => boolean): OpDef {
  return defineOp({
    domain: 'com.microsoft',
    name,
    since: [1],
    kernelClass: 'host',
    infer(context) {
      requiredType(context, 1, 'mask');
      return [requiredType(context, 0, 'dy')];
    },
    evaluate(context) {
      const dy = requiredTensor(context, 0, 'dy');
      if (!trains(context, 3)) return [dy];
      const mask = numbersOf(requiredTensor(context, 1, 'mask'));
      const stated = optionalTensor(context, 2);
      const ratio = stated === null ? 0.5 : (floatsOf(stated)[0] ?? 0.5);
      const scale = ratio < 1 ? round(1 / round(1 - ratio)) : 0;
      return [
        tensorOf(
          dy.dtype,
          dy.shape,
          floatsOf(dy).map((v, i) => (kept(mask, i) ? v * scale : 0)),
        ),
      ];
    },
  });
}

export const dropoutOps: readonly OpDef[] = [
  bitmaskDropout,
  dropoutGrad('BitmaskDropoutGrad', (mask, i) => (((mask[i >> 5] ?? 0) >>> (i & 31)) & 1) === 1),
  dropoutGrad('DropoutGrad', (mask, i) => mask[i] !== 0),
];
