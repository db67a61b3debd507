/** Operators on text. */
import { elementCount, fail, graphMessages, type Tensor } from '../../core/index.ts';
import { broadcastRows, broadcastShapes } from './broadcast.ts';
import { stringsAttribute } from './ml-attributes.ts';
import {
  defineOp,
  intAttribute,
  misfit,
  outputType,
  requiredTensor,
  requiredType,
  stringAttribute,
  type InferContext,
  type OpContext,
  type OpDef,
} from './op-def.ts';
import { tensorOf } from './numbers.ts';
import { compilePattern, PatternError } from './strings-regex.ts';
import type { TensorType } from '../ir.ts';

export function textType(context: InferContext, index: number, what: string): TensorType {
  const type = requiredType(context, index, what);
  if (type.dtype !== 'string') misfit(context, `input ${index} (${what}) is ${type.dtype}, text is needed`);
  return type;
}

/** The elements of a string tensor. */
export function textOf(tensor: Tensor): readonly string[] {
  if (ArrayBuffer.isView(tensor.data)) throw new Error(`a ${tensor.dtype} tensor is no text`);
  return tensor.data;
}

export function textTensor(shape: readonly number[], data: readonly string[]): Tensor {
  return { dtype: 'string', shape, data };
}

const stringConcat: OpDef = defineOp({
  name: 'StringConcat',
  since: [20],
  kernelClass: 'host',
  infer: (context) => [
    { dtype: 'string', shape: broadcastShapes(context, [textType(context, 0, 'X').shape, textType(context, 1, 'Y').shape]) },
  ],
  evaluate(context) {
    const [x, y] = [requiredTensor(context, 0, 'X'), requiredTensor(context, 1, 'Y')];
    const { shape } = outputType(context);
    const [a, b] = [textOf(x), textOf(y)];
    const out = new Array<string>(elementCount(shape));
    const loop = broadcastRows(shape, [x.shape, y.shape]);
    const [stepA = 0, stepB = 0] = loop.step;
    for (let r = 0, at = 0; r < loop.rows && out.length > 0; r++) {
      let i = loop.base[0]?.[r] ?? 0;
      let j = loop.base[1]?.[r] ?? 0;
      for (let n = 0; n < loop.length; n++, at++, i += stepA, j += stepB) out[at] = `${a[i] ?? ''}${b[j] ?? ''}`;
    }
    return [textTensor(shape, out)];
  },
});

/** Parts of a text between delimiters; '' for runs of white space. No more than `most` cuts, the rest stays whole. */
function splitText(text: string, delimiter: string, most: number): readonly string[] {
  const parts: string[] = [];
  if (delimiter === '') {
    let rest = text.trimStart();
    while (rest !== '') {
      const cut = parts.length < most ? rest.search(/\s/u) : -1;
      if (cut < 0) {
        parts.push(rest);
        break;
      }
      parts.push(rest.slice(0, cut));
      rest = rest.slice(cut).trimStart();
    }
    return parts;
  }
  let from = 0;
  while (parts.length < most) {
    const cut = text.indexOf(delimiter, from);
    if (cut < 0) break;
    parts.push(text.slice(from, cut));
    from = cut + delimiter.length;
  }
  parts.push(text.slice(from));
  return parts;
}

const stringSplit: OpDef = defineOp({
  name: 'StringSplit',
  since: [20],
  kernelClass: 'host',
  attributes: { delimiter: 'computed', maxsplit: 'computed' },
  infer(context) {
    const x = textType(context, 0, 'X');
    const split = context.tensor(0);
    const most = intAttribute(context, 'maxsplit', -1);
    const parts =
      split === null
        ? context.unknownDim(most >= 0 ? most + 1 : null, 'how many parts the texts have')
        : splitAll(context, split).reduce((n, p) => Math.max(n, p.length), 0);
    return [
      { dtype: 'string', shape: [...x.shape, parts] },
      { dtype: 'int64', shape: x.shape },
    ];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const parts = splitAll(context, x);
    const width = parts.reduce((n, p) => Math.max(n, p.length), 0);
    return [
      textTensor(
        [...x.shape, width],
        parts.flatMap((p) => Array.from({ length: width }, (_, i) => p[i] ?? '')),
      ),
      tensorOf(
        'int64',
        x.shape,
        parts.map((p) => p.length),
      ),
    ];
  },
});

function splitAll(context: OpContext, x: Tensor): readonly (readonly string[])[] {
  const delimiter = stringAttribute(context, 'delimiter', '');
  const most = intAttribute(context, 'maxsplit', -1);
  return textOf(x).map((text) => splitText(text, delimiter, most < 0 ? Infinity : most));
}

/**
 * Removes stop words, changes case. Stop words are compared as they stand, or both in lower case; case is changed afterwards.
 * Where nothing is left, one empty text is.
 */
const stringNormalizer: OpDef = defineOp({
  name: 'StringNormalizer',
  since: [10],
  kernelClass: 'host',
  attributes: { case_change_action: 'NONE', is_case_sensitive: 0, locale: '', stopwords: 'computed' },
  infer(context) {
    const x = textType(context, 0, 'X');
    const rank = x.shape.length;
    if (rank < 1 || rank > 2) misfit(context, `the input has rank ${rank}, [C] or [1, C] is needed`);
    if (rank === 2 && typeof x.shape[0] === 'number' && x.shape[0] !== 1) misfit(context, `the input has ${x.shape[0]} rows, 1 is needed`);
    const known = context.tensor(0);
    if (known !== null) return [{ dtype: 'string', shape: normalized(context, known).shape }];
    const size = x.shape.at(-1) ?? 0;
    if (stringsAttribute(context, 'stopwords').length === 0 && size !== 0) return [x];
    return [{ dtype: 'string', shape: [...x.shape.slice(0, -1), context.unknownDim(size, 'which texts are stop words')] }];
  },
  evaluate: (context) => [normalized(context, requiredTensor(context, 0, 'X'))],
});

function normalized(context: OpContext, x: Tensor): Tensor {
  const exact = intAttribute(context, 'is_case_sensitive', 0) !== 0;
  const compared = (text: string): string => (exact ? text : text.toLowerCase());
  const stop = new Set(stringsAttribute(context, 'stopwords').map(compared));
  const action = stringAttribute(context, 'case_change_action', 'NONE');
  const kept = textOf(x)
    .filter((text) => !stop.has(compared(text)))
    .map((text) => (action === 'LOWER' ? text.toLowerCase() : action === 'UPPER' ? text.toUpperCase() : text));
  const data = kept.length === 0 ? [''] : kept;
  return textTensor([...x.shape.slice(0, -1), data.length], data);
}

const regexFullMatch: OpDef = defineOp({
  name: 'RegexFullMatch',
  since: [20],
  kernelClass: 'host',
  attributes: { pattern: 'required' },
  infer(context) {
    patternOf(context);
    return [{ dtype: 'bool', shape: textType(context, 0, 'X').shape }];
  },
  evaluate(context) {
    const x = requiredTensor(context, 0, 'X');
    const matches = patternOf(context);
    return [{ dtype: 'bool', shape: x.shape, data: Uint8Array.from(textOf(x), (text) => (matches(text) ? 1 : 0)) }];
  },
});

function patternOf(context: OpContext): (text: string) => boolean {
  const { node } = context;
  const pattern = stringAttribute(context, 'pattern', '');
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return fail(graphMessages.badPattern({ op: node.op, node: node.name, pattern, problem: error.message }, { origin: node.origin }));
  }
}

export const stringOps: readonly OpDef[] = [stringConcat, stringSplit, stringNormalizer, regexFullMatch];
