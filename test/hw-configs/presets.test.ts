import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogue } from '../../src/core/index.ts';
import {
  clockHz,
  describeMachine,
  loadMachine,
  localMemories,
  machineJsonSchema,
  memoryClockHz,
  peakMacsPerSecond,
  peakMacsPerTick,
  presetNames,
  presetSummaries,
  presetYaml,
  readMachineSource,
  referenceHz,
  type Core,
} from '../../src/hw-configs/index.ts';

const presetFolder = new URL('../../src/hw-configs/presets/', import.meta.url);
const machineFolder = new URL('../machines/', import.meta.url);

const mainCore = async (preset: string): Promise<Core> => {
  const core = (await loadMachine({ preset })).cores['npu'];
  if (core === undefined) throw new Error('presets call their main core npu');
  return core;
};

describe('the committed generated files are what `npm run generate` writes', () => {
  test('presets: the YAML of the folder, and the machine it loads to, without a warning', async () => {
    const files = readdirSync(presetFolder).sort();
    expect(files).toEqual(presetNames.map((name) => `${name}.yaml`));
    for (const name of presetNames) {
      const yaml = readFileSync(new URL(`${name}.yaml`, presetFolder), 'utf8');
      expect(presetYaml(name)).toBe(yaml);
      const fresh = await readMachineSource({ yaml, file: name });
      expect(fresh).toEqual({ machine: await loadMachine({ preset: name }), diagnostics: [] });
      expect(fresh.machine?.name).toBe(name);
    }
  });

  test('schema.json', async () => {
    const committed: unknown = JSON.parse(readFileSync(new URL('../../schema.json', import.meta.url), 'utf8'));
    expect(committed).toEqual(await machineJsonSchema());
  });
});

test('every key of the schema says what it is, quantities with unit and example', async () => {
  const silent: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return;
    const {
      properties = {},
      oneOf = [],
      anyOf = [],
      additionalProperties,
      items,
    } = node as {
      properties?: Record<string, { description?: string; const?: unknown }>;
      oneOf?: unknown[];
      anyOf?: unknown[];
      additionalProperties?: unknown;
      items?: unknown;
    };
    for (const [key, child] of Object.entries(properties)) {
      if (child.description === undefined && child.const === undefined) silent.push(`${path}.${key}`);
      visit(child, `${path}.${key}`);
    }
    for (const child of [...oneOf, ...anyOf, additionalProperties, items]) visit(child, path);
  };
  const schema = await machineJsonSchema();
  visit(schema, '');
  expect(silent).toEqual([]);
  expect(JSON.stringify(schema)).toContain(
    'Capacity (of each core, where `owner: core`) (a size in whole bytes; unit as in \\"512 KiB\\"; or a formula)',
  );
});

describe('presets are the chips they are named after', () => {
  test('edge-systolic-32: 1024 MACs at 1 GHz, 1 MiB, 12.8 GB/s', async () => {
    const machine = await loadMachine({ preset: 'edge-systolic-32' });
    expect(peakMacsPerTick((await mainCore('edge-systolic-32')).matrix, 'int8')).toBe(1024);
    expect(clockHz(machine, 'npu')).toBe(1e9);
    expect(machine.memories['scratchpad']?.sizeBytes).toBe(2 ** 20);
    expect(machine.memories['dram']).toMatchObject({
      readBytesPerSecond: 12.8e9,
      writeBytesPerSecond: 12.8e9,
      burstBytes: 64,
      owner: 'external',
    });
  });

  test('ethos-u55-256: 256 MACs at 500 MHz, 48 KiB of buffer, constants in read-only flash', async () => {
    const machine = await loadMachine({ preset: 'ethos-u55-256' });
    expect(peakMacsPerSecond(machine, 'int8')).toBe(128e9);
    expect((machine.memories['scratchpad']?.sizeBytes ?? 0) + (machine.memories['accumulator']?.sizeBytes ?? 0)).toBe(48 * 1024);
    expect(machine.memories['flash']).toMatchObject({ readOnly: true, readBytesPerSecond: 0.5e9, burstBytes: 128, latencyPs: 128000 });
    expect(machine.memories['sram']).toMatchObject({ readOnly: false, readBytesPerSecond: 4e9, latencyPs: 64000 });
    expect(machine.placement).toMatchObject({ constants: 'flash', activations: 'sram' });
  });

  test('tpu-v1: 92 TOPS, 24 MiB unified buffer, 4 MiB accumulators, four weight tiles, 34 GB/s', async () => {
    const machine = await loadMachine({ preset: 'tpu-v1' });
    expect((2 * peakMacsPerSecond(machine, 'int8')) / 1e12).toBeCloseTo(91.75, 2);
    expect(machine.memories['scratchpad']?.sizeBytes).toBe(24 * 2 ** 20);
    expect(machine.memories['accumulator']?.sizeBytes).toBe(4 * 2 ** 20);
    expect(machine.memories['weightFifo']?.sizeBytes).toBe(4 * 65536);
    expect(machine.memories['dram']?.readBytesPerSecond).toBe(34e9);
    expect(machine.host.memory).toBe('hostmem');
    expect(localMemories(await mainCore('tpu-v1'))).toEqual(['scratchpad', 'accumulator', 'weightFifo']);
  });

  test('what depends on the array follows a setting', async () => {
    const machine = await loadMachine({ preset: 'tpu-v1' }, ['cores.npu.matrix.rows=128', 'cores.npu.matrix.cols=128']);
    expect(machine.memories['weightFifo']?.sizeBytes).toBe(4 * 128 * 128);
    expect(machine.memories['accumulator']?.sizeBytes).toBe(4096 * 128 * 4);
  });

  test('every constant of energy and area has a source that is a place, not a path of ours', async () => {
    for (const name of presetNames) {
      const yaml = presetYaml(name);
      expect(yaml).not.toMatch(/shared\/|\.csv/);
      expect([...yaml.matchAll(/^ +value: /gm)]).toHaveLength([...yaml.matchAll(/^ +source: /gm)].length);
    }
  });
});

