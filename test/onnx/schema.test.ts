import { readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';

const schemaFile = new URL('../../src/onnx/onnx.proto', import.meta.url);
const generatedFile = new URL('../../src/onnx/generated/onnx.js', import.meta.url);

interface MessageClass {
  readonly prototype: Record<string, unknown>;
  readonly encode: (message: object) => { finish(): Uint8Array };
}

const schema = protobuf.parse(readFileSync(schemaFile, 'utf8')).root;
const older = (path: string): MessageClass | undefined =>
  path.split('.').reduce<unknown>((space, name) => (space as Record<string, unknown> | undefined)?.[name], onnxProto.onnx) as
    MessageClass | undefined;

function messages(space: protobuf.NamespaceBase, path = ''): [path: string, type: protobuf.Type][] {
  return space.nestedArray.flatMap((nested) => {
    if (!(nested instanceof protobuf.Type)) return nested instanceof protobuf.Namespace ? messages(nested, path) : [];
    const here = path === '' ? nested.name : `${path}.${nested.name}`;
    return [[here, nested] as [string, protobuf.Type], ...messages(nested, here)];
  });
}

/** A value that is written: onnx-proto leaves nothing out that is set. */
function sample(field: protobuf.Field): unknown {
  const one =
    field.type === 'string' ? 'x' : field.type === 'bytes' ? Uint8Array.of(1) : /^(int|uint|float|double)/.test(field.type) ? 1 : undefined;
  const value = one ?? (field.resolvedType instanceof protobuf.Enum ? 1 : {});
  return field.repeated ? [value] : value;
}

describe('our schema gives every field the number and wire type that onnx-proto (ONNX 1.10) gives it', () => {
  schema.resolveAll();
  const all = messages(schema);
  const shared = all.filter(([path]) => older(path) !== undefined);
  test('most messages are in both', () => {
    expect(shared.length).toBeGreaterThanOrEqual(16);
  });
  test.each(shared)('%s', (path, type) => {
    const theirs = older(path);
    const ours = new Set(type.fieldsArray.map((f) => f.name));
    const mine = schema.lookupType(`onnx.${path}`);
    let compared = 0;
    for (const field of type.fieldsArray) {
      if (theirs === undefined || !(field.name in theirs.prototype)) continue;
      const bytes = theirs.encode({ [field.name]: sample(field) }).finish();
      const tag = (bytes[0] ?? 0) < 128 ? (bytes[0] ?? 0) : ((bytes[0] ?? 0) & 127) | ((bytes[1] ?? 0) << 7);
      expect([field.name, tag >>> 3]).toEqual([field.name, field.id]);
      expect(mine.toObject(mine.decode(bytes))).toHaveProperty(field.name);
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
    // And nothing they know is missing here.
    const known = Object.keys(theirs?.prototype ?? {}).filter((k) => !['constructor', 'toJSON', 'value'].includes(k));
    expect(known.filter((k) => !ours.has(k) && !removed.has(`${path}.${k}`))).toEqual([]);
  });
});

/** In the draft of 1.10 that onnx-proto was made from, removed by the specification since. */
const removed = new Set(['FunctionProto.sinceVersion', 'FunctionProto.status']);

test('element types, attribute types: one number each, all of IR 13', () => {
  const dataTypes = schema.lookupEnum('onnx.TensorProto.DataType').values;
  expect(Object.values(dataTypes)).toEqual(Array.from({ length: 27 }, (_, i) => i));
  for (const [name, number] of Object.entries(onnxProto.onnx.TensorProto.DataType)) {
    if (Number.isNaN(Number(name))) expect([name, dataTypes[name]]).toEqual([name, number]);
  }
  expect(dataTypes).toMatchObject({ UINT4: 21, INT4: 22, FLOAT4E2M1: 23, FLOAT8E8M0: 24, UINT2: 25, INT2: 26 });
  expect(schema.lookupEnum('onnx.AttributeProto.AttributeType').values).toMatchObject({ TYPE_PROTO: 13, TYPE_PROTOS: 14 });
});

test('fields newer than onnx-proto have the numbers of the specification', () => {
  const id = (message: string, field: string): number | undefined => schema.lookupType(`onnx.${message}`).fields[field]?.id;
  expect(id('NodeProto', 'overload')).toBe(8);
  expect(id('NodeProto', 'metadataProps')).toBe(9);
  expect(id('NodeProto', 'deviceConfigurations')).toBe(10);
  expect(id('FunctionProto', 'attributeProto')).toBe(11);
  expect(id('FunctionProto', 'valueInfo')).toBe(12);
  expect(id('FunctionProto', 'overload')).toBe(13);
  expect(id('ModelProto', 'configuration')).toBe(26);
  expect(id('GraphProto', 'metadataProps')).toBe(16);
  expect(id('TensorProto', 'metadataProps')).toBe(16);
  expect(id('ValueInfoProto', 'metadataProps')).toBe(4);
});

test('the generated codec makes no code at run time', () => {
  const code = readFileSync(generatedFile, 'utf8');
  expect(code).not.toMatch(/\beval\b|new Function|\bFunction\(/);
  expect(code).toContain('from "protobufjs/minimal.js"');
});
