/** Units that multiply a gate with a value. */
import { broadcastShapes } from './broadcast.ts';
import { combine } from './elements.ts';
import { functionsOf } from './functions.ts';
import { defineOp, floatAttribute, misfit, outputType, requiredTensor, requiredType, type OpDef } from './op-def.ts';

const round = Math.fround;

/** y = a · sigmoid(alpha · a) · b */
export const swiGlu: OpDef = defineOp({
  name: 'SwiGLU',
  since: [28],
  kernelClass: 'elementwise',
  attributes: { alpha: 1 },
  infer(context) {
    const [a, b] = [requiredType(context, 0, 'a'), requiredType(context, 1, 'b')];
    if (a.dtype !== b.dtype)
      misfit(context, `the operands are ${a.dtype} and ${b.dtype}`, 'Both must have one element type: insert a Cast');
    return [{ dtype: a.dtype, shape: broadcastShapes(context, [a.shape, b.shape]) }];
  },
  evaluate(context) {
    const type = outputType(context);
    const alpha = floatAttribute(context, 'alpha', 1);
    const { sigmoid } = functionsOf(context);
    const f = (a: number, b: number): number => round(round(a * round(sigmoid(round(alpha * a)))) * b);
    return [combine(requiredTensor(context, 0, 'a'), requiredTensor(context, 1, 'b'), type, f)];
  },
});
