/** Which graph inputs carry shapes: their values decide the shape of something, so `--input-value` may bind them. */
import type { OnnxGraph, OnnxModel, OnnxNode } from '../../src/onnx/model.ts';

/** Operator -> inputs (by index) whose values the shapes of its outputs hang on. Of ai.onnx, over all operator sets. */
const shapeInputs: Readonly<Record<string, readonly number[]>> = {
  AffineGrid: [1],
  BlackmanWindow: [0],
  CenterCropPad: [1],
  Col2Im: [1, 2],
  ConstantOfShape: [0],
  DFT: [1, 2],
  Expand: [1],
  HammingWindow: [0],
  HannWindow: [0],
  // Trip count and first condition: how often the scan outputs grow.
  Loop: [0, 1],
  MaxUnpool: [2],
  MelWeightMatrix: [0, 1],
  NonMaxSuppression: [2],
  OneHot: [1],
  Pad: [1, 3],
  Range: [0, 1, 2],
  ReduceL1: [1],
  ReduceL2: [1],
  ReduceLogSum: [1],
  ReduceLogSumExp: [1],
  ReduceMax: [1],
  ReduceMean: [1],
  ReduceMin: [1],
  ReduceProd: [1],
  ReduceSum: [1],
  ReduceSumSquare: [1],
  Reshape: [1],
  Resize: [1, 2, 3],
  STFT: [1, 3],
  Slice: [1, 2, 3, 4],
  Split: [1],
  SplitToSequence: [1],
  Squeeze: [1],
  Tile: [1, 2],
  TopK: [1],
  Unsqueeze: [1],
  Upsample: [1],
};

/** Operators through which shapes are computed; a graph input that reaches a slot above through them carries a shape too. */
const shapeArithmetic = new Set(
  (
    'Abs Add And Cast CastLike Ceil Concat Constant Div Equal Expand Floor Gather GatherElements Greater GreaterOrEqual Identity If ' +
    'Less LessOrEqual Max Min Mod Mul Neg Not Or Pow ReduceMax ReduceMin ReduceProd ReduceSum Relu Reshape Round ScatterElements Slice ' +
    'Sqrt Squeeze Sub Tile Transpose Unsqueeze Where Xor Range ConstantOfShape'
  ).split(' '),
);

/** Names of the graph inputs that carry shapes, in graph order. */
export function shapeCarryingInputs(model: OnnxModel): readonly string[] {
  const found = carriers(model.graph);
  return model.graph.inputs.map((i) => i.name).filter((name) => found.has(name));
}

/** Values of a graph (and of those around it) that a shape hangs on. */
function carriers(graph: OnnxGraph): ReadonlySet<string> {
  const carrying = new Set<string>();
  const bodies = (node: OnnxNode): readonly OnnxGraph[] => node.attributes.flatMap((a) => (a.kind === 'graph' ? [a.value] : []));
  for (const node of graph.nodes) {
    for (const i of shapeInputs[node.opType] ?? []) carrying.add(node.inputs[i] ?? '');
    for (const body of bodies(node)) for (const name of carriers(body)) carrying.add(name);
  }
  // Against the flow; nodes need not be sorted, so until nothing changes.
  for (let before = -1; before !== carrying.size;) {
    before = carrying.size;
    for (const node of graph.nodes.toReversed()) {
      if (!shapeArithmetic.has(node.opType) || !node.outputs.some((o) => carrying.has(o))) continue;
      for (const name of node.inputs) carrying.add(name);
      for (const body of bodies(node)) for (const inner of body.nodes) for (const name of inner.inputs) carrying.add(name);
    }
  }
  carrying.delete('');
  return carrying;
}

/** Operators whose output shapes hang on the data itself. */
const dataDependent = new Set(['NonZero', 'Unique', 'Compress', 'NonMaxSuppression', 'ImageDecoder', 'StringNormalizer', 'StringSplit']);

/** The operators of a model, bodies and functions included, that make shapes out of data. */
export function dataDependentOperators(model: OnnxModel): readonly string[] {
  const found = new Set<string>();
  const visit = (nodes: readonly OnnxNode[]): void => {
    for (const node of nodes) {
      if (dataDependent.has(node.opType)) found.add(node.opType);
      for (const a of node.attributes) if (a.kind === 'graph') visit(a.value.nodes);
    }
  };
  visit(model.graph.nodes);
  for (const f of model.functions) visit(f.nodes);
  return [...found].sort();
}
