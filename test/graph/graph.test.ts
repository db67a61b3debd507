import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SystoleError } from '../../src/core/index.ts';
import {
  bindDims,
  buildGraph,
  compactGraph,
  indexGraph,
  interpret,
  isView,
  parseGraph,
  printGraph,
  totalMacs,
  verifyGraph,
  type Graph,
} from '../../src/graph/index.ts';
import { randomGraph } from './random-graph.ts';
import { f32, numbers } from './helpers.ts';

const chain = parseGraph(`graph "chain" opset 13 {
  input %x: float32[n, 4]
  const %zero: float32[] = [0.0]
  %a: float32[n, 4] = Relu(%x) name "relu" origin ["relu"]
  %b: float32[n, 4] = Identity(%a) name "same" origin ["same"]
  %c: float32[n, 4] = Add(%b, %a) name "twice" origin ["twice"]
  return %c
}
`);

test('an index tells producers and users', () => {
  const { producerOf, usersOf } = indexGraph(chain);
  expect(producerOf).toEqual([-1, -1, 0, 1, 2]);
  expect(usersOf).toEqual([[0], [], [1, 2], [2], []]);
});

test('a builder without changes gives the same graph', () => {
  expect(buildGraph(chain).finish()).toBe(chain);
});

test('a view is taken out, its uses moved, unused values dropped', () => {
  const b = buildGraph(chain);
  const view = b.nodes().find(isView);
  if (view === undefined) throw new Error('no view');
  b.removeNode(view);
  b.replaceUses(3, 2);
  b.retire(view.origin, 'view');
  const graph = b.finish();
  expect(printGraph(graph)).toBe(`graph "chain" opset 13 {
  input %x: float32[n, 4]
  %a: float32[n, 4] = Relu(%x) name "relu" origin ["relu"]
  %c: float32[n, 4] = Add(%a, %a) name "twice" origin ["twice"]
  return %c
  retired "same" view
}
`);
  expect(verifyGraph(graph)).toEqual([]);
  expect(chain.nodes.length).toBe(3);
});

test('nodes are put behind what they read, names kept unique', () => {
  const b = buildGraph(chain);
  const early = b.addValue({ name: 'a', type: { dtype: 'float32', shape: chain.values[0]?.type.shape ?? [] } });
  expect(b.value(early).name).toBe('a_1');
  const [relu] = b.nodes();
  if (relu === undefined) throw new Error('no node');
  b.replaceNode(relu, { ...relu, inputs: [early] });
  b.addNode({ op: 'Neg', domain: '', name: 'neg', inputs: [0], outputs: [early], attributes: {}, origin: [] });
  const graph = b.finish();
  expect(graph.nodes.map((n) => n.op)).toEqual(['Neg', 'Relu', 'Identity', 'Add']);
  expect(verifyGraph(graph)).toEqual([]);
});

test('two replacements of one node stay in its place', () => {
  const b = buildGraph(chain);
  const [relu] = b.nodes();
  if (relu === undefined) throw new Error('no node');
  const middle = b.addValue({ name: 'middle', type: b.value(0).type });
  const first = { ...relu, name: 'first', outputs: [middle] };
  const second = { ...relu, name: 'second', inputs: [middle] };
  b.replaceNode(relu, first, second);
  b.replaceNode(first, { ...first, name: 'changed' });
  expect(b.users(middle)).toEqual([second]);
  expect(b.producer(2)).toBe(second);
  expect(b.finish().nodes.map((n) => n.name)).toEqual(['changed', 'second', 'same', 'twice']);
});

test('a chain of 20,000 nodes is no trouble', () => {
  const b = buildGraph({ ...chain, nodes: [], outputs: [] });
  const type = b.value(0).type;
  let from = 0;
  for (let i = 0; i < 20_000; i++) {
    const to = b.addValue({ name: `v${i}`, type });
    b.addNode({ op: 'Relu', domain: '', name: `r${i}`, inputs: [from], outputs: [to], attributes: {}, origin: [] });
    from = to;
  }
  b.setOutputs([from]);
  expect(verifyGraph(b.finish())).toEqual([]);
});

