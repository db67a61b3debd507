/** What kind of work an operator of the node tests is, and which of its operands may be int64. */

/** `other`: control flow, randomness, text, files, and results whose very size hangs on the data. */
export const nodeClasses = ['contraction', 'window', 'elementwise', 'reduction', 'movement', 'other'] as const;
export type NodeClass = (typeof nodeClasses)[number];

export const classTitles: Readonly<Record<NodeClass, string>> = {
  contraction: 'contraction',
  window: 'window and pooling',
  elementwise: 'elementwise',
  reduction: 'reduction and norm',
  movement: 'movement',
  other: 'other',
};

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

const members: Readonly<Record<NodeClass, readonly string[]>> = {
  // Sums of products: those whose other steps (softmax, gates, a decay) lie around them too.
  contraction: words(`
    Attention CausalConvWithState Conv ConvInteger ConvTranspose DFT DeformConv Einsum GRU Gemm LSTM LinearAttention MatMul
    MatMulInteger QLinearConv QLinearMatMul RNN STFT`),
  window: words('AveragePool Col2Im GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool RoiAlign'),
  elementwise: words(`
    Abs Acos Acosh Adagrad Adam Add And Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu
    Clip Cos Cosh DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish
    IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Momentum Mul Neg Not Or PRelu Pow QuantizeLinear Reciprocal Relu Round Selu
    Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor`),
  reduction: words(`
    ArgMax ArgMin BatchNormalization CumProd CumSum GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization LogSoftmax
    LpNormalization MeanVarianceNormalization NegativeLogLikelihoodLoss RMSNormalization ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Softmax SoftmaxCrossEntropyLoss TopK`),
  movement: words(`
    AffineGrid CenterCropPad Compress Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten Gather GatherElements GatherND
    GridSample Identity OneHot Pad Range Reshape Resize ReverseSequence RotaryEmbedding Scatter ScatterElements ScatterND Shape Size Slice
    SpaceToDepth Split Squeeze TensorScatter Tile Transpose Trilu Unsqueeze Upsample`),
  other: words(`
    ArrayFeatureExtractor Bernoulli Binarizer BlackmanWindow ConcatFromSequence Det Gradient HammingWindow HannWindow If ImageDecoder LabelEncoder
    Loop MelWeightMatrix Multinomial NonMaxSuppression NonZero Optional OptionalGetElement OptionalHasElement RandomNormal RandomNormalLike RandomUniform
    RandomUniformLike RegexFullMatch Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap
    SplitToSequence StringConcat StringNormalizer StringSplit TfIdfVectorizer TreeEnsemble Unique`),
};

const classOf: ReadonlyMap<string, NodeClass> = new Map(nodeClasses.flatMap((c) => members[c].map((op) => [op, c] as const)));

/** null for an operator that the table does not know. */
export function classOfOperator(op: string): NodeClass | null {
  return classOf.get(op) ?? null;
}

/** Of a test with several operators: `other` where one is, else the first that is not elementwise or movement. */
export function classOfTest(operators: readonly string[]): NodeClass {
  const found = operators.map((op) => classOf.get(op) ?? 'other');
  if (found.includes('other')) return 'other';
  return found.find((c) => c !== 'movement' && c !== 'elementwise') ?? found.find((c) => c === 'elementwise') ?? 'movement';
}

/** Operators of which every test must run on the engines alone. */
export const wholeOperators: readonly string[] = words(
  'Conv ConvTranspose Gemm MatMul ConvInteger MatMulInteger QLinearConv QLinearMatMul',
);

/** Element types of the machines of the conformance run, in the words of the packs' indexes. */
const machineTypes: ReadonlySet<string> = new Set(words('float float16 bfloat16 int8 uint8 int16 int32 bool'));

/**
 * Operators whose int64 operands are data to compute on as soon as the first tensor they take is int64: sizes, indices, axes and labels
 * are not among those. Of all others int64 operands are shapes, indices or labels.
 */
const computesInt64: ReadonlySet<string> = new Set(
  words('Abs Add Clip CumSum Div Equal Greater Less Max Min Mod Mul Neg Pow Sign Sub Sum TopK Trilu Unique Where BitShift BitwiseAnd'),
);

/** Whether a test's tensors are within the types of the machines: `types` of its inputs, then outputs, as the index lists them. */
export function isWithinTypes(operators: readonly string[], inputs: readonly string[], outputs: readonly string[]): boolean {
  const wide = (types: readonly string[]): boolean => types.includes('int64');
  if (![...inputs, ...outputs].every((t) => machineTypes.has(t) || t === 'int64')) return false;
  // A condition may stand before the data (Where).
  const data = inputs.find((t) => t !== 'bool');
  return !(operators.some((op) => computesInt64.has(op)) && wide(data === undefined ? outputs : [data]));
}
