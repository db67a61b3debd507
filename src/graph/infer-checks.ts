/** What holds for every operator, whatever its own rules: attributes of the right kind, sizes that can exist, numbers where it computes. */
import { fail, graphMessages, isInteger, type Diagnostic, type DType } from '../core/index.ts';
import { printDim, type Dim } from './dim.ts';
import type { Node, TensorType } from './ir.ts';
import { checkAttributeKinds } from './ops/attribute-kinds.ts';
import { mostOperands } from './ops/operand-counts.ts';
import { misfit, printShape, type InferContext, type OpDef } from './ops/op-def.ts';

/** The most elements a tensor can have: beyond that no machine holds it, and counts come near the end of exact doubles. */
export const mostElements: number = 2 ** 40;

/** Twice what numpy allows. */
const mostAxes = 128;

/** @throws coded errors for attributes of another kind than the operator's, and for operands it cannot compute with */
export function checkOperands(def: OpDef, context: InferContext): void {
  checkAttributeKinds(def, context.node);
  checkRequired(def, context.node);
  const most = mostOperands(def.domain, def.name);
  if (most !== null && context.inputs.length > most)
    misfit(context, `it has ${context.inputs.length} inputs, the operator takes ${most === 0 ? 'none' : `at most ${most}`}`);
  for (const [i, type] of context.inputs.entries()) {
    if (type === null) continue;
    if (type.container !== undefined && !onContainers.has(def.name))
      misfit(context, `input ${i} is a ${type.container.replace('-', ' ')}, the operator takes tensors`);
    const wanted = def.domain === '' && type.unranked !== true ? kindsWanted.get(def.name)?.[i] : undefined;
    if (wanted === 'whole' && !isInteger(type.dtype)) misfit(context, `input ${i} is ${type.dtype}, whole numbers are needed there`);
    if (wanted === 'truth' && type.dtype !== 'bool') misfit(context, `input ${i} is ${type.dtype}, bool is needed there`);
    if ((type.dtype !== 'string' && !type.dtype.startsWith('complex')) || takes(def, type.dtype, i)) continue;
    misfit(context, `input ${i} is ${type.dtype}, real numbers are needed there`);
  }
}

/** @throws SYS3013 for every attribute that the operator has no default for and the node leaves out */
function checkRequired(def: OpDef, node: Node): void {
  const problems: Diagnostic[] = [];
  for (const attribute in def.attributes) {
    if (def.attributes[attribute] !== 'required' || node.attributes[attribute] !== undefined) continue;
    const parts = { op: node.op, node: node.name, attribute, given: 'left out', allowed: 'a value of its own, it has no default' };
    problems.push(graphMessages.badAttribute(parts, { origin: node.origin }));
  }
  if (problems.length > 0) fail(...problems);
}

/** Operands that name places, or that are true or false: other numbers would be cut or compared with 0 without a word. */
const kindsWanted: ReadonlyMap<string, readonly ('whole' | 'truth' | null)[]> = new Map<string, readonly ('whole' | 'truth' | null)[]>([
  ...'Gather GatherElements GatherND Scatter ScatterElements ScatterND'.split(' ').map((op) => [op, [null, 'whole']] as const),
  ...'ConstantOfShape'.split(' ').map((op) => [op, ['whole']] as const),
  ...'Expand Reshape Squeeze Tile Unsqueeze'.split(' ').map((op) => [op, [null, 'whole']] as const),
  ...'L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare'.split(' ').map((op) => [`Reduce${op}`, [null, 'whole']] as const),
  ['Slice', [null, 'whole', 'whole', 'whole', 'whole']],
  ['Pad', [null, 'whole', null, 'whole']],
  ...'And Or Xor'.split(' ').map((op) => [op, ['truth', 'truth']] as const),
  ...'If Not Where'.split(' ').map((op) => [op, ['truth']] as const),
  ['Compress', [null, 'truth']],
]);

const onContainers: ReadonlySet<string> = new Set(
  (
    'CastMap ConcatFromSequence DictVectorizer Identity If Loop Optional OptionalGetElement OptionalHasElement Scan SequenceAt ' +
    'SequenceErase SequenceInsert SequenceLength SequenceMap ZipMap'
  ).split(' '),
);

const everywhere = 'all';

/**
 * Operands that may be text or complex numbers: those that are only moved, or whose elements nobody looks at. Operators that are not
 * listed take them as their first operand if they move elements, and not at all otherwise.
 */
