/**
 * Elementary functions that machines have in two forms: exact, and as a table (node attribute `table`: its steps). Tables are what the compiler asks for on
 * a machine whose vector engine has them; they are part of what the node means.
 */
import { erf64, exp64, tableFunctions, tanh64, type TableFunctions } from '../../core/index.ts';
import type { Node } from '../ir.ts';
import type { OpContext } from './op-def.ts';

/** Steps of a node's table; 0 where its functions are exact. */
export function tableOf({ attributes }: Node): number {
  const { table } = attributes;
  return table?.kind === 'int' ? table.value : 0;
}

const exact: Omit<TableFunctions, 'inverseRoot'> = {
  exp: exp64,
  sigmoid: (x) => 1 / (1 + exp64(-x)),
  tanh: tanh64,
  erf: erf64,
};

/** Results are rounded by whoever asks; those of tables are fp32 already. */
export function functionsOf(context: OpContext): TableFunctions {
  const steps = tableOf(context.node);
  return steps > 0 ? tableFunctions(steps) : { ...exact, inverseRoot: (x) => Math.fround(1 / Math.fround(Math.sqrt(x))) };
}

/** 1 / √x, rounded as the type of the operands is. */
export function inverseRootOf(context: OpContext, round: (x: number) => number): (x: number) => number {
  const steps = tableOf(context.node);
  return steps > 0 ? tableFunctions(steps).inverseRoot : (x) => round(1 / round(Math.sqrt(x)));
}
