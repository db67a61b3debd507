/** Where a command needs sizes that nobody gave: which ones would fit each other. */
import { fail, graphMessages, SystoleError, verifyMessages } from '../core/index.ts';
import { fittingSizes } from '../compiler/index.ts';
import type { Named } from './session.ts';

/** Runs something that may miss sizes; then a set of them that fits is told behind what is missing. */
export async function tellingSizes<T>({ model, dims }: Named, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const missing: readonly string[] = [
      graphMessages.unboundDimension.code,
      graphMessages.unknownDimension.code,
      // Sizes of the run that took their upper bound may contradict each other.
      graphMessages.inputsDoNotFit.code,
    ];
    if (!(error instanceof SystoleError) || !error.diagnostics.some((d) => missing.includes(d.code))) throw error;
    const sizes = fittingSizes(model, dims);
    if (sizes === null || sizes.length === 0) throw error;
    return fail(...error.diagnostics, verifyMessages.fittingSizes({ sizes: sizes.map((s) => ({ symbol: s.symbol, size: s.assumed })) }));
  }
}
