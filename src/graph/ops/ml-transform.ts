/** ai.onnx.ml: operators that prepare features: scaling, filling in, encoding, picking. */
import { elementCount, type DType, type Tensor } from '../../core/index.ts';
import { addDim, type Dim } from '../dim.ts';
import type { TensorType } from '../ir.ts';
import { floatsAttribute, intsList, stringsAttribute } from './ml-attributes.ts';
import { allocate, numbersOf, pick, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type InferContext,
  type OpDef,
} from './op-def.ts';

export const mlDomain = 'ai.onnx.ml';

/** Rows of features: [C] counts as one row. */
export function rowsOf(context: InferContext, index: number = 0): { readonly rows: Dim; readonly columns: Dim; readonly type: TensorType } {
  const type = requiredType(context, index, 'X');
  const { shape } = type;
  if (shape.length < 1 || shape.length > 2) misfit(context, `the input has rank ${shape.length}, [C] or [N, C] is needed`);
  return { rows: shape.length === 2 ? (shape[0] ?? 1) : 1, columns: shape.at(-1) ?? 1, type };
}

const arrayFeatureExtractor: OpDef = defineOp({
  domain: mlDomain,
  name: 'ArrayFeatureExtractor',
  since: [1],
  kernelClass: 'gather',
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const y = requiredType(context, 1, 'Y');
    const count =
      y.shape.length === 1
        ? (y.shape[0] ?? 1)
        : y.shape.every((d) => typeof d === 'number')
          ? elementCount(y.shape)
          : (y.shape.at(-1) ?? 1);
    return [{ dtype: x.dtype, shape: x.shape.length < 2 ? [1, count] : [...x.shape.slice(0, -1), count] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const chosen = numbersOf(requiredTensor(context, 1, 'Y'));
    const { shape } = outputType(context);
    const size = x.shape.at(-1) ?? 1;
    const rows = elementCount(x.shape.slice(0, -1));
    const from = new Int32Array(rows * chosen.length);
    for (let r = 0, at = 0; r < rows; r++) {
      for (const i of chosen) {
        if (i < 0 || i >= size) misfit(context, `feature ${i} of ${size} is asked for`);
        from[at++] = r * size + i;
      }
    }
    return [pick(x, shape, from)];
  },
});

const binarizer: OpDef = defineOp({
  domain: mlDomain,
  name: 'Binarizer',
  since: [1],
  kernelClass: 'elementwise',
  attributes: { threshold: 0 },
  infer: (context) => [requiredType(context, 0, 'X')],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const threshold = floatAttribute(context, 'threshold', 0);
    const source = numbersOf(x);
    const out = allocate(x.dtype, source.length);
    for (let i = 0; i < out.length; i++) out[i] = (source[i] ?? 0) > threshold ? 1 : 0;
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

/** (x - offset) · scale, one of each for all features or one for each. */
const scaler: OpDef = defineOp({
  domain: mlDomain,
  name: 'Scaler',
  since: [1],
  kernelClass: 'elementwise',
  attributes: { offset: 'computed', scale: 'computed' },
  infer: (context) => [{ dtype: 'float32', shape: requiredType(context, 0, 'X').shape }],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const source = numbersOf(x);
    const size = x.shape.at(-1) ?? 1;
    const [offset, scale] = [floatsAttribute(context, 'offset'), floatsAttribute(context, 'scale')];
    for (const [name, list] of [['offset', offset] as const, ['scale', scale] as const]) {
      if (list.length > 1 && list.length !== size)
        badAttribute(context, name, `a list of ${list.length}`, `one number or one for each of ${size} features`);
    }
    const out = new Float32Array(source.length);
    for (let i = 0; i < out.length; i++) {
      const k = i % size;
      out[i] = Math.fround((source[i] ?? 0) - (offset[offset.length > 1 ? k : 0] ?? 0)) * (scale[scale.length > 1 ? k : 0] ?? 1);
    }
    return [tensorOf('float32', x.shape, out)];
  },
});

/** Each row over its norm: the largest absolute value, the sum of absolute values, the Euclidean one. A row of zeros stays. */
const normalizer: OpDef = defineOp({
  domain: mlDomain,
  name: 'Normalizer',
  since: [1],
  kernelClass: 'reduce',
  attributes: { norm: 'MAX' },
  infer(context) {
    const { type } = rowsOf(context);
    const norm = stringAttribute(context, 'norm', 'MAX');
    if (!['MAX', 'L1', 'L2'].includes(norm)) badAttribute(context, 'norm', `"${norm}"`, 'MAX, L1, L2');
    return [{ dtype: 'float32', shape: type.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const norm = stringAttribute(context, 'norm', 'MAX');
    const source = numbersOf(x);
    const size = x.shape.at(-1) ?? 1;
    const out = new Float32Array(source.length);
    for (let start = 0; start < out.length; start += size) {
      let total = 0;
      for (let i = start; i < start + size; i++) {
        const a = Math.abs(source[i] ?? 0);
        total = norm === 'MAX' ? Math.max(total, a) : Math.fround(total + (norm === 'L1' ? a : Math.fround(a * a)));
      }
      const divisor = norm === 'L2' ? Math.fround(Math.sqrt(total)) : total;
      for (let i = start; i < start + size; i++) out[i] = divisor === 0 ? (source[i] ?? 0) : (source[i] ?? 0) / divisor;
    }
    return [tensorOf('float32', x.shape, out)];
  },
});

const imputer: OpDef = defineOp({
  domain: mlDomain,
  name: 'Imputer',
  since: [1],
  kernelClass: 'elementwise',
  attributes: {
    imputed_value_floats: 'computed',
    imputed_value_int64s: 'computed',
    replaced_value_float: 0,
    replaced_value_int64: 0,
  },
  infer: (context) => [requiredType(context, 0, 'X')],
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const source = numbersOf(x);
    const size = x.shape.at(-1) ?? 1;
    const whole = x.dtype === 'int64' || x.dtype === 'int32';
    const fill = whole ? intsList(context, 'imputed_value_int64s') : floatsAttribute(context, 'imputed_value_floats');
    const missing = whole ? intAttribute(context, 'replaced_value_int64', 0) : floatAttribute(context, 'replaced_value_float', 0);
    if (fill.length !== 1 && fill.length !== size) {
      badAttribute(context, 'imputed_value', `a list of ${fill.length}`, `one number or one for each of ${size} features`);
    }
    const out = allocate(x.dtype, source.length);
    for (let i = 0; i < out.length; i++) {
      const v = source[i] ?? 0;
      const absent = missing !== missing ? v !== v : v === missing;
      out[i] = absent ? (fill[fill.length === 1 ? 0 : i % size] ?? 0) : v;
    }
    return [tensorOf(x.dtype, x.shape, out)];
  },
});

const oneHotEncoder: OpDef = defineOp({
  domain: mlDomain,
  name: 'OneHotEncoder',
  since: [1],
  kernelClass: 'host',
  attributes: { cats_int64s: 'computed', cats_strings: 'computed', zeros: 1 },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const count = stringsAttribute(context, 'cats_strings').length || intsList(context, 'cats_int64s').length;
    return [{ dtype: 'float32', shape: [...x.shape, count] }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const words = stringsAttribute(context, 'cats_strings');
    const categories = new Map<string | number, number>(
      (words.length > 0 ? words : intsList(context, 'cats_int64s')).map((c, i) => [c, i]),
    );
    const { shape } = outputType(context);
    const out = new Float32Array(elementCount(shape));
    const values: readonly (string | number)[] = ArrayBuffer.isView(x.data) ? Array.from(numbersOf(x), Math.trunc) : x.data;
    for (const [i, v] of values.entries()) {
      const at = categories.get(v);
      if (at !== undefined) out[i * categories.size + at] = 1;
      else if (intAttribute(context, 'zeros', 1) === 0)
        misfit(context, `${JSON.stringify(v)} is none of its ${categories.size} categories`);
    }
    return [tensorOf('float32', shape, out)];
  },
});

const featureVectorizer: OpDef = defineOp({
  domain: mlDomain,
  name: 'FeatureVectorizer',
  since: [1],
  kernelClass: 'move',
  attributes: { inputdimensions: 'computed' },
  infer(context) {
    const parts = context.inputs.map((_, i) => rowsOf(context, i));
    const sizes = intsList(context, 'inputdimensions');
    const width = parts.reduce<Dim>((sum, p, i) => addDim(sum, sizes[i] ?? p.columns), 0);
    return [{ dtype: 'float32', shape: [parts[0]?.rows ?? 1, width] }];
  },
  evaluate(context) {
    const { shape } = outputType(context);
    const [rows = 0, width = 0] = shape;
    const sizes = intsList(context, 'inputdimensions');
    const out = new Float32Array(rows * width);
    let column = 0;
    for (const i of context.inputs.keys()) {
      const x = requiredTensor(context, i, 'X');
      const source = numbersOf(x);
      const own = x.shape.at(-1) ?? 1;
      const size = sizes[i] ?? own;
      for (let r = 0; r < rows; r++) for (let k = 0; k < Math.min(size, own); k++) out[r * width + column + k] = source[r * own + k] ?? 0;
      column += size;
    }
    return [tensorOf('float32', shape, out)];
  },
});

/** Words to numbers or back, by two lists. */
const categoryMapper: OpDef = defineOp({
  domain: mlDomain,
  name: 'CategoryMapper',
  since: [1],
  kernelClass: 'host',
  attributes: { cats_int64s: 'computed', cats_strings: 'computed', default_int64: -1, default_string: '_Unused' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const dtype: DType = x.dtype === 'string' ? 'int64' : 'string';
    return [{ dtype, shape: x.shape }];
  },
  evaluate(context): readonly Tensor[] {
    const x = requiredTensor(context, 0, 'X');
    const words = stringsAttribute(context, 'cats_strings');
    const numbers = intsList(context, 'cats_int64s');
    if (ArrayBuffer.isView(x.data)) {
      const table = new Map(numbers.map((n, i) => [n, words[i]]));
      const other = stringAttribute(context, 'default_string', '_Unused');
      return [{ dtype: 'string', shape: x.shape, data: Array.from(numbersOf(x), (n) => table.get(n) ?? other) }];
    }
    const table = new Map(words.map((w, i) => [w, numbers[i]]));
    const other = intAttribute(context, 'default_int64', -1);
    return [
      tensorOf(
        'int64',
        x.shape,
        x.data.map((w) => table.get(w) ?? other),
      ),
    ];
  },
});

export const mlTransformOps: readonly OpDef[] = [
  arrayFeatureExtractor,
  binarizer,
  scaler,
  normalizer,
  imputer,
  oneHotEncoder,
  featureVectorizer,
  categoryMapper,
];
