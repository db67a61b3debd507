/** ai.onnx.ml: ensembles of decision trees, in the form of three operators and one table for all of them. */
import type { Tensor } from '../../core/index.ts';
import type { DType } from '../../core/index.ts';
import { floatsAttribute, intsList, numbersAttribute, stringsAttribute } from './ml-attributes.ts';
import { classifierTypes, labelsOf, labelTensor, largest, postTransformOf, postTransforms, transformScores } from './ml-scores.ts';
import { mlDomain, rowsOf } from './ml-transform.ts';
import { numbersOf, tensorOf } from './numbers.ts';
import { badAttribute, defineOp, intAttribute, misfit, requiredTensor, stringAttribute, type OpContext, type OpDef } from './op-def.ts';

const modes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ', 'BRANCH_MEMBER'] as const;
type Mode = (typeof modes)[number];

interface Leaf {
  readonly target: number;
  readonly weight: number;
}

type TreeNode =
  | { readonly kind: 'leaf'; readonly leaves: readonly Leaf[] }
  | {
      readonly kind: 'branch';
      readonly feature: number;
      readonly mode: Mode;
      readonly split: number;
      readonly members: ReadonlySet<number>;
      readonly missingIsTrue: boolean;
      readonly whenTrue: number;
      readonly whenFalse: number;
    };

interface Forest {
  readonly nodes: readonly TreeNode[];
  readonly roots: readonly number[];
}

type Aggregate = 'AVERAGE' | 'SUM' | 'MIN' | 'MAX';
const aggregates: readonly Aggregate[] = ['AVERAGE', 'SUM', 'MIN', 'MAX'];

function isTrue(node: Extract<TreeNode, { kind: 'branch' }>, x: number): boolean {
  if (x !== x) return node.missingIsTrue;
  switch (node.mode) {
    case 'BRANCH_LEQ':
      return x <= node.split;
    case 'BRANCH_LT':
      return x < node.split;
    case 'BRANCH_GTE':
      return x >= node.split;
    case 'BRANCH_GT':
      return x > node.split;
    case 'BRANCH_EQ':
      return x === node.split;
    case 'BRANCH_NEQ':
      return x !== node.split;
    case 'BRANCH_MEMBER':
      return node.members.has(x);
  }
}

/** The leaf a row of features ends in. */
function descend(context: OpContext, forest: Forest, root: number, feature: (index: number) => number): readonly Leaf[] {
  let at = root;
  // A tree that leads back into itself would never end.
  for (let steps = 0; steps <= forest.nodes.length; steps++) {
    const node = forest.nodes[at];
    if (node === undefined) return misfit(context, `a tree leads to node ${at}, there are ${forest.nodes.length}`);
    if (node.kind === 'leaf') return node.leaves;
    at = isTrue(node, feature(node.feature)) ? node.whenTrue : node.whenFalse;
  }
  return misfit(context, 'a tree leads back into itself');
}

