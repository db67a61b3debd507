/** Small random networks, as text would be too dull to write: a walk that appends one operator after another. */
import fc from 'fast-check';
import type { Graph } from '../../../src/graph/ir.ts';
import type { OnnxNode, OnnxTensor } from '../../../src/onnx/model.ts';
import { floats, importParts, input, node, randomFloats } from '../import/build.ts';

const kinds = [
  'conv',
  'depthwise',
  'bn',
  'relu',
  'clip',
  'sigmoid',
  'leaky',
  'scale',
  'shift',
  'add',
  'sum',
  'maxpool',
  'avgpool',
  'identity',
  'dropout',
  'concat',
  'join',
  'fill',
] as const;
type Kind = (typeof kinds)[number];

interface Step {
  readonly kind: Kind;
  /** Which earlier value is read, counted back from the newest. */
  readonly back: number;
  readonly other: number;
  readonly channels: number;
  readonly seed: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  back: fc.nat(2),
  other: fc.nat(5),
  channels: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(1000),
});

/** A network over [1, 3, 5, 5] images; the last value and sometimes an earlier one are its outputs. */
export const randomGraph: fc.Arbitrary<Graph> = fc
  .record({ steps: fc.array(step, { minLength: 1, maxLength: 14 }), alsoOut: fc.option(fc.nat(6)) })
  .map(({ steps, alsoOut }) => build(steps, alsoOut));

function build(steps: readonly Step[], alsoOut: number | null): Graph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const made: { readonly name: string; readonly channels: number }[] = [{ name: 'x', channels: 3 }];
  const constant = (t: OnnxTensor): string => (initializers.push(t), t.name);
  steps.forEach(({ kind, back, other, channels, seed }, i) => {
    const from = made.at(-1 - (back % made.length)) ?? { name: 'x', channels: 3 };
    const c = from.channels;
    const out = `v${i}`;
    const same = made.filter((v) => v.channels === c);
    const second = same[other % same.length] ?? from;
    const third = same[seed % same.length] ?? from;
    const weights = (name: string, shape: readonly number[], size = 0.5): string =>
      constant(randomFloats(`${out}.${name}`, shape, seed, size));
    const make = (op: string, inputs: readonly string[], attributes: Parameters<typeof node>[3] = {}, outChannels = c): void => {
      nodes.push(node(op, inputs, [out], attributes));
      made.push({ name: out, channels: outChannels });
    };
    switch (kind) {
      case 'conv':
        make(
          'Conv',
          [from.name, weights('w', [channels, c, 3, 3], 0.3), ...(seed % 2 === 0 ? [weights('b', [channels])] : [])],
          { pads: [1, 1, 1, 1] },
          channels,
        );
        break;
      case 'depthwise':
        make('Conv', [from.name, weights('w', [c, 1, 3, 3])], { pads: [1, 1, 1, 1], group: c });
        break;
      case 'bn': {
        const variance = constant(
          floats(
            `${out}.var`,
            [c],
            Array.from({ length: c }, (_, k) => 0.5 + ((seed + k) % 7)),
          ),
        );
        make('BatchNormalization', [from.name, weights('s', [c], 1), weights('b', [c]), weights('m', [c]), variance]);
        break;
      }
      case 'relu':
        make('Relu', [from.name]);
        break;
      case 'clip':
        make('Clip', [from.name, constant(floats(`${out}.lo`, [], [-1])), constant(floats(`${out}.hi`, [], [2]))]);
        break;
      case 'sigmoid':
        make('Sigmoid', [from.name]);
        break;
      case 'leaky':
        make('LeakyRelu', [from.name], { alpha: { float: 0.1 } });
        break;
      case 'scale':
        make('Mul', [from.name, weights('k', [c, 1, 1], 1)]);
        break;
      case 'shift':
        make('Add', [weights('d', [1, c, 1, 1]), from.name]);
        break;
      case 'add':
        make('Add', [from.name, second.name]);
        break;
      case 'sum':
        make('Sum', [from.name, second.name, third.name]);
        break;
      case 'maxpool':
        make('MaxPool', [from.name], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
        break;
      case 'avgpool':
        make('AveragePool', [from.name], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
        break;
      case 'identity':
        make('Identity', [from.name]);
        break;
      case 'dropout':
        make('Dropout', [from.name]);
        break;
      case 'concat':
        make('Concat', [from.name, second.name], { axis: 1 }, c + second.channels);
        break;
      case 'join':
        nodes.push(node('Relu', [from.name], [`${out}.r`]));
        make('Add', [`${out}.r`, from.name]);
        break;
      case 'fill': {
        // A constant made by nodes, as old exporters write them.
        const size = constant({
          name: `${out}.size`,
          dtype: 'int64',
          dims: [1],
          data: { kind: 'bytes', bytes: new Uint8Array(BigInt64Array.of(BigInt(c)).buffer) },
        });
        nodes.push(node('ConstantOfShape', [size], [`${out}.f`], { value: { tensor: floats('', [1], [0.25 * (seed % 8)]) } }));
        nodes.push(node('Unsqueeze', [`${out}.f`], [`${out}.u`], { axes: [1, 2] }));
        make('Mul', [from.name, `${out}.u`]);
        break;
      }
    }
  });
  const last = made.at(-1)?.name ?? 'x';
  const early = alsoOut === null ? undefined : made[1 + alsoOut]?.name;
  const outputs = early === undefined || early === last ? [last] : [last, early];
  return importParts({ inputs: [input('x', [1, 3, 5, 5])], outputs, nodes, initializers, opset: 12 }).graph;
}
