/** What whole models are bound to before they are compiled: sizes of symbols and values of inputs that steer control flow. */
import type { Tensor } from '../../src/core/index.ts';

export interface ModelSettings {
  readonly dims: Readonly<Record<string, number>>;
  /** Scalars bound through `--input-value`. */
  readonly values: Readonly<Record<string, Tensor>>;
}

const int64 = (value: bigint): Tensor => ({ dtype: 'int64', shape: [], data: BigInt64Array.of(value) });
const bool = (value: boolean): Tensor => ({ dtype: 'bool', shape: [], data: Uint8Array.of(value ? 1 : 0) });

/**
 * Where the rule for names says too little or too much. A decoder takes one step of 16 tokens behind 16 cached ones, so that what
 * it attends to has 32; a mask named after the total has that length.
 */
export const modelSettings: Readonly<Record<string, Partial<ModelSettings>>> = {
  basic_pitch_nmp: { dims: { unk__749: 1 } },
  micro_kws_m_static_qdq: { dims: { unk__68: 1 } },
  magika_fast_v2_1: { dims: { unk__132: 1 } },
  // Frames of 512 samples at 16 kHz, as the project feeds them.
  silero_vad_16k_op15: { dims: { sequence: 512 }, values: { sr: int64(16000n) } },
  // Channels of the weight: 2304, three times 768.
  ort_attention_past_state_u8u8: { dims: { C: 2304 } },
  // It knows 8 positions: 7 cached, one new.
  ort_gpt2_past: { dims: { seq_len: 7 } },
  // Each iteration cuts one box and one image out of its inputs, at starts and ends that lie one apart.
  ort_crop_and_resize_loop: { dims: { 'output/body/Slice_b_axis0_4': 1, 'output/body/Slice_b_2_axis0': 1 } },
  burn_loop_simple: { values: { M: int64(3n), cond: bool(true) } },
  burn_loop_nested: { values: { M_outer: int64(3n), M_inner: int64(2n), cond_init: bool(true) } },
  burn_nested_if_loop_if: { values: { M: int64(3n) } },
};

/** Sizes by what a symbol is called: batch 1, images 224 by 224, past and new tokens 16 each and their total 32, anything else 16. */
export function sizeByRule(symbol: string): number {
  if (/batch|^[nb]$/i.test(symbol)) return 1;
  if (/^(h|w|height|width)$|image|height|width/i.test(symbol)) return 224;
  if (/total|past.*(\+|plus|and).*seq/i.test(symbol)) return 32;
  return 16;
}

export function settingsFor(model: string, symbols: readonly string[]): ModelSettings {
  const known = modelSettings[model];
  const byRule = Object.fromEntries(symbols.map((symbol) => [symbol, sizeByRule(symbol)]));
  return { dims: { ...byRule, ...known?.dims }, values: known?.values ?? {} };
}