/** The form of TreeEnsembleRegressor and TreeEnsembleClassifier: nodes named by tree and number, leaves in lists of their own. */
function numberedForest(context: OpContext, leafPrefix: 'target' | 'class'): Forest {
  const trees = intsList(context, 'nodes_treeids');
  const ids = intsList(context, 'nodes_nodeids');
  const key = (tree: number, id: number): string => `${tree}/${id}`;
  const places = new Map(trees.map((tree, i) => [key(tree, ids[i] ?? 0), i]));
  const leaves = trees.map((): Leaf[] => []);
  const leafTrees = intsList(context, `${leafPrefix}_treeids`);
  const leafNodes = intsList(context, `${leafPrefix}_nodeids`);
  const leafTargets = intsList(context, `${leafPrefix}_ids`);
  const weights = numbersAttribute(context, `${leafPrefix}_weights_as_tensor`) ?? floatsAttribute(context, `${leafPrefix}_weights`);
  leafTrees.forEach((tree, i) => {
    const place = places.get(key(tree, leafNodes[i] ?? 0));
    if (place === undefined) misfit(context, `a weight belongs to node ${leafNodes[i]} of tree ${tree}, which does not exist`);
    leaves[place]?.push({ target: leafTargets[i] ?? 0, weight: weights[i] ?? 0 });
  });
  const features = intsList(context, 'nodes_featureids');
  const given = stringsAttribute(context, 'nodes_modes');
  const splits = numbersAttribute(context, 'nodes_values_as_tensor') ?? floatsAttribute(context, 'nodes_values');
  const missing = intsList(context, 'nodes_missing_value_tracks_true');
  const [whenTrue, whenFalse] = [intsList(context, 'nodes_truenodeids'), intsList(context, 'nodes_falsenodeids')];
  const none: ReadonlySet<number> = new Set();
  const children = new Set<number>();
  const nodes = trees.map((tree, i): TreeNode => {
    const mode = modes.find((m) => m === given[i]);
    if (given[i] === 'LEAF') return { kind: 'leaf', leaves: leaves[i] ?? [] };
    if (mode === undefined || mode === 'BRANCH_MEMBER')
      return badAttribute(context, 'nodes_modes', `"${given[i]}"`, [...modes.slice(0, 6), 'LEAF'].join(', '));
    const child = (id: number | undefined): number => {
      const place =
        places.get(key(tree, id ?? 0)) ?? misfit(context, `node ${ids[i]} of tree ${tree} leads to node ${id}, which does not exist`);
      children.add(place);
      return place;
    };
    return {
      kind: 'branch',
      feature: features[i] ?? 0,
      mode,
      split: splits[i] ?? 0,
      members: none,
      missingIsTrue: (missing[i] ?? 0) !== 0,
      whenTrue: child(whenTrue[i]),
      whenFalse: child(whenFalse[i]),
    };
  });
  return { nodes, roots: nodes.flatMap((_, i) => (children.has(i) ? [] : [i])) };
}

/** The form of TreeEnsemble (version 5): branches by place, leaves in a table of their own, sets of members separated by NaN. */
function tableForest(context: OpContext): Forest {
  const given = numbersAttribute(context, 'nodes_modes') ?? [];
  const splits = numbersAttribute(context, 'nodes_splits') ?? [];
  const features = intsList(context, 'nodes_featureids');
  const missing = intsList(context, 'nodes_missing_value_tracks_true');
  const sides = {
    true: { ids: intsList(context, 'nodes_truenodeids'), leafs: intsList(context, 'nodes_trueleafs') },
    false: { ids: intsList(context, 'nodes_falsenodeids'), leafs: intsList(context, 'nodes_falseleafs') },
  };
  const sets: Set<number>[] = [new Set()];
  for (const m of numbersAttribute(context, 'membership_values') ?? []) {
    if (m !== m) sets.push(new Set());
    else sets.at(-1)?.add(m);
  }
  let set = 0;
  const branches = given.map((code, i): TreeNode => {
    const mode = modes[code] ?? badAttribute(context, 'nodes_modes', String(code), '0 to 6');
    const child = (side: 'true' | 'false'): number => {
      const id = sides[side].ids[i] ?? 0;
      return (sides[side].leafs[i] ?? 0) !== 0 ? given.length + id : id;
    };
    return {
      kind: 'branch',
      feature: features[i] ?? 0,
      mode,
      split: splits[i] ?? 0,
      members: (mode === 'BRANCH_MEMBER' ? sets[set++] : undefined) ?? new Set(),
      missingIsTrue: (missing[i] ?? 0) !== 0,
      whenTrue: child('true'),
      whenFalse: child('false'),
    };
  });
  const weights = numbersAttribute(context, 'leaf_weights') ?? [];
  const leaves = intsList(context, 'leaf_targetids').map((target, i): TreeNode => ({
    kind: 'leaf',
    leaves: [{ target, weight: weights[i] ?? 0 }],
  }));
  return { nodes: [...branches, ...leaves], roots: intsList(context, 'tree_roots') };
}

