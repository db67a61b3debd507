/** Nodes that contradict themselves, or ask for more than can be: told with a code, at once, in no memory. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allDTypes, dataLength, elementCount, isTensor, SystoleError, zeros, type DType, type Tensor } from '../../src/core/index.ts';
import {
  attributeKind,
  bindDims,
  evaluateNode,
  inferGraphTypes,
  interpret,
  isView,
  opDefs,
  parseGraph,
  startInference,
  symbolDim,
  type Attribute,
  type Dim,
  type Node,
  type TensorType,
  type Value,
} from '../../src/graph/index.ts';
import { constantFrom } from '../../src/graph/constant.ts';
import { attributes, f32, i64, type Plain } from './helpers.ts';

type Operand = Tensor | TensorType | null;

interface Case {
  readonly op: string;
  /** A tensor is a constant, a type an input. */
  readonly of: readonly Operand[];
  readonly with?: Readonly<Record<string, Plain>> | Readonly<Record<string, Attribute>>;
  readonly domain?: string;
  readonly outputs?: number;
  readonly opset?: number;
}

const isAttribute = (x: Plain | Attribute): x is Attribute => typeof x === 'object' && 'kind' in x;

function made({ op, of, with: given = {}, domain = '', outputs = 1 }: Case): { node: Node; values: Value[] } {
  const values: Value[] = [];
  const inputs = of.map((x, id) => {
    const type: TensorType = x === null ? { dtype: 'float32', shape: [] } : { ...x, shape: x.shape };
    const constant = x !== null && 'data' in x ? constantFrom(x) : null;
    values.push({ id, name: `v${id}`, type, layout: 'row-major', quantization: null, constant });
    return x === null ? null : id;
  });
  const attribute = ([name, x]: [string, Plain | Attribute]): [string, Attribute][] =>
    isAttribute(x) ? [[name, x]] : Object.entries(attributes({ [name]: x }));
  return {
    values,
    node: {
      op,
      domain,
      name: 'strange',
      inputs,
      outputs: Array.from({ length: outputs }, (_, i) => values.length + i),
      attributes: Object.fromEntries(Object.entries(given).flatMap(attribute)),
      origin: ['strange'],
    },
  };
}

function infer(parts: Case): readonly TensorType[] {
  const { node, values } = made(parts);
  return startInference(parts.opset ?? 21, (id) => values[id] as Value).infer(node);
}

/** "SYS3010 Split "strange": …" of what it throws; shapes of what it infers. */
function told(parts: Case): string {
  try {
    return infer(parts)
      .map((t) => `${t.dtype}[${t.shape.map(String).join(', ')}]`)
      .join(' ');
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    return error.diagnostics.map((d) => `${d.code} ${d.message}`).join('\n');
  }
}

const float = (...shape: Dim[]): TensorType => ({ dtype: 'float32', shape });
const of = (dtype: DType, ...shape: Dim[]): TensorType => ({ dtype, shape });

