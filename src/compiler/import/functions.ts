/** Model-local functions, put in place of the nodes that call them, so that nothing later knows of functions. */
import { compilerMessages, fail } from '../../core/index.ts';
import { opDef } from '../../graph/index.ts';
import type { OnnxAttribute, OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from '../../onnx/model.ts';
import { nameInside, plainDomain, type NamedGraph, type NamedModel, type NamedNode, type Names, type Versions } from './names.ts';

/** Functions that call others twice each grow by powers of two; no exporter comes near these. */
const mostNodes = 250_000;
const deepest = 200;

/**
 * Replaces calls by bodies, in the bodies of control flow too. Inner values and nodes are called `<call>/<inner name>`; attribute
 * references take the call's attribute, else the function's default, else nothing. Functions of the default domain that bear the
 * name of an operator stay what the operator set says.
 * @throws SYS4010 when functions call each other in a ring, SYS4027 when their expansion has no reasonable size
 */
export function inlineFunctions(model: OnnxModel, { graph, names }: NamedModel, versions: Versions): NamedGraph {
  if (model.functions.length === 0) return graph;
  const functions = new Map(model.functions.map((f) => [keyOf(plainDomain(f.domain), f.name, f.overload), f]));
  const values = valueNames(model.graph, new Set());
  let expanded = 0;
  const inGraph = (inner: NamedGraph, chain: readonly string[]): NamedGraph => ({
    ...inner,
    nodes: inner.nodes.flatMap((node) => visit(node, chain)),
  });
  const visit = (node: NamedNode, chain: readonly string[]): readonly NamedNode[] => {
    const key = keyOf(node.domain, node.opType, node.overload);
    const called = node.domain === '' && opDef('', node.opType) !== undefined ? undefined : functions.get(key);
    if (called === undefined) {
      if (node.bodies.length === 0) return [node];
      return [{ ...node, bodies: node.bodies.map((body) => ({ ...body, graph: inGraph(body.graph, chain) })) }];
    }
    if (chain.includes(key))
      fail(compilerMessages.functionRecursion({ chain: [...chain.slice(chain.indexOf(key)), key] }, { origin: node.origin }));
    expanded += called.nodes.length;
    if (expanded > mostNodes || chain.length > deepest) {
      fail(compilerMessages.functionsTooLarge({ function: called.name, nodes: mostNodes, deep: deepest }, { origin: node.origin }));
    }
    const own = new Map([...versions, ...called.opsetImports.map((o) => [plainDomain(o.domain), o.version] as const)]);
    return inGraph(expand(called, node, own, names, values), [...chain, key]).nodes;
  };
  return inGraph(graph, []);
}

function keyOf(domain: string, name: string, overload: string): string {
  return `${domain}:${name}${overload === '' ? '' : `:${overload}`}`;
}

/** Every name of a value in the file: inlined values are called otherwise. */
function valueNames(graph: OnnxGraph, into: Set<string>): Set<string> {
  for (const { name } of [...graph.inputs, ...graph.initializers]) into.add(name);
  for (const node of graph.nodes) {
    for (const name of node.outputs) into.add(name);
    for (const a of node.attributes) if (a.kind === 'graph') valueNames(a.value, into);
  }
  return into;
}

type Rename = (name: string) => string;

function expand(called: OnnxFunction, call: NamedNode, versions: Versions, names: Names, values: Set<string>): NamedGraph {
  const renamed = new Map<string, string>([['', '']]);
  called.inputs.forEach((formal, i) => renamed.set(formal, call.inputs[i] ?? ''));
  // An output that is an input, or given twice, is a copy: it has no node of its own to be renamed.
  const copies: { from: string; to: string }[] = [];
  const outputs = new Set<string>();
  called.outputs.forEach((formal, i) => {
    const actual = call.outputs[i] ?? '';
    if (actual === '') return;
    if (called.inputs.includes(formal) || outputs.has(formal)) copies.push({ from: renamed.get(formal) ?? '', to: actual });
    else renamed.set(formal, actual);
    outputs.add(formal);
  });
  const rename: Rename = (name) => {
    const known = renamed.get(name);
    if (known !== undefined) return known;
    const fresh = freeName(`${call.name}/${name}`, values);
    renamed.set(name, fresh);
    return fresh;
  };
  const given = new Map<string, OnnxAttribute>(called.attributeDefaults.map((a) => [a.name, a]));
  for (const attribute of call.attributes) given.set(attribute.name, attribute);
  for (const { attribute, graph } of call.bodies)
    given.set(attribute, { name: attribute, refName: '', kind: 'graph', value: plain(graph) });
  const local: Rename = (name) => freeName(`${call.name}/${name}`, values);
  const nodes = called.nodes.map((node, i) => {
    const name = node.name === '' ? `${node.opType}_${i}` : node.name;
    return substitute({ ...node, name }, { rename, local, given });
  });
  const identities = copies.map(({ from, to }): OnnxNode => {
    return { name: '', opType: 'Identity', domain: '', overload: '', inputs: [from], outputs: [to], attributes: [] };
  });
  const body = { name: called.name, initializers: [], sparseInitializers: [], inputs: [], outputs: [], valueInfos: [] };
  return nameInside({ ...body, nodes: [...nodes, ...identities] }, call, versions, names);
}

function freeName(name: string, values: Set<string>): string {
  let free = name;
  for (let i = 2; values.has(free); i++) free = `${name}_${i}`;
  values.add(free);
  return free;
}

interface Substitution {
  /** The name in the caller's graph of a name in the function. */
  readonly rename: Rename;
  /** A new name, for what a body inside the function defines: one of the caller's may be called the same. */
  readonly local: Rename;
  readonly given: ReadonlyMap<string, OnnxAttribute>;
}

function substitute(node: OnnxNode, by: Substitution): OnnxNode {
  return {
    ...node,
    inputs: node.inputs.map(by.rename),
    outputs: node.outputs.map(by.rename),
    attributes: node.attributes.flatMap((attribute): OnnxAttribute[] => {
      if (attribute.refName !== '') {
        const actual = by.given.get(attribute.refName);
        return actual === undefined ? [] : [{ ...actual, name: attribute.name, refName: '' }];
      }
      return attribute.kind === 'graph' ? [{ ...attribute, value: substituteGraph(attribute.value, by) }] : [attribute];
    }),
  };
}

function substituteGraph(graph: OnnxGraph, by: Substitution): OnnxGraph {
  const own = new Map<string, string>();
  const define = (name: string): void => {
    if (name !== '' && !own.has(name)) own.set(name, by.local(name));
  };
  for (const { name } of [...graph.inputs, ...graph.initializers]) define(name);
  for (const { values } of graph.sparseInitializers) define(values.name);
  for (const node of graph.nodes) for (const output of node.outputs) define(output);
  const rename: Rename = (name) => own.get(name) ?? by.rename(name);
  const named = <T extends { readonly name: string }>(list: readonly T[]): T[] => list.map((v) => ({ ...v, name: rename(v.name) }));
  return {
    ...graph,
    nodes: graph.nodes.map((node) => substitute(node, { ...by, rename })),
    initializers: named(graph.initializers),
    sparseInitializers: graph.sparseInitializers.map((t) => ({ ...t, values: { ...t.values, name: rename(t.values.name) } })),
    inputs: named(graph.inputs),
    outputs: named(graph.outputs),
    valueInfos: named(graph.valueInfos.filter((v) => own.has(v.name))),
  };
}

/** Back to the file's form, for a call that hands a graph on to its function. */
function plain(graph: NamedGraph): OnnxGraph {
  return {
    ...graph,
    nodes: graph.nodes.map(({ name, opType, domain, overload, inputs, outputs, attributes, bodies }) => ({
      name,
      opType,
      domain,
      overload,
      inputs,
      outputs,
      attributes: [
        ...attributes,
        ...bodies.map((b): OnnxAttribute => ({ name: b.attribute, refName: '', kind: 'graph', value: plain(b.graph) })),
      ],
    })),
  };
}
