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
  /** Tokens or time steps of one run. */
  readonly sequence: number;
  /** Tokens already in the key and value caches; 0: none, a prefill. */
  readonly past: number;
  readonly layers: number;
  readonly hidden: number;
  /** Attention heads, and those of keys and values where several heads share one. */
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
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
  /** What is wrong with the parameters taken together; null for nothing. */
  readonly fits?: (parameters: ModelParameters) => { readonly name: keyof ModelParameters; readonly why: string } | null;
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

/** Of networks that read tokens or time series. */
export function sequenceParameters(
  defaults: Partial<ModelParameters>,
  names: readonly (keyof ModelParameters)[],
): readonly ModelParameter[] {
  const all: readonly ModelParameter[] = [
    { name: 'batch', summary: 'sequences per run', default: 1, min: 1, max: 65536, multipleOf: 1 },
    { name: 'sequence', summary: 'tokens or time steps of one run', default: 128, min: 1, max: 65536, multipleOf: 1 },
    { name: 'past', summary: 'tokens already in the caches; 0 for a prefill', default: 0, min: 0, max: 1048576, multipleOf: 1 },
    { name: 'image', summary: 'height and width of the input in pixels', default: 224, min: 32, max: 16384, multipleOf: 16 },
    { name: 'layers', summary: 'how many blocks', default: 12, min: 1, max: 256, multipleOf: 1 },
    { name: 'hidden', summary: 'width of the residual stream', default: 768, min: 8, max: 65536, multipleOf: 8 },
    { name: 'heads', summary: 'attention heads; must divide hidden', default: 12, min: 1, max: 1024, multipleOf: 1 },
    { name: 'kvHeads', summary: 'heads of keys and values; must divide heads', default: 4, min: 1, max: 1024, multipleOf: 1 },
    { name: 'vocabulary', summary: 'rows of the embedding table', default: 30522, min: 2, max: 1048576, multipleOf: 1 },
    { name: 'classes', summary: 'outputs of the last layer', default: 1000, min: 1, max: 65536, multipleOf: 1 },
    { name: 'seed', summary: 'what the weights are drawn from', default: 0, min: 0, max: 4294967295, multipleOf: 1 },
  ];
  return all.filter((p) => names.includes(p.name)).map((p) => ({ ...p, default: defaults[p.name] ?? p.default }));
}

const unused: ModelParameters = {
  batch: 1,
  image: 224,
  classes: 1000,
  seed: 0,
  width: 1,
  sequence: 128,
  past: 0,
  layers: 1,
  hidden: 64,
  heads: 1,
  kvHeads: 1,
  vocabulary: 2,
};

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
  const parameters = { ...unused, ...settled };
  const together = builder.fits?.(parameters) ?? null;
  if (together !== null) {
    fail(messages.badModelParameter({ model: builder.name, name: together.name, value: parameters[together.name], why: together.why }));
  }
  return parameters;
}

function whyNot({ min, max, multipleOf }: ModelParameter, value: number): string | undefined {
  if (!(value >= min && value <= max)) return `it must lie between ${min} and ${max}`;
  if (multipleOf > 0 && value % multipleOf !== 0)
    return multipleOf === 1 ? 'it must be a whole number' : `it must be a multiple of ${multipleOf}`;
  return undefined;
}
