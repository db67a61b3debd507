/** Settings and formulas: how values follow each other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadMachine } from '../../src/hw-configs/index.ts';
import { codesAndPlaces, diagnose, edited, tinyMachine, tinyText } from './help.ts';

describe('settings', () => {
  test('replace values; the last one wins; maps can be replaced whole', async () => {
    const machine = await tinyMachine([
      'memories.dram.bandwidth=1 GB/s',
      'memories.dram.bandwidth=25.6 GB/s',
      'cores.npu.matrix.ports.results=[scratchpad, accumulator]',
      'host={rate: 3 GOPS, handover: 1 us, bandwidth: 1 GB/s, memory: dram}',
      'cores.npu.matrix.rates.int16=0.5',
      'technology.energy.mac.int16={value: 2 pJ, source: test}',
      'cores.npu.semaphores=12',
    ]);
    expect(machine.memories['dram']?.readBytesPerSecond).toBe(25.6e9);
    expect(machine.memories['dram']?.writeBytesPerSecond).toBe(25.6e9);
    expect(machine.cores['npu']?.matrix.ports.results).toEqual(['scratchpad', 'accumulator']);
    expect(machine.host).toEqual({ opsPerSecond: 3e9, handoverPs: 1e6, bytesPerSecond: 1e9, memory: 'dram' });
    expect(machine.cores['npu']?.matrix.rates).toEqual({ int8: 1, int16: 0.5, float32: 0.25 });
    expect(machine.cores['npu']?.semaphores).toBe(12);
  });

  test('are applied before formulas, and replace formulas', async () => {
    const yaml = edited(['cols: 8', 'cols: 2 * rows'], ['size: 16 KiB', 'size: 64 * cores.npu.matrix.cols * 4 B']);
    const source = { yaml, file: 'm.yaml' };
    const follows = await loadMachine(source, ['cores.npu.matrix.rows=16']);
    expect(follows.cores['npu']?.matrix).toMatchObject({ rows: 16, cols: 32 });
    expect(follows.memories['accumulator']?.sizeBytes).toBe(64 * 32 * 4);
    const replaced = await loadMachine(source, ['cores.npu.matrix.cols=8', 'memories.scratchpad.size=2 * memories.accumulator.size']);
    expect(replaced.cores['npu']?.matrix).toMatchObject({ rows: 8, cols: 8 });
    expect(replaced.memories['scratchpad']?.sizeBytes).toBe(2 * 64 * 8 * 4);
  });

  test('of bandwidth drop readBandwidth and writeBandwidth, which would hide it', async () => {
    const yaml = edited(['bandwidth: 8 GB/s', 'readBandwidth: 8 GB/s, writeBandwidth: 4 GB/s']);
    const source = { yaml, file: 'm.yaml' };
    const both = (await loadMachine(source)).memories['dram'];
    expect([both?.readBytesPerSecond, both?.writeBytesPerSecond]).toEqual([8e9, 4e9]);
    const set = (await loadMachine(source, ['memories.dram.bandwidth=2 GB/s'])).memories['dram'];
    expect([set?.readBytesPerSecond, set?.writeBytesPerSecond]).toEqual([2e9, 2e9]);
    const after = (await loadMachine(source, ['memories.dram.bandwidth=2 GB/s', 'memories.dram.writeBandwidth=1 GB/s'])).memories['dram'];
    expect([after?.readBytesPerSecond, after?.writeBytesPerSecond]).toEqual([2e9, 1e9]);
  });

  test.each([
    ['memories.dram.bandwith=1 GB/s', 'SYS2041', 'Did you mean "memories.dram.bandwidth"?'],
    ['memories.dram.bandwith=1 GB/s', 'SYS2041', 'which has kind, size, bandwidth, readBandwidth'],
    ['memories.drma.size=1 GiB', 'SYS2041', 'which has scratchpad, accumulator, dram. Did you mean "memories.dram.size"?'],
    ['scratchpad.size=1 MiB', 'SYS2041', 'Did you mean "memories.scratchpad.size"?'],
    ['clocks.bus=1 GHz', 'SYS2041', 'which has core'],
    ['cores.npu.matrix.rows.x=1', 'SYS2041', '"x" is not in cores.npu.matrix.rows, which has none'],
    ['cores.npu.matrix.inputLanes=4', 'SYS2041', 'which has kind, rows, cols'],
    ['technology.energy.memory.l2.value=1 pJ/B', 'SYS2041', 'scratchpad, accumulator, dram'],
    ['__proto__.x=1', 'SYS2041', '"__proto__" is not in the machine'],
    ['rows', 'SYS2040', 'it has no "="'],
    ['=3', 'SYS2040', 'no path'],
    ['cores.npu.matrix.rows=', 'SYS2040', 'no value'],
    ['cores..npu=1', 'SYS2040', 'empty part'],
    ['cores.npu.matrix.rows=[', 'SYS2040', 'not YAML'],
    ['cores.npu.matrix.rows=8 B', 'SYS2020', 'must be a whole number'],
    ['cores.npu.matrix={kind: systolic}', 'SYS2011', 'lacks "rows"'],
    ['placement.state=drma', 'SYS2050', 'Did you mean "dram"?'],
  ])('%s is refused with %s: %s', async (setting, code, text) => {
    const diagnostics = await diagnose(tinyText, [setting]);
    expect(diagnostics[0]).toMatchObject({ code, location: { file: `--set ${setting}` } });
    expect(diagnostics[0]?.message).toContain(text);
  });

  test('mistakes in settings and in the file are told together, settings first', async () => {
    expect(await codesAndPlaces(edited(['size: 1 GiB', 'size: 1 GHz']), ['a.b=1', 'cores.npu.matrix.rows=-1'])).toEqual([
      'SYS2041 --set a.b=1',
      'SYS2022 --set cores.npu.matrix.rows=-1',
      'SYS2020 31:29',
    ]);
  });
});

test('property: a setting gives what editing the file gives', async () => {
  const size = fc.integer({ min: 1, max: 256 }).map((n) => `${n} KiB`);
  const choices = fc.oneof(
    fc.integer({ min: 1, max: 512 }).map((n) => ['cores.npu.vector.lanes', 'lanes: 8', `lanes: ${n}`, `${n}`] as const),
    size.map((s) => ['memories.scratchpad.size', 'size: 64 KiB', `size: ${s}`, s] as const),
    fc
      .integer({ min: 1, max: 900 })
      .map((n) => ['memories.dram.bandwidth', 'bandwidth: 8 GB/s', `bandwidth: ${n / 10} GB/s`, `${n / 10} GB/s`] as const),
    fc.integer({ min: 1, max: 3000 }).map((n) => ['clocks.core', 'core: 1 GHz', `core: ${n} MHz`, `${n} MHz`] as const),
    fc.constantFrom('ws', 'os', 'is').map((d) => ['cores.npu.matrix.dataflow', 'dataflow: ws', `dataflow: ${d}`, d] as const),
    fc.boolean().map((b) => ['cores.npu.matrix.doubleBuffered', 'doubleBuffered: true', `doubleBuffered: ${b}`, String(b)] as const),
    fc
      .constantFrom('rows / 2', 'max(rows, 3)', 'memories.scratchpad.size / 1 KiB')
      .map((f) => ['cores.npu.matrix.cols', 'cols: 8', `cols: ${f}`, f] as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(choices, { selector: ([path]) => path, minLength: 1, maxLength: 4 }), async (changes) => {
      const byEdit = await loadMachine({ yaml: edited(...changes.map(([, from, to]) => [from, to] as const)), file: 'm.yaml' });
      expect(await tinyMachine(changes.map(([path, , , value]) => `${path}=${value}`))).toEqual(byEdit);
    }),
    { numRuns: 40, seed: 3 },
  );
});

describe('formulas', () => {
  const value = async (formula: string): Promise<number | undefined> =>
    (await loadMachine({ yaml: tinyText, file: 'm.yaml' }, [`memories.dram.size=${formula}`])).memories['dram']?.sizeBytes;

  test.each([
    ['2 * memories.scratchpad.size', 131072],
    ['memories.scratchpad.size + 1 KiB', 66560],
    ['scratchpad.size', 65536], // one level up
    ['burst', 64], // beside it
    ['max(burst, 3 B, scratchpad.burst)', 64],
    ['min(memories.scratchpad.size, 1 KiB)', 1024],
    ['ceil(1000 B / burst) * burst', 1024],
    ['floor(3.7) * 1 B', 3],
    ['round(2.4) * 1 B', 2],
    ['2 ^ log2(1024) * 1 B', 1024],
    ['sqrt(burst * burst)', undefined],
    ['abs(-(1 KiB))', 1024],
    ['8 GB/s * 50 ns', 400],
    ['bandwidth * latency', 400],
    ['cores.npu.dma.bandwidth * cores.npu.dma.start', 128], // 16 B/cycle for 8 cycles
    ['memories.scratchpad.bandwidth * 2 cycles', 128],
    ['cores.npu.count * 1 B', 1], // a default can be used too
    ['16384 bit', 2048],
  ])('%s is %s bytes', async (formula, expected) => {
    if (expected === undefined) await expect(value(formula)).rejects.toThrow('SYS2033');
    else expect(await value(formula)).toBe(expected);
  });

  test.each([
    ['burst + latency', 'SYS2033', 'a size and a time cannot be added'],
    ['max(burst, 3)', 'SYS2033', 'a size and a plain number cannot be compared'],
    ['burst ^ burst', 'SYS2033', 'an exponent must be a plain number, not a size'],
    ['log2(burst)', 'SYS2033', 'the argument of log2 must be a plain number'],
    ['cores.npu.matrix.dataflow', 'SYS2031', 'names no quantity'],
    ['dram', 'SYS2031', 'names no quantity'],
    ['1 B / 0', 'SYS2022', 'not a finite number'],
    ['evaluate("1")', 'SYS2030', 'the function "evaluate" is not allowed'],
    ['import("x")', 'SYS2030', 'not allowed'],
    ['createUnit("x")', 'SYS2030', 'not allowed'],
    ['f(x) = x', 'SYS2030', 'not allowed'],
    ['x = 3', 'SYS2030', 'not allowed'],
    ['1 B; 2 B', 'SYS2030', 'not allowed'],
    ['burst > 1 ? 1 B : 2 B', 'SYS2030', 'not allowed'],
    ['constructor("x")', 'SYS2030', 'not allowed'],
    ['1 B'.padEnd(500, ' + 1 B'), 'SYS2030', 'longer than 400'],
    ['('.repeat(300), 'SYS2030', 'neither a value'],
  ])('%s is refused: %s, %s', async (formula, code, text) => {
    const [first] = await diagnose(tinyText, [`memories.dram.size='${formula}'`]);
    expect(first?.code).toBe(code);
    expect(first?.message).toContain(text);
  });

  test('a circle is told once, with its members', async () => {
    const diagnostics = await diagnose(tinyText, [
      'cores.npu.matrix.rows=cols + 1',
      'cores.npu.matrix.cols=vector.lanes',
      'cores.npu.vector.lanes=2 * matrix.rows',
      'cores.npu.semaphores=matrix.rows',
    ]);
    expect(diagnostics.map(({ code }) => code)).toEqual(['SYS2032']);
    expect(diagnostics[0]?.message).toContain(
      'cores.npu.matrix.rows -> cores.npu.matrix.cols -> cores.npu.vector.lanes -> cores.npu.matrix.rows',
    );
  });

  test('a clock that depends on what is counted in its cycles is a circle', async () => {
    const [first] = await diagnose(tinyText, ['clocks.core=memories.scratchpad.bandwidth / 64 B']);
    expect(first?.code).toBe('SYS2032');
  });

  test('a fault is told where it is, not where it is used', async () => {
    expect(await codesAndPlaces(edited(['rows: 8', 'rows: 8 B'], ['cols: 8', 'cols: 2 * rows']))).toEqual(['SYS2020 14:13']);
  });
});
