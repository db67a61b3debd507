/** Operators on optionals: values that may be there or not. */
import { fail, graphMessages, isTensor, type RuntimeValue } from '../../core/index.ts';
import type { TensorType } from '../ir.ts';
import { runsOnValues, scalar } from './control-flow-parts.ts';
import { defineOp, hasInput, misfit, requiredType, type OpContext, type OpDef, type ValuesContext } from './op-def.ts';

/** The type attribute of Optional; importers hand it over as a tensor without contents. */
function elementTypeOf(context: OpContext): TensorType {
  const a = context.node.attributes['type'];
  if (a?.kind !== 'tensor') return misfit(context, 'it has neither an input nor a type', 'An empty optional needs the attribute type');
  if (a.type.container !== undefined && a.type.container !== 'sequence')
    misfit(context, `it is to hold a value of kind ${a.type.container}`);
  return a.type;
}

function asOptional(type: TensorType): TensorType {
  return { ...type, container: type.container === 'sequence' ? 'optional-sequence' : 'optional' };
}

/** What an optional holds. Tensors and sequences stand for themselves. */
export function contentType(type: TensorType): TensorType {
  if (type.container === 'optional-sequence') return { ...type, container: 'sequence' };
  const { container, ...tensor } = type;
  return container === 'optional' ? tensor : type;
}

const optional: OpDef = defineOp({
  name: 'Optional',
  since: [15],
  kernelClass: 'host',
  attributes: { type: 'computed' },
  infer: (context) => [asOptional(hasInput(context, 0) ? requiredType(context, 0, 'input') : elementTypeOf(context))],
  evaluate: runsOnValues,
  evaluateValues(context) {
    const [x = null] = context.inputs;
    if (x !== null && !isTensor(x) && x.kind === 'optional') return misfit(context, 'input 0 is an optional already');
    return [{ kind: 'optional', value: x }];
  },
});

/** null where there is nothing. */
function held(context: ValuesContext): RuntimeValue | null {
  const [x = null] = context.inputs;
  return x !== null && !isTensor(x) && x.kind === 'optional' ? x.value : x;
}

const optionalGetElement: OpDef = defineOp({
  name: 'OptionalGetElement',
  since: [15, 18],
  kernelClass: 'host',
  infer: (context) => [contentType(requiredType(context, 0, 'input'))],
  evaluate: runsOnValues,
  evaluateValues(context) {
    const { node } = context;
    return [held(context) ?? fail(graphMessages.emptyOptional({ op: node.op, node: node.name }, { origin: node.origin }))];
  },
});

const optionalHasElement: OpDef = defineOp({
  name: 'OptionalHasElement',
  since: [15, 18],
  kernelClass: 'host',
  infer: () => [{ dtype: 'bool', shape: [] }],
  evaluate: runsOnValues,
  evaluateValues: (context) => [scalar('bool', held(context) === null ? 0 : 1)],
  /** Only where the type says it: no input, or one that cannot be empty. */
  contents(context) {
    const [x = null] = context.inputs;
    return x === null ? [0] : x.container === 'optional' || x.container === 'optional-sequence' ? null : [1];
  },
});

export const optionalOps: readonly OpDef[] = [optional, optionalGetElement, optionalHasElement];
