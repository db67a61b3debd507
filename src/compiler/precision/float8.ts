/**
 * `--precision fp8`: products of activations and weights on numbers of float8e4m3fn, everything else in float32.
 *
 *     %y = Conv(%x, %w, %b)   =>   %y = Conv(DequantizeLinear(QuantizeLinear(%x, %s), %s), DequantizeLinear(%q, %t), %b)
 *
 * Weights have a scale for each output channel, max |w| / 448. An activation has one: of its calibrated range, or, where there is none, of its own largest number,
 * which the program finds before it rounds. What lowering makes of such pairs: lower/stored-floats.ts.
 */
import { bytesOf, compilerMappingMessages, encodeFloat, fail } from '../../core/index.ts';
import { isRepeatBegin, isRepeatEnd } from '../../graph/index.ts';
import type { Attribute, Constant, Graph, Node, Value, ValueId } from '../../graph/ir.ts';
import type { Core } from '../../hw-configs/index.ts';
import { dtypeCode } from '../lower/float-types.ts';
import { floats, lazyBytes, splatFloat, splatNumber, staticCount, staticShape } from '../passes/constants.ts';
import { rewrite, type Edit } from '../passes/edit.ts';
import { weightSlot } from './contraction.ts';
import type { CalibrationTable } from './range.ts';

const held = 'float8e4m3fn';
const largest = 448;

/** @throws SYS4570 where the machine lacks the type */
export function requireFloat8(core: Core, machine: string): void {
  const { dtypes } = core.vector;
  if (core.matrix.rates[held] !== undefined && dtypes.includes(held) && dtypes.includes('float32')) return;
  fail(compilerMappingMessages.float8Missing({ machine, rates: Object.keys(core.matrix.rates), lanes: dtypes }));
}

/** @param graph  lowered, in float32 */
export function inFloat8(graph: Graph, calibration: CalibrationTable | null): Graph {
  /** What products read in place of an activation, on this side of repeated regions. */
  let pairs = new Map<ValueId, ValueId>();
  const weights = new Map<string, ValueId>();
  return rewrite(graph, (node, edit) => {
    if (isRepeatBegin(node) || isRepeatEnd(node)) {
      pairs = new Map();
      weights.clear();
    }
    const [x = null, w = null] = node.inputs;
    if (node.domain !== '' || x === null || w === null || !['Conv', 'Gemm', 'MatMul'].includes(node.op)) return false;
    const [left, right] = [edit.value(x), edit.value(w)];
    const isReal = (v: Value): boolean => v.type.dtype === 'float32' && v.quantization === null;
    const axis = weightSlot(node, 1, right.type)?.axis ?? null;
    if (![left, right].every(isReal) || left.constant !== null || right.constant === null || axis === null) return false;
    const write = writer(node, edit);
    const rounded = pairs.get(x) ?? pairOf(left, calibration, write);
    pairs.set(x, rounded);
    const key = `${w} ${axis}`;
    const real = weights.get(key) ?? heldWeights(right, right.constant, axis, write);
    weights.set(key, real);
    edit.emit({ ...node, inputs: [rounded, real, ...node.inputs.slice(2)] });
    return true;
  });
}

interface Write {
  op(op: string, inputs: readonly ValueId[], type: Value['type'], attributes?: Readonly<Record<string, Attribute>>): ValueId;
  constant(type: Value['type'], contents: Constant): ValueId;
}

function writer(node: Node, edit: Edit): Write {
  return {
    op(op, inputs, type, attributes = {}) {
      const name = `${node.name}.fp8`;
      const id = edit.add(name, type);
      edit.emit({ op, domain: '', name: `${name}.${op}${id}`, inputs, outputs: [id], attributes, origin: node.origin });
      return id;
    },
    constant: (type, contents) => edit.add(`${node.name}.fp8`, type, contents),
  };
}

const scalar = { dtype: 'float32', shape: [] } as const;

/** The activation as float8e4m3fn stands for it. */
function pairOf(x: Value, calibration: CalibrationTable | null, write: Write): ValueId {
  const range = calibration?.get(x.name);
  const scale = range === undefined ? ownScale(x, write) : write.constant(scalar, splatFloat(scaleOf(Math.max(-range.min, range.max))));
  const q = write.op(
    'QuantizeLinear',
    [x.id, scale],
    { ...x.type, dtype: held },
    { output_dtype: { kind: 'int', value: dtypeCode(held) } },
  );
  return write.op('DequantizeLinear', [q, scale], x.type);
}

/** max |x| / 448, 1 where all is 0. */
function ownScale(x: Value, write: Write): ValueId {
  const number = (value: number): ValueId => write.constant(scalar, splatFloat(value));
  const most = write.op('ReduceMax', [write.op('Abs', [x.id], x.type)], scalar, { keepdims: { kind: 'int', value: 0 } });
  const isZero = write.op('Equal', [most, number(0)], { dtype: 'bool', shape: [] });
  return write.op('Where', [isZero, number(1), write.op('Div', [most, number(largest)], scalar)], scalar);
}

function scaleOf(most: number): number {
  const scale = Math.fround(most / largest);
  return scale > 0 && Number.isFinite(scale) ? scale : 1;
}

/** The weights in float8e4m3fn with a scale for each index of `axis`, made when first read. */
function heldWeights(w: Value, constant: Constant, axis: number, write: Write): ValueId {
  const shape = staticShape(w.type) ?? [];
  const channels = shape[axis] ?? 1;
  const made = once(() => rounded(floats(constant, staticCount(w.type) ?? 0), shape, axis));
  const isAbsent = constant.kind === 'absent';
  const codes = write.constant({ dtype: held, shape }, isAbsent ? constant : lazyBytes(() => made().codes));
  const one = splatNumber(constant, 'float32');
  const contents = lazyBytes(() => bytesOf({ dtype: 'float32', shape: [channels], data: made().scales }));
  const scales = one === null ? contents : splatFloat(scaleOf(Math.abs(one)));
  const scale = write.constant({ dtype: 'float32', shape: [channels] }, isAbsent ? constant : scales);
  return write.op('DequantizeLinear', [codes, scale], w.type, { axis: { kind: 'int', value: axis } });
}

function rounded(
  numbers: Float32Array,
  shape: readonly number[],
  axis: number,
): { readonly codes: Uint8Array; readonly scales: Float32Array } {
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const channels = shape[axis] ?? 1;
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const scales = new Float32Array(channels);
  for (let i = 0; i < numbers.length; i++) scales[channelOf(i)] = Math.max(scales[channelOf(i)] ?? 0, Math.abs(numbers[i] ?? 0));
  for (let c = 0; c < channels; c++) scales[c] = scaleOf(scales[c] ?? 0);
  const codes = new Uint8Array(numbers.length);
  for (let i = 0; i < codes.length; i++) codes[i] = encodeFloat(held, Math.fround((numbers[i] ?? 0) / (scales[channelOf(i)] ?? 1)), true);
  return { codes, scales };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
