/** A sweep of 60 points is 60 single simulations, and survives the points that cannot be. */
import { expect, test } from 'vitest';
import { compile, importModel } from '../../src/compiler/index.ts';
import { SystoleError } from '../../src/core/index.ts';
import { parseStudy, runStudy, settingsOf, studyCsv, type Point, type PointResult } from '../../src/explore/index.ts';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { simulate } from '../../src/simulator/index.ts';

/** Array × scratchpad × bandwidth. Into 2 KiB the 64 × 64 tiles of nothing fit. */
const text = `
models: resnet18
target: edge-systolic-32
parameters:
  cores.npu.matrix.rows: [8, 16, 32, 64, 128]
  memories.scratchpad.size: [1 KiB, 64 KiB, 256 KiB, 1 MiB]
  memories.dram.bandwidth: [3.2 GB/s, 12.8 GB/s, 51.2 GB/s]
objectives: [cycles, energyJoules]
`;

const bytes = buildModel('resnet18', { image: 64 });

/** What \`systole simulate resnet18 --target … --set …\` does, from the file on. */
async function single({ model: name, target, parameters }: Point): Promise<PointResult> {
  try {
    const model = await importModel(bytes, { name });
    const machine = await loadMachine({ preset: target }, settingsOf(parameters));
    const { executable } = compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
    return { model: name, target, parameters, totals: simulate(executable, machine).totals };
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    const [first] = error.diagnostics;
    return { model: name, target, parameters, error: { code: first?.code ?? '', message: error.diagnostics.map((d) => d.message).join(' ') } };
  }
}

test('60 points of ResNet-18, each equal to a single simulation with the same settings', async () => {
  const told: number[] = [];
  const study = await runStudy(
    parseStudy(text, 'array.yaml'),
    {
      model: (name) => importModel(bytes, { name }),
      machine: (target, settings) => loadMachine({ preset: target }, settings),
    },
    (done, all) => {
      expect(all).toBe(60);
      told.push(done);
    },
  );
  expect(told).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  expect(study.points).toHaveLength(60);
  for (const point of study.points) expect(point).toEqual(await single(point));

  const failed = study.points.filter((p) => 'error' in p);
  console.log(failed.length, failed[0]);
});
