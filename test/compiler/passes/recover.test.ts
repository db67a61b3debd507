/** Composites that exporters split: what is recovered, that it computes the same, and what must not be taken for one. */
import { describe, expect, test } from 'vitest';
import { runPasses } from '../../../src/compiler/passes/index.ts';
import { recoverPasses } from '../../../src/compiler/passes/recover/index.ts';
import { randomInputs } from '../../../src/compiler/precision/index.ts';
import { interpret, parseGraph } from '../../../src/graph/index.ts';
import type { Graph } from '../../../src/graph/ir.ts';

/** Writes a graph over inputs named like their shapes: each line is `name: shape = Op(inputs) {attributes}`, float32 throughout. */
function graphOf(head: readonly string[], lines: readonly string[], result: string, opset = 17): Graph {
  const nodes = lines.map((line, i) => {
    const [, name = '', shape = '', call = ''] = /^(\w+): (\[[^\]]*\]) = (.*)$/.exec(line) ?? [];
    return `%${name}: float32${shape} = ${call.replace(/\b([a-z]\w*)\b(?=[,)])/g, '%$1')} name "n${i}" origin ["n${i}"]`;
  });
  return parseGraph([`graph "g" opset ${opset} {`, ...head, ...nodes, `return ${result}`, '}'].join('\n'));
}

function opsOf(graph: Graph): string[] {
  return graph.nodes.map((n) => n.op);
}

function recover(graph: Graph): { readonly graph: Graph; readonly told: readonly string[] } {
  const told: string[] = [];
  return { graph: runPasses(graph, recoverPasses, { report: (d) => told.push(d.message) }), told };
}

function expectSame(before: Graph, after: Graph): void {
  const inputs = randomInputs(before, 7);
  const a = [...interpret(before, inputs).values()];
  const b = [...interpret(after, inputs).values()];
  a.forEach((t, k) => {
    const other = b[k];
    expect(other?.shape).toEqual(t.shape);
    Array.from(t.data, Number).forEach((x, i) =>
      expect(Math.abs(Number(other?.data[i]) - x)).toBeLessThan(2e-5 * Math.max(1, Math.abs(x))),
    );
  });
}

const x = 'input %x: float32[2, 3, 8]';
const number = (name: string, value: string): string => `const %${name}: float32[] = [${value}]`;
const numbers = [
  number('half', '0.5'),
  number('one', '1.0'),
  number('root', '1.41421354'),
  number('two', '2.0'),
  number('six', '6.0'),
  number('three', '3.0'),
  number('zero', '0.0'),
];
const tanhNumbers = [number('k', '0.0447149985'), number('s', '0.797884583')];
const s8 = '[2, 3, 8]';
const s1 = '[2, 3, 1]';

