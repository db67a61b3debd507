/** All operators of ai.onnx.ml. */
import { labelEncoder } from './ml-label-encoder.ts';
import { mlLinearOps } from './ml-linear.ts';
import { mlMapOps } from './ml-maps.ts';
import { mlTransformOps } from './ml-transform.ts';
import { mlTreeOps } from './ml-trees.ts';
import type { OpDef } from './op-def.ts';

export const mlOps: readonly OpDef[] = [...mlTransformOps, labelEncoder, ...mlLinearOps, ...mlTreeOps, ...mlMapOps];