describe('sizes out of attributes and contents', () => {
  test.each<[string, Case, RegExp]>([
    [
      'more parts than outputs',
      { op: 'Split', of: [float(8)], with: { num_outputs: 2 ** 40 }, opset: 18, outputs: 2 },
      /SYS3010.*makes no 1099511627776 parts/,
    ],
    [
      'a hundred axes, any of which may go',
      { op: 'Squeeze', of: [float(...Array.from({ length: 120 }, (_, i) => symbolDim(`n${i}`))), of('int64', 40)] },
      /^float32\[(\[object Object\](, )?){80}\]$/,
    ],
    ['no parts', { op: 'Split', of: [float(8)], with: { num_outputs: 0 }, opset: 18 }, /SYS3013.*num_outputs is 0/],
    [
      'parts that are used up',
      { op: 'Split', of: [float(5)], with: { num_outputs: 4 }, opset: 18, outputs: 4 },
      /SYS3010.*makes no 4 parts of 2/,
    ],
    ['a part of every element', { op: 'SplitToSequence', of: [float(2 ** 39), i64([], [1])] }, /float32\[1\]/],
    ['a last part that differs', { op: 'SplitToSequence', of: [float(2 ** 39), i64([], [3])] }, /float32\[/],
    ['a sequence of nothing', { op: 'SequenceConstruct', of: [] }, /SYS3010.*SequenceEmpty/],
    [
      'blocks as large as the world',
      { op: 'Col2Im', of: [float(1, 4, 9), i64([2], [3, 3]), i64([2], [2 ** 40, 2 ** 40])] },
      /SYS3010.*divide/,
    ],
    ['an image of any number of axes', { op: 'Col2Im', of: [float(1, 4, 9), of('int64', 2 ** 31), of('int64', 2 ** 31)] }, /SYS3010.*axes/],
    [
      'more than can be',
      { op: 'Expand', of: [float(1), i64([2], [2 ** 31, 2 ** 31])] },
      /SYS3053.*"strange".*2147483648 × 2147483648 elements/,
    ],
    ['less than nothing', { op: 'Expand', of: [float(1), i64([1], [-5])] }, /SYS3010.*size of -5/],
    ['a hot one of 2^40', { op: 'OneHot', of: [of('int64', 4), i64([], [2 ** 40]), f32([2], [0, 1])] }, /SYS3053/],
    ['borders of 2^53', { op: 'Pad', of: [float(4), i64([2], [2 ** 52, 2 ** 52])] }, /SYS3053/],
    ['a thousand axes', { op: 'Reshape', of: [float(1), i64([1000], new Array<number>(1000).fill(1))] }, /SYS3010.*1000/],
    ['two where one number is needed', { op: 'HannWindow', of: [i64([2], [3, 4])] }, /SYS3010.*one number/],
  ])('%s', (_, parts, expected) => expect(told(parts)).toMatch(expected));

  test('a size that int32 cannot hold wraps around, as it would when the model runs', () => {
    const graph = parseGraph(
      'graph "g" opset 21 {\ninput %x: float32[n]\nconst %big: int64[1] = [2147483649]\n%i: int32[1] = Cast(%big) {to: 6}\n' +
        '%j: int32[1] = Neg(%i)\n%z: float32[*] = ConstantOfShape(%j)\nreturn %z\n}',
    );
    expect(inferGraphTypes(graph, [float(symbolDim('n'))]).values.at(-1)?.type.shape).toEqual([2 ** 31 - 1]);
  });

  test('unknown sizes stay unknown, and binding one too large names the input', () => {
    const graph = parseGraph(
      'graph "g" opset 21 {\ninput %x: float32[n, 1048576]\n%y: float32[n, 1048576] = Relu(%x) name "r"\nreturn %y\n}',
    );
    expect(() => bindDims(graph, { n: 2 ** 30 })).toThrow(/SYS3053.*"x"/);
    expect(bindDims(graph, { n: 2 }).values[1]?.type.shape).toEqual([2, 1048576]);
  });

  test('what attributes make long is not computed while types are inferred, and ends when it runs', () => {
    const grams: Case = {
      op: 'TfIdfVectorizer',
      of: [i64([4], [1, 2, 3, 1])],
      with: {
        ...attributes({ mode: 'TF', min_gram_length: 1, max_gram_length: 2 ** 40, max_skip_count: 2 ** 40 }),
        ...attributes({ ngram_counts: [0], ngram_indexes: [0, 1], pool_int64s: [1, 2] }),
      },
    };
    expect(told(grams)).toBe('float32[2]');
    expect([...(evaluateNode(made(grams).node, 21, [i64([4], [1, 2, 3, 1])])[0]?.data ?? [])]).toEqual([2, 1]);
    const machine: Case = { op: 'SVMRegressor', domain: 'ai.onnx.ml', of: [f32([1, 0], [])], with: { n_supports: 2 ** 40 }, opset: 1 };
    expect(told(machine)).toBe('float32[1, 1]');
    expect(() => evaluateNode(made(machine).node, 1, [f32([1, 0], [])])).toThrow(/SYS3010.*features/);
  });

  test('a power of whole numbers with an exponent of 2^52 takes no time', () => {
    const [y] = evaluateNode(made({ op: 'Pow', of: [of('uint8', 4), of('int64', 1)] }).node, 21, [
      { dtype: 'uint8', shape: [3], data: Uint8Array.of(0, 1, 2) },
      i64([1], [2 ** 52]),
    ]);
    expect([...(y?.data ?? [])].slice(0, 2)).toEqual([0, 1]);
  });

  test('no elements are no work, however long the other axes', () => {
    const [y] = evaluateNode(made({ op: 'Relu', of: [float(0, 2 ** 39)] }).node, 21, [
      { dtype: 'float32', shape: [0, 2 ** 39], data: new Float32Array() },
    ]);
    expect(y?.shape).toEqual([0, 2 ** 39]);
  });
});

describe('operands that do not fit', () => {
  test.each<[string, Case, RegExp]>([
    [
      'int64 for a quantized operand',
      { op: 'QLinearSigmoid', domain: 'com.microsoft', of: [of('int64', 2), float(), null, float()] },
      /SYS3010.*int64/,
    ],
    ['a scale larger than its input', { op: 'Quant', domain: 'onnx.brevitas', of: [float(1), float(3), float(), float()] }, /float32\[3\]/],
    ['a bias of another size', { op: 'BiasAdd', domain: 'com.microsoft', of: [float(2, 4), float(3), float(2, 4)] }, /SYS3010.*bias \[3\]/],
    [
      'gamma of another size',
      { op: 'SkipLayerNormalization', domain: 'com.microsoft', of: [float(1, 2, 4), float(1, 2, 4), float(3)] },
      /SYS3010.*\[3\]/,
    ],
    ['scale of another size', { op: 'SimplifiedLayerNormalization', of: [float(2, 4), float(3)] }, /SYS3010.*\[3\]/],
    [
      'an initial state of another size',
      { op: 'RNN', of: [float(2, 1, 3), float(1, 4, 3), float(1, 4, 4), null, null, float(1, 1, 5)] },
      /SYS3010.*initial_h/,
    ],
    [
      'a bias of another size, of integers',
      {
        op: 'QLinearConv',
        of: [of('uint8', 1, 2, 4), float(), of('uint8'), of('int8', 3, 2, 1), float(), of('int8'), float(), of('uint8'), of('int32', 4)],
      },
      /SYS3010.*bias \[4\].*3 output/,
    ],
    [
      'a result that is to be integers of type float32',
      { op: 'QLinearConv', of: [of('uint8', 1, 2, 4), float(), of('uint8'), of('int8', 3, 2, 1), float(), of('int8'), float(), float()] },
      /SYS3010.*y_zero_point is float32/,
    ],
    [
      'a bias in rows',
      {
        op: 'MultiHeadAttention',
        domain: 'com.microsoft',
        of: [float(1, 2, 4), float(1, 2, 4), float(1, 2, 4), float(4, 4)],
        with: { num_heads: 2 },
      },
      /SYS3010.*bias \[4, 4\].*12 columns/,
    ],
    [
      'a past state of another size',
      {
        op: 'LinearAttention',
        domain: 'com.microsoft',
        of: [float(2, 2, 2), float(2, 2, 2), float(2, 2, 2), float(1, 2, 2)],
        with: { q_num_heads: 2, kv_num_heads: 2, update_rule: 'linear' },
      },
      /SYS3010.*past state is \[1, 2, 2\], \[2, 2, 1, 1\] is needed/,
    ],
    [
      'an axis resized twice',
      { op: 'Resize', of: [float(3, 0, 2), null, f32([2], [0, 1])], with: { axes: [2, -1] }, opset: 18 },
      /SYS3013.*axes is \[2, 2\]; allowed: each axis once/,
    ],
    [
      'a C of more axes than the product',
      { op: 'Gemm', of: [float(2, 3), float(3, 4), float(symbolDim('n'), 4, 4)] },
      /SYS3010.*more axes/,
    ],
    [
      'keys of another number of heads',
      {
        op: 'MultiHeadAttention',
        domain: 'com.microsoft',
        of: [float(1, 2, 4), float(1, 3, 2, 2), float(1, 2, 2, 2)],
        with: { num_heads: 2 },
      },
      /SYS3010.*3 heads, num_heads is 2/,
    ],
    ['axes that are no whole numbers', { op: 'Squeeze', of: [float(1, 2), float(1)] }, /SYS3010.*input 1 is float32/],
    ['sums of two types', { op: 'Sum', of: [float(2), of('int64', 2)] }, /SYS3010.*float32 and int64/],
    ['products of two types', { op: 'Gemm', of: [float(2, 2), float(2, 2), of('int64', 2)] }, /SYS3010.*float32 and int64/],
    ['text where numbers are needed', { op: 'Relu', of: [of('string', 2)] }, /SYS3010.*string/],
    ['text as a shape', { op: 'Reshape', of: [of('string', 2), of('string', 2)] }, /SYS3010.*input 1/],
    ['text moved', { op: 'Transpose', of: [of('string', 2, 3)] }, /string\[3, 2\]/],
    ['complex numbers moved', { op: 'Concat', of: [of('complex64', 2), of('complex64', 3)], with: { axis: 0 } }, /complex64\[5\]/],
    ['complex numbers computed with', { op: 'Add', of: [of('complex64', 2), of('complex64', 2)] }, /SYS3010.*complex64/],
    ['a sequence where a tensor is needed', { op: 'Relu', of: [{ ...float(2), container: 'sequence' }] }, /SYS3010.*sequence/],
    ['an operand too many', { op: 'Relu', of: [float(2), float(2)] }, /SYS3010.*2 inputs/],
    ['an output too many', { op: 'Relu', of: [float(2)], outputs: 2 }, /SYS4024/],
    ['none where one is needed, of unknown rank', { op: 'Add', of: [{ ...float(), unranked: true }, null] }, /SYS3011/],
  ])('%s', (_, parts, expected) => expect(told(parts)).toMatch(expected));
});

describe('attributes', () => {
  test('of another kind are told, all of a node at once', () => {
    const message = told({ op: 'Conv', of: [float(1, 1, 4, 4), float(1, 1, 3, 3)], with: { group: 'two', strides: 1, auto_pad: [1] } });
    expect(message).toMatch(/group is the string "two"; allowed: an int/);
    expect(message).toMatch(/strides is the int 1; allowed: a list of ints/);
    expect(message).toMatch(/auto_pad is a list of ints; allowed: a string/);
  });

  test('whole numbers pass where floats are meant, and empty lists for any list', () => {
    expect(told({ op: 'LeakyRelu', of: [float(2)], with: { alpha: 1 } })).toBe('float32[2]');
    expect(
      told({ op: 'MaxPool', of: [float(1, 1, 4)], with: { kernel_shape: [2], pads: { kind: 'floats', value: [] } as unknown as Plain } }),
    ).toBe('float32[1, 1, 3]');
  });

  test('every default is of the kind its name says', () => {
    for (const def of opDefs) {
      for (const [name, value] of Object.entries(def.attributes)) {
        const kind = attributeKind(def.name, name);
        if (typeof value === 'number') expect([def.name, name, ['int', 'float'].includes(kind)]).toEqual([def.name, name, true]);
        // A word is a string, the name of an element type, or says that there is no default.
        else if (!['required', 'computed', 'float32', 'int32'].includes(value))
          expect([def.name, name, kind]).toEqual([def.name, name, 'string']);
      }
    }
  });
});

describe('whatever the node', () => {
  const size = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 5 }) }, fc.constantFrom<Dim>(2 ** 31, 2 ** 40, symbolDim('n')));
  const sizes = fc.constantFrom(0, 1, 2, 3, 1024, 65536, 2 ** 31, 2 ** 40, 2 ** 52, -1);
  const type = fc.record({
    dtype: fc.constantFrom<DType>('float32', 'float32', 'int64', 'int8', 'bool', 'string', 'float16', 'complex64', 'int4'),
    shape: fc.array(size, { maxLength: 4 }),
  });
  const numbers = fc.array(sizes, { maxLength: 4 }).map((list) => i64([list.length], list));
  const small = fc.record({
    dtype: fc.constantFrom<DType>('float32', 'float32', 'int64', 'uint8', 'bool', 'string', 'complex64', 'int4'),
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
  });
  const someAttributes = (def: (typeof opDefs)[number]): fc.Arbitrary<Record<string, Attribute>> => {
    const names = Object.keys(def.attributes);
    const value = (name: string): fc.Arbitrary<Attribute> => {
      switch (attributeKind(def.name, name)) {
        case 'ints':
          return fc.array(sizes, { maxLength: 4 }).map((v): Attribute => ({ kind: 'ints', value: v }));
        case 'floats':
          return fc.array(sizes, { maxLength: 4 }).map((v): Attribute => ({ kind: 'floats', value: v }));
        case 'string': {
          const known = def.attributes[name];
          return fc.constantFrom('text', typeof known === 'string' ? known : '').map((v): Attribute => ({ kind: 'string', value: v }));
        }
        case 'float':
          return sizes.map((v): Attribute => ({ kind: 'float', value: v }));
        default:
          return sizes.map((v): Attribute => ({ kind: 'int', value: v }));
      }
    };
    return fc
      .subarray(names)
      .chain((some) => fc.tuple(...some.map((name) => value(name).map((v): [string, Attribute] => [name, v]))))
      .map((list) => Object.fromEntries(list));
  };
  const anyOp = fc.constantFrom(...opDefs.filter((def) => def.evaluateValues === undefined));
  const coded = (run: () => unknown): boolean => {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof SystoleError)) throw error;
      return false;
    }
  };

  test('types are inferred or a coded error is thrown', () => {
    let inferred = 0;
    fc.assert(
      fc.property(
        anyOp.chain((def) => fc.tuple(fc.constant(def), fc.array(fc.oneof(type, numbers), { maxLength: 5 }), someAttributes(def))),
        fc.constantFrom(7, 9, 11, 13, 18, 23),
        ([def, operands, given], opset) => {
          if (coded(() => infer({ op: def.name, domain: def.domain, of: operands, with: given, opset }))) inferred++;
        },
      ),
      { numRuns: 3000, seed: 11 },
    );
    expect(inferred).toBeGreaterThan(100);
  });

  test('small tensors are computed with, in no time, or a coded error is thrown', () => {
    let computed = 0;
    const fill = ({ dtype, shape }: { dtype: DType; shape: readonly number[] }): Tensor => {
      const tensor = zeros(dtype, shape);
      if (dtype === 'string') return tensor;
      const data = tensor.data as Float32Array;
      for (let i = 0; i < data.length; i++) data[i] = (typeof data[i] === 'bigint' ? BigInt(i % 3) : i % 3) as number;
      return tensor;
    };
    fc.assert(
      fc.property(
        anyOp.chain((def) =>
          fc.tuple(fc.constant(def), fc.array(fc.oneof(small.map(fill), numbers), { maxLength: 5 }), someAttributes(def)),
        ),
        fc.constantFrom(7, 9, 11, 13, 18, 23),
        ([def, operands, given], opset) => {
          const parts: Case = { op: def.name, domain: def.domain, of: operands, with: given, opset };
          let types: readonly TensorType[] = [];
          if (!coded(() => (types = infer(parts)))) return;
          if (types.some((t) => elementCount(t.shape.map((d) => (typeof d === 'number' ? d : 1))) > 4096)) return;
          const { node } = made(parts);
          coded(() => {
            for (const [i, result] of evaluateNode(node, opset, operands).slice(0, types.length).entries()) {
              // Evaluators may give outputs the node does not ask for.
              expect(isTensor(result)).toBe(true);
              expect(result.dtype).toBe(types[i]?.dtype);
              expect(result.data.length).toBe(dataLength(result.dtype, result.shape));
              computed++;
            }
          });
        },
      ),
      { numRuns: 3000, seed: 12 },
    );
    expect(computed).toBeGreaterThan(50);
  });
});

