/** ai.onnx.ml operators on maps: types only, values of graphs are never maps here. */
import { intsList, notEvaluated, stringsAttribute } from './ml-attributes.ts';
import { mlDomain } from './ml-transform.ts';
import { defineOp, requiredType, type EvaluateContext, type OpDef } from './op-def.ts';

const why = 'it works on maps, which are not evaluated here';
const evaluate = (context: EvaluateContext): never => notEvaluated(context, why);

/** A sequence of maps from labels to scores: told as a map, of as many as there are rows. */
const zipMap: OpDef = defineOp({
  domain: mlDomain,
  name: 'ZipMap',
  since: [1],
  kernelClass: 'host',
  attributes: { classlabels_int64s: 'computed', classlabels_strings: 'computed' },
  infer(context) {
    requiredType(context, 0, 'X');
    return [{ dtype: 'float32', shape: [], unranked: true, container: 'map' }];
  },
  evaluate,
});

const dictVectorizer: OpDef = defineOp({
  domain: mlDomain,
  name: 'DictVectorizer',
  since: [1],
  kernelClass: 'host',
  attributes: { int64_vocabulary: 'computed', string_vocabulary: 'computed' },
  infer(context) {
    const x = requiredType(context, 0, 'X');
    const words = stringsAttribute(context, 'string_vocabulary').length || intsList(context, 'int64_vocabulary').length;
    return [{ dtype: x.dtype, shape: [1, words] }];
  },
  evaluate,
});

const castMap: OpDef = defineOp({
  domain: mlDomain,
  name: 'CastMap',
  since: [1],
  kernelClass: 'host',
  attributes: { cast_to: 'TO_FLOAT', map_form: 'DENSE', max_map: 1 },
  infer(context) {
    requiredType(context, 0, 'X');
    const to = context.node.attributes['cast_to'];
    const dtype =
      to?.kind === 'string' && to.value === 'TO_STRING' ? 'string' : to?.kind === 'string' && to.value === 'TO_INT64' ? 'int64' : 'float32';
    return [{ dtype, shape: [1, context.unknownDim(null, 'how many entries the map has')] }];
  },
  evaluate,
});

export const mlMapOps: readonly OpDef[] = [zipMap, dictVectorizer, castMap];
