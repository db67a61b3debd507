/** ai.onnx.ml: linear models and support vector machines. Sums run in order, rounded to fp32 at each step. */
import { exp32, pow32, sigmoid32, tanh32 } from '../../core/index.ts';
import { floatsAttribute, intsList } from './ml-attributes.ts';
import { classifierTypes, featureRows, labelsOf, labelTensor, largest, postTransformOf, transformScores } from './ml-scores.ts';
import { mlDomain, rowsOf } from './ml-transform.ts';
import { tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  stringAttribute,
  type OpContext,
  type OpDef,
} from './op-def.ts';

const round = Math.fround;
type Row = Float32Array | readonly number[];

function dot(x: Row, y: Row): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum = round(sum + round((x[i] ?? 0) * (y[i] ?? 0)));
  return sum;
}

const linearRegressor: OpDef = defineOp({
  domain: mlDomain,
  name: 'LinearRegressor',
  since: [1],
  kernelClass: 'host',
  attributes: { coefficients: 'computed', intercepts: 'computed', targets: 1, post_transform: 'NONE' },
  infer: (context) => [{ dtype: 'float32', shape: [rowsOf(context).rows, intAttribute(context, 'targets', 1)] }],
  evaluate(context) {
    const { data, rows, columns } = featureRows(requiredTensor(context, 0, 'X'));
    const targets = intAttribute(context, 'targets', 1);
    const weights = weightRows(context, targets, columns);
    const intercepts = floatsAttribute(context, 'intercepts');
    const how = postTransformOf(context);
    const out = new Float32Array(rows * targets);
    for (let r = 0; r < rows; r++) {
      const row = out.subarray(r * targets, (r + 1) * targets);
      const x = data.subarray(r * columns, (r + 1) * columns);
      weights.forEach((w, t) => (row[t] = dot(x, w) + (intercepts[t] ?? 0)));
      transformScores(row, how);
    }
    return [tensorOf('float32', outputType(context).shape, out)];
  },
});

/** Without features there would be as many rows as anybody says. */
function checkRows(context: OpContext, attribute: string, all: readonly number[], count: number, columns: number): void {
  if (columns < 1) misfit(context, 'the input has no features');
  if (all.length !== count * columns) badAttribute(context, attribute, `a list of ${all.length}`, `${count} × ${columns} numbers`);
}

function weightRows(context: OpContext, count: number, columns: number): readonly (readonly number[])[] {
  const all = floatsAttribute(context, 'coefficients');
  checkRows(context, 'coefficients', all, count, columns);
  return Array.from({ length: count }, (_, t) => all.slice(t * columns, (t + 1) * columns));
}

const linearClassifier: OpDef = defineOp({
  domain: mlDomain,
  name: 'LinearClassifier',
  since: [1],
  kernelClass: 'host',
  attributes: {
    coefficients: 'required',
    intercepts: 'computed',
    classlabels_ints: 'computed',
    classlabels_strings: 'computed',
    multi_class: 0,
    post_transform: 'NONE',
  },
  infer(context) {
    const labels = labelsOf(context, 'classlabels_ints', 'classlabels_strings');
    return classifierTypes(labels, rowsOf(context).rows, labels.list.length);
  },
  evaluate(context) {
    const { data, rows, columns } = featureRows(requiredTensor(context, 0, 'X'));
    const labels = labelsOf(context, 'classlabels_ints', 'classlabels_strings');
    const classes = labels.list.length;
    const given = Math.floor(floatsAttribute(context, 'coefficients').length / Math.max(1, columns));
    const weights = weightRows(context, given, columns);
    const intercepts = floatsAttribute(context, 'intercepts');
    const how = postTransformOf(context);
    const out = new Float32Array(rows * classes);
    const chosen: number[] = [];
    for (let r = 0; r < rows; r++) {
      const x = data.subarray(r * columns, (r + 1) * columns);
      const raw = Float32Array.from(weights, (w, k) => dot(x, w) + (intercepts[k] ?? 0));
      // One score decides between two classes: positive is the second.
      const two = raw.length === 1 && classes === 2;
      chosen.push(two ? ((raw[0] ?? 0) > 0 ? 1 : 0) : largest(raw));
      transformScores(raw, how);
      const p = raw[0] ?? 0;
      out.set(two ? [1 - p, p] : raw.subarray(0, classes), r * classes);
    }
    return [labelTensor(labels, chosen), tensorOf('float32', [rows, classes], out)];
  },
});

