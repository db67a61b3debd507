import { expect, test } from 'vitest';
import type { DType, Tensor } from '../../src/core/index.ts';
import { evaluateNode } from '../../src/graph/index.ts';
import type { Attribute } from '../../src/graph/ir.ts';
import { tensorOf } from '../../src/graph/ops/numbers.ts';
import { f32, i64, node, numbers } from './helpers.ts';

const ml = 'ai.onnx.ml';
const str = (value: string): Attribute => ({ kind: 'string', value });
const int = (value: number): Attribute => ({ kind: 'int', value });
const strs = (...value: string[]): Attribute => ({ kind: 'strings', value });
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value });

function tensorAttribute(dtype: DType, values: readonly number[]): Attribute {
  const { data } = tensorOf(dtype, [values.length], values);
  if (!ArrayBuffer.isView(data)) throw new Error('numbers have bytes');
  return { kind: 'tensor', type: { dtype, shape: [values.length] }, constant: { kind: 'bytes', bytes: new Uint8Array(data.buffer) } };
}

function run(
  op: string,
  attributes: Readonly<Record<string, Attribute>>,
  inputs: readonly Tensor[],
  outputs: number = 1,
  domain: string = ml,
): readonly Tensor[] {
  return evaluateNode({ ...node(op, inputs.length, {}, outputs), domain, attributes, version: 1 }, 20, inputs);
}

const words = (...data: string[]): Tensor => ({ dtype: 'string', shape: [data.length], data });

test('a table of labels, in its three forms', () => {
  const classes = { classes_strings: strs('a', 'b') };
  expect(numbers(run('LabelEncoder', classes, [words('b', 'x')])[0])).toEqual([1, -1]);
  expect(run('LabelEncoder', classes, [i64([2], [0, 7])])[0]?.data).toEqual(['a', '_Unused']);
  const lists = { keys_floats: floats(1, NaN), values_strings: strs('one', 'none'), default_string: str('?') };
  expect(run('LabelEncoder', lists, [f32([3], [1, NaN, 2])])[0]?.data).toEqual(['one', 'none', '?']);
  const tensors = {
    keys_tensor: tensorAttribute('int64', [3, 4]),
    values_tensor: tensorAttribute('int16', [30, 40]),
    default_tensor: tensorAttribute('int16', [-9]),
  };
  const [y] = run('LabelEncoder', tensors, [i64([3], [4, 5, 3])]);
  expect([y?.dtype, numbers(y)]).toEqual(['int16', [40, -9, 30]]);
  expect(() => run('LabelEncoder', lists, [i64([1], [1])])).toThrow(/the input is int64, the keys are float32/);
});

test('features are scaled, normalized, filled in, encoded and picked', () => {
  const x = f32([2, 2], [3, -4, 0, 0]);
  expect(numbers(run('Scaler', { offset: floats(1), scale: floats(2, 10) }, [x])[0])).toEqual([4, -50, -2, -10]);
  expect(numbers(run('Normalizer', { norm: str('L2') }, [x])[0]).map((v) => Number(v.toFixed(6)))).toEqual([0.6, -0.8, 0, 0]);
  expect(numbers(run('Normalizer', { norm: str('MAX') }, [x])[0])).toEqual([0.75, -1, 0, 0]);
  expect(
    numbers(run('Imputer', { imputed_value_floats: floats(7, 8), replaced_value_float: { kind: 'float', value: 0 } }, [x])[0]),
  ).toEqual([3, -4, 7, 8]);
  expect(numbers(run('Binarizer', { threshold: { kind: 'float', value: 1 } }, [x])[0])).toEqual([1, 0, 0, 0]);
  expect(numbers(run('OneHotEncoder', { cats_strings: strs('u', 'v') }, [words('v', 'w')])[0])).toEqual([0, 1, 0, 0]);
  expect(() => run('OneHotEncoder', { cats_strings: strs('u'), zeros: int(0) }, [words('w')])).toThrow(/"w" is none of its 1 categories/);
  const [picked] = run('ArrayFeatureExtractor', {}, [x, i64([3], [1, 0, 1])]);
  expect([picked?.shape, numbers(picked)]).toEqual([
    [2, 3],
    [-4, 3, -4, 0, 0, 0],
  ]);
  const [joined] = run('FeatureVectorizer', { inputdimensions: ints(2, 1) }, [x, f32([2, 1], [5, 6])]);
  expect([joined?.shape, numbers(joined)]).toEqual([
    [2, 3],
    [3, -4, 5, 0, 0, 6],
  ]);
  expect(run('CategoryMapper', { cats_strings: strs('a', 'b'), cats_int64s: ints(10, 20) }, [i64([2], [20, 5])])[0]?.data).toEqual([
    'b',
    '_Unused',
  ]);
});

