import onnxProto from 'onnx-proto';
import { describe, expect, test } from 'vitest';
import { SystoleError, type Diagnostic } from '../../src/core/index.ts';
import { decodeModel, decodeTensor, type OnnxAttribute } from '../../src/onnx/index.ts';

const { onnx } = onnxProto;
type ModelFields = onnxProto.onnx.IModelProto;

/** Files are made with onnx-proto, so that our own encoder takes no part. */
function file(model: ModelFields): Uint8Array {
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ version: 17 }], graph: { name: 'g' }, ...model }).finish();
}

function problemsOf(read: () => unknown): readonly Diagnostic[] {
  try {
    read();
  } catch (error) {
    if (error instanceof SystoleError) return error.diagnostics;
    throw error;
  }
  return [];
}

const codesOf = (read: () => unknown): string[] => problemsOf(read).map((d) => d.code);

describe('typed fields become little-endian bytes', () => {
  const cases: [type: number, fields: onnxProto.onnx.ITensorProto, dtype: string, bytes: number[]][] = [
    [1, { floatData: [1, -2] }, 'float32', [0, 0, 128, 63, 0, 0, 0, 192]],
    [2, { int32Data: [1, 255] }, 'uint8', [1, 255]],
    [3, { int32Data: [1, -1] }, 'int8', [1, 255]],
    [4, { int32Data: [1, 65535] }, 'uint16', [1, 0, 255, 255]],
    [5, { int32Data: [1, -2] }, 'int16', [1, 0, 254, 255]],
    [6, { int32Data: [1, -2] }, 'int32', [1, 0, 0, 0, 254, 255, 255, 255]],
    [7, { int64Data: [2 ** 40, -1] }, 'int64', [0, 0, 0, 0, 0, 1, 0, 0, ...Array<number>(8).fill(255)]],
    [9, { int32Data: [1, 0] }, 'bool', [1, 0]],
    [10, { int32Data: [0x3c00, 0xc000] }, 'float16', [0, 0x3c, 0, 0xc0]],
    [11, { doubleData: [1, 2] }, 'float64', [0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64]],
    [12, { uint64Data: [1, 2 ** 32 - 1] }, 'uint32', [1, 0, 0, 0, 255, 255, 255, 255]],
    [13, { uint64Data: [1, 2 ** 52] }, 'uint64', [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0]],
    [16, { int32Data: [0x3f80, 0xbf80] }, 'bfloat16', [0x80, 0x3f, 0x80, 0xbf]],
    [17, { int32Data: [0x38, 0xb8] }, 'float8e4m3fn', [0x38, 0xb8]],
    // Two, or four, elements to an entry.
    [22, { int32Data: [0x21] }, 'int4', [0x21]],
    [25, { int32Data: [0x0e] }, 'uint2', [0x0e]],
  ];
  test.each(cases)('type %i', (dataType, fields, dtype, bytes) => {
    const tensor = decodeTensor(onnx.TensorProto.encode({ dims: [2], dataType, ...fields }).finish());
    expect(tensor).toEqual({ name: '', dtype, dims: [2], data: { kind: 'bytes', bytes: Uint8Array.from(bytes) } });
  });

  test('complex numbers take two entries, an odd count of int4 rounds up, strings stay apart', () => {
    const decode = (t: onnxProto.onnx.ITensorProto): unknown => decodeTensor(onnx.TensorProto.encode(t).finish()).data;
    expect(decode({ dims: [1], dataType: 14, floatData: [1, 0] })).toEqual({
      kind: 'bytes',
      bytes: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 0),
    });
    expect(decode({ dims: [3], dataType: 21, int32Data: [0x21, 0x03] })).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0x21, 3) });
    expect(decode({ dims: [1], dataType: 8, stringData: [Uint8Array.of(97)] })).toEqual({ kind: 'strings', strings: [Uint8Array.of(97)] });
  });
});

