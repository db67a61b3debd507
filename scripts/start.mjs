/**
 * README's first command: compiles ResNet-50 for a preset, runs it in simulated time, prints the summary, writes the page.
 * Also runs the ONNX test suite's `light_resnet50` where that data lies beside the project (SYSTOLE_DATA, or ../shared/data).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { compile, importModel } = await import('../dist/compiler/index.js');
const { loadMachine } = await import('../dist/hw-configs/index.js');
const { buildModel } = await import('../dist/models/index.js');
const { renderReport, renderSummary } = await import('../dist/reports/index.js');
const { collectTrace, simulate } = await import('../dist/simulator/index.js');

const machine = await loadMachine({ preset: 'edge-systolic-32' });
const chartLibrary = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
const out = join(root, 'out');
mkdirSync(out, { recursive: true });

await show('resnet50', buildModel('resnet50'));
const light = join(process.env.SYSTOLE_DATA ?? resolve(root, '../shared/data'), 'onnx/models/light_resnet50/model.onnx');
if (existsSync(light)) await show('light_resnet50', readFileSync(light));
else console.log('light_resnet50 is not run: its data is not beside the project (SYSTOLE_DATA names another place).');

async function show(name, bytes) {
  const began = performance.now();
  const model = await importModel(bytes, { name });
  const { executable } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
  let trace = null;
  const result = simulate(executable, machine, {
    observers: [
      (timeline, context) => {
        trace = collectTrace(timeline, context);
      },
    ],
  });
  const seconds = (performance.now() - began) / 1000;
  console.log(renderSummary(result, { width: 80, color: process.stdout.isTTY && !process.env.NO_COLOR }));
  const page = join(out, `${name}.html`);
  writeFileSync(page, renderReport(result, { machine, trace, chartLibrary }));
  console.log(`${name}: imported, compiled and simulated in ${seconds.toFixed(2)} s. The page: ${relative(process.cwd(), page) || page}\n`);
}
