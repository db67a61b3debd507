import { test } from 'vitest';
import { writeFileSync } from 'node:fs';
import { disassemble } from '../../src/isa/index.ts';
import { testMachine } from './machines.ts';
import { bell, modelBuilder } from './model-builder.ts';
import { seededRandom } from '../../src/core/index.ts';
import { compileCalibrated, decoded } from './small-programs.ts';
test('x', async () => {
  const shapes = JSON.parse(process.env['S'] ?? '[]');
  for (const [c, hw, k2, o2, size] of shapes) {
    const machine = await testMachine('tiny-8x8', ['memories.scratchpad.size=' + size]);
    const r = seededRandom(1);
    const b = modelBuilder();
    const x = b.input('x', [1, c, hw, hw]);
    const y = b.node('Relu', [b.node('Conv', [x, b.weight('w1', [8, c, 3, 3], bell(r, 8 * c * 9, 0.1))], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]);
    const z = b.node('Conv', [y, b.weight('w2', [o2, 8, k2, k2], bell(r, o2 * 8 * k2 * k2, 0.05))], { kernel_shape: [k2, k2] });
    try {
      const e = compileCalibrated(decoded('ring-and-k', b.finish(z)), machine).executable;
      console.log(JSON.stringify([c, hw, k2, o2, size]), e.kernels.map((x) => x.mapping + ' tiles ' + x.tiles), e.programs[0]!.commands.length);
      writeFileSync('/tmp/small.asm', disassemble(e));
    } catch (error) {
      console.log(JSON.stringify([c, hw, k2, o2, size]), (error as Error).message.slice(0, 200));
    }
  }
});
