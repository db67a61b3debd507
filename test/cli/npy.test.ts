import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { SystoleError, type DType, type Tensor } from '../../src/core/index.ts';
import { formatNpy, formatNpz, parseArrays, parseNpy } from '../../src/cli/npy.ts';

const samples: readonly Tensor[] = [
  { dtype: 'float32', shape: [2, 3], data: Float32Array.of(1, -2.5, 3, 4, 5, Number.NaN) },
  { dtype: 'float64', shape: [1], data: Float64Array.of(Math.PI) },
  { dtype: 'int8', shape: [4], data: Int8Array.of(-128, -1, 0, 127) },
  { dtype: 'uint16', shape: [], data: Uint16Array.of(65535) },
  { dtype: 'int64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 62n) },
  { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
  { dtype: 'float32', shape: [0, 5], data: new Float32Array(0) },
];

describe('.npy', () => {
  test.each(samples.map((tensor) => [`${tensor.dtype} [${tensor.shape.join(',')}]`, tensor] as const))(
    '%s comes back as it went',
    (_, tensor) => {
      expect(parseNpy(formatNpy(tensor), 'a.npy')).toEqual(tensor);
    },
  );

  test('is laid out as numpy does: magic, version 1.0, header padded to 64, then the numbers', () => {
    const bytes = formatNpy({ dtype: 'int8', shape: [2], data: Int8Array.of(7, -7) });
    expect([...bytes.subarray(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    const headerLength = (bytes[8] ?? 0) + 256 * (bytes[9] ?? 0);
    expect((10 + headerLength) % 64).toBe(0);
    const header = new TextDecoder().decode(bytes.subarray(10, 10 + headerLength));
    expect(header).toMatch(/^\{'descr': '\|i1', 'fortran_order': False, 'shape': \(2,\), \} *\n$/);
    expect([...bytes.subarray(10 + headerLength)]).toEqual([7, 249]);
  });

  test.each([
    ['an empty file', new Uint8Array(0), 'empty \\(0 bytes'],
    ['text', new TextEncoder().encode('1,2,3,4,5,6,7'), 'it is text'],
    ['other bytes', Uint8Array.of(8, 1, 200, 3, 4, 5, 6, 7, 8, 9, 10), 'does not begin'],
    ['cut off numbers', formatNpy({ dtype: 'float32', shape: [4], data: new Float32Array(4) }).subarray(0, -3), 'needs 16'],
    ['cut off header', formatNpy({ dtype: 'float32', shape: [4], data: new Float32Array(4) }).subarray(0, 30), 'cut off'],
    ['objects', npyWith("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), 'Python objects.*np.asarray'],
    ['words', npyWith("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }"), 'holds text'],
    ['complex numbers', npyWith("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), 'complex numbers'],
    ['long doubles', npyWith("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }"), 'astype.np.float64'],
    ['bytes of no type', npyWith("{'descr': '|V1', 'fortran_order': False, 'shape': (1,), }"), 'astype.np.float32'],
    ['records', npyWith("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), 'named fields'],
  ])('%s is refused with the reason', (_, bytes, reason) => {
    expect(() => parseNpy(bytes, 'a.npy')).toThrow(SystoleError);
    expect(() => parseNpy(bytes, 'a.npy')).toThrow(new RegExp(`SYS8004: "a.npy".*${reason}`));
  });

  test('Fortran order comes back row by row', () => {
    // Columns one after another: 1 2 | 3 4 | 5 6.
    const file = npyWith("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", [1, 2, 3, 4, 5, 6]);
    expect(parseNpy(file, 'a.npy')).toEqual({ dtype: 'uint8', shape: [2, 3], data: Uint8Array.of(1, 3, 5, 2, 4, 6) });
  });

  test('Fortran order of three axes and two bytes, against the formula', () => {
    const [a, b, c] = [2, 3, 4];
    const stored = Array.from({ length: a * b * c }, (_, i) => [i & 255, 7]).flat();
    const { data } = parseNpy(npyWith("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }", stored), 'a.npy');
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) expect(data[(i * b + j) * c + k]).toBe(7 * 256 + i + a * (j + b * k));
  });

  test('big-endian numbers', () => {
    const file = npyWith("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }", [0, 0, 1, 2, 255, 255, 255, 254]);
    expect(parseNpy(file, 'a.npy').data).toEqual(Int32Array.of(258, -2));
  });

  test('bfloat16 as ml_dtypes leaves it: two bytes that numpy has no name for', () => {
    const file = npyWith("{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }", [0x80, 0x3f]);
    expect(parseNpy(file, 'a.npy')).toEqual({ dtype: 'bfloat16', shape: [1], data: Uint16Array.of(0x3f80) });
  });
});

describe('.npz', () => {
  const arrays = new Map(samples.map((tensor, i) => [`${tensor.dtype}_${i}`, tensor]));

  test('comes back as it went, and the same arrays give the same bytes', () => {
    expect(parseArrays(formatNpz(arrays), 'a.npz')).toEqual(arrays);
    expect(formatNpz(arrays)).toEqual(formatNpz(arrays));
  });

  test('may be compressed', () => {
    const tensor: Tensor = { dtype: 'float32', shape: [100], data: new Float32Array(100) };
    expect(parseArrays(zipSync({ 'x.npy': formatNpy(tensor) }, { level: 9 }), 'a.npz')).toEqual(new Map([['x', tensor]]));
  });

  test('a lone .npy is the array without a name', () => {
    const tensor: Tensor = { dtype: 'int8' satisfies DType, shape: [1], data: Int8Array.of(1) };
    expect(parseArrays(formatNpy(tensor), 'a.npy')).toEqual(new Map([['', tensor]]));
  });

  test('a damaged archive is refused', () => {
    expect(() => parseArrays(formatNpz(arrays).subarray(0, 40), 'a.npz')).toThrow(/SYS8004.*damaged/);
  });

  test('without arrays: what it holds instead', () => {
    expect(() => parseArrays(zipSync({ 'readme.txt': new Uint8Array(3) }), 'a.npz')).toThrow(/SYS8004: "a.npz".*readme\.txt and no \.npy/);
    expect(() => parseArrays(zipSync({}), 'a.npz')).toThrow(/empty archive/);
    expect(() => parseArrays(zipSync({ 'x.npy': new Uint8Array(3) }), 'a.npz')).toThrow(/SYS8004: "a.npz:x.npy"/);
  });
});

function npyWith(header: string, content: readonly number[] = new Array<number>(64).fill(0)): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  return Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8, ...text, ...content);
}
