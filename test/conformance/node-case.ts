/**
 * One node test on the machines: compiled with what may be known before the run, executed by its commands under the sanitizer, compared with what
 * the test expects and with the interpreter.
 */
import { isTensor, SystoleError, type RuntimeValue, type Tensor } from '../../src/core/index.ts';
import { compile, importModel, type ImportedModel } from '../../src/compiler/index.ts';
import { numbersOf } from '../../src/graph/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import { readCommand, verifyExecutable, type Executable, type TensorBinding } from '../../src/isa/index.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { execute } from '../../src/simulator/index.ts';
import { boundInputs } from './bound-inputs.ts';
import { failureOf, oneLine } from './failure.ts';
import { difference, nodeTolerance, type Judging } from './judge.ts';
import { classOfTest } from './node-classes.ts';
import { beyondReference, referenceOf, type Reference } from './node-judge.ts';
import { loadNodeMachines } from './node-machines.ts';
import type { TestFiles } from './packs.ts';
import { readDataSets, type DataSet } from './test-data.ts';

/** From best to worst. */
export const nodeResults = ['npuOnly', 'withHost', 'refused', 'wrong'] as const;
export type NodeResult = (typeof nodeResults)[number];

export interface NodeCase {
  /** Of the worse machine. */
  readonly result: NodeResult;
  /** Commands of the worse machine's program by operation; empty where there is none. */
  readonly commands: Readonly<Record<string, number>>;
  /** Why nodes are on the host, why it is refused, what is wrong; null for `npuOnly`. */
  readonly reason: string | null;
}

export async function nodeCase(name: string, files: TestFiles, judging: Judging): Promise<NodeCase> {
  const bytes = files.read('model.onnx') ?? new Uint8Array();
  const { model: onnx } = decodeModel(bytes);
  const sets = readDataSets(onnx, files);
  if (sets.length === 0) return { result: 'wrong', commands: {}, reason: 'the test has no data' };
  let worst: NodeCase = { result: 'npuOnly', commands: {}, reason: null };
  for (const [i, machine] of (await loadNodeMachines()).entries()) {
    for (const set of sets) {
      const found = await onMachine({ name, bytes, onnx, set, judging }, machine);
      const isWorse = nodeResults.indexOf(found.result) > nodeResults.indexOf(worst.result);
      if (isWorse || (i === 0 && worst.reason === null)) worst = found;
    }
  }
  return worst;
}

interface Subject {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly onnx: OnnxModel;
  readonly set: DataSet;
  readonly judging: Judging;
}

async function onMachine(subject: Subject, machine: Machine): Promise<NodeCase> {
  let commands: Readonly<Record<string, number>> = {};
  const wrong = (what: string): NodeCase => ({ result: 'wrong', commands, reason: `${machine.name}: ${oneLine(what)}` });
  try {
    const { name, bytes, onnx, set, judging } = subject;
    const given = new Map([...set.inputs].filter((entry): entry is [string, Tensor] => isTensor(entry[1])));
    const known = new Set(boundInputs(onnx));
    const inputValues = new Map([...given].filter(([input]) => known.has(input)));
    const model = await importModel(bytes, { name, inputValues });
    const { executable, selection } = compile(model, machine, { precision: 'auto', dims: sizesOf(model, set), calibration: null });
    commands = countCommands(executable);
    const [unsound] = verifyExecutable(executable, machine);
    if (unsound !== undefined) return wrong(`${unsound.code} ${unsound.message}`);
    const entry = executable.entryPoints[0];
    const inputs = new Map(
      (entry?.inputs ?? []).flatMap((binding) => {
        const tensor = given.get(binding.name);
        return tensor === undefined ? [] : [[binding.name, asHeld(tensor, binding)] as const];
      }),
    );
    const { outputs, diagnostics } = execute(executable, machine, inputs, { sanitize: true });
    const finding = diagnostics.find((d) => d.severity !== 'info');
    if (finding !== undefined) return wrong(`${finding.code} ${finding.message}`);
    const open = new Map([...given].filter(([input]) => !inputValues.has(input)));
    const reference = await referenceOf(onnx, model, classOfTest(onnx.graph.nodes.map((n) => n.opType)), open);
    // What is drawn at random follows the interpreter, not the generator of whoever wrote the test.
    const expected = drawsAtRandom(onnx, given) ? 'type' : judging;
    const problem = judged(onnx, set, outputs, entry?.outputs ?? [], expected, reference);
    if (problem !== null) return wrong(problem);
    const onHost = selection.kernels.flatMap((k) => (k.kind === 'host' ? k.members : []));
    if ((commands['HOST'] ?? 0) === 0) return { result: 'npuOnly', commands, reason: null };
    const reasons = [...new Set(onHost.map((m) => `${m.node.op}: ${m.reason}`))];
    return { result: 'withHost', commands, reason: oneLine(reasons.join('; ')) };
  } catch (error) {
    if (!(error instanceof SystoleError)) return wrong(failureOf(error).what);
    return { result: 'refused', commands, reason: `${machine.name}: ${failureOf(error).what}` };
  }
}

