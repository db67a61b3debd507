/** One test of the reference evaluators: import, run, compare, as a user of the library would. */
import { isTensor, SystoleError } from '../../src/core/index.ts';
import { importModel } from '../../src/compiler/index.ts';
import { interpretValues } from '../../src/graph/index.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import { failureOf } from './failure.ts';
import { difference, type Judging, type Tolerance } from './judge.ts';
import type { TestFiles } from './packs.ts';
import { readDataSets } from './test-data.ts';

export interface EvaluateCase {
  /** Whether all outputs are tensors. */
  readonly tensors: boolean;
  /** null when every output of every data set is as expected. */
  readonly failure: string | null;
  /** How it failed: refused with a code, a wrong result, or an exception without a code. */
  readonly kind: 'pass' | 'refused' | 'mismatch' | 'crash';
}

export async function evaluateCase(name: string, files: TestFiles, judging: Judging, tolerance: Tolerance): Promise<EvaluateCase> {
  const bytes = files.read('model.onnx') ?? new Uint8Array();
  const { model } = decodeModel(bytes);
  const sets = readDataSets(model, files);
  const tensors = sets.length > 0 && sets.every((s) => s.outputs.every(isTensor));
  if (sets.length === 0) return { tensors, failure: 'the test has no data', kind: 'mismatch' };
  try {
    const { graph } = await importModel(bytes, { name });
    for (const set of sets) {
      const results = interpretValues(graph, set.inputs);
      if (set.outputs.length !== graph.outputs.length) {
        return { tensors, failure: `${graph.outputs.length} outputs, but the test expects ${set.outputs.length}`, kind: 'mismatch' };
      }
      for (const [i, want] of set.outputs.entries()) {
        const output = graph.values[graph.outputs[i] ?? -1]?.name ?? '';
        const problem = difference(results.get(output), want, judging, tolerance);
        if (problem !== null) return { tensors, failure: `output "${output}": ${problem}`, kind: 'mismatch' };
      }
    }
    return { tensors, failure: null, kind: 'pass' };
  } catch (error) {
    return { tensors, failure: failureOf(error).what, kind: error instanceof SystoleError ? 'refused' : 'crash' };
  }
}
