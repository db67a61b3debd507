/** Files told by their first bytes. */
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { fileKind, foreignKind } from '../../src/core/index.ts';
import { buildModel } from '../../src/models/index.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
/** Bytes written as characters up to 255. */
const raw = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0));
const zip = (...names: readonly string[]): Uint8Array => zipSync(Object.fromEntries(names.map((name) => [name, strToU8('x')])));

describe('what people give in place of an ONNX model, and the way to one', () => {
  test.each([
    ['an empty file', text(''), /exporter/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
    ['an HTML page', text('\n<!doctype HTML>'), /fetch the file itself/],
    ['an OpenVINO model (XML)', text('<?xml version="1.0"?>\n<net name="x" version="11">'), /its framework/],
    ['a gzip archive', raw('\x1f\x8b\x08\x00'), /gunzip/],
    ['a tar archive', raw('a'.padEnd(257, '\0') + 'ustar'), /tar -xf/],
    ['a ZIP archive', zip('models/net.onnx'), /give "models\/net\.onnx"/],
    ['a NumPy archive (.npz)', zip('x.npy'), /--values/],
    ['a PyTorch file (.pt)', zip('net/data.pkl', 'net/version'), /torch\.onnx\.export/],
    ['a Keras model', zip('config.json', 'model.weights.h5'), /format="onnx"/],
    ['a Python pickle (a PyTorch checkpoint, perhaps)', raw('\x80\x02}q\x00.'), /torch\.onnx\.export/],
    ['a TensorFlow Lite model', raw('\x1c\0\0\0TFL3'), /tf2onnx\.convert --tflite/],
    ['a TensorFlow SavedModel', raw('\x08\x01\x12\x0c\x0a\x0a\x22\x05serve'), /--saved-model/],
    ['a TensorFlow graph', raw('\x0a\x14\x0a\x05input\x12\x0bPlaceholder'), /--graphdef/],
    ['a safetensors file', raw('\x36\0\0\0\0\0\0\0{"a":{"dtype":"F32"}}'), /weights alone/],
    ['a GGUF model', raw('GGUF\x03\0\0\0'), /framework/],
    ['an image (PNG)', raw('\x89PNG\r\n\x1a\n\0\0'), /exporter/],
    ['a compiled program (.npu)', raw('\x89NPU\r\n\x1a\n\x01\0\0\0'), /compiled from/],
    ['program text', text('; made by hand\nsystole 1\n'), /systole asm/],
    ['JSON text', text(' {"a": 1}'), /exporter/],
    ['a text file', text('Größe: 3 ×\n'), /exporter/],
  ])('%s', (what, bytes, way) => {
    expect(foreignKind(bytes)).toMatchObject({ what, toOnnx: expect.stringMatching(way) as string });
  });

  test('a model is one for those who wanted something else', () => {
    const model = buildModel('lstm', {});
    expect(foreignKind(model)).toBeUndefined();
    expect(fileKind(model)?.what).toBe('an ONNX model');
  });

  test('what nothing tells is not guessed', () => {
    expect(fileKind(raw('\x01\x02\x03\x04'))).toBeUndefined();
  });
});
