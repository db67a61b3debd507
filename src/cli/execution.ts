/** A run on numbers for the command line: inputs read, outputs described and kept, findings of the sanitizer told. */
import { dequantize, fail, formatCount, formatDiagnostic, isFloat, verifyMessages, type Tensor } from '../core/index.ts';
import { numbersOf } from '../graph/index.ts';
import type { Machine } from '../hw-configs/index.ts';
import type { Executable, TensorBinding } from '../isa/index.ts';
import { execute } from '../simulator/index.ts';
import { checkExecutable } from './effort.ts';
import { writeWhole } from './files.ts';
import type { InputType } from './input-fit.ts';
import { describeTensor, formatNpz } from './npy.ts';
import { readSamples } from './samples.ts';
import { columns } from './wrap.ts';

export interface RunOptions {
  /** Where inputs come from; undefined: no numbers, only the order and addresses of accesses are checked. */
  readonly source: string | undefined;
  readonly sanitize: boolean;
  /** A .npz file for the outputs. */
  readonly outputFile: string | undefined;
}

/** What the sanitizer says and text about the outputs. Findings of the sanitizer end the command as errors do; what it could not watch is told. */
export async function runOnValues(executable: Executable, machine: Machine, options: RunOptions): Promise<string> {
  const entry = executable.entryPoints[0];
  const numbers = options.source !== undefined;
  if (numbers) checkExecutable(executable);
  const inputs = numbers && entry !== undefined ? await readOne(options.source, entry.inputs.map(inputType)) : new Map<string, Tensor>();
  const { outputs, diagnostics, commandsExecuted } = execute(executable, machine, inputs, { sanitize: options.sanitize, values: numbers });
  const findings = diagnostics.filter((d) => d.severity !== 'info');
  if (findings.length > 0) fail(...findings);
  const clean = options.sanitize
    ? [
        `Sanitizer\n  nothing found in ${formatCount(commandsExecuted)} commands`,
        ...diagnostics.map((d) => `  ${formatDiagnostic(d)}`),
        '',
      ].join('\n')
    : '';
  if (entry === undefined || !numbers) return clean;
  const real = new Map(
    entry.outputs.flatMap((binding) => {
      const stored = outputs.get(binding.name);
      return stored === undefined ? [] : [[binding.name, toReal(stored, binding)] as const];
    }),
  );
  if (options.outputFile !== undefined) writeWhole(options.outputFile, formatNpz(real));
  return `${clean}${clean === '' ? '' : '\n'}Outputs\n${columns([...real].map(([name, tensor]) => [`  ${name}`, describeTensor(tensor), describeNumbers(tensor)]))}`;
}

async function readOne(source: string, inputs: readonly InputType[]): Promise<ReadonlyMap<string, Tensor>> {
  const [sample, ...others] = await readSamples(source, inputs);
  if (others.length > 0) fail(verifyMessages.severalSamples({ file: source, count: others.length + 1 }));
  return sample?.inputs ?? new Map();
}

/** A quantized input may be given in real numbers: the program's own scale is applied. */
function inputType(binding: TensorBinding): InputType {
  return { name: binding.name, shape: binding.shape, dtype: binding.quantization === null ? binding.dtype : 'float32' };
}

/** Quantized outputs in real numbers; others as they are. */
function toReal(stored: Tensor, binding: TensorBinding): Tensor {
  const q = binding.quantization;
  if (q === null || !ArrayBuffer.isView(stored.data)) return stored;
  return {
    dtype: 'float32',
    shape: stored.shape,
    data: Float32Array.from(stored.data as ArrayLike<number>, (v) => dequantize(v, q.scale, q.zeroPoint)),
  };
}

function describeNumbers(tensor: Tensor): string {
  let lo = Infinity;
  let hi = -Infinity;
  let at = 0;
  const numbers = isFloat(tensor.dtype) ? numbersOf(tensor) : tensor.data;
  for (let i = 0; i < numbers.length; i++) {
    const v = Number(numbers[i]);
    if (v > hi) at = i;
    lo = Math.min(lo, v);
    hi = Math.max(hi, v);
  }
  return tensor.data.length === 0 ? 'empty' : `${lo.toPrecision(6)} to ${hi.toPrecision(6)}, largest at ${at}`;
}
