/** The table of operators. A new operator is one definition, listed here. */
import { suggest } from '../../core/index.ts';
import { conv } from './conv.ts';
import { controlFlowOps } from './control-flow.ts';
import { scan } from './control-flow-scan.ts';
import { convTranspose } from './conv-transpose.ts';
import { elementwiseOps } from './elementwise.ts';
import { swiGlu } from './gated.ts';
import { gatherOps } from './gather.ts';
import { gatherNdOps } from './gather-nd.ts';
import { generatorOps } from './generators.ts';
import { gemm, matMul } from './matmul.ts';
import { microsoftOps, microsoftRepeats } from './microsoft.ts';
import { moveOps } from './move.ts';
import { normalizationOps } from './normalization.ts';
import { cumulativeOps } from './cumulative.ts';
import { linearAlgebraOps } from './linear-algebra.ts';
import { randomOps } from './random-values.ts';
import { lossOps } from './loss.ts';
import { signalOps } from './signal.ts';
import { groupNormalizationOps } from './group-normalization.ts';
import { gridOps } from './grid-sample.ts';
import { regionOps } from './regions.ts';
import { rearrangeOps } from './rearrange.ts';
import { resizeOps } from './resize-op.ts';
import { lpPoolOps } from './lp-pool.ts';
import { deformConv } from './deform-conv.ts';
import type { OpDef } from './op-def.ts';
import { mlOps } from './ml.ts';
import { optionalOps } from './optional.ts';
import { lookupOps } from './lookup.ts';
import { linearAttentionOps } from './linear-attention.ts';
import { attention } from './attention.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pool.ts';
import { convertOps } from './quantize-linear.ts';
import { qonnxOps } from './qonnx.ts';
import { quantizedOps } from './quantized-ops.ts';
import { recurrentOps } from './recurrent.ts';
import { reduceOps } from './reduce.ts';
import { repeatOps } from './repeat.ts';
import { rowNormalizationOps } from './rms-normalization.ts';
import { rotaryOps } from './rotary.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { softmaxMatMul } from './softmax-matmul.ts';
import { scatterOps } from './scatter.ts';
import { selectOps } from './select.ts';
import { sequenceOps } from './sequence.ts';
import { stringOps } from './strings.ts';
import { tfIdfVectorizer } from './strings-tfidf.ts';
import { trainingOps } from './training.ts';
import { viewOps } from './views.ts';

/** All definitions, in order of domain and name. */
export const opDefs: readonly OpDef[] = [
  conv,
  convTranspose,
  gemm,
  matMul,
  maxPool,
  averagePool,
  globalAveragePool,
  globalMaxPool,
  softmax,
  logSoftmax,
  softmaxMatMul,
  ...elementwiseOps,
  ...normalizationOps,
  ...reduceOps,
  ...moveOps,
  ...viewOps,
  ...gatherOps,
  ...lookupOps,
  ...resizeOps,
  ...gatherNdOps,
  ...scatterOps,
  ...selectOps,
  deformConv,
  ...lpPoolOps,
  ...rearrangeOps,
  ...regionOps,
  ...gridOps,
  ...groupNormalizationOps,
  ...signalOps,
  ...lossOps,
  ...randomOps,
  ...linearAlgebraOps,
  ...cumulativeOps,
  ...generatorOps,
  ...convertOps,
  ...controlFlowOps,
  scan,
  ...sequenceOps,
  ...optionalOps,
  ...stringOps,
  tfIdfVectorizer,
  ...mlOps,
  ...trainingOps,
  ...recurrentOps,
  ...repeatOps,
  attention,
  ...linearAttentionOps,
  ...rotaryOps,
  ...rowNormalizationOps,
  ...quantizedOps,
  ...microsoftOps,
  ...qonnxOps,
  swiGlu,
]
  .flatMap((def) => [def, ...microsoftRepeats([def])])
  .sort((a, b) => (keyOf(a.domain, a.name) < keyOf(b.domain, b.name) ? -1 : 1));

function keyOf(domain: string, name: string): string {
  return `${domain}\0${name}`;
}

const table = new Map(opDefs.map((def) => [keyOf(def.domain, def.name), def]));

/** The definition of an operator; 'ai.onnx' is another name of the domain ''. */
export function opDef(domain: string, name: string): OpDef | undefined {
  return table.get(keyOf(domain === 'ai.onnx' ? '' : domain, name));
}

/** Names of the operators of a domain, in alphabetical order. */
export function opNames(domain: string = ''): readonly string[] {
  return opDefs.filter((def) => def.domain === domain).map((def) => def.name);
}

/** The operator whose name is nearest to this one. */
export function suggestOp(name: string): string | undefined {
  return suggest(name, opNames());
}
