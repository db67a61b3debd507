/**
 * Model-local functions, put in place of the nodes that call them, so that nothing later knows of functions.
 * Basic: operator sets of functions are taken to be the model's.
 */
import { compilerMessages, fail } from '../../core/index.ts';
import type { OnnxAttribute, OnnxFunction, OnnxModel, OnnxNode } from '../../onnx/model.ts';

/** A node of the model after inlining, with the name of the ONNX node in the file that it stands for. */
export interface NamedNode extends OnnxNode {
  /** Names of the nodes of the file this comes from: itself, or the call that was inlined. */
  readonly origin: readonly string[];
}

/**
 * Replaces calls by bodies. Inner values and nodes are called `<call>/<inner name>`; attribute references take the call's
 * attribute, else the function's default.
 * @throws SYS4010 when functions call each other in a ring
 */
export function inlineFunctions(model: OnnxModel, nodes: readonly NamedNode[]): readonly NamedNode[] {
  if (model.functions.length === 0) return nodes;
  const functions = new Map(model.functions.map((f) => [keyOf(f.domain, f.name, f.overload), f]));
  const result: NamedNode[] = [];
  const visit = (node: NamedNode, chain: readonly string[]): void => {
    const key = keyOf(node.domain, node.opType, node.overload);
    const called = functions.get(key);
    if (called === undefined) {
      result.push(node);
      return;
    }
    if (chain.includes(key))
      fail(compilerMessages.functionRecursion({ chain: [...chain.slice(chain.indexOf(key)), key] }, { origin: node.origin }));
    for (const inner of expand(called, node)) visit(inner, [...chain, key]);
  };
  for (const node of nodes) visit(node, []);
  return result;
}

function keyOf(domain: string, name: string, overload: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}:${name}${overload === '' ? '' : `:${overload}`}`;
}

function expand(called: OnnxFunction, call: NamedNode): NamedNode[] {
  const names = new Map<string, string>([['', '']]);
  called.inputs.forEach((formal, i) => names.set(formal, call.inputs[i] ?? ''));
  called.outputs.forEach((formal, i) => {
    const actual = call.outputs[i];
    if (actual !== undefined && actual !== '') names.set(formal, actual);
  });
  const rename = (name: string): string => names.get(name) ?? `${call.name}/${name}`;
  const given = new Map<string, OnnxAttribute>(called.attributeDefaults.map((a) => [a.name, a]));
  for (const attribute of call.attributes) given.set(attribute.name, attribute);
  return called.nodes.map((inner, i) => ({
    ...inner,
    name: `${call.name}/${inner.name === '' ? `${inner.opType}_${i}` : inner.name}`,
    inputs: inner.inputs.map(rename),
    outputs: inner.outputs.map(rename),
    attributes: inner.attributes.flatMap((attribute) => {
      if (attribute.refName === '') return [attribute];
      const actual = given.get(attribute.refName);
      return actual === undefined ? [] : [{ ...actual, name: attribute.name, refName: '' }];
    }),
    origin: call.origin,
  }));
}
