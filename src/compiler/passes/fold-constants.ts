import { bytesOf, SystoleError, tensorBytes, type Tensor } from '../../core/index.ts';
import { constantOf, isCopy, opDef, startInference, type Inference, type OpDef } from '../../graph/index.ts';
import type { Constant, Graph, Node, TensorType, ValueId } from '../../graph/ir.ts';
import { lazyBytes, staticCount, staticShape } from './constants.ts';
import { rewrite, type Edit } from './edit.ts';
import { asPacked, packedByMove } from './packed-numbers.ts';
import type { Pass } from './pass.ts';

/**
 * Nodes whose results are known before the model runs become constants.
 *
 *     %w = ConstantOfShape(%shape) {value = 0.5}      %w : constant splat 0.5
 *     %u = Unsqueeze(%w) {axes = [1, 2]}         =>   %u : constant splat 0.5
 *     %n = Shape(%x)                                  %n : constant bytes, if all sizes of %x are numbers
 *
 * Splats stay splats: numbers are never written out because a constant was folded (one test network would grow by 574 MB).
 * Views of absent constants are absent. Results are computed when first read. Does not apply when the result would be a large
 * tensor made of small ones, when numbers are absent, or when the result is a graph output.
 */
export const foldConstants: Pass = {
  name: 'fold-constants',
  summary: 'Replaces nodes whose results are known before the model runs by constants, keeping splats',
  run: (graph) => fold(graph, false),
};

/** The same of graph outputs, which are then constants: for the end of lowering, which makes nodes that give them. */
export const foldOutputs: Pass = {
  name: 'fold-outputs',
  summary: 'Replaces nodes that make graph outputs known before the model runs',
  run: (graph) => fold(graph, true),
};

function fold(graph: Graph, outputs: boolean): Graph {
  let current: Edit | null = null;
  const facts = startInference(graph.opset, (id) => (current === null ? unknownValue(graph, id) : current.value(id)), { graph });
  return rewrite(graph, (node, edit) => {
    current = edit;
    const def = opDef(node.domain, node.op);
    if (def === undefined || (!outputs && node.outputs.some((id) => edit.isOutput(id)))) return false;
    const constants = foldNode(node, edit, def, graph.opset) ?? knownContents(node, edit, facts, def);
    if (constants === null) return false;
    node.outputs.forEach((id, i) => {
      const constant = constants[i];
      if (constant !== undefined) edit.update(id, { constant });
    });
    edit.retire(node.origin, 'folded');
    return true;
  });
}

function unknownValue(graph: Graph, id: ValueId): never {
  throw new Error(`value ${id} of ${graph.name} read before the walk`);
}

/** Results of so little are computed at once. */
const eagerBytes = 65_536;

/** Results smaller than this are always worth computing. */
const smallBytes = 4096;

/** Shape, and arithmetic on what it gives. */
function knownContents(node: Node, edit: Edit, facts: Inference, def: OpDef): readonly Constant[] | null {
  const [out] = node.outputs;
  if (def.contents === undefined || out === undefined || node.outputs.length > 1) return null;
  facts.infer(node);
  const dims = facts.dims(out);
  const { type } = edit.value(out);
  if (dims === null || staticCount(type) !== dims.length || !dims.every((d) => typeof d === 'number')) return null;
  if (type.dtype === 'int64') return [bytesConstant({ dtype: 'int64', shape: [dims.length], data: BigInt64Array.from(dims, BigInt) })];
  if (type.dtype === 'int32') return [bytesConstant({ dtype: 'int32', shape: [dims.length], data: Int32Array.from(dims) })];
  return null;
}

function bytesConstant(tensor: Tensor): Constant {
  return { kind: 'bytes', bytes: bytesOf(tensor) };
}

/** Operators that pick elements of their first operand and make none up. */
const pickers = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Transpose',
  'Expand',
  'Tile',
  'Slice',
  'Gather',
  'GatherElements',
  'GatherND',
  'Split',
  'DepthToSpace',
  'SpaceToDepth',
]);
const views = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

