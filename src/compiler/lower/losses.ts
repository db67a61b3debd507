/** Losses of training. A class is looked up by comparing its label with all of them: what is not it adds 0. */
import { attributeInt, attributeString } from '../../graph/index.ts';
import type { Node, ValueId } from '../../graph/ir.ts';
import { dtypeCode } from './float-types.ts';
import { positions, wholeNumbers } from './ranking.ts';
import type { Rule, Rules } from './rule.ts';
import type { Writer } from './writer.ts';

/** −weight[target] · logs[target], 0 where the target is to be ignored; the mean divides by the sum of the weights. */
function likelihood(w: Writer, node: Node, logs: ValueId, target: ValueId, weight: ValueId | null): ValueId {
  const shape = w.shape(logs);
  const [batch = 1, classes = 1, ...rest] = shape;
  const one = w.float(1);
  const zero = w.float(0);
  const labels = w.value(target).type.dtype === 'int64' ? w.op('Cast', [target], { to: dtypeCode('int32') }) : target;
  const isClass = w.op('Equal', [w.reshape(labels, [batch, 1, ...rest]), positions(w, shape.length, 1, classes)]);
  const pick = (x: ValueId): ValueId => w.op('ReduceSum', [w.op('Where', [isClass, x, zero]), w.ints([1])], { keepdims: 0 });
  let weights =
    weight === null
      ? null
      : pick(
          w.reshape(
            weight,
            shape.map((_, i) => (i === 1 ? classes : 1)),
          ),
        );
  if (node.attributes['ignore_index'] !== undefined) {
    const ignored = w.op('Equal', [labels, wholeNumbers(w, [], [attributeInt(node, 'ignore_index', 0)])]);
    weights = w.op('Where', [ignored, zero, weights ?? one]);
  }
  const negative = w.op('Neg', [pick(logs)]);
  const losses = weights === null ? negative : w.op('Mul', [negative, weights]);
  const reduction = attributeString(node, 'reduction', 'mean');
  if (reduction === 'none') return losses;
  const total = w.op('ReduceSum', [losses], { keepdims: 0 });
  if (reduction === 'sum') return total;
  const count = w.shape(target).reduce((n, d) => n * d, 1);
  return w.op('Div', [total, weights === null ? w.float(count) : w.op('ReduceSum', [weights], { keepdims: 0 })]);
}

const negativeLogLikelihood: Rule = (w, node) => {
  const [x = null, target = null, weight = null] = node.inputs;
  return x === null || target === null || w.shape(x).includes(0) ? null : [likelihood(w, node, x, target, weight)];
};

const softmaxCrossEntropy: Rule = (w, node) => {
  const [x = null, target = null, weight = null] = node.inputs;
  if (x === null || target === null || w.shape(x).includes(0)) return null;
  const logs = w.op('LogSoftmax', [x], { axis: 1 });
  return [likelihood(w, node, logs, target, weight), logs].slice(0, node.outputs.length);
};

export const lossRules: Rules = { NegativeLogLikelihoodLoss: negativeLogLikelihood, SoftmaxCrossEntropyLoss: softmaxCrossEntropy };