describe('activations', () => {
  const erf = [`d: ${s8} = Div(x, root)`, `e: ${s8} = Erf(d)`, `p: ${s8} = Add(e, one)`];
  const spellings: readonly (readonly [string, string, readonly string[]])[] = [
    ['x·(1+erf)·½', 'Gelu', [...erf, `m: ${s8} = Mul(x, p)`, `y: ${s8} = Mul(m, half)`]],
    ['½x·(1+erf)', 'Gelu', [`h: ${s8} = Mul(half, x)`, ...erf, `y: ${s8} = Mul(h, p)`]],
    ['x·(½·(erf+1))', 'Gelu', [...erf, `m: ${s8} = Mul(half, p)`, `y: ${s8} = Mul(m, x)`]],
    [
      'tanh, x³ by Pow',
      'Gelu',
      [
        `c: ${s8} = Pow(x, three)`,
        `d: ${s8} = Mul(k, c)`,
        `a: ${s8} = Add(x, d)`,
        `u: ${s8} = Mul(s, a)`,
        `t: ${s8} = Tanh(u)`,
        `p: ${s8} = Add(t, one)`,
        `h: ${s8} = Mul(half, x)`,
        `y: ${s8} = Mul(h, p)`,
      ],
    ],
    ['swish', 'Swish', [`g: ${s8} = Sigmoid(x)`, `y: ${s8} = Mul(g, x)`]],
    ['swish with a slope', 'Swish', [`q: ${s8} = Mul(x, root)`, `g: ${s8} = Sigmoid(q)`, `y: ${s8} = Mul(x, g)`]],
    [
      'hard swish',
      'HardSwish',
      [`a: ${s8} = Add(x, three)`, `c: ${s8} = Clip(a, zero, six)`, `m: ${s8} = Mul(x, c)`, `y: ${s8} = Div(m, six)`],
    ],
    ['mish', 'Mish', [`b: ${s8} = Exp(x)`, `a: ${s8} = Add(b, one)`, `l: ${s8} = Log(a)`, `t: ${s8} = Tanh(l)`, `y: ${s8} = Mul(x, t)`]],
  ];
  test.each(spellings)('%s is %s', (_, op, lines) => {
    const before = graphOf([x, ...numbers, ...tanhNumbers], lines, '%y');
    const { graph, told } = recover(before);
    expect(opsOf(graph)).toEqual([op]);
    expect(graph.nodes[0]?.origin).toEqual(before.nodes.map((n) => n.name));
    expect(told[0]).toContain(`1 × ${op}`);
    expectSame(before, graph);
  });

  test('a value inside that somebody else reads keeps the group apart', () => {
    const before = graphOf([x, ...numbers], [...erf, `m: ${s8} = Mul(x, p)`, `y: ${s8} = Mul(m, half)`], '%y, %e');
    expect(opsOf(recover(before).graph)).toEqual(opsOf(before));
  });

  test.each([
    ['another root', number('root', '1.5')],
    ['another half', number('half', '0.6')],
  ])('%s is no Gelu', (_, changed) => {
    const head = numbers.map((n) => (n.split(':')[0] === changed.split(':')[0] ? changed : n));
    const before = graphOf([x, ...head], [...erf, `m: ${s8} = Mul(x, p)`, `y: ${s8} = Mul(m, half)`], '%y');
    expect(opsOf(recover(before).graph)).not.toContain('Gelu');
  });
});

