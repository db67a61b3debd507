/** A description with a number for every unit and formula, in the shape of the YAML. `schema.ts` checks that it is that shape. */
import type { DType } from '../core/index.ts';
import type { MatrixPorts, Memory, Placement, VectorCostClass } from './machine.ts';

export type MatrixDType = Extract<
  DType,
  | 'int4'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float16'
  | 'bfloat16'
  | 'float32'
>;
export type VectorDType = Extract<
  DType,
  | 'bool'
  | 'int4'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'float16'
  | 'bfloat16'
  | 'float32'
>;

type Optional<T> = T | undefined;
type ByDType<T> = { readonly [Type in MatrixDType]?: Optional<T> };

export interface CitedDescription {
  readonly value: number;
  readonly source: string;
  readonly low?: Optional<number>;
  readonly high?: Optional<number>;
}

interface MatrixCommonDescription {
  readonly rates: ByDType<number>;
  readonly accumulatorBits: number;
  readonly requantize: 'output-stage' | 'vector';
  readonly rescale: 'float' | 'fixed-point';
  readonly ports: MatrixPorts;
  readonly start: number;
}

export type MatrixDescription =
  | (MatrixCommonDescription & {
      readonly kind: 'systolic';
      readonly rows: number;
      readonly cols: number;
      readonly dataflow: 'ws' | 'os' | 'is';
      readonly doubleBuffered: boolean;
    })
  | (MatrixCommonDescription & {
      readonly kind: 'dot-product';
      readonly inputLanes: number;
      readonly outputLanes: number;
      readonly pixels: number;
    });

export interface CoreDescription {
  readonly count: number;
  readonly clock: string;
  readonly scratchpad: string;
  readonly accumulator?: Optional<string>;
  readonly matrix: MatrixDescription;
  readonly vector: {
    readonly lanes: number;
    readonly dtypes: readonly VectorDType[];
    readonly ticksPerOp: Readonly<Record<VectorCostClass, number>>;
    readonly functions: 'exact' | 'table';
    readonly tableSteps: number;
    readonly start: number;
  };
  readonly dma: { readonly bandwidth: number; readonly start: number };
  readonly semaphores: number;
}

export interface MemoryDescription {
  readonly kind: Memory['kind'];
  readonly size: number;
  readonly bandwidth?: Optional<number>;
  readonly readBandwidth?: Optional<number>;
  readonly writeBandwidth?: Optional<number>;
  readonly latency: number;
  readonly burst: number;
  readonly readOnly: boolean;
  readonly owner: Memory['owner'];
  readonly model: Memory['model'];
}

export interface Description {
  readonly name: string;
  readonly description: string;
  readonly clocks: Readonly<Record<string, number>>;
  readonly referenceClock: string;
  readonly cores: Readonly<Record<string, CoreDescription>>;
  readonly memories: Readonly<Record<string, MemoryDescription>>;
  readonly placement: Placement;
  readonly host: { readonly rate: number; readonly handover: number; readonly bandwidth: number; readonly memory: string };
  readonly technology: {
    readonly node: number;
    readonly voltage: number;
    readonly energy: {
      readonly mac: ByDType<CitedDescription>;
      readonly vectorOp: CitedDescription;
      readonly memory: Readonly<Record<string, CitedDescription>>;
      readonly hostOp: CitedDescription;
    };
    readonly leakage: CitedDescription;
    readonly area: Readonly<Record<string, CitedDescription>>;
  };
}
