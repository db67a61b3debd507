/** Programs small enough to read from end to end. */
import { calibrate, compile, importDecoded, randomInputs, type Compilation, type ImportedModel } from '../../src/compiler/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import type { Machine } from '../../src/hw-configs/index.ts';
import type { OnnxModel } from '../../src/onnx/model.ts';
import { bell, modelBuilder } from './model-builder.ts';

export interface ConvShape {
  readonly channels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
  readonly pad: number;
}

/** x -> Conv -> Relu, and `residual` adds x behind it. */
export function convModel(name: string, shape: ConvShape, tail: 'relu' | 'residual'): ImportedModel {
  const { channels, outChannels, height, width, kernel, pad } = shape;
  const random = seededRandom(1);
  const b = modelBuilder();
  const x = b.input('x', [1, channels, height, width]);
  const taps = channels * kernel * kernel;
  const w = b.weight('w', [outChannels, channels, kernel, kernel], bell(random, outChannels * taps, 1 / Math.sqrt(taps)));
  const bias = b.weight('b', [outChannels], bell(random, outChannels, 0.3));
  const y = b.node('Relu', [b.node('Conv', [x, w, bias], { kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad] })]);
  return decoded(name, b.finish(tail === 'relu' ? y : b.node('Add', [y, x])));
}

export function decoded(name: string, model: OnnxModel): ImportedModel {
  return importDecoded(model, { name, sha256: '0'.repeat(64) });
}

/** At int8, with scales from one seeded input. */
export function compileCalibrated(model: ImportedModel, machine: Machine): Compilation {
  const calibration = calibrate(model.graph, [randomInputs(model.graph, 1)]);
  return compile(model, machine, { precision: 'int8', dims: {}, calibration });
}