/** γ, c0 and degree of `kernel_params`. */
function kernelOf(context: OpContext): (x: Row, y: Row) => number {
  const [gamma = 0, c0 = 0, degree = 0] = floatsAttribute(context, 'kernel_params');
  const kind = stringAttribute(context, 'kernel_type', 'LINEAR');
  switch (kind) {
    case 'LINEAR':
      return dot;
    case 'POLY':
      return (x, y) => pow32(round(round(gamma * dot(x, y)) + c0), degree);
    case 'SIGMOID':
      return (x, y) => tanh32(round(round(gamma * dot(x, y)) + c0));
    case 'RBF':
      return (x, y) => {
        let sum = 0;
        for (let i = 0; i < x.length; i++) {
          const d = round((x[i] ?? 0) - (y[i] ?? 0));
          sum = round(sum + round(d * d));
        }
        return exp32(round(-gamma * sum));
      };
    default:
      return badAttribute(context, 'kernel_type', `"${kind}"`, 'LINEAR, POLY, RBF, SIGMOID');
  }
}

function supportVectors(context: OpContext, count: number, columns: number): readonly (readonly number[])[] {
  const all = floatsAttribute(context, 'support_vectors');
  checkRows(context, 'support_vectors', all, count, columns);
  return Array.from({ length: count }, (_, i) => all.slice(i * columns, (i + 1) * columns));
}

const svmRegressor: OpDef = defineOp({
  domain: mlDomain,
  name: 'SVMRegressor',
  since: [1],
  kernelClass: 'host',
  attributes: {
    coefficients: 'computed',
    kernel_params: 'computed',
    kernel_type: 'LINEAR',
    n_supports: 0,
    one_class: 0,
    post_transform: 'NONE',
    rho: 'computed',
    support_vectors: 'computed',
  },
  infer: (context) => [{ dtype: 'float32', shape: [rowsOf(context).rows, 1] }],
  evaluate(context) {
    const { data, rows, columns } = featureRows(requiredTensor(context, 0, 'X'));
    const supports = intAttribute(context, 'n_supports', 0);
    const coefficients = floatsAttribute(context, 'coefficients');
    const vectors = supports > 0 ? supportVectors(context, supports, columns) : null;
    const kernel = vectors === null ? dot : kernelOf(context);
    const [rho = 0] = floatsAttribute(context, 'rho');
    const how = postTransformOf(context);
    const out = new Float32Array(rows);
    for (let r = 0; r < rows; r++) {
      const x = data.subarray(r * columns, (r + 1) * columns);
      const terms = vectors?.map((v, j) => round((coefficients[j] ?? 0) * kernel(x, v))) ?? [dot(x, coefficients)];
      const sum = round(terms.reduce((a, b) => round(a + b), 0) + rho);
      out[r] = intAttribute(context, 'one_class', 0) !== 0 ? (sum > 0 ? 1 : -1) : sum;
    }
    for (let r = 0; r < rows; r++) transformScores(out.subarray(r, r + 1), how);
    return [tensorOf('float32', [rows, 1], out)];
  },
});

interface Machine {
  readonly perClass: readonly number[];
  /** First support vector of each class. */
  readonly starts: readonly number[];
  readonly coefficients: readonly number[];
  readonly rho: readonly number[];
  readonly supports: number;
}

