/** Compares whole models with ONNX Runtime (test/ort/main.ts), built with the sources as they are. */
import { buildTests, runBuilt } from './test-build.mjs';

process.exit(runBuilt(buildTests('ort', ['conformance', 'ort']), 'ort/main.js'));