interface Summed {
  readonly scores: Float64Array;
  readonly rows: number;
}

/** Weights of the leaves by target, over all trees, in rows of `width`; base values are added last. */
function aggregate(context: OpContext, forest: Forest, x: Tensor, width: number, how: Aggregate): Summed {
  const data = numbersOf(x);
  const rows = x.shape.length === 2 ? (x.shape[0] ?? 0) : 1;
  const columns = x.shape.at(-1) ?? 1;
  const base = numbersAttribute(context, 'base_values_as_tensor') ?? floatsAttribute(context, 'base_values');
  const scores = new Float64Array(rows * width);
  const seen = new Uint8Array(width);
  for (let r = 0; r < rows; r++) {
    seen.fill(0);
    const start = r * width;
    for (const root of forest.roots) {
      for (const { target, weight } of descend(context, forest, root, (f) => data[r * columns + f] ?? 0)) {
        if (target < 0 || target >= width) misfit(context, `a leaf belongs to target ${target} of ${width}`);
        const old = scores[start + target] ?? 0;
        const first = seen[target] === 0;
        seen[target] = 1;
        scores[start + target] =
          how === 'MIN'
            ? first
              ? weight
              : Math.min(old, weight)
            : how === 'MAX'
              ? first
                ? weight
                : Math.max(old, weight)
              : old + weight;
      }
    }
    for (let t = 0; t < width; t++) {
      const sum = scores[start + t] ?? 0;
      scores[start + t] = (how === 'AVERAGE' ? sum / Math.max(1, forest.roots.length) : sum) + (base[base.length === 1 ? 0 : t] ?? 0);
    }
  }
  return { scores, rows };
}

const nodeAttributes: OpDef['attributes'] = {
  base_values: 'computed',
  base_values_as_tensor: 'computed',
  nodes_falsenodeids: 'computed',
  nodes_featureids: 'computed',
  nodes_hitrates: 'computed',
  nodes_hitrates_as_tensor: 'computed',
  nodes_missing_value_tracks_true: 'computed',
  nodes_modes: 'computed',
  nodes_nodeids: 'computed',
  nodes_treeids: 'computed',
  nodes_truenodeids: 'computed',
  nodes_values: 'computed',
  nodes_values_as_tensor: 'computed',
  post_transform: 'NONE',
};

function aggregateAttribute(context: OpContext): Aggregate {
  const given = stringAttribute(context, 'aggregate_function', 'SUM');
  return aggregates.find((a) => a === given) ?? badAttribute(context, 'aggregate_function', `"${given}"`, aggregates.join(', '));
}

const regressor: OpDef = defineOp({
  domain: mlDomain,
  name: 'TreeEnsembleRegressor',
  since: [1, 3, 5],
  kernelClass: 'host',
  attributes: {
    ...nodeAttributes,
    aggregate_function: 'SUM',
    n_targets: 1,
    target_ids: 'computed',
    target_nodeids: 'computed',
    target_treeids: 'computed',
    target_weights: 'computed',
    target_weights_as_tensor: 'computed',
  },
  infer: (context) => [{ dtype: 'float32', shape: [rowsOf(context).rows, intAttribute(context, 'n_targets', 1)] }],
  evaluate(context) {
    const width = intAttribute(context, 'n_targets', 1);
    const x = requiredTensor(context, 0, 'X');
    const { scores, rows } = aggregate(context, numberedForest(context, 'target'), x, width, aggregateAttribute(context));
    return [finished(scores, rows, width, 'float32', postTransformOf(context))];
  },
});