/** One against one, as libsvm: the decision of each pair of classes. */
function pairScores(
  machine: Machine,
  kernels: readonly number[],
): readonly { readonly i: number; readonly j: number; readonly score: number }[] {
  const { perClass, starts, coefficients, rho, supports } = machine;
  const pairs: { readonly i: number; readonly j: number; readonly score: number }[] = [];
  for (let i = 0; i < perClass.length; i++) {
    for (let j = i + 1; j < perClass.length; j++) {
      let sum = 0;
      const add = (own: number, row: number): void => {
        const start = starts[own] ?? 0;
        for (let k = start; k < start + (perClass[own] ?? 0); k++) {
          sum = round(sum + round((coefficients[row * supports + k] ?? 0) * (kernels[k] ?? 0)));
        }
      };
      add(i, j - 1);
      add(j, i);
      pairs.push({ i, j, score: round(sum + (rho[pairs.length] ?? 0)) });
    }
  }
  return pairs;
}

/**
 * Probabilities of classes from those of pairs (T.-F. Wu, C.-J. Lin, R. Weng, "Probability Estimates for Multi-class Classification
 * by Pairwise Coupling", JMLR 5, 2004, second method), as libsvm iterates it.
 */
function coupled(pairwise: readonly (readonly number[])[]): number[] {
  const k = pairwise.length;
  const r = (i: number, j: number): number => pairwise[i]?.[j] ?? 0;
  const q = Array.from({ length: k }, (_, t) =>
    Array.from({ length: k }, (__, j) => {
      if (t !== j) return -r(j, t) * r(t, j);
      let sum = 0;
      for (let i = 0; i < k; i++) if (i !== t) sum += r(i, t) * r(i, t);
      return sum;
    }),
  );
  const p = new Array<number>(k).fill(1 / k);
  for (let round = 0; round < Math.max(100, k); round++) {
    const qp = q.map((row) => row.reduce((sum, v, j) => sum + v * (p[j] ?? 0), 0));
    let pqp = p.reduce((sum, v, i) => sum + v * (qp[i] ?? 0), 0);
    if (qp.every((v) => Math.abs(v - pqp) < 0.005 / k)) break;
    for (let t = 0; t < k; t++) {
      const own = q[t]?.[t] ?? 1;
      const diff = (pqp - (qp[t] ?? 0)) / own;
      p[t] = (p[t] ?? 0) + diff;
      pqp = (pqp + diff * (diff * own + 2 * (qp[t] ?? 0))) / (1 + diff) / (1 + diff);
      for (let j = 0; j < k; j++) {
        qp[j] = ((qp[j] ?? 0) + diff * (q[t]?.[j] ?? 0)) / (1 + diff);
        p[j] = (p[j] ?? 0) / (1 + diff);
      }
    }
  }
  return p;
}

const svmClassifier: OpDef = defineOp({
  domain: mlDomain,
  name: 'SVMClassifier',
  since: [1],
  kernelClass: 'host',
  attributes: {
    classlabels_ints: 'computed',
    classlabels_strings: 'computed',
    coefficients: 'computed',
    kernel_params: 'computed',
    kernel_type: 'LINEAR',
    post_transform: 'NONE',
    prob_a: 'computed',
    prob_b: 'computed',
    rho: 'computed',
    support_vectors: 'computed',
    vectors_per_class: 'computed',
  },
  infer(context) {
    const labels = labelsOf(context, 'classlabels_ints', 'classlabels_strings');
    return classifierTypes(labels, rowsOf(context).rows, scoreColumns(context));
  },
  evaluate(context) {
    const { data, rows, columns } = featureRows(requiredTensor(context, 0, 'X'));
    const labels = labelsOf(context, 'classlabels_ints', 'classlabels_strings');
    const how = postTransformOf(context);
    const width = scoreColumns(context);
    const out = new Float32Array(rows * width);
    const chosen: number[] = [];
    const decide = intsList(context, 'vectors_per_class').length > 0 ? vectorMachine(context, columns) : linearMachine(context, columns);
    for (let r = 0; r < rows; r++) {
      const { scores, winner } = decide(data.subarray(r * columns, (r + 1) * columns));
      const row = Float32Array.from({ length: width }, (_, i) => scores[i] ?? 0);
      transformScores(row, how);
      out.set(row, r * width);
      chosen.push(winner);
    }
    return [labelTensor(labels, chosen), tensorOf('float32', [rows, width], out)];
  },
});

