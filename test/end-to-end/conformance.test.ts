/**
 * Every network of this version on every preset: compiled, verified, timed and sanitized, or refused because it cannot fit.
 * The networks of the public set are found beside the project or under SYSTOLE_DATA.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, importModel, type Compilation, type ImportedModel } from '../../src/compiler/index.ts';
import { SystoleError } from '../../src/core/index.ts';
import { loadMachine, presetNames, type Machine } from '../../src/hw-configs/index.ts';
import { verifyExecutable } from '../../src/isa/index.ts';
import { buildModel } from '../../src/models/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import {
  activationBytes,
  expectConsistent,
  expectEveryNodeAccountedFor,
  leastActivationBytes,
  readShortfall,
} from './conformance-checks.ts';

const data = join(process.env['SYSTOLE_DATA'] ?? '../shared/data', 'onnx');
const table = join(data, 'models.csv');
const isThere = existsSync(table);
if (!isThere) console.warn(`SKIPPED: no ${table}; set SYSTOLE_DATA to run the networks of the public set on the presets`);

/** Multiply-accumulates at 224×224. Published: torchvision's table of GFLOPS (1.81, 4.09, 0.30, 15.47), the MobileNet paper (569 million). */
const built: Readonly<Record<string, number>> = {
  resnet18: 1_814_073_344,
  resnet50: 4_089_184_256,
  mobilenetv1: 568_740_352,
  mobilenetv2: 300_774_272,
  vgg16: 15_470_264_320,
};

/** And what the importer has to say about them. */
const found: Readonly<Record<string, readonly string[]>> = {
  light_resnet50: [],
  light_squeezenet: [],
  light_vgg19: [],
  light_densenet121: [],
  light_inception_v1: [],
  stream_resnet18: ['SYS4003'],
  stream_fsrcnn: ['SYS4005'],
};

/** The `macs` column; no field of these rows holds a comma before it. */
function statedMacs(name: string): number {
  const [header = '', ...rows] = readFileSync(table, 'utf8').split('\n');
  const column = header.split(',').indexOf('macs');
  return Number(rows.find((row) => row.startsWith(`${name},`))?.split(',')[column]);
}

interface Subject {
  readonly name: string;
  readonly bytes: () => Uint8Array;
  readonly macs: () => number;
  readonly warnings: readonly string[];
}

const subjects: readonly Subject[] = [
  ...Object.entries(built).map(([name, macs]) => ({ name, bytes: () => buildModel(name), macs: () => macs, warnings: [] })),
  ...(isThere ? Object.entries(found) : []).map(([name, warnings]) => ({
    name,
    bytes: () => readFileSync(join(data, 'models', name, 'model.onnx')),
    macs: () => statedMacs(name),
    warnings,
  })),
];

function compileOrRefuse(model: ImportedModel, machine: Machine): Compilation | SystoleError {
  try {
    return compile(model, machine, { precision: 'auto', dims: {}, calibration: null });
  } catch (error) {
    if (error instanceof SystoleError) return error;
    throw error;
  }
}

/** Even the least there is does not fit, and the demand as stated exceeds the memory and is made of tensors of the model. */
function expectTrueRefusal({ diagnostics }: SystoleError, { graph }: ImportedModel, machine: Machine, leastBytes: number): void {
  const memory = machine.placement.activations;
  const capacityBytes = machine.memories[memory]?.sizeBytes ?? 0;
  expect(leastBytes).toBeGreaterThan(capacityBytes);
  const refusals = diagnostics.map(readShortfall);
  expect(refusals).toMatchObject([{ code: 'SYS4502', memory, capacityBytes }]);
  for (const { demandBytes, terms } of refusals) {
    expect(demandBytes).toBeGreaterThan(capacityBytes);
    expect(terms.reduce((n, t) => n + t.bytes, 0)).toBe(demandBytes);
    const bytes = activationBytes(graph);
    const known = new Map(graph.values.map((v) => [v.name, bytes.get(v.id)]));
    for (const { what, bytes: stated } of terms) expect(known.get(what), what).toBe(stated);
  }
}

describe.each(subjects)('$name', ({ name, bytes, macs, warnings }) => {
  let model: ImportedModel | null = null;
  beforeAll(async () => {
    model = await importModel(bytes(), { name });
  });
  afterAll(() => {
    model = null;
  });

  test.each(presetNames)('on %s', async (preset) => {
    if (model === null) throw new Error(`${name} was not imported`);
    const machine = await loadMachine({ preset });
    const { activations } = machine.placement;
    const leastBytes = leastActivationBytes(model.graph, machine, activations);
    const compilation = compileOrRefuse(model, machine);

    if (compilation instanceof SystoleError) {
      expectTrueRefusal(compilation, model, machine, leastBytes);
      return;
    }

    const { executable } = compilation;
    expect(executable.diagnostics.map((d) => d.code)).toEqual(expect.arrayContaining([...warnings]));
    expect(model.diagnostics.map((d) => d.code)).toEqual(warnings);
    expect(verifyExecutable(executable, machine)).toEqual([]);
    const result = simulate(executable, machine, { detail: 'commands' });
    expect(result.totals.macs).toBe(macs());
    expectConsistent(result, machine);
    expectEveryNodeAccountedFor(result, executable.nodes);
    expect(execute(executable, machine, new Map(), { sanitize: true, values: false }).diagnostics).toEqual([]);
  });
});
