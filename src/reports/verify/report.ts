/** What a verification is asked, and what it answers. */
import type { Diagnostic, DType, Tensor } from '../../core/index.ts';
import type { Compilation } from '../../compiler/index.ts';
import type { Graph } from '../../graph/index.ts';
import type { Machine } from '../../hw-configs/index.ts';
import type { Executable } from '../../isa/index.ts';
import type { ErrorMetrics } from './metrics.ts';
import type { Tolerance } from './tolerance.ts';

/** Outputs that somebody else computed from the same inputs, by output name of the model. */
export interface Expectation {
  /** "onnxruntime", "expected". */
  readonly name: string;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

export interface VerifyProblem {
  readonly compilation: Compilation;
  readonly machine: Machine;
  /** The model as imported, sizes bound, before any pass: what its numbers mean in float. */
  readonly model: Graph;
  /** By input name, in the type of the model's input. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly expectations: readonly Expectation[];
  readonly tolerance: Tolerance;
  /** In place of the program of the compilation: one with the same kernels. */
  readonly executable?: Executable;
  /** Called with operands and results of every kernel, as the program had them and as the interpreter has them. */
  readonly onKernel?: (kernel: KernelName, tensors: readonly KernelTensor[]) => void;
}

export interface KernelName {
  /** Into the kernels of the executable. */
  readonly index: number;
  readonly name: string;
  readonly origin: readonly string[];
}

/** One operand or result of a kernel; null where one side has no such value. */
export interface KernelTensor {
  readonly value: string;
  readonly role: 'input' | 'output';
  readonly program: Tensor | null;
  /** Of the whole graph after precision. */
  readonly reference: Tensor | null;
  /** Results only: what the kernel's nodes make of the program's operands. */
  readonly isolated: Tensor | null;
  /** Of the model in float. */
  readonly float: Tensor | null;
}

/** `exact`: the same bits. `near`: float products within their bound. `wrong`: neither. `unseen`: nothing to compare. */
export type Verdict = 'exact' | 'near' | 'wrong' | 'unseen';

export interface KernelCheck {
  readonly name: string;
  readonly origin: readonly string[];
  readonly engine: string;
  readonly class: string;
  readonly dtype: DType;
  /** Names of the values it writes. */
  readonly values: readonly string[];
  readonly verdict: Verdict;
  /** Of several results, the worst. */
  readonly isolated: ErrorMetrics | null;
  readonly cumulative: ErrorMetrics | null;
  /** Against the model in float; null where it has no value of that name. */
  readonly float: ErrorMetrics | null;
}

export interface OutputCheck {
  readonly name: string;
  /** As the program stores it, and as the model gives it. */
  readonly dtype: DType;
  readonly modelDtype: DType;
  readonly shape: readonly number[];
  /** The program against the graph after precision. */
  readonly cumulative: ErrorMetrics | null;
  /** Every bit the same. */
  readonly bitEqual: boolean;
  readonly float: ErrorMetrics | null;
  /** By expectation: the program, and the interpreter of the model, against it. */
  readonly expectations: readonly {
    readonly name: string;
    readonly program: ErrorMetrics | null;
    readonly model: ErrorMetrics | null;
  }[];
}

export interface Jump {
  readonly kernel: string;
  /** Of the kernel: kernels made of one node may share its name. */
  readonly class: string;
  readonly origin: readonly string[];
  /** Names of the values it writes. */
  readonly values: readonly string[];
  /** The error comes from this kernel or a later one up to `kernel`: what lies between has no figure. Null where it is `kernel` alone. */
  readonly since: string | null;
  /** How often the loop runs that the kernel is in: what a trip leaves goes into the next. Null outside of loops. */
  readonly trips: number | null;
  /** Worst SQNR of its inputs, cut to what the precision can hold, and SQNR of what it wrote, in dB against the float model. */
  readonly fromDb: number;
  readonly toDb: number;
}

export interface VerifyRun {
  readonly passed: boolean;
  readonly outputs: readonly OutputCheck[];
  readonly kernels: readonly KernelCheck[];
  /** The first kernel that computes something else than its nodes mean. */
  readonly firstWrong: string | null;
  /** The first kernel at which the error against the float model grows at once. */
  readonly jump: Jump | null;
  /** Where an output misses against the float model and nothing jumps: the kernel that loses most. */
  readonly steepest: Jump | null;
  readonly commands: number;
  /** What the sanitizer found; notes of what it could not watch are among them. */
  readonly sanitizer: readonly Diagnostic[];
  /** Outputs that miss the tolerance: name, against whom, and by what. */
  readonly misses: readonly Miss[];
}

export interface Miss {
  readonly output: string;
  readonly against: 'program' | 'float' | 'expectation';
  readonly what: string;
}