describe('tensor data', () => {
  test('raw data is a view of the file, not a copy', () => {
    const bytes = file({ graph: { initializer: [{ name: 'w', dims: [4], dataType: 1, rawData: new Uint8Array(16).fill(7) }] } });
    const data = decodeModel(bytes).model.graph.initializers[0]?.data;
    expect(data?.kind === 'bytes' && data.bytes.buffer).toBe(bytes.buffer);
  });

  test('shape without data is absent, an empty tensor is not', () => {
    const initializer = [
      { name: 'w', dims: [4], dataType: 1 },
      { name: 'none', dims: [0], dataType: 1 },
    ];
    const kinds = decodeModel(file({ graph: { initializer } })).model.graph.initializers.map((t) => t.data.kind);
    expect(kinds).toEqual(['absent', 'bytes']);
  });

  test('external data is named, its numbers checked', () => {
    const external = (entries: Record<string, string>): Uint8Array =>
      file({
        graph: {
          initializer: [
            {
              name: 'w',
              dims: [4],
              dataType: 1,
              dataLocation: 1,
              externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
            },
          ],
        },
      });
    const data = decodeModel(external({ location: 'w.bin', offset: '4096', length: '16' })).model.graph.initializers[0]?.data;
    expect(data).toEqual({ kind: 'external', location: 'w.bin', offset: 4096, length: 16 });
    expect(codesOf(() => decodeModel(external({ offset: '0' })))).toEqual(['SYS1008']);
    expect(codesOf(() => decodeModel(external({ location: 'w.bin', offset: '-1' })))).toEqual(['SYS1008']);
  });

  test('all that is wrong is said at once, each with its tensor', () => {
    const initializer = [
      { name: 'short', dims: [4], dataType: 1, rawData: new Uint8Array(12) },
      { name: 'strange', dims: [1], dataType: 99, rawData: new Uint8Array(1) },
      { name: 'minus', dims: [-4], dataType: 1 },
      { name: 'huge', dims: [2 ** 40, 2 ** 40], dataType: 1, rawData: new Uint8Array(4) },
      { name: 'misplaced', dims: [2], dataType: 1, int32Data: [1, 2] },
    ];
    const problems = problemsOf(() => decodeModel(file({ graph: { initializer } }), { file: 'm.onnx' }));
    expect(problems.map((d) => d.code)).toEqual(['SYS1007', 'SYS1004', 'SYS1006', 'SYS1041', 'SYS1007']);
    expect(problems[0]?.message).toContain('initializer "short" is float32 [4], which takes 16 bytes, but has 12');
    expect(problems[4]?.message).toContain('none (but some in int32_data)');
    expect(problems[0]?.location?.file).toBe('m.onnx');
  });
});

describe('attributes', () => {
  const attributeOf = (a: onnxProto.onnx.IAttributeProto): OnnxAttribute | undefined =>
    decodeModel(file({ graph: { node: [{ opType: 'Op', name: 'n', output: ['y'], attribute: [{ name: 'a', ...a }] }] } })).model.graph
      .nodes[0]?.attributes[0];

  test('without a type (IR 1) the value tells the kind', () => {
    expect(attributeOf({ f: 0.5 })).toMatchObject({ kind: 'float', value: 0.5 });
    expect(attributeOf({ i: 0 })).toMatchObject({ kind: 'int', value: 0 });
    expect(attributeOf({ ints: [1, 2] })).toMatchObject({ kind: 'ints', value: [1, 2] });
    expect(attributeOf({ t: { dims: [0], dataType: 1 } })).toMatchObject({ kind: 'tensor' });
    expect(codesOf(() => attributeOf({}))).toEqual(['SYS1009']);
  });

  test('"to the end" (INT64_MAX) saturates; other integers beyond 2^53 are errors', () => {
    const int64 = (high: number, low: number): { high: number; low: number; unsigned: boolean } => ({ high, low, unsigned: false });
    const attribute = (value: object): onnxProto.onnx.IAttributeProto => ({ type: 2, i: value as never });
    expect(attributeOf(attribute(int64(0x7fffffff, -1)))).toMatchObject({ value: Number.MAX_SAFE_INTEGER });
    expect(attributeOf(attribute(int64(-0x80000000, 0)))).toMatchObject({ value: Number.MIN_SAFE_INTEGER });
    expect(attributeOf(attribute(int64(-1, -7)))).toMatchObject({ value: -7 });
    const problems = problemsOf(() => attributeOf(attribute(int64(0x200000, 1))));
    expect(problems[0]).toMatchObject({
      code: 'SYS1005',
      message: expect.stringContaining('attribute "a" of node "n" (Op) is 9007199254740993') as string,
    });
  });

  test('a type ONNX does not define', () => {
    expect(codesOf(() => attributeOf({ type: 40 as never, i: 1 }))).toEqual(['SYS1009']);
  });
});

