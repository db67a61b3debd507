/**
 * How many operands an operator of ai.onnx takes at most, over all its versions (docs/Operators.md, docs/Changelog.md of ONNX). Those
 * that are not listed take any number, or are of domains whose operators still grow.
 */
const byCount: readonly string[] = [
  'Constant RandomNormal RandomUniform SequenceEmpty',
  'Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh AveragePool Bernoulli BitCast BitwiseNot Cast Ceil Celu ConcatFromSequence ' +
    'ConstantOfShape Cos Cosh DepthToSpace Det DynamicQuantizeLinear Elu Erf Exp EyeLike Flatten Floor Gelu GlobalAveragePool ' +
    'GlobalLpPool GlobalMaxPool HammingWindow HannWindow BlackmanWindow HardSigmoid HardSwish Hardmax Identity ImageDecoder IsInf IsNaN ' +
    'LRN LeakyRelu Log LogSoftmax LpNormalization LpPool MaxPool MeanVarianceNormalization Mish Multinomial Neg NonZero Not Optional ' +
    'OptionalGetElement OptionalHasElement RandomNormalLike RandomUniformLike Reciprocal RegexFullMatch Relu Round Selu SequenceLength ' +
    'Shape Shrink Sigmoid Sign Sin Sinh Size Softmax Softplus Softsign SpaceToDepth Sqrt StringNormalizer StringSplit Swish Tan Tanh ' +
    'TfIdfVectorizer ThresholdedRelu Transpose Unique',
  'Add And AffineGrid BitShift BitwiseAnd BitwiseOr BitwiseXor CastLike CenterCropPad Compress CumProd CumSum Div Equal Expand Gather ' +
    'GatherElements GatherND Greater GreaterOrEqual GridSample Less LessOrEqual MatMul MaxRoiPool Mod Mul Or PRelu Pow RMSNormalization ' +
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape ' +
    'ReverseSequence SequenceAt SequenceErase Split SplitToSequence Squeeze StringConcat Sub Tile TopK Trilu Unsqueeze Upsample Xor',
  'Clip Col2Im Conv ConvTranspose DFT DequantizeLinear Dropout Gemm GroupNormalization InstanceNormalization LayerNormalization ' +
    'MaxUnpool NegativeLogLikelihoodLoss OneHot QuantizeLinear Range RoiAlign Scatter ScatterElements ScatterND SequenceInsert ' +
    'SoftmaxCrossEntropyLoss TensorScatter Where',
  'ConvInteger MatMulInteger Pad Resize RotaryEmbedding STFT',
  'BatchNormalization DeformConv MelWeightMatrix NonMaxSuppression Slice',
  'GRU RNN',
  '',
  'LSTM QLinearMatMul',
  'QLinearConv',
];

const most: ReadonlyMap<string, number> = new Map(
  byCount.flatMap((names, count) => names.split(' ').flatMap((name) => (name === '' ? [] : [[name, count] as const]))),
);

/** Of ONNX Runtime's those that are made into others (docs/ContribOperators.md). */
const microsoft: ReadonlyMap<string, number> = new Map([
  ['BiasGelu', 2],
  ['DequantizeLinear', 3],
  ['FastGelu', 2],
  ['Gelu', 1],
  ['QLinearAdd', 8],
  ['QLinearAveragePool', 5],
  ['QLinearGlobalAveragePool', 5],
  ['QLinearLeakyRelu', 5],
  ['QLinearMul', 8],
  ['QLinearReduceMean', 5],
  ['QLinearSigmoid', 5],
  ['QLinearSoftmax', 5],
  ['QuantizeLinear', 3],
  ['QuickGelu', 1],
]);

/** null where nothing bounds it. */
export function mostOperands(domain: string, op: string): number | null {
  if (domain === 'com.microsoft') return microsoft.get(op) ?? null;
  return domain === '' ? (most.get(op) ?? null) : null;
}