describe('norms', () => {
  const head = [
    x,
    number('two', '2.0'),
    number('one', '1.0'),
    number('eps', '1e-5'),
    'const %g: float32[8] = [1.0, 0.5, 2.0, 1.5, 1.0, 0.25, 3.0, 1.0]',
    'const %b: float32[8] = splat [0.5]',
  ];
  const mean = (name: string, of: string): string => `${name}: ${s1} = ReduceMean(${of}) {axes: [-1]}`;
  const root = [`v: ${s1} = Add(q, eps)`, `r: ${s1} = Sqrt(v)`];
  const centred = [mean('m', 'x'), `d: ${s8} = Sub(x, m)`, `c: ${s8} = Pow(d, two)`, mean('q', 'c'), ...root];
  const squared = [`c: ${s8} = Mul(x, x)`, mean('q', 'c'), ...root];
  test.each<readonly [string, string, readonly string[]]>([
    ['with gain and shift', 'LayerNormalization', [...centred, `n: ${s8} = Div(d, r)`, `w: ${s8} = Mul(n, g)`, `y: ${s8} = Add(b, w)`]],
    ['with a gain', 'LayerNormalization', [...centred, `n: ${s8} = Div(d, r)`, `y: ${s8} = Mul(g, n)`]],
    ['bare', 'LayerNormalization', [...centred, `y: ${s8} = Div(d, r)`]],
    [
      'by a reciprocal',
      'LayerNormalization',
      [...centred, `i: ${s1} = Reciprocal(r)`, `n: ${s8} = Mul(d, i)`, `w: ${s8} = Mul(n, g)`, `y: ${s8} = Add(w, b)`],
    ],
    ['without a mean', 'RMSNormalization', [...squared, `i: ${s1} = Div(one, r)`, `n: ${s8} = Mul(x, i)`, `y: ${s8} = Mul(g, n)`]],
    ['without a mean, divided', 'RMSNormalization', [...squared, `n: ${s8} = Div(x, r)`, `y: ${s8} = Mul(n, g)`]],
  ])('%s: %s', (_, op, lines) => {
    const before = graphOf(head, lines, '%y');
    const { graph } = recover(before);
    expect(opsOf(graph)).toEqual([op]);
    expectSame(before, graph);
  });

  test('a mean over another axis is not the last one', () => {
    const other = graphOf(
      head,
      [
        ...centred.slice(0, 3),
        `q: [2, 1, 8] = ReduceMean(c) {axes: [1]}`,
        `v: [2, 1, 8] = Add(q, eps)`,
        `r: [2, 1, 8] = Sqrt(v)`,
        `y: ${s8} = Div(d, r)`,
      ],
      '%y',
    );
    expect(opsOf(recover(other).graph)).toEqual(opsOf(other));
  });

  test('over planes: InstanceNormalization; over reshaped groups: GroupNormalization', () => {
    const plane = '[2, 4, 3, 3]';
    const one = '[2, 4, 1, 1]';
    const image = [
      'input %x: float32[2, 4, 3, 3]',
      number('two', '2.0'),
      number('eps', '1e-5'),
      'const %g: float32[4, 1, 1] = [1.0, 2.0, 0.5, 1.5]',
      'const %b: float32[4, 1, 1] = [0.1, 0.2, 0.3, 0.4]',
    ];
    const lines = [
      `m: ${one} = ReduceMean(x) {axes: [2, 3]}`,
      `d: ${plane} = Sub(x, m)`,
      `c: ${plane} = Pow(d, two)`,
      `q: ${one} = ReduceMean(c) {axes: [2, 3]}`,
      `v: ${one} = Add(q, eps)`,
      `r: ${one} = Sqrt(v)`,
      `n: ${plane} = Div(d, r)`,
      `w: ${plane} = Mul(n, g)`,
      `y: ${plane} = Add(w, b)`,
    ];
    const instance = graphOf(image, lines, '%y');
    const found = recover(instance).graph;
    expect(opsOf(found)).toEqual(['InstanceNormalization']);
    expectSame(instance, found);

    const parts = [
      ...image,
      'const %apart: int64[3] = [2, 2, 18]',
      'const %back: int64[4] = [2, 4, 3, 3]',
      'const %ones: float32[2] = [1.0, 1.0]',
      'const %zeros: float32[2] = [0.0, 0.0]',
    ];
    const grouped = graphOf(
      parts,
      [
        `a: [2, 2, 18] = Reshape(x, apart)`,
        `i: [2, 2, 18] = InstanceNormalization(a, ones, zeros) {epsilon: 1e-5}`,
        `n: ${plane} = Reshape(i, back)`,
        `w: ${plane} = Mul(n, g)`,
        `y: ${plane} = Add(w, b)`,
      ],
      '%y',
    );
    const group = recover(grouped).graph;
    expect(opsOf(group)).toEqual(['GroupNormalization']);
    expectSame(grouped, group);
  });
});

