/** `describe`, skipped where there is no ONNX Runtime, and loudly. */
import { describe, type SuiteAPI } from 'vitest';
import { judgeName } from './judge.ts';

const name = await judgeName();
if (name === null) console.warn('SKIPPED: comparisons with ONNX Runtime; npm install onnxruntime-web (or onnxruntime-node) runs them');

export const describeJudged: SuiteAPI | SuiteAPI['skip'] = name === null ? describe.skip : describe;
