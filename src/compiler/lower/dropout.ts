/** Dropout that hands out its mask, or trains: its random numbers are a constant, drawn as the evaluator draws them. */
import { bytesOf } from '../../core/index.ts';
import { dropoutNumbers } from '../../graph/index.ts';
import { constantScalar } from '../kernels/values.ts';
import { lazyBytes } from '../passes/constants.ts';
import { dtypeCode } from './float-types.ts';
import { numberOf } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';

/** %x where nothing is dropped, with a mask that says so; else 0 where a random number is below the ratio and %x / (1 − ratio) elsewhere. */
const dropout: Rule = (w, node) => {
  const [x = null, ratio = null, training = null] = node.inputs;
  if (x === null || w.shape(x).includes(0)) return null;
  const shape = w.shape(x);
  const mask = node.outputs[1];
  const trains = training === null ? 0 : constantScalar(w.value(training));
  if (trains === 0) {
    if (mask === undefined) return training === null ? null : [x];
    const { dtype } = w.value(mask).type;
    return [x, w.op('Expand', [numberOf(w, dtype, 1), w.ints(shape)])];
  }
  // Seeded by the name in the file, whatever the node is called by now.
  const named = { ...node, name: node.origin[0] ?? node.name };
  const draw = (): Float32Array =>
    dropoutNumbers(
      named,
      shape.reduce((n, d) => n * d, 1),
    );
  const numbers = w.lazy(
    { dtype: 'float32', shape },
    lazyBytes(() => bytesOf({ dtype: 'float32', shape, data: draw() })),
  );
  const share = ratio === null ? w.float(0.5) : w.op('Cast', [ratio], { to: dtypeCode(w.value(x).type.dtype) });
  const wide = w.op('Cast', [share], { to: dtypeCode('float32') });
  const below = w.op('Less', [w.op('Cast', [numbers], { to: dtypeCode('float32') }), wide]);
  const gain = w.op('Div', [w.float(1), w.op('Sub', [w.float(1), share])]);
  const drops = trains === null ? w.op('And', [below, training as number]) : below;
  const factor = trains === null ? w.op('Where', [training, gain, w.float(1)]) : gain;
  const y = w.op('Where', [drops, w.float(0), w.op('Mul', [x, factor])]);
  return [y, w.op('Not', [drops])].slice(0, node.outputs.length);
};

export const dropoutRules: Rules = { Dropout: dropout };
