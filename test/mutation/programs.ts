/**
 * The programs that get faults planted: two small networks, in int8 and fp32, on the 8×8 machine with a scratchpad so small that the
 * mapper cuts channels (K tiles that accumulate) and streams rows through a ring.
 */
import { readFileSync } from 'node:fs';
import { seededRandom, type Tensor } from '../../src/core/index.ts';
import { calibrate, compile, importDecoded, randomInputs, type Compilation, type Precision } from '../../src/compiler/index.ts';
import { interpret, type Graph } from '../../src/graph/index.ts';
import { loadMachine, type Machine } from '../../src/hw-configs/index.ts';
import { readCommand, readSlot, type Command, type Executable, type Slot } from '../../src/isa/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { bell, modelBuilder, type ModelBuilder } from '../end-to-end/model-builder.ts';

export interface Row {
  readonly slot: Slot;
  readonly command: Command;
}

/** Inputs, and what the graph gives for them. */
export interface Run {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly golden: ReadonlyMap<string, Tensor>;
}

export interface BaseProgram {
  readonly name: string;
  readonly compilation: Compilation;
  readonly executable: Executable;
  /** As imported. */
  readonly model: Graph;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly runs: readonly Run[];
}

type AddWeight = (shape: readonly number[]) => string;

/** Weights whose sums keep the size of their inputs. */
function weights(b: ModelBuilder, seed: number): AddWeight {
  const random = seededRandom(seed);
  let count = 0;
  return (shape) => {
    const elements = shape.reduce((n, d) => n * d, 1);
    const perOutput = shape.length === 1 ? 10 : elements / (shape[0] ?? 1);
    return b.weight(`w${count++}`, shape, bell(random, elements, 1 / Math.sqrt(perOutput)));
  };
}

const around = [1, 1, 1, 1];

/** Strided padded conv, depthwise, 1×1 with a residual, both pools, sigmoid, concat, mean, gemm. */
function block(): OnnxModel {
  const b = modelBuilder();
  const w = weights(b, 11);
  const x = b.input('x', [1, 20, 11, 11]);
  const conv = b.node('Conv', [x, w([12, 20, 3, 3]), w([12])], { kernel_shape: [3, 3], strides: [2, 2], pads: around });
  const first = b.node('Relu', [conv]);
  const depthwise = b.node('Conv', [first, w([12, 1, 3, 3]), w([12])], { kernel_shape: [3, 3], pads: around, group: 12 });
  const pointwise = b.node('Conv', [depthwise, w([12, 12, 1, 1]), w([12])], { kernel_shape: [1, 1] });
  const sum = b.node('Relu', [b.node('Add', [pointwise, first])]);
  const most = b.node('MaxPool', [sum], { kernel_shape: [3, 3], strides: [2, 2], pads: around });
  const average = b.node('AveragePool', [sum], { kernel_shape: [2, 2], strides: [2, 2] });
  const both = b.node('Concat', [most, b.node('Sigmoid', [most])], { axis: 1 });
  const mean = b.node('Flatten', [b.node('GlobalAveragePool', [both])], { axis: 1 });
  return b.finish(b.node('Gemm', [mean, w([10, 24]), w([10])], { transB: 1 }), average);
}

/** Wide rows: the first convolution streams them through a ring. */
function wide(): OnnxModel {
  const b = modelBuilder();
  const w = weights(b, 12);
  const x = b.input('x', [1, 4, 13, 40]);
  const first = b.node('Relu', [b.node('Conv', [x, w([8, 4, 3, 3]), w([8])], { kernel_shape: [3, 3], pads: around })]);
  const second = b.node('Conv', [first, w([4, 8, 3, 3]), w([4])], { kernel_shape: [3, 3], strides: [2, 1], pads: around });
  return b.finish(b.node('Relu', [second]));
}

const cases: readonly { name: string; model: () => OnnxModel; precision: Precision; scratchpad: string; accumulator: string }[] = [
  { name: 'block int8', model: block, precision: 'int8', scratchpad: '3 KiB', accumulator: '2 KiB' },
  { name: 'wide int8', model: wide, precision: 'int8', scratchpad: '4 KiB', accumulator: '4 KiB' },
  { name: 'block fp32', model: block, precision: 'fp32', scratchpad: '8 KiB', accumulator: '2 KiB' },
  { name: 'wide fp32', model: wide, precision: 'fp32', scratchpad: '16 KiB', accumulator: '4 KiB' },
];

export function basePrograms(): Promise<BaseProgram[]> {
  return Promise.all(cases.map(buildProgram));
}

async function buildProgram({ name, model, precision, scratchpad, accumulator }: (typeof cases)[number]): Promise<BaseProgram> {
  const file = new URL('../machines/tiny-8x8.yaml', import.meta.url);
  const settings = [`memories.scratchpad.size=${scratchpad}`, `memories.accumulator.size=${accumulator}`];
  const machine = await loadMachine({ yaml: readFileSync(file, 'utf8'), file: 'tiny-8x8.yaml' }, settings);
  const imported = importDecoded(model(), { name, sha256: '' });
  const usual = [1, 3].map((seed) => randomInputs(imported.graph, seed));
  // Calibration never saw such numbers: they saturate, so that clamps matter.
  const inputs = [...usual, hot(randomInputs(imported.graph, 5))];
  const calibration = precision === 'int8' ? calibrate(imported.graph, usual) : null;
  const compilation = compile(imported, machine, { precision, dims: {}, calibration });
  const { executable, quantizedGraph } = compilation;
  const runs = inputs.map((one): Run => ({ inputs: one, golden: interpret(quantizedGraph, one) }));
  return { name, compilation, executable, model: imported.graph, machine, rows: rowsOf(executable), runs };
}

function hot(inputs: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const entries = [...inputs].map(([name, t]): [string, Tensor] => {
    if (!(t.data instanceof Float32Array)) throw new Error(`${name} is ${t.dtype}`);
    return [name, { ...t, data: t.data.map((v) => 4 * v) }];
  });
  return new Map(entries);
}

function rowsOf(executable: Executable): Row[] {
  const table = executable.programs[0]?.commands;
  if (table === undefined) throw new Error('no program');
  return Array.from({ length: table.length }, (_, row) => ({ slot: readSlot(table, row), command: readCommand(table, row) }));
}
