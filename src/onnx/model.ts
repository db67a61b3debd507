/** A decoded ONNX file, plain values: int64 as number, enums as names, raw data as views of the file. Knows no operator. */
import type { DType } from '../core/index.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsetImports: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: readonly OnnxSparseTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly valueInfos: readonly OnnxValueInfo[];
}

export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly string[];
  readonly attributeDefaults: readonly OnnxAttribute[];
  readonly nodes: readonly OnnxNode[];
  readonly opsetImports: readonly { readonly domain: string; readonly version: number }[];
}

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly overload: string;
  /** '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export type OnnxAttribute = { readonly name: string; readonly refName: string } & (
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  | { readonly kind: 'sparseTensor'; readonly value: OnnxSparseTensor }
  | { readonly kind: 'type'; readonly value: OnnxType }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensors'; readonly value: readonly OnnxTensor[] }
  | { readonly kind: 'graphs'; readonly value: readonly OnnxGraph[] }
  | { readonly kind: 'sparseTensors'; readonly value: readonly OnnxSparseTensor[] }
  | { readonly kind: 'types'; readonly value: readonly OnnxType[] }
);

export interface OnnxTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: OnnxTensorData;
}

export type OnnxTensorData =
  /** Little-endian elements as ONNX raw_data stores them (typed fields are converted to this). */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'strings'; readonly strings: readonly Uint8Array[] }
  | { readonly kind: 'external'; readonly location: string; readonly offset: number; readonly length: number | null }
  /** The file gives type and shape but no elements: enough for timing. */
  | { readonly kind: 'absent' };

export interface OnnxSparseTensor {
  readonly values: OnnxTensor;
  readonly indices: OnnxTensor;
  readonly dims: readonly number[];
}

/** A value of test data; tensors stand alone or inside the others. */
export type OnnxData =
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'sparseTensor'; readonly value: OnnxSparseTensor }
  | { readonly kind: 'sequence'; readonly name: string; readonly elements: readonly OnnxData[] }
  /** `value` null: it holds nothing. */
  | { readonly kind: 'optional'; readonly name: string; readonly value: OnnxData | null }
  | {
      readonly kind: 'map';
      readonly name: string;
      readonly keyType: DType;
      readonly keys: readonly (number | Uint8Array)[];
      readonly values: readonly OnnxData[];
    };

/** A dimension: known, named, or unknown (null). */
export type OnnxDim = number | string | null;

export type OnnxType =
  | { readonly kind: 'tensor' | 'sparseTensor'; readonly dtype: DType; readonly shape: readonly OnnxDim[] | null }
  | { readonly kind: 'sequence' | 'optional'; readonly element: OnnxType | null }
  | { readonly kind: 'map'; readonly keyType: DType; readonly value: OnnxType | null }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'none' };

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: OnnxType;
}
