import { test } from 'vitest';
import { disassemble } from '../../src/isa/index.ts';
import { simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { compileCalibrated, convModel } from './small-programs.ts';
test('x', async () => {
  const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=4 KiB']);
  const m = convModel('small', { channels: 24, outChannels: 16, height: 16, width: 16, kernel: 3, pad: 1 }, 'relu');
  const e = compileCalibrated(m, machine).executable;
  console.log(
    disassemble(e)
      .split('\n')
      .filter((l) => !/SIGNAL|WAIT/.test(l))
      .join('\n'),
  );
  const r = simulate(e, machine);
  console.log(JSON.stringify(r.kernels[0]!.traffic, null, 1), r.memories);
});