test('binding gives numbers everywhere, and tells what is left open', () => {
  const bound = bindDims(chain, { n: 3 });
  expect(bound.values.map((v) => v.type.shape)).toEqual([[3, 4], [], [3, 4], [3, 4], [3, 4]]);
  expect(() => bindDims(chain, { m: 3 })).toThrow(
    /SYS3002: dimension "n" has no number: Relu "relu" needs it \(x: \[n, 4\]\). Give one with --dim n=N\./,
  );
  expect(() => bindDims(chain, { n: 1.5 })).toThrow(SystoleError);
  expect(bindDims(bound, {})).toBe(bound);
});

test('shapes computed from shapes are known, symbols included', () => {
  // x: [batch, seq, 8] -> Shape -> first two -> concatenated with 2, 4 -> Reshape.
  const graph = parseGraph(`graph "reshape" opset 13 {
  input %x: float32[batch, seq, 8]
  const %lead: int64[2] = [0, 1]
  const %tail: int64[2] = [2, -1]
  %shape: int64[3] = Shape(%x)
  %some: int64[2] = Gather(%shape, %lead)
  %target: int64[4] = Concat(%some, %tail) {axis: 0}
  %y: float32[batch, seq, 2, 4] = Reshape(%x, %target)
  return %y
}
`);
  expect(verifyGraph(graph)).toEqual([]);
  expect(bindDims(graph, { batch: 2, seq: 5 }).values.at(-1)?.type.shape).toEqual([2, 5, 2, 4]);
});

test('shapes computed through floats are known once their sources are', () => {
  // Half the height, through Cast, Mul and Floor, is the size a Resize takes.
  const graph = parseGraph(`graph "half" opset 13 {
  input %x: float32[1, 1, 6, w]
  const %lead: int64[2] = [1, 1]
  const %two: int64[] = [2]
  const %half: float32[] = [0.5]
  const %most: float32[1] = [9.0]
  %shape: int64[4] = Shape(%x)
  %h: int64[] = Gather(%shape, %two)
  %real: float32[] = Cast(%h) {to: 1}
  %halved: float32[] = Mul(%real, %half)
  %floor: float32[] = Floor(%halved)
  %whole: int64[] = Cast(%floor) {to: 7}
  %axes: int64[1] = Constant() {value_ints: [0]}
  %part: int64[1] = Unsqueeze(%whole, %axes)
  %last: int64[1] = Shape(%x) {start: 3}
  %lastReal: float32[1] = Cast(%last) {to: 1}
  %capped: float32[1] = Min(%lastReal, %most)
  %width: int64[1] = Cast(%capped) {to: 7}
  %sizes: int64[4] = Concat(%lead, %part, %width) {axis: 0}
  %y: float32[1, 1, 3, w-max(9,w)+9] = Resize(%x, _, _, %sizes)
  return %y
}
`);
  expect(verifyGraph(graph)).toEqual([]);
  expect(bindDims(graph, { w: 20 }).values.at(-1)?.type.shape).toEqual([1, 1, 3, 9]);
});

test('macs of a graph are those of its nodes, fused or not', () => {
  const text = (fused: string): string => `graph "m" opset 13 {
  input %x: float32[5, 4]
  const %w: float32[4, 7] = splat [1.0]
  ${fused}
  return %z
}
`;
  const plain = '%y: float32[5, 7] = MatMul(%x, %w)\n  %z: float32[5, 7] = Relu(%y)';
  expect(totalMacs(parseGraph(text(plain)))).toBe(140);
  expect(totalMacs(parseGraph(text(`%z = Fused(%x, %w) body {\n    ${plain}\n  }`)))).toBe(140);
});

