/** Machines that rescale sums by an integer multiplier and a shift: the program equals the interpreter, and float scales up to a tie. */
import { describe, expect, it } from 'vitest';
import { compile, importDecoded, randomInputs } from '../../src/compiler/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import { interpret } from '../../src/graph/index.ts';
import { assemble, disassemble, verifyExecutable } from '../../src/isa/index.ts';
import { execute, simulate } from '../../src/simulator/index.ts';
import { testMachine } from './machines.ts';
import { contractionModel, type ByteType } from './quantized-models.ts';

const types: readonly ByteType[] = ['int8', 'uint8'];
const fixed = 'cores.npu.matrix.rescale=fixed-point';

describe.each(['output-stage', 'vector'])('rescaled in fixed point at the %s', (stage) => {
  it('contractions of any types, per channel and not', { timeout: 120_000 }, async () => {
    const machine = await testMachine('small', [fixed, `cores.npu.matrix.requantize=${stage}`]);
    const plain = await testMachine('small', [`cores.npu.matrix.requantize=${stage}`]);
    let apart = 0;
    for (let seed = 0; seed < 32; seed++) {
      const random = seededRandom(seed + 400);
      const { model, output } = contractionModel(random, {
        op: seed % 3 === 0 ? 'MatMul' : 'Conv',
        x: types[seed & 1] ?? 'int8',
        w: types[(seed >> 1) & 1] ?? 'int8',
        y: types[(seed >> 2) & 1] ?? 'int8',
        perChannel: random.next() < 0.5,
        form: 'qdq',
        relu: random.next() < 0.3,
        bias: random.next() < 0.6,
      });
      const imported = importDecoded(model, { name: 'q', sha256: '' });
      const inputs = randomInputs(imported.graph, 7);
      const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
      expect(verifyExecutable(executable, machine)).toEqual([]);
      expect(assemble(disassemble(executable, { weights: 'base64' })).programs).toEqual(executable.programs);
      const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
      expect(diagnostics).toEqual([]);
      expect(outputs, `seed ${seed}`).toEqual(interpret(quantizedGraph, inputs));
      expect(simulate(executable, machine).totals.cycles).toBeGreaterThan(0);
      const floats = compile(imported, plain, { precision: 'auto', dims: {}, calibration: null });
      const other = execute(floats.executable, plain, inputs, { sanitize: false }).outputs.get(output)?.data as ArrayLike<number>;
      const most = Array.from(outputs.get(output)?.data as ArrayLike<number>).reduce(
        (m, q, i) => Math.max(m, Math.abs(q - (other[i] ?? 0))),
        0,
      );
      expect(most, `seed ${seed}`).toBeLessThanOrEqual(1);
      if (most > 0) apart++;
    }
    // Scales in this test are short of bits: ties do fall now and then, and go the other way.
    expect(apart).toBeGreaterThan(0);
  });
});