test('dimensions: known, named, unknown in three spellings', () => {
  const dim = [{ dimValue: 3 }, { dimParam: 'N' }, {}, { dimValue: -1 }, { dimParam: '' }, { dimValue: 0 }];
  const { model } = decodeModel(file({ graph: { input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim } } } }] } }));
  expect(model.graph.inputs[0]?.type).toEqual({ kind: 'tensor', dtype: 'float32', shape: [3, 'N', null, null, null, 0] });
});

test('a model newer than we know is read with a warning', () => {
  const { diagnostics } = decodeModel(file({ irVersion: 99, opsetImport: [{ version: 98 }, { domain: 'com.x', version: 97 }] }));
  expect(diagnostics.map((d) => `${d.code} ${d.severity}`)).toEqual(['SYS1011 warning', 'SYS1011 warning']);
  expect(diagnostics[1]?.message).toContain('opset 98');
});

describe('files that are not ONNX', () => {
  const text = (s: string): Uint8Array => new TextEncoder().encode(s);
  test.each([
    ['an empty file', new Uint8Array()],
    ['Git LFS', text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n')],
    ['ZIP archive', text('PK\x03\x04 and more')],
    ['JSON', text('{"format": "layers"}')],
    ['HTML', text('<!DOCTYPE html><html></html>')],
    ['text file', text('hello, this is no model\n')],
    ['TensorFlow Lite', Uint8Array.of(28, 0, 0, 0, 0x54, 0x46, 0x4c, 0x33, 1, 2)],
    ['NumPy', Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)],
  ])('%s', (what, bytes) => {
    const [problem] = problemsOf(() => decodeModel(bytes));
    expect(problem).toMatchObject({ code: 'SYS1001', message: expect.stringContaining(what) as string });
  });

  test('another protobuf message has no graph', () => {
    const tensor = onnx.TensorProto.encode({ dims: [1], dataType: 1, floatData: [1] }).finish();
    expect(codesOf(() => decodeModel(tensor))).toEqual(['SYS1003']);
  });
});

test('a truncated file is told by byte and field', () => {
  const initializer = [
    { name: 'a', dims: [1], dataType: 1, rawData: new Uint8Array(4) },
    { name: 'b', dims: [25], dataType: 1, rawData: new Uint8Array(100) },
  ];
  const whole = file({ graph: { initializer } });
  const [problem] = problemsOf(() => decodeModel(whole.subarray(0, whole.length - 40)));
  expect(problem?.code).toBe('SYS1002');
  expect(problem?.message).toMatch(
    /damaged at byte \d+ of \d+, in graph\.initializer\[1\]\.raw_data: it says it has 100 bytes, but the file ends after \d+/,
  );
});

test('a wrong length is told where it stands', () => {
  const bytes = file({
    graph: {
      node: [
        { opType: 'Relu', name: 'first' },
        { opType: 'Relu', name: 'second' },
      ],
    },
  });
  const at = String.fromCharCode(...bytes).indexOf('second') - 1;
  const broken = bytes.slice();
  broken[at] = 60;
  const [problem] = problemsOf(() => decodeModel(broken));
  expect(problem?.message).toContain(
    `damaged at byte ${at - 1} of ${bytes.length}, in graph.node[1].name: it says it has 60 bytes, but what encloses it ends after`,
  );
});