function broken(change: (text: string) => string): string {
  return verifyGraph(parseGraph(change(printGraph(chain))))
    .map((d) => d.message)
    .join('\n');
}

test('the verifier finds what is broken', () => {
  expect(broken((t) => t.replace('%a: float32[n, 4]', '%a: float32[n, 5]'))).toMatch(/computes float32\[n, 4\], but %a is float32\[n, 5\]/);
  expect(broken((t) => t.replace('%b: float32', '%b: float16'))).toMatch(/types as inferred/);
  // An operator nobody knows breaks no rule: its types are what the file says. Running it does.
  expect(broken((t) => t.replace('Relu(%x)', 'Rely(%x)'))).toBe('');
  const rely = parseGraph(printGraph(chain).replace('Relu(%x)', 'Rely(%x)'));
  expect(() => interpret(rely, new Map([['x', f32([1, 4], [1, 2, 3, 4])]]))).toThrow(
    /there is no definition of this operator. Did you mean Relu/,
  );
  expect(broken((t) => t.replace('%b: float32[n, 4]', '%b: float32[n, 4] quantized(scale [1.0] zero [0] model)'))).toMatch(
    /is quantized, but of type float32/,
  );
  const [relu, same, twice] = chain.nodes;
  if (relu === undefined || same === undefined || twice === undefined) throw new Error('nodes');
  const rules = (graph: Graph): string[] => verifyGraph(graph).map((d) => /rule: (.*)\)/.exec(d.message)?.[1] ?? d.message);
  expect(rules({ ...chain, nodes: [same, relu, twice] })).toEqual(['topological order']);
  expect(rules({ ...chain, nodes: [relu, same, twice, relu] })).toEqual(['single assignment']);
  expect(rules({ ...chain, outputs: [99] })).toEqual(['outputs exist']);
  expect(rules({ ...chain, values: chain.values.map((v) => ({ ...v, name: 'one' })) })).toContain('unique names');
  const fused = { op: 'Fused', domain: '', name: 'f', inputs: [0], outputs: [3], attributes: {}, origin: [], body: [relu, same] };
  expect(rules({ ...chain, nodes: [fused, twice] })).toEqual(['closed body']);
  expect(rules({ ...chain, nodes: [{ ...fused, outputs: [2, 3] }, twice] })).toEqual([]);
});

test('constants that are not there stop a run, not the rest', () => {
  const graph = parseGraph(`graph "absent" opset 13 {
  input %x: float32[2]
  const %w: float32[2] = absent "weights.bin is missing"
  %y: float32[2] = Add(%x, %w) name "add" origin ["add"]
  return %y
}
`);
  expect(verifyGraph(graph)).toEqual([]);
  expect(() => interpret(graph, new Map([['x', f32([2], [1, 2])]]))).toThrow(
    /SYS3040: the numbers of "w", needed by "add", are not there: weights.bin is missing/,
  );
});

test('values are seen as they come to be', () => {
  const seen: string[] = [];
  const x = f32([1, 4], [-1, 2, -3, 4]);
  const y = interpret(chain, new Map([['x', x]]), { observe: (v, t) => seen.push(`${v.name} ${numbers(t).join(' ')}`) });
  expect(seen).toEqual(['x -1 2 -3 4', 'a 0 2 0 4', 'b 0 2 0 4', 'c 0 4 0 8']);
  expect(numbers(y.get('c'))).toEqual([0, 4, 0, 8]);
});

test('random graphs are sound, survive text, and mean the same afterwards', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { graph, inputs } = randomGraph(seed);
      expect(verifyGraph(graph)).toEqual([]);
      const back = parseGraph(printGraph(graph));
      expect(back).toEqual(graph);
      expect(interpret(back, inputs)).toEqual(interpret(graph, inputs));
      expect(interpret(compactGraph(graph), inputs)).toEqual(interpret(graph, inputs));
    }),
    { numRuns: 60 },
  );
});