/** A score for each class, for each pair of three or more where nothing makes probabilities of pairs. */
function scoreColumns(context: OpContext): number {
  const classes = labelsOf(context, 'classlabels_ints', 'classlabels_strings').list.length;
  const pairs = intsList(context, 'vectors_per_class').length > 0 && floatsAttribute(context, 'prob_a').length === 0;
  return pairs && classes > 2 ? (classes * (classes - 1)) / 2 : classes;
}

type Decide = (x: Row) => { readonly scores: Row; readonly winner: number };

function linearMachine(context: OpContext, columns: number): Decide {
  const classes = labelsOf(context, 'classlabels_ints', 'classlabels_strings').list.length;
  const weights = weightRows(context, classes, columns);
  const [rho = 0] = floatsAttribute(context, 'rho');
  return (x) => {
    const scores = Float32Array.from(weights, (w) => dot(x, w) + rho);
    return { scores, winner: largest(scores) };
  };
}

function vectorMachine(context: OpContext, columns: number): Decide {
  const perClass = intsList(context, 'vectors_per_class');
  if (perClass.some((n) => n < 0)) badAttribute(context, 'vectors_per_class', `[${perClass.join(', ')}]`, 'whole numbers from 0');
  const supports = perClass.reduce((a, b) => a + b, 0);
  const vectors = supportVectors(context, supports, columns);
  const kernel = kernelOf(context);
  const starts: number[] = [];
  let start = 0;
  for (const n of perClass) {
    starts.push(start);
    start += n;
  }
  const machine = {
    perClass,
    starts,
    coefficients: floatsAttribute(context, 'coefficients'),
    rho: floatsAttribute(context, 'rho'),
    supports,
  };
  const [probA, probB] = [floatsAttribute(context, 'prob_a'), floatsAttribute(context, 'prob_b')];
  const pairs = (perClass.length * (perClass.length - 1)) / 2;
  if (probA.length > 0 && (probA.length < pairs || probB.length < pairs)) {
    misfit(context, `${probA.length} prob_a and ${probB.length} prob_b for ${pairs} pairs of classes`);
  }
  return (x) => {
    const decisions = pairScores(
      machine,
      vectors.map((v) => kernel(x, v)),
    );
    if (probA.length > 0) {
      const pairwise = perClass.map(() => new Array<number>(perClass.length).fill(0));
      decisions.forEach(({ i, j, score }, n) => {
        // libsvm keeps certainty away from 0 and 1.
        const p = Math.min(1 - 1e-7, Math.max(1e-7, sigmoid32(-round(round(score * (probA[n] ?? 0)) + (probB[n] ?? 0)))));
        const [forward, back] = [pairwise[i], pairwise[j]];
        if (forward !== undefined) forward[j] = p;
        if (back !== undefined) back[i] = 1 - p;
      });
      const scores = Float32Array.from(coupled(pairwise));
      return { scores, winner: largest(scores) };
    }
    const votes = new Float32Array(perClass.length);
    for (const { i, j, score } of decisions) {
      const winner = score > 0 ? i : j;
      votes[winner] = (votes[winner] ?? 0) + 1;
    }
    const scores = decisions.map((d) => d.score);
    const [only = 0] = scores;
    return { scores: perClass.length === 2 ? [-only, only].reverse() : scores, winner: largest(votes) };
  };
}

export const mlLinearOps: readonly OpDef[] = [linearRegressor, linearClassifier, svmRegressor, svmClassifier];
