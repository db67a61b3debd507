/** Element types an engine computes in: a kernel in another is not for it. */
import { compilerMappingMessages, isFloat, lanesHold, lanesTake, ofOperands, type Diagnostic, type DType } from '../../core/index.ts';
import type { Core } from '../../hw-configs/index.ts';
import type { Limit, NotHere } from './context.ts';
import type { KernelSpec } from './spec.ts';

export type Refusal = (kernel: KernelSpec) => NotHere | null;

export interface EngineTypes {
  /** Why the engines of this core cannot run a kernel: its operands are of a type they do not list. */
  readonly refuse: Refusal;
  /** A warning for each type that sent nodes to the host. */
  readonly told: (kernels: readonly KernelSpec[]) => readonly Diagnostic[];
}

interface Missing {
  readonly engine: 'matrix' | 'vector';
  readonly dtype: DType;
  readonly listed: readonly string[];
}

export function refusedTypes(core: Core): EngineTypes {
  const found = new Map<string, Missing & { readonly limit: Limit }>();
  const refuse = (kernel: KernelSpec): NotHere | null => {
    const missing = missingType(core, kernel);
    if (missing === null) return null;
    const { engine, dtype, listed } = missing;
    const key = `${engine} ${dtype}`;
    const allowed = listed.length === 0 ? 'none' : listed.join(', ');
    const limit = found.get(key)?.limit ?? { what: `element type of the ${engine} engine`, actual: dtype, allowed };
    found.set(key, { ...missing, limit });
    return { reason: `the ${engine} engine does not compute in ${dtype}`, limit, fix: fixOf(missing) };
  };
  const told = (kernels: readonly KernelSpec[]): readonly Diagnostic[] => {
    const members = kernels.flatMap((k) => (k.kind === 'host' ? k.members : []));
    return [...found.values()].flatMap(({ engine, dtype, limit }) => {
      const nodes = [...new Set(members.filter((m) => m.limit === limit).flatMap((m) => m.node.origin))];
      if (nodes.length === 0) return [];
      return [compilerMappingMessages.dtypeNotSupported({ engine, dtype, allowed: limit.allowed, nodes }, { origin: nodes })];
    });
  };
  return { refuse, told };
}

function missingType(core: Core, kernel: KernelSpec): Missing | null {
  if (kernel.engine === 'matrix' && ofOperands(core.matrix.rates, kernel.dtype) === undefined) {
    return { engine: 'matrix', dtype: kernel.dtype, listed: Object.keys(core.matrix.rates) };
  }
  if (kernel.kind === 'contraction' && isFloat(kernel.w.dtype) && ofOperands(core.matrix.rates, kernel.w.dtype) === undefined) {
    return { engine: 'matrix', dtype: kernel.w.dtype, listed: Object.keys(core.matrix.rates) };
  }
  if (kernel.engine !== 'vector' && kernel.kind !== 'contraction') return null;
  const holds = kernel.kind === 'elementwise' ? lanesHold : lanesTake;
  const dtype = vectorTypes(kernel).find((type) => !holds(core.vector.dtypes, type));
  return dtype === undefined ? null : { engine: 'vector', dtype, listed: core.vector.dtypes };
}

/** What the lanes load and compute in: those that only widen or round on the way need the type as well. */
function vectorTypes(kernel: KernelSpec): readonly DType[] {
  if (kernel.kind === 'elementwise') return [kernel.dtype, ...kernel.plan.operands.map((o) => o.view.dtype), kernel.out.dtype];
  if (kernel.kind !== 'contraction') return [kernel.dtype];
  // Behind the array, the lanes take what it drains and its operands, and store the result.
  return kernel.epilogue === null ? [] : [...kernel.epilogue.operands.map((o) => o.view.dtype), kernel.out.dtype];
}

function fixOf({ engine, dtype, listed }: Missing): string {
  const field = engine === 'matrix' ? 'matrix.rates' : 'vector.dtypes';
  const widen = `list ${dtype} in the machine's ${field}`;
  if (listed.length === 0) return widen;
  const change =
    dtype.includes('float') && listed.includes('int8')
      ? 'quantize it to int8 (--precision int8, or a quantized model)'
      : `cast it to ${listed.join(' or ')}`;
  return `${change}, or ${widen}`;
}
