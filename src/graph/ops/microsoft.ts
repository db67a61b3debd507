/** The operators of com.microsoft (ONNX Runtime), and ai.onnx operators it has under its own name. */
import type { OpDef } from './op-def.ts';
import { activationOps } from './microsoft-activations.ts';
import { microsoftAttentionOps } from './microsoft-attention.ts';
import { microsoftConvOps } from './microsoft-conv.ts';
import { dropoutOps } from './microsoft-dropout.ts';
import { groupQueryOps } from './microsoft-group-query.ts';
import { integerMatMulOps } from './microsoft-integer-matmul.ts';
import { microsoftMatMulOps } from './microsoft-matmul.ts';
import { microsoftMoveOps } from './microsoft-moves.ts';
import { multiHeadOps } from './microsoft-multi-head.ts';
import { microsoftNormalizationOps } from './microsoft-normalization.ts';
import { microsoftRecurrentOps } from './microsoft-recurrent.ts';
import { qLinearOps } from './microsoft-quantized.ts';

/** ai.onnx operators that com.microsoft repeats, with the operator-set version whose rules it follows. */
const repeated: Readonly<Record<string, number>> = {
  DequantizeLinear: 21,
  GatherND: 11,
  GridSample: 16,
  Pad: 13,
  QuantizeLinear: 21,
  Trilu: 14,
};

/** The repeated ones among these definitions of ai.onnx, under com.microsoft. */
export function microsoftRepeats(defs: readonly OpDef[]): readonly OpDef[] {
  return defs.flatMap((def): readonly OpDef[] => {
    const opset = def.domain === '' ? repeated[def.name] : undefined;
    if (opset === undefined) return [];
    return [
      {
        ...def,
        domain: 'com.microsoft',
        since: [1],
        infer: (context) => def.infer({ ...context, opset }),
        evaluate: (context) => def.evaluate({ ...context, opset }),
      },
    ];
  });
}

export const microsoftOps: readonly OpDef[] = [
  ...activationOps,
  ...microsoftAttentionOps,
  ...microsoftConvOps,
  ...dropoutOps,
  ...groupQueryOps,
  ...integerMatMulOps,
  ...microsoftMatMulOps,
  ...microsoftMoveOps,
  ...multiHeadOps,
  ...microsoftNormalizationOps,
  ...qLinearOps,
  ...microsoftRecurrentOps,
];
