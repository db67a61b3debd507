/** Attributes that are lists; empty where a node leaves them out. */
import { fail, graphMessages } from '../../core/index.ts';
import { constantOf } from '../constant.ts';
import { numbersOf } from './numbers.ts';
import { misfit, type OpContext } from './op-def.ts';

export function stringsAttribute(context: OpContext, name: string): readonly string[] {
  const a = context.node.attributes[name];
  return a?.kind === 'strings' ? a.value : [];
}

/** Rounded to fp32 as ONNX stores them. */
export function floatsAttribute(context: OpContext, name: string): readonly number[] {
  const a = context.node.attributes[name];
  return a?.kind === 'floats' || a?.kind === 'ints' ? a.value.map(Math.fround) : [];
}

export function intsList(context: OpContext, name: string): readonly number[] {
  const a = context.node.attributes[name];
  return a?.kind === 'ints' ? a.value : [];
}

/** The numbers of a tensor attribute, or of a list of floats; null where it is left out. */
export function numbersAttribute(context: OpContext, name: string): readonly number[] | null {
  const a = context.node.attributes[name];
  if (a === undefined) return null;
  if (a.kind === 'floats' || a.kind === 'ints') return a.value;
  if (a.kind !== 'tensor' || a.constant.kind === 'strings')
    return misfit(context, `attribute ${name} is of kind ${a.kind}, numbers are needed`);
  return [...numbersOf(constantOf(a.type, a.constant, name, context.node.name))];
}

/** An operator there is no evaluation of. */
export function notEvaluated(context: OpContext, why: string): never {
  const { node } = context;
  return fail(graphMessages.notEvaluated({ op: node.op, node: node.name, why }, { origin: node.origin }));
}
