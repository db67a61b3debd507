/** What is known before the run although an operator says it: numbers drawn at random, which follow from the seed, and whether a tensor is there. */
import { bytesOf, elementCount, zeros, type DType } from '../../core/index.ts';
import { bernoulliNumbers, evaluateNode } from '../../graph/index.ts';
import type { Node } from '../../graph/ir.ts';
import { lazyBytes } from '../passes/constants.ts';
import { dtypeCode } from './float-types.ts';
import type { Rule, Rules } from './rule.ts';

const drawable: ReadonlySet<DType> = new Set<DType>(['float32', 'float16', 'bfloat16']);
const truths: ReadonlySet<DType> = new Set<DType>([...drawable, 'bool', 'int8', 'uint8', 'int16', 'int32']);

/** Seeded by its name in the file, whatever a node is called by now. */
function named(node: Node): Node {
  return { ...node, name: node.origin[0] ?? node.name };
}

/** RandomNormal and RandomUniform: a constant, drawn as the evaluator draws it. Of an operand only the size is asked. */
const random: Rule = (w, node) => {
  const [out] = node.outputs;
  if (out === undefined || w.shape(out).includes(0)) return null;
  const { dtype } = w.value(out).type;
  if (!drawable.has(dtype)) return null;
  const shape = w.shape(out);
  const like = node.inputs.map((id) => (id === null ? null : zeros(w.value(id).type.dtype, shape)));
  const draw = (): Uint8Array => {
    const [numbers] = evaluateNode(named(node), w.opset, like);
    if (numbers === undefined) throw new Error(`${node.name} draws nothing`);
    return bytesOf(numbers);
  };
  return [w.lazy({ dtype, shape }, lazyBytes(draw))];
};

/** 1 where the number drawn is below the probability. */
const bernoulli: Rule = (w, node) => {
  const [p = null] = node.inputs;
  const [out] = node.outputs;
  if (p === null || out === undefined || w.shape(p).includes(0)) return null;
  const { dtype } = w.value(out).type;
  const given = w.value(p).type.dtype;
  if (!truths.has(dtype) || !drawable.has(given)) return null;
  const shape = w.shape(p);
  const draw = (): Uint8Array => bytesOf({ dtype: 'float32', shape, data: bernoulliNumbers(named(node), elementCount(shape)) });
  const numbers = w.op('Cast', [w.lazy({ dtype: 'float32', shape }, lazyBytes(draw))], { to: dtypeCode('float32') });
  const hit = w.op('Less', [numbers, w.op('Cast', [p], { to: dtypeCode('float32') })]);
  return [dtype === 'bool' ? hit : w.op('Cast', [hit], { to: dtypeCode(dtype) })];
};

/** A tensor is there. */
const hasElement: Rule = (w, node) => {
  const [x = null] = node.inputs;
  if (x !== null && w.value(x).type.container !== undefined) return null;
  return [w.tensor({ dtype: 'bool', shape: [], data: Uint8Array.of(x === null ? 0 : 1) })];
};

const getElement: Rule = (w, node) => {
  const [x = null] = node.inputs;
  return x === null || w.value(x).type.container !== undefined ? null : [w.op('Identity', [x])];
};

export const knownNumberRules: Rules = {
  RandomNormal: random,
  RandomNormalLike: random,
  RandomUniform: random,
  RandomUniformLike: random,
  Bernoulli: bernoulli,
  OptionalHasElement: hasElement,
  OptionalGetElement: getElement,
};
