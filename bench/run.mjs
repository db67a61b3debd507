/**
 * One JSON line per case: { case, unit, value, commit, node, … }. Lower is better for ms and MB.
 *   npm run bench            the model × preset grid, the ResNet-50 case, graphs of 1k, 5k and 20k nodes
 *   npm run bench -- resnet50   only cases whose name contains the word
 * Kernels on numbers are in GMAC/s or Gelements/s, higher is better, with ratios to others on the same operands: kernels.mjs, elements.mjs.
 * Cold is a new process (median of 3), warm the same process after a first run (median of 5).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { calibrate, compile, importModel, lowerGraph, prepare, randomInputs } from '../dist/compiler/index.js';
import { bindDims } from '../dist/graph/index.js';
import { loadMachine, presetNames } from '../dist/hw-configs/index.js';
import { buildModel, models } from '../dist/models/index.js';
import { execute, simulate } from '../dist/simulator/index.js';
import { elementCases, measureElements } from './elements.mjs';
import { cases, measureKernel } from './kernels.mjs';
import { referenceLoopMs } from './reference-loop.mjs';
import { scaleCases } from './scale.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'dist', 'cli', 'main.js');
const filter = process.argv[2] ?? '';
const commit = commitHash();
const options = { precision: 'auto', dims: {}, calibration: null };

for (const { name } of models) {
  for (const preset of presetNames) await gridCase(name, preset);
}
await resnet50Case();
await lightCase();
for await (const line of scaleCases(filter)) print(line);
for (const kernel of cases) await kernelCase(kernel, measureKernel, 'GMAC/s');
for (const kernel of elementCases) await kernelCase(kernel, measureElements, 'Gelements/s');
await executeCase();

/** Compile and simulate of one model on one preset: warm times, commands per second, and a cold process with its peak memory. */
async function gridCase(name, preset) {
  const label = `${name}@${preset}`;
  if (!label.includes(filter)) return;
  const machine = await loadMachine({ preset });
  const model = await importModel(buildModel(name), { name });
  try {
    const { executable } = compile(model, machine, options);
    const compileMs = median(5, () => compile(model, machine, options));
    const simulateMs = median(5, () => simulate(executable, machine));
    const result = simulate(executable, machine);
    const { commands } = result.totals;
    const mapped = result.kernels.filter((k) => k.class === 'contraction');
    const sum = (field) => mapped.reduce((n, k) => n + k[field], 0);
    // The mapper's estimate against the time the simulation charges, over all contractions.
    const estimateRatio = round(sum('estimateCycles') / sum('attributedCycles'));
    print({ case: `${label}/compile`, unit: 'ms', value: compileMs });
    print({
      case: `${label}/simulate`,
      unit: 'ms',
      value: simulateMs,
      commandsPerSecond: Math.round(commands / (simulateMs / 1000)),
      estimateRatio,
    });
    print({ case: `${label}/cold`, unit: 'ms', ...cold(name, preset) });
  } catch (error) {
    print({ case: label, unit: 'ms', value: null, refused: String(error.message).split('\n')[0] });
  }
}

/**
 * The interactive case: ResNet-50 from its decoded form to the result. Nothing is kept between runs: each run imports anew and
 * loads the machine anew. The ratio to a fixed loop, timed between the runs, takes the speed of the computer out.
 */
async function resnet50Case() {
  if (!'resnet50/warm'.includes(filter)) return;
  const bytes = buildModel('resnet50');
  const times = [];
  const references = [];
  for (let i = 0; i < 23; i++) {
    const machine = await loadMachine({ preset: 'edge-systolic-32' });
    const model = await importModel(bytes, { name: 'resnet50' });
    globalThis.gc?.();
    const began = performance.now();
    simulate(compile(model, machine, options).executable, machine);
    times.push(performance.now() - began);
    references.push(referenceLoopMs());
  }
  // The first three runs warm the compiler of the engine up.
  const value = middle(times.slice(3));
  const referenceMs = middle(references.slice(3));
  print({ case: 'resnet50/warm', unit: 'ms', value: round(value), referenceMs: round(referenceMs), ratio: round(value / referenceMs) });
}

/** What the architecture asks of start-up: a cold process from command to JSON. */
async function lightCase() {
  if (!'light_resnet50/cold'.includes(filter)) return;
  const path = join(process.env.SYSTOLE_DATA ?? resolve(root, '../shared/data'), 'onnx/models/light_resnet50/model.onnx');
  if (existsSync(path)) print({ case: 'light_resnet50/cold', unit: 'ms', ...cold(path, 'edge-systolic-32', 10) });
}

/** One class of commands on numbers. */
async function kernelCase(kernel, measure, unit) {
  const label = `kernel/${kernel.name}`;
  if (!label.includes(filter)) return;
  const measured = await measure(kernel);
  const rounded = Object.fromEntries(
    Object.entries(measured).map(([key, figure]) => [key, typeof figure === 'number' ? round(figure) : figure]),
  );
  print({ case: label, unit, ...rounded });
}

/** ResNet-50 int8 on numbers, by its tile commands: the kernels against the plain form, which must give the same bytes. */
async function executeCase() {
  if (!'resnet50/execute'.includes(filter)) return;
  const machine = await loadMachine({ preset: 'edge-systolic-32' });
  const model = await importModel(buildModel('resnet50'), { name: 'resnet50' });
  const { graph } = lowerGraph(bindDims(prepare(model).graph, {}));
  const inputs = randomInputs(graph, 1);
  const { executable } = compile(model, machine, { precision: 'int8', dims: {}, calibration: calibrate(graph, [inputs]) });
  const run = (plain) => execute(executable, machine, inputs, { sanitize: false, plain });
  const bytes = (plain) => Buffer.concat([...run(plain).outputs.values()].map((t) => Buffer.from(t.data.buffer)));
  if (Buffer.compare(bytes(false), bytes(true)) !== 0) throw new Error('resnet50: the kernels and the plain form differ');
  const value = median(5, () => run(false));
  print({ case: 'resnet50/execute', unit: 'ms', value, plainFormMs: median(3, () => run(true)) });
}

/** A new process; peak memory as the process itself reports it when it ends. */
function cold(model, preset, times = 3) {
  const usage = join(tmpdir(), `systole-bench-${process.pid}.json`);
  const hook = `data:text/javascript,import{writeFileSync as w}from'node:fs';process.on('exit',()=>w(${JSON.stringify(usage)},String(process.resourceUsage().maxRSS)))`;
  const runs = Array.from({ length: times }, () => {
    const began = performance.now();
    const run = spawnSync(process.execPath, ['--import', hook, main, 'simulate', model, '--target', preset, '--json'], {
      maxBuffer: 1 << 28,
    });
    if (run.status !== 0) throw new Error(run.stderr.toString());
    return { ms: performance.now() - began, megabytes: Number(readFileSync(usage, 'utf8')) / 1024 };
  });
  rmSync(usage, { force: true });
  return { value: round(middle(runs.map((r) => r.ms))), peakMegabytes: Math.round(middle(runs.map((r) => r.megabytes))) };
}

function median(times, work) {
  const all = Array.from({ length: times }, () => {
    const began = performance.now();
    work();
    return performance.now() - began;
  });
  return round(middle(all));
}

function middle(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function round(value) {
  return Number(value.toPrecision(4));
}

function print(line) {
  console.log(JSON.stringify({ ...line, commit, node: process.version }));
}

function commitHash() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return 'unknown';
  }
}
