/**
 * Small whole models end to end: program, interpreter and ONNX Runtime agree. `npm run against-ort` runs all of them and writes
 * docs/against-ort.md.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Machine } from '../../src/hw-configs/index.ts';
import { dataFolder, modelPack } from '../conformance/packs.ts';
import { testMachine } from '../end-to-end/machines.ts';
import { describeJudged } from './describe-judged.ts';
import { wholeModelCase } from './whole-model-case.ts';
import { wholeModels } from './whole-models.ts';

/** Of the packs: every kind of layer, control flow, all three forms of quantization, in seconds. */
const chosen = [
  'micro_kws_m_static_fp32',
  'micro_kws_m_static_qdq',
  'micro_kws_m_qoperator_softmax',
  'ort_mnist_cntk',
  'burn_loop_nested',
  'burn_scan_cumsum',
  'ort_crop_and_resize_loop',
  'tract_qlstm_scan',
  'ort_whisper_decoder_attention_with_past_fp32',
  'ort_qdq_const_folding',
  'ort_qdq_resize_sizes_opset18',
  'ort_cntk_rnn_bidirectional',
  'point_history_classifier_lstm',
  'qonnx_sdp',
];

const hasPack = existsSync(join(dataFolder(), `${modelPack}.csv`));
if (!hasPack) console.warn(`SKIPPED: no models in ${dataFolder()}; set SYSTOLE_DATA to compare them with ONNX Runtime`);

const all = wholeModels(hasPack ? dataFolder() : null);
const small = all.filter((m) => chosen.includes(m.name) || /^(bert|llama|vit|mobilenetv2)/.test(m.name));

describeJudged('whole models against ONNX Runtime', () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await testMachine('large');
  });

  test('all that are chosen exist', () => {
    expect(small.length).toBe((hasPack ? chosen.length : 0) + 5);
  });

  test.each(small.map((m) => [m.name, m] as const))('%s', async (_, model) => {
    const { verdict, reason } = await wholeModelCase(model, machine, () => 0);
    expect({ verdict, reason }).toEqual({ verdict: expect.stringMatching(/^(equal|near)$/), reason: '' });
  });
});