function foldNode(node: Node, edit: Edit, def: OpDef, opset: number): readonly Constant[] | null {
  const operands = node.inputs.map((id) => (id === null ? null : edit.value(id)));
  if (
    def.evaluateValues !== undefined ||
    operands.length === 0 ||
    // What integers stand for is decided where they are read: absorb-quantization keeps them narrow where it can.
    node.op === 'DequantizeLinear' ||
    node.op === 'Quant' ||
    readsStored(node, edit) ||
    isCopy(node) ||
    operands.some((v) => v !== null && (v.constant === null || v.quantization !== null || v.type.dtype === 'string'))
  )
    return null;
  const outputs = node.outputs.map((id) => edit.value(id));
  // A node whose result is held in integers that stand for it computes in reals: what it makes is not what its output holds.
  if (outputs.some((v) => staticShape(v.type) === null || v.type.dtype === 'string' || v.quantization !== null)) return null;

  const [first] = operands;
  const contents = first?.constant ?? null;
  if (node.domain === '' && node.op === 'ConstantOfShape') return [fillConstant(node)];
  if (node.domain === '' && contents !== null && contents.kind !== 'bytes' && pickers.has(node.op))
    return outputs.map(() => asPacked(contents, packedByMove(node, first)));
  if (operands.some((v) => v?.constant?.kind === 'absent')) return null;
  if (node.domain === '' && contents !== null && views.has(node.op)) return [contents];

  const evaluate = (shapeOf: (type: TensorType) => readonly number[]): readonly Tensor[] =>
    def.evaluate({
      node,
      opset,
      inputs: operands.map((v) =>
        v === null || v.constant === null
          ? null
          : constantOf({ dtype: v.type.dtype, shape: shapeOf(v.type) }, v.constant, v.name, node.name),
      ),
      outputs: outputs.map((v) => ({ dtype: v.type.dtype, shape: shapeOf(v.type) })),
    });

  const isSplat = operands.every((v) => v === null || v.constant?.kind === 'splat');
  if (isSplat && def.kernelClass === 'elementwise' && outputs.length === 1) {
    const [one] = evaluate(() => [1]);
    return one === undefined ? null : [{ kind: 'splat', element: bytesOf(one) }];
  }
  const made = outputs.reduce((sum, v) => sum + tensorBytes(v.type.dtype, staticCount(v.type) ?? 0), 0);
  const given = operands.reduce(
    (sum, v) => sum + (v?.constant?.kind === 'bytes' ? tensorBytes(v.type.dtype, staticCount(v.type) ?? 0) : 0),
    0,
  );
  if (made > Math.max(smallBytes, given)) return null;
  // What an operator refuses is told by whoever runs the node; a constant that cannot be computed would break the graph.
  let results: readonly Tensor[] | null = null;
  if (made + given <= eagerBytes) {
    try {
      results = evaluate((type) => staticShape(type) ?? []);
    } catch (error) {
      if (error instanceof SystoleError) return null;
      throw error;
    }
  }
  const compute = (i: number): Uint8Array => {
    results ??= evaluate((type) => staticShape(type) ?? []);
    const result = results[i];
    if (result === undefined) throw new Error(`${node.op} "${node.name}" made no output ${i}`);
    return bytesOf(result);
  };
  return outputs.map((_, i) => lazyBytes(() => compute(i), undefined, packedByMove(node, first)));
}

/** Floats of 8 bits: an array may multiply them as they are. Few of them are no weights. */
function readsStored(node: Node, edit: Edit): boolean {
  const [x = null] = node.inputs;
  if (node.op !== 'Cast' || node.domain !== '' || x === null) return false;
  const { type } = edit.value(x);
  return type.dtype.startsWith('float8') && type.dtype !== 'float8e8m0' && type.shape.length > 1;
}

/** float32 zero unless `value` says otherwise. */
function fillConstant(node: Node): Constant {
  const value = node.attributes['value'];
  if (value?.kind !== 'tensor' || value.constant.kind === 'absent') return { kind: 'splat', element: new Uint8Array(4) };
  if (value.constant.kind === 'strings') return value.constant;
  return { kind: 'splat', element: value.constant.kind === 'splat' ? value.constant.element : value.constant.bytes };
}
