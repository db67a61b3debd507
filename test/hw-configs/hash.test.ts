import { expect, test } from 'vitest';
import { fieldClasses, fieldText, fnv1a64 } from '../../src/hw-configs/hash.ts';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { edited, tinyMachine, tinyText } from './help.ts';

test('FNV-1a, 64 bits: published test vectors', () => {
  expect(fnv1a64('')).toBe('cbf29ce484222325');
  expect(fnv1a64('a')).toBe('af63dc4c8601ec8c');
  expect(fnv1a64('foobar')).toBe('85944171f73967e8');
});

test.each<[setting: string, changes: 'plan' | 'timing' | 'both' | 'neither']>([
  ['name=other', 'neither'],
  ['description=other', 'neither'],
  ['clocks.core=2 GHz', 'timing'],
  ['cores.npu.count=2', 'plan'],
  ['cores.npu.accumulator=scratchpad', 'plan'],
  ['cores.npu.matrix.rows=16', 'plan'],
  ['cores.npu.matrix.cols=16', 'plan'],
  ['cores.npu.matrix.dataflow=os', 'plan'],
  ['cores.npu.matrix.doubleBuffered=false', 'plan'],
  ['cores.npu.matrix.requantize=vector', 'plan'],
  ['cores.npu.matrix.rates.float32=0.5', 'timing'],
  ['cores.npu.matrix.rates={int8: 1}', 'both'],
  ['cores.npu.matrix.ports.weights=[scratchpad, accumulator]', 'plan'],
  ['cores.npu.matrix.start=9 cycles', 'timing'],
  ['cores.npu.vector.lanes=16', 'timing'],
  ['cores.npu.vector.dtypes=[int8, int32]', 'plan'],
  ['cores.npu.vector.ticksPerOp.exp=1', 'timing'],
  ['cores.npu.vector.start=9 cycles', 'timing'],
  ['cores.npu.dma.bandwidth=32 B/cycle', 'timing'],
  ['cores.npu.dma.start=0 cycles', 'timing'],
  ['cores.npu.semaphores=8', 'plan'],
  ['memories.scratchpad.size=128 KiB', 'plan'],
  ['memories.scratchpad.kind=sram', 'plan'],
  ['memories.dram.bandwidth=9 GB/s', 'timing'],
  ['memories.dram.writeBandwidth=9 GB/s', 'timing'],
  ['memories.dram.latency=9 ns', 'timing'],
  ['memories.dram.burst=32 B', 'timing'],
  ['memories.dram.model=fixed', 'timing'],
  ['memories.dram.owner=shared', 'plan'],
  ['placement.activations=scratchpad', 'plan'],
  ['host.memory=scratchpad', 'plan'],
  ['host.rate=9 GOPS', 'timing'],
  ['host.handover=9 us', 'timing'],
  ['host.bandwidth=9 GB/s', 'timing'],
  ['technology.node=16 nm', 'timing'],
  ['technology.voltage=1 V', 'timing'],
  ['technology.energy.mac.int8.value=2 pJ', 'timing'],
  ['technology.energy.mac.int8.source=elsewhere', 'neither'],
  ['technology.energy.mac.int8.high=9 pJ', 'neither'],
  ['technology.energy.vectorOp.value=2 pJ', 'timing'],
  ['technology.energy.memory.dram.value=2 pJ/B', 'timing'],
  ['technology.energy.hostOp.value=2 pJ', 'timing'],
  ['technology.leakage.value=2 W', 'timing'],
  ['technology.area.chip.value=2 mm2', 'timing'],
  ['memories.dram.size=1024 MiB', 'neither'], // the same size, written differently
])('%s changes %s', async (setting, changes) => {
  const before = await tinyMachine();
  const after = await tinyMachine([setting]).catch(() => null);
  expect(after, 'the setting must give a machine').not.toBeNull();
  expect({ plan: after?.planHash !== before.planHash, timing: after?.timingHash !== before.timingHash }).toEqual({
    plan: changes === 'plan' || changes === 'both',
    timing: changes === 'timing' || changes === 'both',
  });
});

test('the order of keys in the file does not matter', async () => {
  const swapped = edited(
    ['      rows: 8\n      cols: 8\n', '      cols: 8\n      rows: 8\n'],
    ['clocks:\n  core: 1 GHz\nreferenceClock: core\n', ''],
  ).concat('clocks:\n  core: 1 GHz\nreferenceClock: core\n');
  const machine = await loadMachine({ yaml: swapped, file: 'm.yaml' });
  const before = await tinyMachine();
  expect([machine.planHash, machine.timingHash]).toEqual([before.planHash, before.timingHash]);
  expect(tinyText).not.toBe(swapped);
});

test('every field of a machine is in the table; an unknown one is our bug', async () => {
  const { planHash: _p, timingHash: _t, ...machine } = await tinyMachine();
  expect(() => fieldText(machine, 'plan')).not.toThrow();
  expect(() => fieldText({ ...machine, extra: 1 }, 'plan')).toThrow('extra is in no class');
  expect(new Set(fieldClasses.map(([path]) => path)).size).toBe(fieldClasses.length);
});