function finished(scores: Float64Array, rows: number, width: number, dtype: DType, how: (typeof postTransforms)[number]): Tensor {
  if (how === 'NONE') return tensorOf(dtype, [rows, width], dtype === 'float64' ? scores : Float32Array.from(scores));
  const out = Float32Array.from(scores);
  for (let r = 0; r < rows; r++) transformScores(out.subarray(r * width, (r + 1) * width), how);
  return tensorOf(dtype, [rows, width], out);
}

const classifier: OpDef = defineOp({
  domain: mlDomain,
  name: 'TreeEnsembleClassifier',
  since: [1, 3, 5],
  kernelClass: 'host',
  attributes: {
    ...nodeAttributes,
    class_ids: 'computed',
    class_nodeids: 'computed',
    class_treeids: 'computed',
    class_weights: 'computed',
    class_weights_as_tensor: 'computed',
    classlabels_int64s: 'computed',
    classlabels_strings: 'computed',
  },
  infer(context) {
    const labels = labelsOf(context, 'classlabels_int64s', 'classlabels_strings');
    return classifierTypes(labels, rowsOf(context).rows, labels.list.length);
  },
  evaluate(context) {
    const labels = labelsOf(context, 'classlabels_int64s', 'classlabels_strings');
    const classes = labels.list.length;
    const x = requiredTensor(context, 0, 'X');
    const { scores, rows } = aggregate(context, numberedForest(context, 'class'), x, classes, 'SUM');
    const how = postTransformOf(context);
    const weights = numbersAttribute(context, 'class_weights_as_tensor') ?? floatsAttribute(context, 'class_weights');
    // Two classes of which only one has weights: its score decides, the other's is what is left.
    const only = new Set(intsList(context, 'class_ids'));
    const two = classes === 2 && only.size === 1;
    const given = [...only][0] ?? 0;
    const certain = weights.every((w) => w >= 0);
    const chosen: number[] = [];
    const out = Float32Array.from(scores);
    for (let r = 0; r < rows; r++) {
      const row = out.subarray(r * classes, (r + 1) * classes);
      if (two) {
        const s = row[given] ?? 0;
        chosen.push(s > (certain ? 0.5 : 0) ? 1 : 0);
        row.set(certain ? [1 - s, s] : [-s, s]);
      } else chosen.push(largest(row));
      if (!(two && certain && how === 'NONE')) transformScores(row, how);
    }
    return [labelTensor(labels, chosen), tensorOf('float32', [rows, classes], out)];
  },
});

const ensemble: OpDef = defineOp({
  domain: mlDomain,
  name: 'TreeEnsemble',
  since: [5],
  kernelClass: 'host',
  attributes: {
    aggregate_function: 1,
    leaf_targetids: 'required',
    leaf_weights: 'required',
    membership_values: 'computed',
    n_targets: 1,
    nodes_falseleafs: 'required',
    nodes_falsenodeids: 'required',
    nodes_featureids: 'required',
    nodes_hitrates: 'computed',
    nodes_missing_value_tracks_true: 'computed',
    nodes_modes: 'required',
    nodes_splits: 'required',
    nodes_trueleafs: 'required',
    nodes_truenodeids: 'required',
    post_transform: 0,
    tree_roots: 'required',
  },
  infer(context) {
    const { rows, type } = rowsOf(context);
    return [{ dtype: type.dtype, shape: [rows, intAttribute(context, 'n_targets', 1)] }];
  },
  evaluate(context) {
    const width = intAttribute(context, 'n_targets', 1);
    const x = requiredTensor(context, 0, 'X');
    const how =
      aggregates[intAttribute(context, 'aggregate_function', 1)] ?? badAttribute(context, 'aggregate_function', 'out of range', '0 to 3');
    const post =
      postTransforms[intAttribute(context, 'post_transform', 0)] ?? badAttribute(context, 'post_transform', 'out of range', '0 to 4');
    const { scores, rows } = aggregate(context, tableForest(context), x, width, how);
    return [finished(scores, rows, width, x.dtype, post)];
  },
});

export const mlTreeOps: readonly OpDef[] = [regressor, classifier, ensemble];
