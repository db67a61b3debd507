/**
 * The mapper's estimate and the simulator share the closed forms of demand, not the treatment of time: the estimate is max(compute, bytes /
 * bandwidth) per kernel, the simulation has queues, hand-shakes and a shared bus. If they drift apart, the mapper optimises the wrong thing.
 */
import { describe, expect, it } from 'vitest';
import { compile, importModel } from '../../src/compiler/index.ts';
import { loadMachine, presetNames } from '../../src/hw-configs/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { simulate } from '../../src/simulator/index.ts';

describe.each(['resnet18', 'mobilenetv2'])('%s', (network) => {
  it.each(presetNames)('on %s: the estimates of all contractions are within 20 %% of the time they are charged', async (preset) => {
    const model = await importModel(buildModel(network), { name: network });
    const machine = await loadMachine({ preset });
    const { executable } = compile(model, machine, { precision: 'int8', dims: {}, calibration: null });
    const kernels = simulate(executable, machine).kernels.filter((k) => k.class === 'contraction');
    const estimate = kernels.reduce((sum, k) => sum + k.estimateCycles, 0);
    const charged = kernels.reduce((sum, k) => sum + k.attributedCycles, 0);
    expect(estimate / charged).toBeGreaterThan(0.8);
    expect(estimate / charged).toBeLessThan(1.2);
    // Kernel by kernel the estimate stands for a run alone; in a row kernels overlap, so only a gross underestimate of a span is a fault.
    for (const k of kernels) expect(k.estimateCycles, k.name).toBeLessThan(1.5 * Math.max(k.spanCycles, k.attributedCycles));
  });
});