test('clocks: of a core, of the memories inside it, and the reference for the rest', async () => {
  const machine = await loadMachine({ yaml: readFileSync(new URL('large.yaml', machineFolder), 'utf8'), file: 'large.yaml' });
  expect([clockHz(machine, 'npu'), referenceHz(machine)]).toEqual([1.5e9, 500e6]);
  expect([memoryClockHz(machine, 'scratchpad'), memoryClockHz(machine, 'dram')]).toEqual([1.5e9, 500e6]);
  expect(machine.memories['scratchpad']).toMatchObject({ latencyPs: 666, readBytesPerSecond: 2048 * 1.5e9 });
  expect(machine.memories['dram']?.latencyPs).toBe(20000); // 10 cycles of the reference clock
  expect(machine.cores['npu']?.accumulator).toBe('scratchpad');
});

test('machines of the tests load without a warning', async () => {
  for (const file of readdirSync(machineFolder)) {
    const { machine, diagnostics } = await readMachineSource({ yaml: readFileSync(new URL(file, machineFolder), 'utf8'), file });
    expect(diagnostics).toEqual([]);
    expect(`${machine?.name}.yaml`).toBe(file);
  }
});

describe('for people', () => {
  test.each([...presetNames])('%s fits 80 columns and shows peaks, memories and sources', async (name) => {
    const machine = await loadMachine({ preset: name });
    const text = describeMachine(machine);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toContain('OPS (');
    for (const memory of Object.keys(machine.memories)) expect(text).toContain(`\n${memory} `);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(machine.technology.energy.vectorOpPj.source);
    expect(presetSummaries[name]).toBe(machine.description);
  });

  test('the whole text of one machine', async () => {
    const machine = await loadMachine({ yaml: readFileSync(new URL('tiny-dot.yaml', machineFolder), 'utf8'), file: 'tiny-dot.yaml' });
    await expect(`${describeMachine(machine)}\n`).toMatchFileSnapshot('tiny-dot.golden.txt');
  });
});

test('a preset without settings needs no yaml, zod or mathjs: the door reaches them only through import()', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const follow = (url: URL): void => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = readFileSync(url, 'utf8');
    for (const [, clause = '', from = ''] of text.matchAll(/^(?:import|export)\s+([^;]*?)from '([^']+)';/gm)) {
      if (clause.startsWith('type ')) continue;
      const target = new URL(from, url);
      if (from.startsWith('.') && existsSync(target)) follow(target);
      else packages.add(from);
    }
  };
  follow(new URL('../../src/hw-configs/index.ts', import.meta.url));
  expect([...packages]).toEqual([]);
  expect(seen.size).toBeGreaterThan(5);
});

test('codes of the message catalogue are unique', () => {
  const codes = catalogue.map(({ code }) => code);
  expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([]);
});
