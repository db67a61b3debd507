/** What to change so that an operator leaves the host: by the reason first, then by the operator. */

/** [pattern of the reason, advice]; the first that fits is given. */
const byReason: readonly (readonly [RegExp, string])[] = [
  [/computed at run time|not constant/, 'make this operand a constant of the model (fold it at export, or bind it with --input-value)'],
  [/data-dependent|only the run decides/, 'move it behind the network (post-processing), so that what follows has fixed sizes'],
  [
    / is (u?int64|u?int16|u?int32|bool|float64)/,
    'cast to int32 or float32 where the values allow it, or keep index arithmetic out of the hot path',
  ],
  [/quantized differently/, 'give both sides the same scale and zero point when quantizing'],
  [/no elements/, 'export with sizes that are not zero'],
  [/broadcast/, 'reshape the operand at export so that it broadcasts along whole axes only'],
];

const byOperator: Readonly<Record<string, string>> = {
  NonMaxSuppression: 'run it as post-processing of the application: it is sequential and its output size depends on the data',
  NonZero: 'replace by Where or a multiplication with a mask: the size of NonZero depends on the data',
  Unique: 'run it as pre- or post-processing of the application',
  If: 'export with the condition fixed, or bind the input it hangs on with --input-value: one branch then remains',
  Loop: 'export with a constant trip count and a condition that stays true, or bind them with --input-value: it is then a repeated region, or unrolled',
  Scan: 'export with a fixed sequence length: it is then a repeated region, or unrolled',
  TopK: 'take fewer elements, or run it as post-processing',
  ScatterND: 'write updates to places of their own, and add, multiply or compare in operators of their own',
  ScatterElements: 'write updates to places of their own, and add, multiply or compare in operators of their own',
  Optional: 'export without optional values: an input is there or it is not',
  OptionalHasElement: 'export without optional values: an input is there or it is not',
  OptionalGetElement: 'export without optional values: an input is there or it is not',
  Where: 'use a multiplication with a 0/1 mask and an addition',
  Erf: 'use the tanh or sigmoid form of GELU',
  LSTM: 'export with a fixed sequence length and without sequence_lens',
  GRU: 'export with a fixed sequence length and without sequence_lens',
  RNN: 'export with a fixed sequence length and without sequence_lens',
};

/** Operators whose own advice is better than what their reason suggests. */
const operatorFirst: ReadonlySet<string> = new Set(['NonMaxSuppression', 'NonZero', 'Loop', 'Scan', 'If', 'TopK']);

export function adviceFor(opType: string, reason: string): string {
  const own = byOperator[opType];
  if (own !== undefined && operatorFirst.has(opType)) return own;
  const found = byReason.find(([pattern]) => pattern.test(reason));
  return (
    found?.[1] ??
    own ??
    'use operators an engine runs (docs/operators.md), or move it to an end of the model so that it costs one hand-over'
  );
}
