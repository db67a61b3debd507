/** Operands beside a matrix of scores or of results, by its rows and columns. */
import { rowMajorStrides } from '../../core/index.ts';
import { collapse } from '../kernels/contraction.ts';
import type { AttentionKernel, ContractionKernel, ElementwiseKernel, View } from '../kernels/spec.ts';

export interface MatrixOperand {
  readonly view: View;
  /** Elements from row to row, and from column to column; 0 broadcasts. */
  readonly row: number;
  readonly column: number;
  /** Its first element under a row, rows counted through all groups. */
  begin(row: number): number;
}

/** Of a product's epilogue. */
export function productOperands(k: ContractionKernel): readonly MatrixOperand[] {
  const { ow } = k.geometry;
  return (k.epilogue?.operands ?? []).map(({ view }, i) => {
    const [, group = 0, column = 0, , row = 0] = k.operandStrides[i] ?? [];
    return { view, row, column, begin: (at) => Math.floor(at / ow) * group + (at % ow) * row };
  });
}

/** Of elementwise nodes on the scores; null stands for the scores themselves. */
export function scoreOperands({ between, scores, rowsTogether }: AttentionKernel): readonly (MatrixOperand | null)[] {
  return between === null
    ? []
    : between.plan.operands.map((o) => (o.view.root === scores.out.root ? null : rowOperand(between, o, rowsTogether)));
}

function rowOperand(
  { shape }: ElementwiseKernel,
  { view, strides }: ElementwiseKernel['plan']['operands'][number],
  together: number,
): MatrixOperand {
  const rows = shape.slice(0, -1);
  const whole = rowMajorStrides(rows);
  // Tiles have at most so many rows: within these axes one stride walks them.
  const inner = Math.max(
    0,
    whole.findLastIndex((stride, axis) => stride * (rows[axis] ?? 1) >= together),
  );
  return {
    view,
    row: together === 1 ? 0 : (collapse(rows.slice(inner), strides.slice(inner, rows.length)) ?? 0),
    column: strides.at(-1) ?? 0,
    begin: (at) => rows.reduce((sum, extent, axis) => sum + (Math.floor(at / (whole[axis] ?? 1)) % extent) * (strides[axis] ?? 0), 0),
  };
}
