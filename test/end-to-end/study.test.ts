/** A sweep of 60 points is 60 single simulations, and survives the points that cannot be. */
import { expect, test } from 'vitest';
import { compile, importModel } from '../../src/compiler/index.ts';
import { SystoleError } from '../../src/core/index.ts';
import { parseStudy, runStudy, settingsOf, studyCsv, type Point, type PointResult, type StudySources } from '../../src/explore/index.ts';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { simulate } from '../../src/simulator/index.ts';

/** Array × scratchpad × bandwidth. */
const grid = `
models: resnet18
target: edge-systolic-32
parameters:
  cores.npu.matrix.rows: [8, 16, 32, 64, 128]
  memories.scratchpad.size: [64 KiB, 128 KiB, 256 KiB, 1 MiB]
  memories.dram.bandwidth: [3.2 GB/s, 12.8 GB/s, 51.2 GB/s]
objectives: [cycles, energyJoules]
`;

/** The smallest scratchpad is refused with the machine; into the smallest memory the 11 MB of weights do not go. */
const partlyImpossible = `
models: resnet18
target: edge-systolic-32
parameters:
  memories.scratchpad.size: [512 B, 256 KiB]
  memories.dram.size: [4 MiB, 64 MiB]
objectives: [cycles]
`;

const bytes = buildModel('resnet18', { image: 64 });

/** What `systole simulate resnet18 --target … --set …` does, from the file on. */
async function single({ model: name, target, parameters }: Point): Promise<PointResult> {
  try {
    const model = await importModel(bytes, { name });
    const machine = await loadMachine({ preset: target }, settingsOf(parameters));
    const { executable } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
    return { model: name, target, parameters, totals: simulate(executable, machine).totals };
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    const [first] = error.diagnostics;
    return {
      model: name,
      target,
      parameters,
      error: { code: first?.code ?? '', message: error.diagnostics.map((d) => d.message).join(' ') },
    };
  }
}

const sources: StudySources = {
  model: (name) => importModel(bytes, { name }),
  machine: (target, settings) => loadMachine({ preset: target }, settings),
};

test('60 points of ResNet-18, each equal to a single simulation with the same settings', async () => {
  const told: string[] = [];
  const study = await runStudy(parseStudy(grid, 'grid.yaml'), sources, (done, all) => told.push(`${done}/${all}`));
  expect(told).toEqual(Array.from({ length: 60 }, (_, i) => `${i + 1}/60`));
  expect(study.points).toHaveLength(60);
  for (const point of study.points) expect(point).toEqual(await single(point));

  // The settings do something.
  const cycles = study.points.map((p) => ('totals' in p ? p.totals.cycles : 0));
  expect(new Set(cycles).size).toBeGreaterThan(40);
});

test('a point that fails is recorded with its code, and the others run', async () => {
  const study = await runStudy(parseStudy(partlyImpossible, 'partly.yaml'), sources, () => {});
  const outcomes = study.points.map((p) => ('error' in p ? p.error.code : 'ran'));
  expect(outcomes).toEqual(['SYS2055', 'SYS2055', 'SYS4503', 'ran']);
  for (const point of study.points) expect(point).toEqual(await single(point));
  expect(study.front).toEqual([3]);
  const [, ...rows] = studyCsv(study).trim().split('\n');
  expect(rows.map((row) => /SYS\d+/.exec(row)?.[0] ?? 'ran')).toEqual(outcomes);
});
