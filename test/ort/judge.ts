/** ONNX Runtime for tests: one package of the two, found as `systole verify` finds it; where there is none, tests say so and are skipped. */
import { findJudge } from '../../src/cli/verify-runtime.ts';
import type { Tensor } from '../../src/core/index.ts';
import { encodeModel } from '../../src/onnx/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { quantizedBuilder } from '../end-to-end/quantized-models.ts';

/** `as written`: node by node. `fused`: with ONNX Runtime's own optimizations, which run quantized patterns on integers. */
export type JudgeMode = 'as written' | 'fused';

/** Outputs by name, as ONNX Runtime has them. Throws where it refuses the model. */
export async function judged(
  model: OnnxModel,
  inputs: ReadonlyMap<string, Tensor>,
  mode: JudgeMode = 'as written',
): Promise<ReadonlyMap<string, Tensor>> {
  const found = await findJudge(encodeModel(model), { optimize: mode === 'fused' });
  if (!('judge' in found)) throw new Error(found.diagnostic.message);
  try {
    return await found.judge.run(inputs);
  } finally {
    await found.judge.release();
  }
}

/** Name and version of the package; null where there is none. */
export async function judgeName(): Promise<string | null> {
  const b = quantizedBuilder();
  const found = await findJudge(encodeModel(b.finish([[b.node('Relu', [b.input('x', 'float32', [1])]), 'float32']])));
  if (!('judge' in found)) return null;
  await found.judge.release();
  return found.judge.name;
}
