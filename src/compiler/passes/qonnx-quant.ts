/**
 * Quant of QONNX: real numbers rounded to integers of a given width and back, in one operator.
 * Y = scale · (clamp(round(X / scale + zero), least, largest) - zero); docs/qonnx-custom-ops of https://github.com/fastmachinelearning/qonnx.
 */
import { clamp, elementCount, roundHalfEven, type DType } from '../../core/index.ts';
import { attributeInt, attributeString, constantOf, floatsOf, printShape, tensorOf } from '../../graph/index.ts';
import type { Node, Quantization, TensorType, Value, ValueId } from '../../graph/ir.ts';
import { lazyBytes, staticCount, staticShape } from './constants.ts';
import type { Edit } from './edit.ts';
import type { Forms } from './quantization-forms.ts';
import { bytesFrom } from './quantization-values.ts';

/** Nodes in place of a Quant of at most eight bits with known parameters, none for a constant; null where it stays as it is. */
export function fromQuant(node: Node, edit: Edit, forms: Forms): readonly Node[] | null {
  const [x = null, scale = null, zero = null, width = null] = node.inputs;
  const [out] = node.outputs;
  if (node.op !== 'Quant' || x === null || out === undefined) return null;
  const rounding = attributeString(node, 'rounding_mode', 'ROUND').toUpperCase();
  const bits = oneNumber(width, edit);
  const zeros = oneNumber(zero, edit);
  const scales = scale === null ? null : numbers(scale, edit);
  if ((rounding !== 'ROUND' && rounding !== 'HALF_EVEN') || bits === null || zeros === null || scales === null || scale === null)
    return null;
  if (bits < 1 || bits > 8 || !Number.isInteger(bits) || !Number.isInteger(zeros) || scales.some((s) => !(s > 0))) return null;
  const value = edit.value(x);
  const { type } = edit.value(out);
  if (type.unranked === true || type.dtype !== 'float32') return null;
  // Parameters that widen what they quantize are no parameters of a format.
  if (value.constant === null && printShape(value.type.shape) !== printShape(type.shape)) return null;
  const axis = axisOf(edit.value(scale), type);
  if (axis === undefined || (axis !== null && value.constant === null)) return null;

  const signed = attributeInt(node, 'signed', 1) !== 0;
  const narrow = attributeInt(node, 'narrow', 0) !== 0 ? 1 : 0;
  const [least, largest] = signed ? [-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1 - narrow];
  const dtype: DType = signed ? 'int8' : 'uint8';
  const quantization: Quantization = {
    scale: scales,
    zeroPoint: new Int32Array(scales.length).fill(zeros),
    axis,
    source: 'model',
  };
  const held: TensorType = { ...type, dtype };
  if (value.constant !== null) {
    if (edit.isOutput(out) || value.quantization !== null || !holdConstant(value, held, quantization, [least, largest], out, edit))
      return null;
    edit.retire(node.origin, 'folded');
    return [];
  }
  const real = (q: number): number => Math.fround((q - zeros) * (scales[0] ?? 1));
  const target = edit.isOutput(out) ? edit.add(`${edit.value(out).name}.held`, held) : out;
  edit.update(target, { type: held, quantization });
  const isWhole = least === (signed ? -128 : 0) && largest === (signed ? 127 : 255);
  const rounded = isWhole ? target : edit.add(`${edit.value(out).name}.rounded`, held);
  if (!isWhole) edit.update(rounded, { quantization });
  edit.emit(forms.quantizer(edit, node, x, rounded, { quantization, dtype }));
  if (!isWhole) {
    edit.emit({
      op: 'Clip',
      domain: '',
      name: `${node.name}.range`,
      inputs: [rounded],
      outputs: [target],
      attributes: { min: { kind: 'float', value: real(least) }, max: { kind: 'float', value: real(largest) } },
      origin: node.origin,
    });
  }
  if (target !== out) forms.emitReal(edit, node, target, out);
  return [];
}

function holdConstant(
  value: Value,
  type: TensorType,
  quantization: Quantization,
  [least, largest]: readonly [number, number],
  out: ValueId,
  edit: Edit,
): boolean {
  const { constant } = value;
  const shape = staticShape(value.type);
  if (constant === null || shape === null || value.type.dtype !== 'float32' || staticCount(type) !== elementCount(shape)) return false;
  const contents =
    constant.kind === 'absent'
      ? constant
      : lazyBytes(() => {
          const source = floatsOf(constantOf(value.type, constant, value.name, ''));
          const inner = quantization.axis === null ? Math.max(1, source.length) : elementCount(shape.slice(quantization.axis + 1));
          const { scale, zeroPoint } = quantization;
          const q = Int32Array.from(source, (x, i) => {
            const c = Math.floor(i / inner) % scale.length;
            return clamp(roundHalfEven(Math.fround(x / (scale[c] ?? 1)) + (zeroPoint[c] ?? 0)), least, largest);
          });
          return bytesFrom(tensorOf(type.dtype, shape, q));
        });
  edit.update(out, { type, constant: contents, quantization });
  return true;
}

function numbers(id: ValueId, edit: Edit): Float32Array | null {
  const { constant, type, name } = edit.value(id);
  return constant === null || constant.kind === 'absent' ? null : Float32Array.from(floatsOf(constantOf(type, constant, name, '')));
}

function oneNumber(id: ValueId | null, edit: Edit): number | null {
  const found = id === null ? null : numbers(id, edit);
  return found?.length === 1 ? (found[0] ?? null) : null;
}

/** The axis of the result that scales broadcast along; null for one scale, undefined for scales along several axes. */
function axisOf(scale: Value, type: TensorType): number | null | undefined {
  const axes = scale.type.shape.flatMap((d, i) => (d === 1 ? [] : [i + type.shape.length - scale.type.shape.length]));
  if (axes.length > 1) return undefined;
  return axes[0] ?? null;
}