describe('attention', () => {
  const four = '[1, 4, 5, 8]';
  const scores = '[1, 4, 5, 5]';
  const head = [
    'input %q: float32[1, 4, 5, 8]',
    'input %k: float32[1, 4, 5, 8]',
    'input %v: float32[1, 4, 5, 8]',
    'input %mask: float32[1, 1, 1, 5]',
    number('root', '2.82842708'),
    number('part', '0.594603539'),
  ];
  const spellings: readonly (readonly [string, readonly string[]])[] = [
    [
      'scale behind',
      [
        't: [1, 4, 8, 5] = Transpose(k) {perm: [0, 1, 3, 2]}',
        `p: ${scores} = MatMul(q, t)`,
        `s: ${scores} = Div(p, root)`,
        `w: ${scores} = Softmax(s) {axis: -1}`,
        `y: ${four} = MatMul(w, v)`,
      ],
    ],
    [
      'scale on both, additive mask',
      [
        `a: ${four} = Mul(q, part)`,
        't: [1, 4, 8, 5] = Transpose(k) {perm: [0, 1, 3, 2]}',
        'c: [1, 4, 8, 5] = Mul(t, part)',
        `p: ${scores} = MatMul(a, c)`,
        `m: ${scores} = Add(p, mask)`,
        `w: ${scores} = Softmax(m) {axis: 3}`,
        `y: ${four} = MatMul(w, v)`,
      ],
    ],
  ];
  test.each(spellings)('%s', (_, lines) => {
    const before = graphOf(head, lines, '%y');
    const { graph, told } = recover(before);
    expect(opsOf(graph)).toEqual(['Attention']);
    expect(told[0]).toContain('queries [1, 4, 5, 8]');
    expectSame(before, graph);
  });

  test('heads that share keys and values', () => {
    const shared = [
      'input %q: float32[1, 4, 5, 8]',
      'input %k: float32[1, 2, 5, 8]',
      'input %v: float32[1, 2, 5, 8]',
      'const %two: int64[1] = [2]',
      'const %wide: int64[5] = [1, 2, 2, 5, 8]',
      'const %four: int64[4] = [1, 4, 5, 8]',
      number('root', '2.82842708'),
    ];
    const repeat = (of: string): string[] => [
      `${of}a: [1, 2, 1, 5, 8] = Unsqueeze(${of}, two)`,
      `${of}b: [1, 2, 2, 5, 8] = Expand(${of}a, wide)`,
      `${of}c: ${four} = Reshape(${of}b, four)`,
    ];
    const before = graphOf(
      shared,
      [
        ...repeat('k'),
        ...repeat('v'),
        't: [1, 4, 8, 5] = Transpose(kc) {perm: [0, 1, 3, 2]}',
        `p: ${scores} = MatMul(q, t)`,
        `s: ${scores} = Div(p, root)`,
        `w: ${scores} = Softmax(s) {axis: -1}`,
        `y: ${four} = MatMul(w, vc)`,
      ],
      '%y',
    );
    const { graph, told } = recover(before);
    expect(opsOf(graph)).toEqual(['Attention']);
    expect(told[0]).toContain('4 heads over 2 of keys and values');
    expectSame(before, graph);
  });

  test('caches that keys and values are appended to', () => {
    const cached = [
      'input %q: float32[1, 4, 1, 8]',
      'input %k: float32[1, 4, 1, 8]',
      'input %v: float32[1, 4, 1, 8]',
      'input %pk: float32[1, 4, 4, 8]',
      'input %pv: float32[1, 4, 4, 8]',
      number('root', '2.82842708'),
    ];
    const before = graphOf(
      cached,
      [
        `kk: ${four} = Concat(pk, k) {axis: 2}`,
        `vv: ${four} = Concat(pv, v) {axis: 2}`,
        't: [1, 4, 8, 5] = Transpose(kk) {perm: [0, 1, 3, 2]}',
        'p: [1, 4, 1, 5] = MatMul(q, t)',
        's: [1, 4, 1, 5] = Div(p, root)',
        'w: [1, 4, 1, 5] = Softmax(s) {axis: -1}',
        'y: [1, 4, 1, 8] = MatMul(w, vv)',
      ],
      '%y, %kk, %vv',
    );
    const { graph, told } = recover(before);
    expect(opsOf(graph)).toEqual(['Attention']);
    expect(told[0]).toContain('appends to its caches');
    expectSame(before, graph);
  });
});

