/** The table of operators. A new operator is one definition, listed here. */
import { suggest } from '../../core/index.ts';
import { conv } from './conv.ts';
import { convTranspose } from './conv-transpose.ts';
import { elementwiseOps } from './elementwise.ts';
import { gatherOps } from './gather.ts';
import { generatorOps } from './generators.ts';
import { gemm, matMul } from './matmul.ts';
import { moveOps } from './move.ts';
import { normalizationOps } from './normalization.ts';
import type { OpDef } from './op-def.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pool.ts';
import { convertOps } from './quantize-linear.ts';
import { reduceOps } from './reduce.ts';
import { logSoftmax, softmax } from './softmax.ts';
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
  ...elementwiseOps,
  ...normalizationOps,
  ...reduceOps,
  ...moveOps,
  ...viewOps,
  ...gatherOps,
  ...generatorOps,
  ...convertOps,
].sort((a, b) => (keyOf(a.domain, a.name) < keyOf(b.domain, b.name) ? -1 : 1));

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
