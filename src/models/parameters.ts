import { fail, onnxMessages as messages, suggest, type Diagnostic } from '../core/index.ts';

/** Values of all parameters of a builder. One that a builder does not declare keeps its default here and is not looked at. */
export interface ModelParameters {
  readonly batch: number;
  /** Height and width of the square input image. */
  readonly image: number;
  readonly classes: number;
  readonly seed: number;
  /** Multiplier of every layer's channels. */
  readonly width: number;
}

export interface ModelParameter {
  readonly name: keyof ModelParameters;
  readonly summary: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** The value must be a multiple of this; 0 where any number in range will do. */
  readonly multipleOf: number;
}

export interface ModelBuilder {
  readonly name: string;
  readonly summary: string;
  readonly parameters: readonly ModelParameter[];
  /** Multiply-accumulates at the defaults: kernel × Cin / groups × Cout × OH × OW of every convolution, plus the linear layers. */
  readonly macs: number;
  /** The bytes of the ONNX file. Same parameters, same bytes. Call it through `buildModel`, which checks the values. */
  readonly build: (parameters: ModelParameters) => Uint8Array;
}

export const imageNetParameters: readonly ModelParameter[] = [
  { name: 'batch', summary: 'images per run', default: 1, min: 1, max: 65536, multipleOf: 1 },
  { name: 'image', summary: 'height and width of the input in pixels', default: 224, min: 32, max: 16384, multipleOf: 1 },
  { name: 'classes', summary: 'outputs of the last layer', default: 1000, min: 1, max: 65536, multipleOf: 1 },
  { name: 'seed', summary: 'what the weights are drawn from', default: 0, min: 0, max: 4294967295, multipleOf: 1 },
];

export const widthParameter: ModelParameter = {
  name: 'width',
  summary: 'multiplier of every layer’s channels',
  default: 1,
  min: 0.05,
  max: 8,
  multipleOf: 0,
};

const unused: ModelParameters = { batch: 1, image: 224, classes: 1000, seed: 0, width: 1 };

/** The given values over the builder's defaults; throws SYS1902 and SYS1903, all at once. */
export function settleParameters(builder: ModelBuilder, given: Readonly<Record<string, number>>): ModelParameters {
  const problems: Diagnostic[] = [];
  const known = builder.parameters.map((p) => p.name);
  for (const name of Object.keys(given)) {
    if (!known.some((k) => k === name)) {
      problems.push(messages.unknownModelParameter({ model: builder.name, name, near: suggest(name, known), known }));
    }
  }
  const settled: Record<string, number> = {};
  for (const parameter of builder.parameters) {
    const value = given[parameter.name] ?? parameter.default;
    const why = whyNot(parameter, value);
    if (why !== undefined) problems.push(messages.badModelParameter({ model: builder.name, name: parameter.name, value, why }));
    settled[parameter.name] = value;
  }
  if (problems.length > 0) fail(...problems);
  return { ...unused, ...settled };
}

function whyNot({ min, max, multipleOf }: ModelParameter, value: number): string | undefined {
  if (!(value >= min && value <= max)) return `it must lie between ${min} and ${max}`;
  if (multipleOf > 0 && value % multipleOf !== 0)
    return multipleOf === 1 ? 'it must be a whole number' : `it must be a multiple of ${multipleOf}`;
  return undefined;
}
