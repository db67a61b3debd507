/** Operators of one byte as tables of 256 bytes: exact, since there is an entry for everything that can come. */
import { bytesOf, viewBytes } from '../../core/index.ts';
import { evaluateQuantizedNode, type Graph, type Node } from '../../graph/index.ts';
import type { ByteTable } from './spec.ts';

/** By the byte that comes, as unsigned; null where the node is not marked as a table (`precision/tables.ts`). */
export function byteTable(graph: Graph, node: Node): ByteTable | null {
  if (node.attributes['lookup'] === undefined) return null;
  const [x, y] = [graph.values[node.inputs[0] as number], graph.values[node.outputs[0] as number]];
  if (x === undefined || y === undefined) return null;
  const { dtype } = y.type;
  const read = (): Uint8Array => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const tensor = { dtype: x.type.dtype, shape: [256], data: viewBytes(x.type.dtype, bytes) };
    const [result] = evaluateQuantizedNode(
      node,
      node.version ?? graph.opset,
      [{ tensor, quantization: x.quantization }],
      [{ dtype, quantization: y.quantization }],
    );
    if (result === undefined) throw new Error(`${node.op} "${node.name}" made nothing`);
    return bytesOf(result);
  };
  return { dtype, read };
}
