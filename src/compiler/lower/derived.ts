/** Constants made of constants: as lazy, as splat and as absent as what they are made of. */
import { bytesOf, elementCount, type Tensor } from '../../core/index.ts';
import { constantFrom, constantOf, isCopy, type OpDef } from '../../graph/index.ts';
import type { Constant, Node, Value } from '../../graph/ir.ts';
import { lazyBytes, staticShape } from '../passes/constants.ts';
import { asPacked, packedByMove } from '../passes/packed-numbers.ts';

/** Operators that place elements of their first operand and make none up. */
const placing: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Slice',
  'Expand',
  'Tile',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Cast',
]);

/**
 * The result of a node whose operands are all constants; computed when first read, so that weights are not.
 * @param operands  their types are bound
 * @returns null where it cannot be one: quantized operands or results, or operands without a constant
 */
export function derivedConstant(
  def: OpDef,
  node: Node,
  opset: number,
  operands: readonly (Value | null)[],
  output: Value,
): Constant | null {
  if (
    def.evaluateValues !== undefined ||
    operands.length === 0 ||
    isCopy(node) ||
    // A result held in integers that stand for it is not what the node itself makes.
    output.quantization !== null ||
    operands.some((v) => v !== null && (v.constant === null || v.quantization !== null))
  )
    return null;
  const shape = staticShape(output.type);
  if (shape === null || output.type.container !== undefined || output.type.unranked === true) return null;
  const absent = operands.find((v) => v?.constant?.kind === 'absent');
  const packed = packedByMove(node, operands[0]);
  if (absent?.constant) return asPacked(absent.constant, packed);
  const first = operands[0]?.constant ?? null;
  if (first?.kind === 'splat' && placing.has(node.op) && node.op !== 'Cast') return first;
  const evaluate = (shapeOf: (v: Value) => readonly number[], out: readonly number[]): Tensor | undefined =>
    def.evaluate({
      node,
      opset,
      inputs: operands.map((v) =>
        v === null || v.constant === null ? null : constantOf({ dtype: v.type.dtype, shape: shapeOf(v) }, v.constant, v.name, node.name),
      ),
      outputs: [{ dtype: output.type.dtype, shape: out }],
    })[0];
  const splats = operands.every((v) => v === null || v.constant?.kind === 'splat');
  if (splats && (def.kernelClass === 'elementwise' || node.op === 'Cast') && output.type.dtype !== 'string') {
    const one = evaluate(() => [1], [1]);
    return one === undefined ? null : { kind: 'splat', element: bytesOf(one) };
  }
  const whole = (): Tensor => {
    const made = evaluate((v) => staticShape(v.type) ?? [], shape);
    if (made === undefined) throw new Error(`${node.op} "${node.name}" made nothing`);
    return made;
  };
  // Small ones (shapes, indices, conditions) are wanted at once.
  if (output.type.dtype === 'string' || elementCount(shape) <= 64) return constantFrom(whole());
  return lazyBytes(() => bytesOf(whole()), undefined, packed);
}
