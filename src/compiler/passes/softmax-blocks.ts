import { attributeInt, type Attribute } from '../../graph/index.ts';
import type { Graph, Node, ValueId } from '../../graph/ir.ts';
import { joinOrigins, rewrite, type Edit } from './edit.ts';

/**
 * Softmax and the product behind it as one operator that works in blocks of keys, by the name of the product. The shape between them moves in
 * front.
 *
 *     %w = Softmax(%s)                     %r = Reshape(%s)
 *     %r = Reshape(%w)              =>     %y = systole.SoftmaxMatMul(%r, %v) {block = 256}
 *     %y = MatMul(%r, %v)
 *
 * It is another rounding of the same, so it stands in front of fusing, in the graph that says what the program computes.
 */
export function inBlocks(graph: Graph, blocks: ReadonlyMap<string, number>): Graph {
  if (blocks.size === 0) return graph;
  // Passes put other values in a product's place, but leave it its name.
  const met = new Set<string>();
  const twice = new Set(graph.nodes.flatMap(({ name }) => (met.size === met.add(name).size ? [name] : [])));
  return rewrite(graph, (node, edit) => {
    const block = twice.has(node.name) ? undefined : blocks.get(node.name);
    const [left = null, right = null] = node.inputs;
    if (block === undefined || node.op !== 'MatMul' || left === null || right === null) return false;
    const made = onlyProducer(edit, left, 0);
    const reshape = made?.op === 'Reshape' && made.domain === '' ? made : null;
    const softmax = reshape === null ? made : onlyProducer(edit, reshape.inputs[0], 1);
    const [scores = null] = softmax?.inputs ?? [];
    if (softmax?.op !== 'Softmax' || softmax.domain !== '' || scores === null || !isPlain(edit, [scores, left, right, ...node.outputs]))
      return false;
    let x = scores;
    if (reshape !== null) {
      x = edit.add(`${edit.value(scores).name}:rows`, edit.value(left).type);
      edit.removeNode(reshape);
    }
    edit.removeNode(softmax);
    if (reshape !== null) edit.emit({ ...reshape, inputs: [scores, ...reshape.inputs.slice(1)], outputs: [x] });
    edit.emit({
      ...node,
      op: 'SoftmaxMatMul',
      domain: 'systole',
      inputs: [x, right],
      attributes: attributesOf(softmax, block),
      origin: joinOrigins(softmax, node),
    });
    return true;
  });
}

function attributesOf(softmax: Node, block: number): Readonly<Record<string, Attribute>> {
  const table = attributeInt(softmax, 'table', 0);
  const int = (value: number): Attribute => ({ kind: 'int', value });
  return { block: int(block), ...(table === 0 ? {} : { table: int(table) }) };
}

/** The node that makes a value with so many readers beside the node being visited. */
function onlyProducer(edit: Edit, id: ValueId | null | undefined, readers: number): Node | null {
  const node = edit.producer(id);
  return node === null || id === null || id === undefined || edit.uses(id) !== readers || node.outputs.length !== 1 ? null : node;
}

function isPlain(edit: Edit, ids: readonly ValueId[]): boolean {
  return ids.every((id) => edit.value(id).quantization === null);
}
