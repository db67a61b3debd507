/** One text per composite: the spelling that goes in, what comes out. Update with `vitest -u` and read the difference. */
import { expect, test } from 'vitest';
import { compactGraph, printGraph } from '../../../src/graph/index.ts';
import type { Graph, ValueId } from '../../../src/graph/ir.ts';
import { network, recover, type Network } from './network.ts';

const turn = (n: Network, x: ValueId, perm: readonly number[]): ValueId => n.op('Transpose', [x], { perm });

function gelu(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  const erf = n.op('Erf', [n.op('Div', [x, n.number(Math.SQRT2)])]);
  return n.finish(n.op('Mul', [n.op('Mul', [x, n.op('Add', [erf, n.number(1)])]), n.number(0.5)]));
}

function swish(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  return n.finish(n.op('Mul', [x, n.op('Sigmoid', [n.op('Mul', [x, n.number(1.702)])])]));
}

function hardSwish(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  const gate = n.op('Clip', [n.op('Add', [x, n.number(3)]), n.number(0), n.number(6)]);
  return n.finish(n.op('Mul', [x, n.op('Div', [gate, n.number(6)])]));
}

function mish(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  return n.finish(n.op('Mul', [x, n.op('Tanh', [n.op('Softplus', [x])])]));
}

function softmax(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  const e = n.op('Exp', [n.op('Sub', [x, n.op('ReduceMax', [x, n.ints([-1])])])]);
  return n.finish(n.op('Div', [e, n.op('ReduceSum', [e, n.ints([-1])])]));
}

function layerNorm(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  const d = n.op('Sub', [x, n.op('ReduceMean', [x, n.ints([-1])])]);
  const variance = n.op('ReduceMean', [n.op('Pow', [d, n.number(2)]), n.ints([-1])]);
  const normal = n.op('Div', [d, n.op('Sqrt', [n.op('Add', [variance, n.number(1e-5)])])]);
  return n.finish(n.op('Add', [n.op('Mul', [normal, n.floats([4], [1, 2, 3, 4])]), n.floats([4], [4, 3, 2, 1])]));
}

function rmsNorm(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4]);
  const mean = n.op('ReduceMean', [n.op('Pow', [x, n.number(2)]), n.ints([-1])]);
  const normal = n.op('Mul', [x, n.op('Reciprocal', [n.op('Sqrt', [n.op('Add', [mean, n.number(1e-6)])])])]);
  return n.finish(n.op('Mul', [n.floats([4], [1, 2, 3, 4]), normal]));
}

function instanceNorm(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 2, 3, 3]);
  const d = n.op('Sub', [x, n.op('ReduceMean', [x, n.ints([2, 3])])]);
  const variance = n.op('ReduceMean', [n.op('Mul', [d, d]), n.ints([2, 3])]);
  const normal = n.op('Div', [d, n.op('Sqrt', [n.op('Add', [variance, n.number(1e-5)])])]);
  return n.finish(n.op('Add', [n.op('Mul', [normal, n.floats([2, 1, 1], [1, 2])]), n.floats([2, 1, 1], [3, 4])]));
}

function groupNorm(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 4, 3, 3]);
  const apart = n.op('Reshape', [x, n.ints([0, 2, -1])]);
  const normal = n.op('InstanceNormalization', [apart, n.floats([2], [1, 1]), n.floats([2], [0, 0])]);
  const back = n.op('Reshape', [normal, n.op('Shape', [x])]);
  return n.finish(n.op('Add', [n.op('Mul', [back, n.floats([4, 1, 1], [1, 2, 3, 4])]), n.floats([4, 1, 1], [4, 3, 2, 1])]));
}

