/**
 * models: well-known networks, built from parameters.
 * In: the name of a network and numbers. Out: the bytes of a real ONNX file (opset 17, IR 8), node for node what a PyTorch exporter
 * writes for the torchvision model in eval mode, with weights drawn from a seed and scaled so that activations neither fade nor grow.
 * Always: same name and numbers, same bytes; all weights are in the file.
 * Must not know: graph, compiler, machines. Nothing here is trained: use it for timing and for comparing numbers, not for accuracy.
 */
import { fail, onnxMessages as messages, suggest } from '../core/index.ts';
import { mobilenetv1, mobilenetv2 } from './mobilenet.ts';
import { settleParameters, type ModelBuilder } from './parameters.ts';
import { resnet18, resnet50 } from './resnet.ts';
import { llama } from './llama.ts';
import { lstm } from './recurrent.ts';
import { bert, vit } from './transformers.ts';
import { unet } from './unet.ts';
import { vgg16 } from './vgg.ts';
import { yolo } from './yolo.ts';

export type { ModelBuilder, ModelParameter, ModelParameters } from './parameters.ts';

export const models: readonly ModelBuilder[] = [resnet18, resnet50, mobilenetv1, mobilenetv2, vgg16, bert, vit, llama, yolo, unet, lstm];

/** The builder of that name, or undefined: names may then be paths. Case and dashes do not matter (`ResNet-50`). */
export function findModel(name: string): ModelBuilder | undefined {
  const plain = (s: string): string => s.toLowerCase().replace(/[-_ ]/g, '');
  return models.find((m) => m.name === plain(name));
}

/**
 * The ONNX file of a network.
 * @param parameters  by name (batch, image, classes, seed, width), defaults elsewhere
 * @throws SYS1901 unknown model, SYS1902 unknown parameter, SYS1903 parameter out of range
 */
export function buildModel(name: string, parameters: Readonly<Record<string, number>> = {}): Uint8Array {
  const builder = findModel(name);
  if (builder === undefined) {
    const known = models.map((m) => m.name);
    return fail(messages.unknownModel({ name, near: suggest(name, known), known }));
  }
  return builder.build(settleParameters(builder, parameters));
}