test('linear models: targets, and two classes by one score', () => {
  const x = f32([2, 2], [1, 2, 3, 4]);
  const [y] = run('LinearRegressor', { targets: int(2), coefficients: floats(1, 1, 0, 2), intercepts: floats(0.5, 0) }, [x]);
  expect([y?.shape, numbers(y)]).toEqual([
    [2, 2],
    [3.5, 4, 7.5, 8],
  ]);
  const binary = {
    classlabels_strings: strs('no', 'yes'),
    coefficients: floats(1, -1),
    intercepts: floats(0),
    post_transform: str('LOGISTIC'),
  };
  const [labels, scores] = run('LinearClassifier', binary, [f32([2, 2], [1, 0, 0, 1])], 2);
  expect(labels?.data).toEqual(['yes', 'no']);
  const p = 1 / (1 + Math.exp(-1));
  numbers(scores).forEach((v, i) => expect(v).toBeCloseTo([1 - p, p, p, 1 - p][i] ?? NaN, 6));
  const [which, all] = run(
    'LinearClassifier',
    {
      classlabels_ints: ints(7, 8, 9),
      coefficients: floats(1, 0, 0, 1, 1, 1),
      intercepts: floats(0, 0, -3),
      post_transform: str('SOFTMAX'),
    },
    [f32([1, 2], [1, 2])],
    2,
  );
  expect(numbers(which)).toEqual([8]);
  expect(numbers(all).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
});

test('support vectors: a kernel for each, one against one', () => {
  const vectors = {
    n_supports: int(2),
    support_vectors: floats(0, 0, 1, 1),
    coefficients: floats(2, -1),
    rho: floats(0.25),
    kernel_type: str('RBF'),
    kernel_params: floats(0.5, 0, 0),
  };
  const [y] = run('SVMRegressor', vectors, [f32([1, 2], [1, 0])]);
  expect(numbers(y)[0]).toBeCloseTo(2 * Math.exp(-0.5) - Math.exp(-0.5) + 0.25, 6);
  const two = {
    classlabels_ints: ints(3, 4),
    vectors_per_class: ints(1, 1),
    support_vectors: floats(1, 0, 0, 1),
    coefficients: floats(1, -1),
    rho: floats(0),
  };
  const [labels, scores] = run('SVMClassifier', two, [f32([2, 2], [5, 1, 1, 5])], 2);
  expect([numbers(labels), scores?.shape]).toEqual([
    [3, 4],
    [2, 2],
  ]);
  const [, probabilities] = run('SVMClassifier', { ...two, prob_a: floats(-1), prob_b: floats(0) }, [f32([1, 2], [5, 1])], 2);
  expect(numbers(probabilities).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  expect(numbers(probabilities)[0]).toBeCloseTo(1 / (1 + Math.exp(-4)), 3);
});

/** x0 <= 3.14: x0 <= 1.2 ? 5.23 : -12.23 for target 0; else x0 <= 4.2 ? 12.12 : 7.21 for target 1. The example of ONNX. */
const table = {
  n_targets: int(2),
  tree_roots: ints(0),
  nodes_modes: tensorAttribute('uint8', [0, 0, 0]),
  nodes_featureids: ints(0, 0, 0),
  nodes_splits: tensorAttribute('float64', [3.14, 1.2, 4.2]),
  nodes_truenodeids: ints(1, 0, 1),
  nodes_trueleafs: ints(0, 1, 1),
  nodes_falsenodeids: ints(2, 2, 3),
  nodes_falseleafs: ints(0, 1, 1),
  leaf_targetids: ints(0, 1, 0, 1),
  leaf_weights: tensorAttribute('float64', [5.23, 12.12, -12.23, 7.21]),
};

test('a tree, as a table and with numbered nodes', () => {
  const x: Tensor = { dtype: 'float64', shape: [3, 2], data: Float64Array.of(1.2, 3.4, -0.12, 1.66, 4.14, 1.77) };
  const [y] = run('TreeEnsemble', table, [x]);
  expect([y?.dtype, numbers(y)]).toEqual(['float64', [5.23, 0, 5.23, 0, 0, 12.12]]);
  const numbered = {
    n_targets: int(2),
    nodes_treeids: ints(0, 0, 0, 0, 0, 0, 0),
    nodes_nodeids: ints(0, 1, 2, 3, 4, 5, 6),
    nodes_featureids: ints(0, 0, 0, 0, 0, 0, 0),
    nodes_modes: strs('BRANCH_LEQ', 'BRANCH_LEQ', 'BRANCH_LEQ', 'LEAF', 'LEAF', 'LEAF', 'LEAF'),
    nodes_values: floats(3.14, 1.2, 4.2, 0, 0, 0, 0),
    nodes_truenodeids: ints(1, 3, 5, 0, 0, 0, 0),
    nodes_falsenodeids: ints(2, 4, 6, 0, 0, 0, 0),
    target_treeids: ints(0, 0, 0, 0),
    target_nodeids: ints(3, 4, 5, 6),
    target_ids: ints(0, 0, 1, 1),
    target_weights: floats(5.23, -12.23, 12.12, 7.21),
  };
  const [same] = run('TreeEnsembleRegressor', numbered, [f32([3, 2], [1.2, 3.4, -0.12, 1.66, 4.14, 1.77])]);
  expect(numbers(same)).toEqual([5.23, 0, 5.23, 0, 0, 12.12].map(Math.fround));
  const { target_treeids, target_nodeids, target_ids, target_weights, n_targets: _, ...nodes } = numbered;
  const classes = {
    ...nodes,
    class_treeids: target_treeids,
    class_nodeids: target_nodeids,
    class_ids: target_ids,
    class_weights: target_weights,
    classlabels_strings: strs('p', 'q'),
  };
  expect(run('TreeEnsembleClassifier', classes, [f32([2, 1], [0, 4])], 2)[0]?.data).toEqual(['p', 'q']);
  const ring = { ...table, nodes_truenodeids: ints(0, 0, 1), nodes_trueleafs: ints(0, 1, 1) };
  expect(() => run('TreeEnsemble', ring, [x])).toThrow(/a tree leads back into itself/);
});

test('a branch asks whether a feature is one of a set; NaN takes the other way', () => {
  const sets = {
    n_targets: int(4),
    membership_values: tensorAttribute('float32', [1.2, 3.7, 8, 9, NaN, 12, 7, NaN]),
    tree_roots: ints(0),
    nodes_modes: tensorAttribute('uint8', [0, 6, 6]),
    nodes_featureids: ints(0, 0, 0),
    nodes_splits: tensorAttribute('float32', [11, 232344, NaN]),
    nodes_truenodeids: ints(1, 0, 1),
    nodes_trueleafs: ints(0, 1, 1),
    nodes_falsenodeids: ints(2, 2, 3),
    nodes_falseleafs: ints(1, 0, 1),
    leaf_targetids: ints(0, 1, 2, 3),
    leaf_weights: tensorAttribute('float32', [1, 10, 1000, 100]),
  };
  const [y] = run('TreeEnsemble', sets, [f32([6, 1], [1.2, 3.4, -0.12, NaN, 12, 7])]);
  expect(numbers(y)).toEqual([1, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 100, 0, 0, 1000, 0, 0, 0, 1000, 0, 0, 10, 0, 0]);
});

const training = 'ai.onnx.preview.training';
const float = (value: number): Attribute => ({ kind: 'float', value });

test('optimizers: the examples of the ONNX specification', () => {
  const scalars = [{ ...f32([], [0.1]) }, i64([], [0])];
  const [x, h] = run(
    'Adagrad',
    { norm_coefficient: float(0.001), epsilon: float(1e-5), decay_factor: float(0.1) },
    [...scalars, f32([1], [1]), f32([1], [-1]), f32([1], [2])],
    2,
    training,
  );
  // G' = 0.001 - 1, H = 2 + G'², X = 1 - 0.1 · G' / (√H + 1e-5)
  expect(numbers(h)[0]).toBeCloseTo(2.998001, 5);
  expect(numbers(x)[0]).toBeCloseTo(1 + (0.1 * 0.999) / (Math.sqrt(2.998001) + 1e-5), 6);
  const momentum = { norm_coefficient: float(0.001), alpha: float(0.95), beta: float(0.1), mode: str('nesterov') };
  const [x2, v2] = run(
    'Momentum',
    momentum,
    [...scalars, f32([2], [1.2, 2.8]), f32([2], [-0.94, -2.5]), f32([2], [1.7, 3.6])],
    2,
    training,
  );
  const g = 0.001 * 1.2 - 0.94;
  const v = 0.95 * 1.7 + g;
  expect(numbers(v2)[0]).toBeCloseTo(v, 5);
  expect(numbers(x2)[0]).toBeCloseTo(1.2 - 0.1 * (g + 0.95 * v), 5);
  const adam = { norm_coefficient: float(0.001), alpha: float(0.95), beta: float(0.1), epsilon: float(1e-7) };
  const many = [
    f32([1], [1]),
    f32([2], [2, 3]),
    f32([1], [-1]),
    f32([2], [-1, -3]),
    f32([1], [2]),
    f32([2], [4, 1]),
    f32([1], [0.5]),
    f32([2], [1, 10]),
  ];
  const out = run('Adam', adam, [f32([], [0.1]), i64([], [0]), ...many], 6, training);
  expect(out.map((t) => t.shape)).toEqual([[1], [2], [1], [2], [1], [2]]);
  const ga = 0.001 - 1;
  const va = 0.95 * 2 + 0.05 * ga;
  const ha = 0.1 * 0.5 + 0.9 * ga * ga;
  expect(numbers(out[0])[0]).toBeCloseTo(1 - (0.1 * va) / (Math.sqrt(ha) + 1e-7), 5);
});

test('what is not evaluated says so', () => {
  expect(() => run('Gradient', { xs: strs('x'), y: str('y') }, [f32([1], [1])], 1, training)).toThrow(
    /SYS3064: Gradient "gradient" can be checked, but not run/,
  );
});