/** Heads shared by two queries each, a causal mask and one for padding. */
function attention(): Graph {
  const n = network();
  const [q, k, v] = [n.input('q', ['batch', 4, 3, 8]), n.input('k', ['batch', 2, 3, 8]), n.input('v', ['batch', 2, 3, 8])];
  const wide = n.op('Concat', [n.op('Slice', [n.op('Shape', [q]), n.ints([0]), n.ints([1])]), n.ints([2, 2, 3, 8])], { axis: 0 });
  const many = (x: ValueId): ValueId =>
    n.op('Reshape', [n.op('Expand', [n.op('Unsqueeze', [x, n.ints([2])]), wide]), n.ints([-1, 4, 3, 8])]);
  const scores = n.op('Div', [n.op('MatMul', [q, turn(n, many(k), [0, 1, 3, 2])]), n.number(Math.sqrt(8))]);
  const causal = n.op('Where', [n.bools([3, 3], (i) => i % 3 <= Math.floor(i / 3)), scores, n.number(-10000)]);
  const masked = n.op('Add', [causal, n.input('padding', ['batch', 1, 1, 3])]);
  return n.finish(n.op('MatMul', [n.op('Softmax', [masked], { axis: -1 }), many(v)]));
}

function attentionOfCaches(): Graph {
  const n = network();
  const [q, k, v] = [n.input('q', [1, 2, 1, 8]), n.input('k', [1, 2, 1, 8]), n.input('v', [1, 2, 1, 8])];
  const keys = n.op('Concat', [n.input('past.key', [1, 2, 'past', 8]), k], { axis: 2 });
  const values = n.op('Concat', [n.input('past.value', [1, 2, 'past', 8]), v], { axis: 2 });
  const scores = n.op('Mul', [n.op('MatMul', [q, turn(n, keys, [0, 1, 3, 2])]), n.number(1 / Math.sqrt(8))]);
  return n.finish(n.op('MatMul', [n.op('Softmax', [scores], { axis: -1 }), values]), keys, values);
}

function rotary(): Graph {
  const n = network();
  const x = n.input('x', ['batch', 2, 3, 4]);
  const last = (from: number, to: number): ValueId => n.op('Slice', [x, n.ints([from]), n.ints([to]), n.ints([3])]);
  const table = (scale: number): ValueId => n.floats([3, 4], (i) => (scale * (Math.floor(i / 4) + (i % 2))) / 8);
  const turned = n.op('Concat', [n.op('Neg', [last(2, 4)]), last(0, 2)], { axis: -1 });
  return n.finish(n.op('Add', [n.op('Mul', [x, table(1)]), n.op('Mul', [turned, table(2)])]));
}

function lstm(): Graph {
  const n = network();
  const [x, h, c] = [n.input('x', ['batch', 3]), n.input('h', ['batch', 2]), n.input('c', ['batch', 2])];
  const sum = n.op('Add', [n.op('MatMul', [x, n.floats([3, 8], (i) => i)]), n.op('MatMul', [h, n.floats([2, 8], (i) => -i)])]);
  const [i = 0, f = 0, g = 0, o = 0] = n.ops('Split', [n.op('Add', [sum, n.floats([8], (k) => k / 8)]), n.ints([2, 2, 2, 2])], 4, {
    axis: 1,
  });
  const newC = n.op('Add', [n.op('Mul', [n.op('Sigmoid', [f]), c]), n.op('Mul', [n.op('Sigmoid', [i]), n.op('Tanh', [g])])]);
  return n.finish(n.op('Mul', [n.op('Sigmoid', [o]), n.op('Tanh', [newC])]), newC);
}

function depthToSpace(): Graph {
  const n = network();
  const apart = n.op('Reshape', [n.input('x', [1, 8, 3, 5]), n.ints([1, 2, 2, 2, 3, 5])]);
  return n.finish(n.op('Reshape', [turn(n, apart, [0, 1, 4, 2, 5, 3]), n.ints([1, 2, 6, 10])]));
}

const cases: Readonly<Record<string, () => Graph>> = {
  gelu,
  swish,
  'hard-swish': hardSwish,
  mish,
  softmax,
  'layer-norm': layerNorm,
  'rms-norm': rmsNorm,
  'instance-norm': instanceNorm,
  'group-norm': groupNorm,
  attention,
  'attention-of-caches': attentionOfCaches,
  rotary,
  lstm,
  'depth-to-space': depthToSpace,
};

test.each(Object.entries(cases))('recover %s', async (name, build) => {
  const before = build();
  const { graph, told } = recover(before);
  const text = [`// ${told.join('\n// ')}`, '', printGraph(compactGraph(before)), printGraph(compactGraph(graph))].join('\n');
  await expect(text).toMatchFileSnapshot(`golden/recover-${name}.txt`);
});
