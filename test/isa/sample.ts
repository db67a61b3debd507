/** A small whole program, by hand: a 3×3 convolution in two row tiles, then a ReLU, stored; with every kind of table entry. */
import { contentHash, type Command, type Executable, type Slot } from '../../src/isa/index.ts';
import { accumulator, dense, dram, executableOf, kernel, scratchpad, slot } from './fixtures.ts';

const weightBytes = Uint8Array.from({ length: 88 }, (_, i) => (i * 37) & 255);

const weightsRegion = 0;
const input = 1;
const output = 2;

function tile(i: number): (readonly [Slot, Command])[] {
  return [
    [
      slot('dma-in'),
      {
        op: 'LOAD',
        src: dense(dram, 'int8', [1, 2, 4, 8], { region: input, offset: i * 16, strides: [128, 64, 8, 1] }),
        dst: dense(scratchpad, 'int8', [1, 2, 4, 8], { offset: 1024 + 64 * i }),
        operand: 'inputs',
      },
    ],
    [slot('dma-in'), { op: 'SIGNAL', core: 0, id: 0, count: 1 }],
    [slot('matrix'), { op: 'WAIT', core: 0, id: 0, count: 1 }],
    [
      slot('matrix'),
      {
        op: 'CONV',
        mode: 'overwrite',
        x: dense(scratchpad, 'int8', [1, 2, 4, 8], { offset: 1024 + 64 * i }),
        w: dense(scratchpad, 'int8', [4, 2, 3, 3]),
        acc: dense(accumulator, 'int32', [1, 4, 2, 6]),
        drain: {
          out: dense(scratchpad, 'int8', [1, 4, 2, 6], { offset: 2048 + 48 * i }),
          bias: null,
          multiplier: dense(scratchpad, 'float32', [4], { offset: 72 }),
          outZero: 0,
          lo: -128,
          hi: 127,
        },
        xZero: -3,
        wZero: 0,
        groups: 1,
        strides: [1, 1],
        dilations: [1, 1],
        padTop: 0,
        padLeft: 0,
      },
    ],
    [slot('matrix'), { op: 'SIGNAL', core: 0, id: 1, count: 1 }],
  ];
}

export const sampleCommands: readonly (readonly [Slot, Command])[] = [
  [
    slot('dma-in'),
    {
      op: 'LOAD',
      src: dense(dram, 'int8', [4, 2, 3, 3], { region: weightsRegion }),
      dst: dense(scratchpad, 'int8', [4, 2, 3, 3]),
      operand: 'weights',
    },
  ],
  [
    slot('dma-in'),
    {
      op: 'LOAD',
      src: dense(dram, 'float32', [4], { region: weightsRegion, offset: 72 }),
      dst: dense(scratchpad, 'float32', [4], { offset: 72 }),
      operand: 'weights',
    },
  ],
  ...tile(0),
  ...tile(1),
  [slot('vector', 1), { op: 'WAIT', core: 0, id: 1, count: 2 }],
  [
    slot('vector', 1),
    {
      op: 'VECTOR',
      inputs: [dense(scratchpad, 'int8', [96], { offset: 2048 })],
      outputs: [dense(scratchpad, 'int8', [96], { offset: 2048 })],
      steps: [
        { op: 'load', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
        { op: 'immediate', dst: 1, a: -1, b: -1, c: -1, immediate: 0.5 },
        { op: 'max', dst: 0, a: 0, b: 1, c: -1, immediate: 0 },
        { op: 'store', dst: 0, a: 0, b: -1, c: -1, immediate: 0 },
      ],
    },
  ],
  [slot('vector', 1), { op: 'SIGNAL', core: 0, id: 2, count: 1 }],
  [slot('dma-out', 1), { op: 'WAIT', core: 0, id: 2, count: 1 }],
  [slot('dma-out', 1), { op: 'REPEAT', count: 2, length: 1, strides: [{ region: output, bytes: 48 }] }],
  [
    slot('dma-out', 1),
    {
      op: 'STORE',
      src: dense(scratchpad, 'int8', [48], { offset: 2048 }),
      dst: dense(dram, 'int8', [48], { region: output }),
      operand: 'outputs',
    },
  ],
];

export const sample: Executable = executableOf(sampleCommands, {
  model: { name: 'tiny net', sha256: 'ab12', macs: 1728, parameterBytes: 72, opset: 17 },
  options: { precision: 'int8', dims: ['N=1'], sanitize: false, seed: 7 },
  regions: [
    { name: 'weights', kind: 'weights', space: dram, bytes: 88, alignment: 64 },
    { name: 'input', kind: 'input', space: dram, bytes: 128, alignment: 64 },
    { name: 'output', kind: 'output', space: dram, bytes: 96, alignment: 64 },
  ],
  entryPoints: [
    {
      name: 'main',
      program: 0,
      inputs: [
        {
          name: 'x:0',
          region: input,
          offset: 0,
          dtype: 'int8',
          shape: [1, 2, 8, 8],
          quantization: { scale: 0.1, zeroPoint: -3, placeholder: true },
        },
      ],
      outputs: [{ name: 'y', region: output, offset: 0, dtype: 'int8', shape: [1, 4, 4, 6], quantization: null }],
      scalars: [],
    },
  ],
  kernels: [
    kernel({
      name: 'conv',
      origin: ['/block.0/Conv'],
      macs: 1728,
      work: { kind: 'contraction', depthwise: false, groups: 1, m: 24, n: 4, channels: 2, taps: 9, batches: 1, vectorLaneTicks: 0 },
      cold: [
        { space: dram, direction: 'read', operand: 'weights', bytes: 88 },
        { space: dram, direction: 'read', operand: 'inputs', bytes: 128 },
      ],
      mapping: 'm12×c4, weights stay; 2 tiles',
      tiles: 2,
      estimateCycles: 123.5,
    }),
    kernel({
      name: 'relu',
      origin: ['/block.0/Relu'],
      class: 'elementwise',
      engine: 'vector',
      work: { kind: 'vector', vectorLaneTicks: 96 },
      cold: [{ space: dram, direction: 'write', operand: 'outputs', bytes: 96 }],
    }),
  ],
  nodes: [
    { name: '/block.0/Conv', opType: 'Conv', fate: 'kernel', kernel: 0 },
    { name: '/block.0/Relu', opType: 'Relu', fate: 'kernel', kernel: 1 },
    { name: 'flat', opType: 'Flatten', fate: 'view', kernel: -1 },
  ],
  hostSegments: [{ name: 'topk', graph: 'graph topk\n  ; kept as it is | even this\n' }],
  weights: {
    region: weightsRegion,
    bytes: 88,
    segments: [
      { offset: 0, bytes: 72, read: () => weightBytes.subarray(0, 72) },
      { offset: 72, bytes: 16, hash: contentHash(weightBytes.subarray(72)), read: () => weightBytes.subarray(72) },
    ],
    absent: null,
  },
  diagnostics: [
    {
      code: 'SYS3001',
      severity: 'warning',
      message: 'a "quoted" thing; with ; marks',
      origin: ['flat'],
      location: { file: 'm.onnx', line: 3 },
    },
  ],
});
