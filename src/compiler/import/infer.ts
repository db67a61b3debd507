/**
 * Types of values, node by node in order, with as much of the contents as shapes depend on: integers of small constants, and
 * what Shape, Gather, Concat and the like make of them, symbolic dimensions included.
 */
import { elementCount, viewBytes, type Tensor } from '../../core/index.ts';
import type { Dim, OpDef } from '../../graph/index.ts';
import type { Node, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { integers, staticShape } from '../passes/constants.ts';

/** No operator's output shape depends on more numbers than this; larger constants are not read. */
const mostNumbers = 4096;

export interface ShapeFacts {
  /** Types of the outputs of `node`; also remembers the contents of output 0 where they follow. */
  infer(node: Node, def: OpDef): readonly TensorType[];
  /** Integers of a value, where known. */
  dims(id: ValueId): readonly Dim[] | null;
}

/** @param value looks a value up; all inputs of a node must exist before it is inferred */
export function shapeFacts(opset: number, value: (id: ValueId) => Value): ShapeFacts {
  const contents = new Map<ValueId, readonly Dim[]>();

  const dims = (id: ValueId): readonly Dim[] | null => {
    const remembered = contents.get(id);
    if (remembered !== undefined) return remembered;
    const { type, constant } = value(id);
    const isSmall = type.shape.length <= 1 && (type.dtype === 'int64' || type.dtype === 'int32') && smallCount(type) !== null;
    const found = isSmall ? integers(constant, type) : null;
    if (found !== null) contents.set(id, found);
    return found;
  };

  const tensor = (id: ValueId): Tensor | null => {
    const { type, constant } = value(id);
    const shape = staticShape(type);
    const count = smallCount(type);
    if (shape === null || count === null || constant === null || constant.kind === 'absent') return null;
    if (constant.kind === 'bytes') return { dtype: type.dtype, shape, data: viewBytes(type.dtype, constant.bytes) };
    const bytes = new Uint8Array(count * constant.element.length);
    for (let i = 0; i < count; i++) bytes.set(constant.element, i * constant.element.length);
    return { dtype: type.dtype, shape, data: viewBytes(type.dtype, bytes) };
  };

  return {
    dims,
    infer(node, def) {
      const at = (index: number): ValueId | null => node.inputs[index] ?? null;
      const context = {
        node,
        opset,
        inputs: node.inputs.map((id) => (id === null ? null : value(id).type)),
        tensor: (index: number): Tensor | null => {
          const id = at(index);
          return id === null ? null : tensor(id);
        },
        dims: (index: number): readonly Dim[] | null => {
          const id = at(index);
          return id === null ? null : dims(id);
        },
      };
      const types = def.infer(context);
      const [first] = node.outputs;
      const found = def.contents?.(context) ?? null;
      if (found !== null && first !== undefined) contents.set(first, found);
      return types;
    },
  };
}

function smallCount(type: TensorType): number | null {
  const shape = staticShape(type);
  if (shape === null) return null;
  const count = elementCount(shape);
  return count <= mostNumbers ? count : null;
}

