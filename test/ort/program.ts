/** The program of a model, run on numbers: what ONNX Runtime's outputs are compared with. */
import { expect } from 'vitest';
import type { Tensor } from '../../src/core/index.ts';
import { compile, importDecoded } from '../../src/compiler/index.ts';
import { interpret } from '../../src/graph/index.ts';
import type { Executable } from '../../src/isa/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { programInputs } from '../../src/reports/index.ts';
import { execute } from '../../src/simulator/index.ts';
import { testMachine } from '../end-to-end/machines.ts';

export type MachineName = 'small' | 'narrow' | 'large';

export interface ProgramRun {
  readonly executable: Executable;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** Compiles in the model's own types and runs; the sanitizer must find nothing and the interpreter must agree bit for bit. */
export async function runProgram(
  model: OnnxModel,
  inputs: ReadonlyMap<string, Tensor>,
  machineName: MachineName,
  exact = true,
): Promise<ProgramRun> {
  const machine = await testMachine(machineName);
  const imported = importDecoded(model, { name: 'case', sha256: '' });
  const { executable, quantizedGraph } = compile(imported, machine, { precision: 'auto', dims: {}, calibration: null });
  const { outputs, diagnostics } = execute(executable, machine, programInputs(executable, inputs), { sanitize: machineName !== 'large' });
  expect(diagnostics.filter((d) => d.severity !== 'info')).toEqual([]);
  if (exact) expect(outputs).toEqual(interpret(quantizedGraph, programInputs(executable, inputs)));
  return { executable, outputs };
}

/** Kernels on the host: none is wanted of what an engine can run. */
export function hostKernels({ kernels }: Executable): readonly string[] {
  return kernels.filter((k) => k.engine === 'host').map((k) => k.mapping);
}
