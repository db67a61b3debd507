/** The built networks, small: what the compiler makes of them computes what the imported graph computes. */
import { describe, expect, test } from 'vitest';
import { importModel } from '../../../src/compiler/import/index.ts';
import { fusePasses, preparePasses, runPasses } from '../../../src/compiler/passes/index.ts';
import { assignPrecision, calibrate, randomInputs } from '../../../src/compiler/precision/index.ts';
import { bindDims, interpret, totalMacs } from '../../../src/graph/index.ts';
import { buildModel } from '../../../src/models/index.ts';

describe.each([
  ['resnet18', { image: 32 }],
  ['mobilenetv2', { image: 32, width: 0.25 }],
] as const)('%s', (name, parameters) => {
  test('int8: equal bit for bit to the imported graph with the same quantization', async () => {
    const { graph, diagnostics } = await importModel(buildModel(name, parameters), { name });
    expect(diagnostics).toEqual([]);
    const imported = bindDims(graph, {});
    const prepared = bindDims(runPasses(graph, preparePasses), {});
    const inputs = randomInputs(imported, 1);
    const calibration = calibrate(imported, [inputs]);

    const want = assignPrecision(imported, { mode: 'int8', calibration }).graph;
    const made = runPasses(assignPrecision(prepared, { mode: 'int8', calibration }).graph, fusePasses);
    expect(totalMacs(made)).toBe(totalMacs(imported));
    expect([...interpret(made, inputs)]).toEqual([...interpret(want, inputs)]);
  });

  test('fp32: these exporters fold BatchNormalization themselves, so nothing rounds differently', async () => {
    const { graph } = await importModel(buildModel(name, parameters), { name });
    const inputs = randomInputs(graph, 2);
    const made = runPasses(graph, [...preparePasses, ...fusePasses]);
    expect([...interpret(made, inputs)]).toEqual([...interpret(graph, inputs)]);
  });
});
