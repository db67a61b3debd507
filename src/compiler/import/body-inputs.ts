/** Types of a body's declared inputs, which files often leave out: from the operands of its node, as the operator hands them over. */
import type { TensorType } from '../../graph/ir.ts';
import type { OnnxValueInfo } from '../../onnx/model.ts';
import type { NamedNode } from './names.ts';
import { isDeclared, readType } from './types.ts';

/** @param operands  types of the node's inputs; null where one is left out */
export function bodyInputTypes(
  node: NamedNode,
  declared: readonly OnnxValueInfo[],
  operands: readonly (TensorType | null)[],
): readonly TensorType[] {
  return declared.map((input, index) => {
    const stated = readType(input.type, input.name);
    if (isDeclared(input.type)) return stated;
    return handedOver(node, index, operands, declared.length) ?? stated;
  });
}

const anyRank = ({ dtype, container }: TensorType): TensorType => ({
  dtype,
  shape: [],
  unranked: true,
  ...(container === undefined ? {} : { container }),
});

/** Sizes may change from one turn to the next, so only the element type is taken over. */
function handedOver(node: NamedNode, index: number, operands: readonly (TensorType | null)[], count: number): TensorType | null {
  const of = (operand: number): TensorType | null => {
    const type = operands[operand];
    return type === null || type === undefined ? null : anyRank(type);
  };
  const element = (type: TensorType | null): TensorType | null => (type === null ? null : { dtype: type.dtype, shape: [], unranked: true });
  switch (node.opType) {
    case 'Loop':
      // Turn number and condition, then what is carried: the operands behind trip count and condition.
      return index === 0 ? { dtype: 'int64', shape: [] } : index === 1 ? { dtype: 'bool', shape: [] } : of(index);
    case 'Scan': {
      // States, then one slice of each scanned operand. Set 8 has the lengths of the sequences as an operand in front.
      const first = node.version < 9 ? 1 : 0;
      return operands.length - first >= count ? of(index + first) : null;
    }
    case 'SequenceMap':
      return element(of(index));
    default:
      return null;
  }
}