/** Dropout draws only in training mode, its third input. */
function drawsAtRandom({ graph }: OnnxModel, given: ReadonlyMap<string, Tensor>): boolean {
  const isOn = (input: string | undefined): boolean => numbersOf(given.get(input ?? '') ?? off)[0] === 1;
  return graph.nodes.some((n) => /^(Bernoulli|Multinomial|Random)/.test(n.opType) || (n.opType === 'Dropout' && isOn(n.inputs[2])));
}

const off: Tensor = { dtype: 'bool', shape: [], data: Uint8Array.of(0) };

function judged(
  onnx: OnnxModel,
  set: DataSet,
  outputs: ReadonlyMap<string, Tensor>,
  bindings: readonly TensorBinding[],
  judging: Judging,
  reference: Reference,
): string | null {
  for (const [i, want] of set.outputs.entries()) {
    const name = onnx.graph.outputs[i]?.name ?? '';
    const stored = outputs.get(name);
    const binding = bindings.find((b) => b.name === name);
    const got = stored === undefined || binding === undefined ? undefined : asMeant(stored, binding, want);
    const problem = difference(got, want, judging, nodeTolerance);
    if (problem !== null) return `output "${name}": ${problem}`;
    const near = reference.outputs[i];
    const beyond = near === undefined || got === undefined ? null : beyondReference(got, near);
    if (beyond !== null) return `output "${name}": ${beyond}`;
  }
  return null;
}

/** Sizes of the symbols that input shapes mention, as the data has them. */
function sizesOf(model: ImportedModel, set: DataSet): Readonly<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const id of model.graph.inputs) {
    const value = model.graph.values[id];
    const tensor = set.inputs.get(value?.name ?? '');
    if (value === undefined || tensor === undefined || !isTensor(tensor)) continue;
    for (const [axis, d] of value.type.shape.entries()) {
      if (typeof d !== 'number' && d.kind === 'symbol') sizes[d.name] ??= tensor.shape[axis] ?? 0;
    }
  }
  return sizes;
}

/** A float of 16 bits in the float32 that a program may hold it in. */
function asHeld(tensor: Tensor, binding: TensorBinding): Tensor {
  if (tensor.dtype === binding.dtype || binding.dtype !== 'float32' || !/^b?float16$/.test(tensor.dtype)) return tensor;
  return { dtype: 'float32', shape: tensor.shape, data: Float32Array.from(numbersOf(tensor)) };
}

/** Quantized numbers as the real ones they stand for, where the model gives real ones. */
function asMeant(stored: Tensor, { quantization: q }: TensorBinding, want: RuntimeValue): Tensor {
  if (q === null || !isTensor(want) || want.dtype !== 'float32' || stored.dtype === 'float32') return stored;
  const real = Float32Array.from(numbersOf(stored), (x) => Math.fround((x - q.zeroPoint) * q.scale));
  return { dtype: 'float32', shape: stored.shape, data: real };
}

function countCommands({ programs }: Executable): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { commands } of programs) {
    for (let row = 0; row < commands.length; row++) {
      const { op } = readCommand(commands, row);
      counts[op] = (counts[op] ?? 0) + 1;
    }
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}
