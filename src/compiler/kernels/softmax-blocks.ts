/** The vector programs of a softmax in blocks: docs/numerics.md, attention in blocks. */
import type { DType } from '../../core/index.ts';
import { lowestFloat } from '../../graph/index.ts';
import type { BlockSoftmax, VectorPlan, View } from './spec.ts';
import { createStepWriter } from './vector-plan.ts';

type Writer = ReturnType<typeof createStepWriter>;

/** @param x  the scores  @param table  steps of the table of exponentials; 0: exact */
export function blockSoftmax(x: View, weights: DType, block: number, table: number): BlockSoftmax {
  const plan = (...results: readonly ((w: Writer, load: (input: number) => number) => number)[]): VectorPlan => {
    const w = createStepWriter(table);
    const loaded = new Map<number, number>();
    const load = (input: number): number => {
      const register = loaded.get(input) ?? w.step('load', input);
      loaded.set(input, register);
      return register;
    };
    const made = results.map((result) => result(w, load));
    made.forEach((register, i) => w.store(i, register));
    return { steps: w.steps, operands: [] };
  };
  const atLeastLowest = (w: Writer, m: number): number => w.step('max', m, w.immediate(lowestFloat));
  const shrunk = (w: Writer, load: (input: number) => number): number => w.step('add', w.step('mul', load(0), load(1)), load(2));
  let most = -1;
  let e = -1;
  return {
    kind: 'blocks',
    block,
    x,
    weights,
    begin: plan((w, load) => atLeastLowest(w, load(0))),
    advance: plan(
      (w, load) => (most = atLeastLowest(w, w.step('max', load(0), load(1)))),
      (w, load) => w.step('exp', w.step('sub', load(0), most)),
    ),
    exponential: plan((w, load) => (e = w.step('exp', w.step('sub', load(0), load(1)))), ...(weights === 'float32' ? [] : [() => e])),
    total: plan(shrunk),
    start: plan((_, load) => load(0)),
    weighted: plan(shrunk),
    quotient: plan((w, load) => w.step('div', load(0), load(1))),
  };
}
