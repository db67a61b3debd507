import { seededRandom, type Tensor } from '../../src/core/index.ts';
import {
  constantFrom,
  emptyGraph,
  buildGraph,
  startInference,
  type Attribute,
  type Graph,
  type Node,
  type ValueId,
} from '../../src/graph/index.ts';
import { randomTensor } from './helpers.ts';

/** A small convolutional network with branches, some nodes fused, and inputs for it. */
export function randomGraph(seed: number): { readonly graph: Graph; readonly inputs: ReadonlyMap<string, Tensor> } {
  const random = seededRandom(seed);
  const b = buildGraph(emptyGraph(`random ${seed}`, 13));
  const size = random.integer(4, 7);
  const inputShape = [random.integer(1, 2), random.integer(1, 4), size, size];
  const x = b.addValue({ name: 'x', type: { dtype: 'float32', shape: inputShape } });
  b.addInput(x);
  const inference = startInference(13, (id) => b.value(id));
  const images: ValueId[] = [x];
  const add = (op: string, inputs: ValueId[], attributes: Record<string, Attribute> = {}): ValueId => {
    const name = `${op.toLowerCase()}/${b.nodes().length}`;
    const id = b.addValue({ name: random.next() < 0.2 ? `onnx::${name}` : name, type: { dtype: 'float32', shape: [] } });
    const node: Node = { op, domain: '', name, inputs, outputs: [id], attributes, origin: [name] };
    const [type] = inference.infer(node);
    if (type !== undefined) b.setValue(id, { type });
    b.addNode(node);
    return id;
  };
  const constant = (name: string, shape: readonly number[]): ValueId => {
    const splat = random.next() < 0.3;
    const tensor = randomTensor(splat ? [1] : shape, random.nextUint32());
    const bytes = constantFrom(tensor);
    return b.addValue({
      name,
      type: { dtype: 'float32', shape },
      constant: splat && bytes.kind === 'bytes' ? { kind: 'splat', element: bytes.bytes } : bytes,
    });
  };
  for (let i = 0; i < 6; i++) {
    const from = images[random.integer(0, images.length - 1)] ?? x;
    const channels = Number(b.value(from).type.shape[1]);
    const kind = random.integer(0, 4);
    const k = random.integer(1, 3);
    if (kind === 0) {
      const out = random.integer(1, 5);
      const w = constant(`w${i}`, [out, channels, k, k]);
      images.push(add('Conv', [from, w], { pads: { kind: 'ints', value: [1, 0, 1, 1] }, strides: { kind: 'ints', value: [1, 1] } }));
    } else if (kind === 1) images.push(add(random.next() < 0.5 ? 'Relu' : 'Sigmoid', [from]));
    else if (kind === 2) images.push(add('Add', [from, from]));
    else if (kind === 3) images.push(add('LeakyRelu', [from], { alpha: { kind: 'float', value: Math.fround(random.next()) } }));
    else images.push(add('Mul', [from, constant(`m${i}`, [channels, 1, 1])]));
  }
  const last = images.at(-1) ?? x;
  const inner = b.nodes().at(-1);
  const outputs = [last, add('GlobalAveragePool', [images[random.integer(0, images.length - 1)] ?? x])];
  b.setOutputs(outputs);
  if (inner !== undefined && random.next() < 0.5) {
    const inputs = [...new Set(inner.inputs)];
    b.replaceNode(inner, {
      op: 'Fused',
      domain: '',
      name: 'fused',
      inputs,
      outputs: inner.outputs,
      attributes: {},
      origin: inner.origin,
      body: [inner],
    });
  }
  return { graph: b.finish(), inputs: new Map([['x', randomTensor(inputShape, seed)]]) };
}
