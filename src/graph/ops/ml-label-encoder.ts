/** ai.onnx.ml LabelEncoder: a table from keys to values, in the three forms it has had. */
import type { DType, Tensor } from '../../core/index.ts';
import { constantOf } from '../constant.ts';
import { floatsAttribute, intsList, stringsAttribute } from './ml-attributes.ts';
import { mlDomain } from './ml-transform.ts';
import { numbersOf, tensorOf } from './numbers.ts';
import {
  badAttribute,
  defineOp,
  floatAttribute,
  intAttribute,
  misfit,
  requiredTensor,
  requiredType,
  stringAttribute,
  type OpContext,
  type OpDef,
} from './op-def.ts';

type Item = string | number;

interface Items {
  readonly dtype: DType;
  readonly list: readonly Item[];
}

interface LabelTable {
  readonly from: DType;
  readonly to: DType;
  readonly entries: ReadonlyMap<Item, Item>;
  readonly otherwise: Item;
}

function itemsOf(tensor: Tensor): readonly Item[] {
  return ArrayBuffer.isView(tensor.data) ? [...numbersOf(tensor)] : tensor.data;
}

function tensorItems(context: OpContext, name: string): Items | null {
  const a = context.node.attributes[name];
  if (a?.kind !== 'tensor') return null;
  return { dtype: a.type.dtype, list: itemsOf(constantOf(a.type, a.constant, name, context.node.name)) };
}

/** `keys` or `values`, in whichever attribute they are given. */
function listItems(context: OpContext, side: 'keys' | 'values'): Items {
  const tensor = tensorItems(context, `${side}_tensor`);
  if (tensor !== null) return tensor;
  if (context.node.attributes[`${side}_strings`] !== undefined)
    return { dtype: 'string', list: stringsAttribute(context, `${side}_strings`) };
  if (context.node.attributes[`${side}_int64s`] !== undefined) return { dtype: 'int64', list: intsList(context, `${side}_int64s`) };
  if (context.node.attributes[`${side}_floats`] !== undefined)
    return { dtype: 'float32', list: floatsAttribute(context, `${side}_floats`) };
  return badAttribute(context, side, 'missing', `${side}_tensor, ${side}_strings, ${side}_int64s or ${side}_floats`);
}

function defaultItem(context: OpContext, dtype: DType): Item {
  const tensor = tensorItems(context, 'default_tensor')?.list[0];
  if (tensor !== undefined) return tensor;
  if (dtype === 'string') return stringAttribute(context, 'default_string', '_Unused');
  return dtype === 'int64' ? intAttribute(context, 'default_int64', -1) : floatAttribute(context, 'default_float', -0);
}

function tableOf(context: OpContext, input: DType): LabelTable {
  const classes = stringsAttribute(context, 'classes_strings');
  if (classes.length > 0) {
    const to = input === 'string' ? 'int64' : 'string';
    const entries = new Map<Item, Item>(classes.map((c, i): [Item, Item] => (input === 'string' ? [c, i] : [i, c])));
    return { from: input, to, entries, otherwise: defaultItem(context, to) };
  }
  const [keys, values] = [listItems(context, 'keys'), listItems(context, 'values')];
  if (keys.list.length !== values.list.length) misfit(context, `${keys.list.length} keys and ${values.list.length} values do not match`);
  // A Map takes NaN for equal to itself, as the operator does.
  const entries = new Map<Item, Item>(keys.list.map((k, i) => [k, values.list[i] ?? 0]));
  return { from: keys.dtype, to: values.dtype, entries, otherwise: defaultItem(context, values.dtype) };
}

export const labelEncoder: OpDef = defineOp({
  domain: mlDomain,
  name: 'LabelEncoder',
  since: [1, 2, 4],
  kernelClass: 'host',
  attributes: {
    classes_strings: 'computed',
    keys_tensor: 'computed',
    keys_strings: 'computed',
    keys_int64s: 'computed',
    keys_floats: 'computed',
    values_tensor: 'computed',
    values_strings: 'computed',
    values_int64s: 'computed',
    values_floats: 'computed',
    default_tensor: 'computed',
    default_string: '_Unused',
    default_int64: -1,
    default_float: 0,
  },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const table = tableOf(context, x.dtype);
    if (table.from !== x.dtype) misfit(context, `the input is ${x.dtype}, the keys are ${table.from}`);
    return [{ dtype: table.to, shape: x.shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const table = tableOf(context, x.dtype);
    const found = itemsOf(x).map((key) => table.entries.get(key) ?? table.otherwise);
    if (table.to === 'string') return [{ dtype: 'string', shape: x.shape, data: found.map(String) }];
    return [tensorOf(table.to, x.shape, found.map(Number))];
  },
});
