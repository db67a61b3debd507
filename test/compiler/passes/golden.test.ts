/** One text per pass: what goes in, what comes out. Update with `vitest -u` and read the difference. */
import { describe, expect, test } from 'vitest';
import {
  absorbQuantization,
  canonicalise,
  foldBatchNorm,
  foldConstants,
  fuseElementwise,
  mergeTransposes,
  turnConcats,
  removeDeadCode,
  runPasses,
  type Pass,
} from '../../../src/compiler/passes/index.ts';
import { splitZeroPoints } from '../../../src/compiler/passes/split-zero-points.ts';
import { compactGraph, parseGraph, printGraph, verifyGraph } from '../../../src/graph/index.ts';

const cases: readonly { readonly name: string; readonly pass: Pass; readonly before: string }[] = [
  {
    name: 'fold-constants',
    pass: foldConstants,
    before: `graph "fold" opset 9 {
      input %x: float32[2, 4, 3, 3]
      const %size: int64[1] = [4]
      %w: float32[4] = ConstantOfShape(%size) {value: tensor float32[1] = [0.5]} name "fill" origin ["fill"]
      %u: float32[4, 1, 1] = Unsqueeze(%w) {axes: [1, 2]} name "unsqueeze" origin ["unsqueeze"]
      %v: float32[4, 1, 1] = Mul(%u, %u) name "square" origin ["square"]
      %n: int64[4] = Shape(%x) name "shape" origin ["shape"]
      %f: float32[2, 4, 3, 3] = Reshape(%x, %n) name "reshape" origin ["reshape"]
      %y: float32[2, 4, 3, 3] = Add(%f, %v) name "add" origin ["add"]
      return %y
    }`,
  },
  {
    name: 'fold-constants-keeps-absent-and-large',
    pass: foldConstants,
    before: `graph "keep" opset 13 {
      input %x: float32[1, 8192]
      const %w: float32[8192] = absent "not there"
      const %row: int64[2] = [1, 8192]
      const %one: float32[1, 1] = [1.5]
      %a: float32[1, 8192] = Reshape(%w, %row) name "view" origin ["view"]
      %b: float32[1, 8192] = Relu(%a) name "unknown" origin ["unknown"]
      %c: float32[1, 8192] = Expand(%one, %row) name "large" origin ["large"]
      %d: float32[1, 8192] = Add(%b, %c) name "sum" origin ["sum"]
      %y: float32[1, 8192] = Add(%x, %d) name "add" origin ["add"]
      return %y
    }`,
  },
  {
    name: 'canonicalise',
    pass: canonicalise,
    before: `graph "canonical" opset 13 {
      input %x: float32[1, 2, 4, 4]
      input %z: float32[1, 2, 4, 4]
      const %low: float32[] = [0.0]
      const %high: float32[] = [6.0]
      const %axes: int64[2] = [2, 3]
      %i: float32[1, 2, 4, 4] = Identity(%x) name "identity" origin ["identity"]
      %s: float32[1, 2, 4, 4] = Sum(%i, %z, %x) name "sum" origin ["sum"]
      %d: float32[1, 2, 4, 4] = Dropout(%s) {ratio: 0.5} name "dropout" origin ["dropout"]
      %c: float32[1, 2, 4, 4] = Clip(%d, %low, %high) name "clip" origin ["clip"]
      %p: float32[1, 2, 1, 1] = AveragePool(%c) {kernel_shape: [5, 5], pads: [1, 1, 0, 0]} name "pool" origin ["pool"]
      %y: float32[1, 2] = Squeeze(%p, %axes) name "squeeze" origin ["squeeze"]
      return %y
    }`,
  },
  {
    name: 'canonicalise-gemm',
    pass: canonicalise,
    before: `graph "gemm" opset 13 {
      input %a: float32[3, 2]
      input %c: float32[2, 4]
      const %w: float32[3, 4] = splat [0.25]
      const %v: float32[4, 2] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
      const %bias: float32[1, 2] = [1.0, -1.0]
      %g: float32[2, 4] = Gemm(%a, %w, %c) {alpha: 2.0, beta: 0.5, transA: 1} name "gemm" origin ["gemm"]
      %m: float32[2, 2] = MatMul(%g, %v) name "matmul" origin ["matmul"]
      %y: float32[2, 2] = Add(%m, %bias) name "bias" origin ["bias"]
      return %y
    }`,
  },
  {
    name: 'canonicalise-keeps-outputs',
    pass: canonicalise,
    before: `graph "outputs" opset 13 {
      input %x: float32[2]
      %r: float32[2] = Relu(%x) name "relu" origin ["relu"]
      %renamed: float32[2] = Identity(%r) name "rename" origin ["rename"]
      %copy: float32[2] = Identity(%x) name "copy" origin ["copy"]
      %y: float32[2] = Neg(%r) name "neg" origin ["neg"]
      return %renamed, %copy, %y
    }`,
  },
  {
    name: 'fold-batch-norm-into-conv',
    pass: foldBatchNorm,
    before: `graph "conv" opset 13 {
      input %x: float32[1, 1, 2, 2]
      const %w: float32[2, 1, 1, 1] = [1.0, 2.0]
      const %b: float32[2] = [0.5, -0.5]
      const %scale: float32[2] = [2.0, 4.0]
      const %shift: float32[2] = [1.0, 0.0]
      const %mean: float32[2] = [0.0, 1.0]
      const %var: float32[2] = [1.0, 4.0]
      const %k: float32[2, 1, 1] = [3.0, 1.0]
      const %d: float32[1, 2, 1, 1] = [10.0, 20.0]
      %c: float32[1, 2, 2, 2] = Conv(%x, %w, %b) name "conv" origin ["conv"]
      %n: float32[1, 2, 2, 2] = BatchNormalization(%c, %scale, %shift, %mean, %var) {epsilon: 0.0} name "bn" origin ["bn"]
      %m: float32[1, 2, 2, 2] = Mul(%n, %k) name "mul" origin ["mul"]
      %y: float32[1, 2, 2, 2] = Add(%m, %d) name "add" origin ["add"]
      return %y
    }`,
  },
  {
    name: 'fold-batch-norm-to-scale-shift',
    pass: foldBatchNorm,
    before: `graph "scale-shift" opset 13 {
      input %x: float32[1, 2, 2, 2]
      const %scale: float32[2] = splat [2.0]
      const %shift: float32[2] = splat [1.0]
      const %mean: float32[2] = splat [0.5]
      const %var: float32[2] = splat [4.0]
      const %k: float32[2, 1, 1] = splat [3.0]
      const %d: float32[2, 1, 1] = [10.0, 20.0]
      %n: float32[1, 2, 2, 2] = BatchNormalization(%x, %scale, %shift, %mean, %var) {epsilon: 0.0} name "bn" origin ["bn"]
      %m: float32[1, 2, 2, 2] = Mul(%k, %n) name "mul" origin ["mul"]
      %y: float32[1, 2, 2, 2] = Add(%m, %d) name "add" origin ["add"]
      return %y
    }`,
  },
  {
    name: 'fold-batch-norm-shared-conv',
    pass: foldBatchNorm,
    before: `graph "shared" opset 13 {
      input %x: float32[1, 1, 2, 2]
      const %w: float32[2, 1, 1, 1] = [1.0, 2.0]
      const %ones: float32[2] = splat [1.0]
      %c: float32[1, 2, 2, 2] = Conv(%x, %w) name "conv" origin ["conv"]
      %n: float32[1, 2, 2, 2] = BatchNormalization(%c, %ones, %ones, %ones, %ones) {epsilon: 0.0} name "bn" origin ["bn"]
      %y: float32[1, 2, 2, 2] = Add(%c, %n) name "add" origin ["add"]
      return %y
    }`,
  },
  {
    name: 'fuse-elementwise',
    pass: fuseElementwise,
    before: `graph "residual" opset 13 {
      input %x: float32[1, 2, 2, 2]
      const %w: float32[2, 2, 1, 1] = splat [0.5]
      %a: float32[1, 2, 2, 2] = Conv(%x, %w) name "a" origin ["a"]
      %ar: float32[1, 2, 2, 2] = Relu(%a) name "a-relu" origin ["a-relu"]
      %b: float32[1, 2, 2, 2] = Conv(%ar, %w) name "b" origin ["b"]
      %skip: float32[1, 2, 2, 2] = Conv(%x, %w) name "skip" origin ["skip"]
      %s: float32[1, 2, 2, 2] = Add(%b, %skip) name "join" origin ["join"]
      %y: float32[1, 2, 2, 2] = Relu(%s) name "relu" origin ["relu"]
      return %y
    }`,
  },
  {
    name: 'fuse-elementwise-chain',
    pass: fuseElementwise,
    before: `graph "chain" opset 13 {
      input %x: float32[1, 2, 2, 2]
      input %row: float32[2]
      %m: float32[1, 2, 2, 2] = Mul(%x, %row) name "mul" origin ["mul"]
      %s: float32[1, 2, 2, 2] = Sigmoid(%m) name "sigmoid" origin ["sigmoid"]
      %t: float32[1, 2, 2, 2] = Tanh(%s) name "tanh" origin ["tanh"]
      %y: float32[1, 2, 2, 2] = Mul(%t, %s) name "gate" origin ["gate"]
      return %y
    }`,
  },
  {
    name: 'absorb-quantization',
    pass: absorbQuantization,
    before: `graph "qdq" opset 21 {
      input %x: float32[1, 2, 4, 4]
      const %sx: float32[] = [0.5]
      const %zx: int8[] = [3]
      const %sy: float32[] = [0.25]
      const %zy: int8[] = [-128]
      const %w: int8[2, 2, 1, 1] = [1, 2, 3, 4]
      const %sw: float32[2] = [0.125, 0.25]
      const %zw: int8[2] = [0, 0]
      const %b: int32[2] = [10, -20]
      const %sb: float32[2] = [0.0625, 0.125]
      const %zb: int32[2] = [0, 0]
      %xq: int8[1, 2, 4, 4] = QuantizeLinear(%x, %sx, %zx) name "xq" origin ["xq"]
      %xd: float32[1, 2, 4, 4] = DequantizeLinear(%xq, %sx, %zx) name "xd" origin ["xd"]
      %wd: float32[2, 2, 1, 1] = DequantizeLinear(%w, %sw, %zw) {axis: 0} name "wd" origin ["wd"]
      %bd: float32[2] = DequantizeLinear(%b, %sb, %zb) {axis: 0} name "bd" origin ["bd"]
      %c: float32[1, 2, 4, 4] = Conv(%xd, %wd, %bd) name "conv" origin ["conv"]
      %r: float32[1, 2, 4, 4] = Relu(%c) name "relu" origin ["relu"]
      %rq: int8[1, 2, 4, 4] = QuantizeLinear(%r, %sy, %zy) name "rq" origin ["rq"]
      %rd: float32[1, 2, 4, 4] = DequantizeLinear(%rq, %sy, %zy) name "rd" origin ["rd"]
      %t: float32[1, 4, 4, 2] = Transpose(%rd) {perm: [0, 2, 3, 1]} name "transpose" origin ["transpose"]
      %u: float32[1, 4, 4, 2] = Tanh(%t) name "tanh" origin ["tanh"]
      return %u
    }`,
  },
  {
    name: 'absorb-quantization-views',
    pass: absorbQuantization,
    before: `graph "views" opset 21 {
      input %q: uint8[2, 4]
      const %s: float32[] = [0.5]
      const %z: uint8[] = [128]
      const %t: float32[] = [0.25]
      %a: float32[2, 4] = DequantizeLinear(%q, %s, %z) name "a" origin ["a"]
      %b: float32[2, 4] = Sigmoid(%a) name "b" origin ["b"]
      %c: uint8[2, 4] = QuantizeLinear(%b, %s, %z) name "c" origin ["c"]
      %d: float32[2, 4] = DequantizeLinear(%c, %t, %z) name "d" origin ["d"]
      %e: float32[2, 4] = Add(%d, %b) name "e" origin ["e"]
      return %e, %c
    }`,
  },
  {
    name: 'split-zero-points',
    pass: splitZeroPoints,
    before: `graph "integer" opset 21 {
      input %a: uint8[2, 3]
      input %za: uint8[]
      const %b: int8[3, 2] = [1, 2, 3, 4, 5, 6]
      const %zb: int8[2] = [1, -1]
      %y: int32[2, 2] = MatMulInteger(%a, %b, %za, %zb) name "product" origin ["product"]
      return %y
    }`,
  },
  {
    name: 'remove-dead-code',
    pass: removeDeadCode,
    before: `graph "dead" opset 13 {
      input %x: float32[2]
      input %unused: float32[3]
      const %c: float32[2] = splat [1.0]
      %a: float32[2] = Relu(%x) name "live" origin ["live"]
      %b: float32[2] = Add(%x, %c) name "dead" origin ["dead"]
      %d: float32[2] = Sigmoid(%b) name "also dead" origin ["also dead"]
      return %a
    }`,
  },
  {
    name: 'merge-transposes',
    pass: mergeTransposes,
    before: `graph "transposes" opset 13 {
      input %x: float32[2, 3, 4]
      %a: float32[3, 2, 4] = Transpose(%x) {perm: [1, 0, 2]} name "first" origin ["first"]
      %b: float32[3, 4, 2] = Transpose(%a) {perm: [0, 2, 1]} name "second" origin ["second"]
      %c: float32[2, 4, 3] = Transpose(%b) {perm: [2, 1, 0]} name "third" origin ["third"]
      %d: float32[2, 3, 4] = Transpose(%c) {perm: [0, 2, 1]} name "back" origin ["back"]
      %y: float32[2, 3, 4] = Relu(%d) name "relu" origin ["relu"]
      %z: float32[3, 4, 2] = Exp(%b) name "exp" origin ["exp"]
      return %y, %z
    }`,
  },
  {
    name: 'turn-concats',
    pass: turnConcats,
    before: `graph "keys" opset 13 {
      input %past: float32[2, 3, 4]
      input %new: float32[2, 4, 1]
      input %q: float32[2, 1, 4]
      %a: float32[2, 4, 3] = Transpose(%past) {perm: [0, 2, 1]} name "in" origin ["in"]
      %c: float32[2, 4, 4] = Concat(%a, %new) {axis: -1} name "join" origin ["join"]
      %y: float32[2, 4, 4] = Transpose(%c) {perm: [0, 2, 1]} name "out" origin ["out"]
      %z: float32[2, 1, 4] = MatMul(%q, %c) name "product" origin ["product"]
      return %y, %z
    }`,
  },
];

describe('golden texts', () => {
  test.each(cases)('$name', async ({ name, pass, before }) => {
    const graph = parseGraph(before);
    expect(verifyGraph(graph)).toEqual([]);
    const after = runPasses(graph, [pass]);
    expect(verifyGraph(after)).toEqual([]);
    const text = `// ${pass.name}: ${pass.summary}\n\n${printGraph(graph)}\n${printGraph(compactGraph(after))}`;
    await expect(text).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  test.each(cases)('$name: a second run changes nothing', ({ pass, before }) => {
    const once = runPasses(parseGraph(before), [pass, removeDeadCode]);
    expect(runPasses(once, [pass, removeDeadCode])).toBe(once);
  });
});