describe('moves', () => {
  test.each<readonly [string, string, string, string]>([
    ['DepthToSpace', '[1, 2, 2, 2, 3, 5]', '[0, 1, 4, 2, 5, 3]', '[1, 2, 3, 2, 5, 2]'],
    ['DepthToSpace', '[1, 2, 2, 2, 3, 5]', '[0, 3, 4, 1, 5, 2]', '[1, 2, 3, 2, 5, 2]'],
  ])('%s, apart as %s, turned by %s', (op, six, perm, turned) => {
    const before = graphOf(
      ['input %x: float32[1, 8, 3, 5]', `const %apart: int64[6] = ${six}`, 'const %back: int64[4] = [1, 2, 6, 10]'],
      [`a: ${six} = Reshape(x, apart)`, `t: ${turned} = Transpose(a) {perm: ${perm}}`, 'y: [1, 2, 6, 10] = Reshape(t, back)'],
      '%y',
    );
    const { graph } = recover(before);
    expect(opsOf(graph)).toEqual([op]);
    expectSame(before, graph);
  });

  test.each([1, 3])('PixelUnshuffle of PyTorch, %d channels', (channels) => {
    const before = graphOf(
      [
        `input %x: float32[2, ${channels}, 4, 6]`,
        `const %apart: int64[6] = [2, ${channels}, 2, 2, 3, 2]`,
        `const %back: int64[4] = [2, ${4 * channels}, 2, 3]`,
      ],
      [
        `a: [2, ${channels}, 2, 2, 3, 2] = Reshape(x, apart)`,
        `t: [2, ${channels}, 2, 2, 2, 3] = Transpose(a) {perm: [0, 1, 3, 5, 2, 4]}`,
        `y: [2, ${4 * channels}, 2, 3] = Reshape(t, back)`,
      ],
      '%y',
    );
    const { graph, told } = recover(before);
    expect(opsOf(graph)).toEqual(['Reshape', 'SpaceToDepth', 'Reshape']);
    expect(told.join()).toContain('SpaceToDepth (blocks of 2, channel by channel)');
    expectSame(before, graph);
  });

  test('softmax written out', () => {
    const before = graphOf(
      [x],
      [
        `m: ${s1} = ReduceMax(x) {axes: [-1]}`,
        `d: ${s8} = Sub(x, m)`,
        `e: ${s8} = Exp(d)`,
        `t: ${s1} = ReduceSum(e) {axes: [-1]}`,
        `y: ${s8} = Div(e, t)`,
      ],
      '%y',
      11,
    );
    const { graph } = recover(before);
    expect(opsOf(graph)).toEqual(['Softmax']);
    expectSame(before, graph);
  });

  test('rotary positions', () => {
    const table = '[0.1, 0.2, 0.1, 0.2, 0.3, 0.4, 0.3, 0.4, 0.5, 0.6, 0.5, 0.6]';
    const before = graphOf(
      [
        'input %x: float32[1, 2, 3, 4]',
        `const %cos: float32[3, 4] = ${table}`,
        `const %sin: float32[3, 4] = ${table}`,
        'const %s0: int64[1] = [0]',
        'const %s2: int64[1] = [2]',
        'const %s4: int64[1] = [4]',
        'const %ax: int64[1] = [3]',
        'const %st: int64[1] = [1]',
      ],
      [
        'h: [1, 2, 3, 2] = Slice(x, s2, s4, ax, st)',
        'l: [1, 2, 3, 2] = Slice(x, s0, s2, ax, st)',
        'n: [1, 2, 3, 2] = Neg(h)',
        'c: [1, 2, 3, 4] = Concat(n, l) {axis: -1}',
        'a: [1, 2, 3, 4] = Mul(x, cos)',
        'b: [1, 2, 3, 4] = Mul(c, sin)',
        'y: [1, 2, 3, 4] = Add(a, b)',
      ],
      '%y',
    );
    const { graph } = recover(before);
    expect(opsOf(graph)).toEqual(['RotaryEmbedding']);
    expectSame(before, graph);
  });
});
