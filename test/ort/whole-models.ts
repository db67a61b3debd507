/** Whole models to compare with ONNX Runtime: those of the packs, the packs' topologies with weights from a seed, and the networks of src/models. */
import { buildModel } from '../../src/models/index.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { modelPack, readIndex, readTest } from '../conformance/packs.ts';
import { withSeededWeights } from './seeded-weights.ts';

export interface WholeModel {
  readonly name: string;
  /** Of the sizes and values that settings.ts knows. */
  readonly settings: string;
  bytes(): Uint8Array;
  /** Where it ships inputs and outputs: files of its data set; null where there is none. */
  file(name: string): Uint8Array | null;
}

/** Small enough to be compared while one waits, with all their kinds of layers. */
const networks: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
  ['resnet18', { image: 64, classes: 10 }],
  ['resnet50', { image: 64, classes: 10 }],
  ['mobilenetv1', { image: 96, width: 0.5, classes: 10 }],
  ['mobilenetv2', { image: 96, width: 0.5, classes: 10 }],
  ['vgg16', { image: 224, classes: 10 }],
  ['bert', { layers: 2, hidden: 64, heads: 4, vocabulary: 500, sequence: 24 }],
  ['vit', { image: 64, layers: 2, classes: 10 }],
  ['llama', { layers: 2, hidden: 64, heads: 4, kvHeads: 2, vocabulary: 300, sequence: 16 }],
  ['llama', { layers: 2, hidden: 64, heads: 4, kvHeads: 2, vocabulary: 300, sequence: 1, past: 24 }],
  ['yolo', { image: 96, classes: 10 }],
  ['unet', { image: 32, width: 0.25 }],
  ['lstm', {}],
];

/** Weights of 352 MB and 3 GMAC a token, without data: the same topology is there in small. */
const tooLarge: ReadonlySet<string> = new Set(['stream_swiglu_256_4096_14336']);

/** Everything in the folder of the packs; the built-in networks alone where that is null. */
export function wholeModels(folder: string | null): readonly WholeModel[] {
  return [...(folder === null ? [] : packModels(folder)), ...networks.map(([name, parameters]) => builtIn(name, parameters))];
}

function builtIn(name: string, parameters: Readonly<Record<string, number>>): WholeModel {
  const shown = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  return {
    name: [`${name}:`, ...shown].join(' ').replace(/:$/, ''),
    settings: name,
    bytes: () => buildModel(name, parameters),
    file: () => null,
  };
}

function packModels(folder: string): readonly WholeModel[] {
  return readIndex(folder, modelPack).flatMap((row): readonly WholeModel[] => {
    const name = row['name'] ?? '';
    if (tooLarge.has(name)) return [];
    const files = readTest(folder, modelPack, name);
    const bytes = (): Uint8Array => files.read('model.onnx') ?? new Uint8Array();
    const seeded: WholeModel = {
      name: `${name}, seeded weights`,
      settings: name,
      bytes: () => encodeModel(withSeededWeights(decodeModel(bytes()).model, 7)),
      file: () => null,
    };
    const shipped: WholeModel = { name, settings: name, bytes, file: (file) => files.read(`test_data_set_0/${file}`) };
    if (row['category'] === 'workload-shapes') return [seeded];
    return name.startsWith('light_') ? [shipped, seeded] : [shipped];
  });
}