const opaque: ReadonlyMap<string, readonly number[] | typeof everywhere> = new Map<string, readonly number[] | typeof everywhere>([
  ...'Compress Constant NonZero Shape Size SplitToSequence Trilu'.split(' ').map((op) => [op, [0]] as const),
  ...'Concat ConcatFromSequence If Loop Optional OptionalGetElement OptionalHasElement Scan SequenceAt SequenceConstruct SequenceErase'
    .split(' ')
    .map((op) => [op, everywhere] as const),
  ...'SequenceInsert SequenceLength SequenceMap'.split(' ').map((op) => [op, everywhere] as const),
  ['OneHot', [2]],
  ['Pad', [0, 2]],
  ...'Scatter ScatterElements ScatterND'.split(' ').map((op) => [op, [0, 2]] as const),
  ['TensorScatter', [0, 1]],
  ['Where', [1, 2]],
]);

/** The same for text only. */
const textual: ReadonlyMap<string, readonly number[] | typeof everywhere> = new Map<string, readonly number[] | typeof everywhere>([
  ...'Cast RegexFullMatch StringNormalizer StringSplit TfIdfVectorizer Unique'.split(' ').map((op) => [op, [0]] as const),
  ...'CastLike Equal StringConcat'.split(' ').map((op) => [op, [0, 1]] as const),
]);

/** Operators of ai.onnx.ml on text. */
const encoders: ReadonlySet<string> = new Set(
  'ArrayFeatureExtractor CastMap CategoryMapper DictVectorizer LabelEncoder OneHotEncoder ZipMap'.split(' '),
);

/** Of the classes of those that move elements, but computing with them or reading their bits. */
const reals: ReadonlySet<string> = new Set(['BitCast', 'Dropout', 'Resize', 'SampleOp', 'Upsample']);

function takes(def: OpDef, dtype: DType, index: number): boolean {
  if (def.domain === 'ai.onnx.ml') return dtype === 'string' && index === 0 && encoders.has(def.name);
  const places = opaque.get(def.name) ?? (dtype === 'string' && def.domain === '' ? textual.get(def.name) : undefined);
  if (places !== undefined) return places === everywhere || places.includes(index);
  const moves = (def.kernelClass === 'move' || def.kernelClass === 'gather') && !reals.has(def.name);
  return moves && index === 0;
}

/** @throws SYS3010 or SYS3053 where an output would have a size that is none, or that no machine could hold */
export function checkSizes(node: Node, types: readonly TensorType[], nameOf: (output: number) => string): void {
  const problems: Diagnostic[] = [];
  for (const [i, type] of types.entries()) {
    const problem = sizeProblem(type, node, () => nameOf(i));
    if (problem !== null) problems.push(problem);
  }
  if (problems.length > 0) fail(...problems);
}

/** @throws SYS3010 for types of more axes than tensors have: naming open ones takes time for each pair */
export function checkRanks(context: InferContext, types: readonly TensorType[]): void {
  const deep = types.find((type) => type.shape.length > mostAxes);
  if (deep !== undefined) misfit(context, `an output would have ${deep.shape.length} axes; ${mostAxes} is the most a tensor can have`);
}

/**
 * null where the type can exist.
 * @param node    null for a model input or a constant
 * @param nameOf  what to call the value in a message
 */
export function sizeProblem({ shape }: TensorType, node: Node | null, nameOf: () => string): Diagnostic | null {
  if (shape.length > mostAxes) {
    const problem = `"${nameOf()}" has ${shape.length} axes; ${mostAxes} is the most a tensor can have`;
    return graphMessages.inputsDoNotFit({ op: node?.op ?? 'the model', node: node?.name ?? nameOf(), problem, change: '' });
  }
  let count = 1;
  for (const d of shape) {
    // Most shapes have open dimensions or small ones: this loop runs for every value of every graph.
    if (typeof d !== 'number') continue;
    if (!(d >= 0) || !Number.isInteger(d)) return impossible(shape, d, node, nameOf());
    count *= d;
  }
  if (count <= mostElements && (count > 0 || shape.every((d) => typeof d !== 'number' || d <= mostElements))) return null;
  const value = nameOf();
  const printed = printShape(shape);
  const where = { op: node?.op ?? '', node: node?.name ?? '' };
  const elements = shape.filter((d) => typeof d === 'number').map(printDim);
  return graphMessages.tensorTooLarge(
    { ...where, value, shape: printed, elements: elements.join(' × ') },
    { origin: node === null ? [value] : node.origin },
  );
}

function impossible(shape: readonly Dim[], size: number, node: Node | null, value: string): Diagnostic {
  const problem = `the shape ${printShape(shape)} of ${node === null ? `"${value}"` : `its output ${value}`} has a size of ${size}`;
  const change = 'Sizes are whole numbers from 0';
  const parts = { op: node?.op ?? 'the model', node: node?.name ?? value, problem, change };
  return graphMessages.inputsDoNotFit(parts, { origin: node === null ? [value] : node.origin });
}