describe('bodies', () => {
  test('loops in loops in loops whose values grow come to an end', () => {
    let body = `%w0: float32[*] = Concat(%v0, %v0) {axis: 0} name "grow"`;
    for (let d = 0; d < 12; d++) {
      body = `%w${d + 1}: float32[*] = Loop(%m${d}, _, %v${d + 1}) {body: graph "b${d}" opset 21 {
        input %i${d}: int64[]
        input %k${d}: bool[]
        input %v${d}: float32[*]
        const %m${d}: int64[] = [12]
        ${d > 0 ? `const %m${d - 1}: int64[] = [12]` : ''}
        ${body}
        return %k${d}, %w${d}
      }} name "loop${d}"`;
    }
    const graph = parseGraph(`graph "g" opset 21 {\ninput %v12: float32[4]\nconst %m11: int64[] = [12]\n${body}\nreturn %w12\n}`);
    const start = performance.now();
    inferGraphTypes(graph, [float(4)]);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe('what is stored', () => {
  test('zeros of every element type have its bytes', () => {
    for (const dtype of allDTypes) expect([dtype, zeros(dtype, [3, 3]).data.length]).toEqual([dtype, dataLength(dtype, [3, 3])]);
    expect(zeros('int4', [3, 3]).data.length).toBe(5);
    expect(zeros('complex64', [3]).data.length).toBe(24);
  });

  test('a Dropout is a view, unless it is told whether to train', () => {
    expect(isView(made({ op: 'Dropout', of: [float(2)] }).node)).toBe(true);
    expect(isView(made({ op: 'Dropout', of: [float(2), float(), of('bool')] }).node)).toBe(false);
  });

  test('complex numbers go through a graph', () => {
    const graph = parseGraph(
      'graph "g" opset 21 {\ninput %x: complex64[2]\n%y: complex64[4] = Concat(%x, %x) {axis: 0} name "c"\nreturn %y\n}',
    );
    const x: Tensor = { dtype: 'complex64', shape: [2], data: Uint8Array.from({ length: 16 }, (_, i) => i) };
    expect([...(interpret(graph, new Map([['x', x]])).get('y')?.data ?? [])].slice(16)).toEqual([...x.data]);
  });
});
