import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS424x: lowering to what engines run. */

export const widened: Message<{ dtype: string; count: number; first: string }> = defineMessage(
  'SYS4240',
  'info',
  'half or double precision is computed in float32',
  'float16 and bfloat16 stay where both engines of the machine list them (and the vector engine float32 as well), and the model is not quantized. Otherwise they, and float64 always, are taken as float32, or quantized to int8 from there; their bytes are counted as what they become. Results differ by what the original precision would have rounded.',
  ({ dtype, count, first }) =>
    `${count} ${dtype} ${count === 1 ? 'value' : 'values'} ("${first}"${count === 1 ? '' : ' and others'}) ${count === 1 ? 'is' : 'are'} computed in float32, or int8 where the precision is int8. Nothing to change unless you need ${dtype} rounding.`,
);
