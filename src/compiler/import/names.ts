/**
 * A name for every node of the file, bodies of If, Loop and Scan included: other rooms and the user's reports refer to nodes by name.
 */
import { opDef } from '../../graph/index.ts';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxSparseTensor, OnnxTensor, OnnxValueInfo } from '../../onnx/model.ts';

/** A graph of the file, or a body of one of its nodes, with nodes that have names. */
export interface NamedGraph {
  readonly name: string;
  readonly nodes: readonly NamedNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: readonly OnnxSparseTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly valueInfos: readonly OnnxValueInfo[];
}

export interface NamedNode {
  /** Unique in the model: nodes of a body are called `loop/body/add`. */
  readonly name: string;
  readonly opType: string;
  /** '' for ai.onnx. */
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Without graphs: those are `bodies`. */
  readonly attributes: readonly OnnxAttribute[];
  readonly bodies: readonly NamedBody[];
  /** Version of the operator set the node is of. */
  readonly version: number;
  /** Names of the nodes of the file this comes from: itself, or the call that was inlined; empty for what the importer adds. */
  readonly origin: readonly string[];
}

export interface NamedBody {
  /** The attribute that holds it. */
  readonly attribute: string;
  readonly graph: NamedGraph;
}

export interface NodeRow {
  readonly name: string;
  readonly opType: string;
  /** '' for ai.onnx. */
  readonly domain: string;
  /** The node in whose body this one stands; null in the main graph. */
  readonly parent: string | null;
}

/** Operator-set versions by domain ('' for ai.onnx). */
export type Versions = ReadonlyMap<string, number>;

export function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/**
 * Keeps given names. A nameless node is called after its first output, or `Conv_12` (operator and place in the file) if that is
 * taken or there is none; a name used twice gets a suffix. The rows list every node once: in file order, bodies behind their node.
 */
export function nameGraph(graph: OnnxGraph, versions: Versions): NamedModel {
  const rows: NodeRow[] = [];
  const names: Names = { given: new Set(), used: new Set(), next: new Map() };
  return { graph: nameNodes(graph, { prefix: '', parent: null, versions, rows, names }), rows, names };
}

export interface NamedModel {
  readonly graph: NamedGraph;
  readonly rows: readonly NodeRow[];
  readonly names: Names;
}

/** The names of one model, bodies and inlined functions under their paths. */
export interface Names {
  /** What the file gives: nobody else is called so. */
  readonly given: Set<string>;
  readonly used: Set<string>;
  /** Next suffix to try for each name, so that a thousand nodes of one name are not tried a million times. */
  readonly next: Map<string, number>;
}

interface Place {
  /** What names of this graph begin with: '' or `loop/body/`. */
  readonly prefix: string;
  readonly parent: string | null;
  readonly versions: Versions;
  readonly rows: NodeRow[];
  readonly names: Names;
}

function nameNodes(graph: OnnxGraph, place: Place): NamedGraph {
  const { prefix, names } = place;
  for (const node of graph.nodes) if (node.name !== '') names.given.add(prefix + node.name);
  const nodes = graph.nodes.map((node, i) => {
    const given = prefix + node.name;
    const name = node.name === '' ? inventName(node, i, place) : names.used.has(given) ? withSuffix(given, names) : given;
    names.used.add(name);
    return nameNode(node, name, [name], place);
  });
  return { ...graph, nodes };
}

function nameNode(node: OnnxNode, name: string, origin: readonly string[], place: Place): NamedNode {
  const { rows, versions, parent } = place;
  const domain = plainDomain(node.domain);
  rows.push({ name, opType: node.opType, domain, parent });
  const bodies = bodiesOf(node).map(({ attribute, graph }) => ({
    attribute,
    graph: nameNodes({ ...graph, inputs: handedInputs(node, graph) }, { ...place, prefix: `${name}/${attribute}/`, parent: name }),
  }));
  // A reference to a caller's attribute means nothing outside a function; inside, `functions.ts` has replaced it.
  const attributes = node.attributes.filter((a) => a.kind !== 'graph' && a.kind !== 'graphs' && a.refName === '');
  const version = versions.get(domain) ?? 1;
  return {
    name,
    opType: node.opType,
    domain,
    overload: node.overload,
    inputs: node.inputs,
    outputs: node.outputs,
    attributes,
    bodies,
    version,
    origin,
  };
}

/**
 * The inputs of a body that its node hands over. Branches of If have none: what some exporters declare there are names of the
 * surrounding graph. Before IR 4, initializers had to be listed among the inputs.
 */
function handedInputs(node: OnnxNode, body: OnnxGraph): readonly OnnxValueInfo[] {
  if (plainDomain(node.domain) !== '') return body.inputs;
  if (node.opType === 'If') return [];
  if (body.inputs.length <= node.inputs.length) return body.inputs;
  const initializers = new Set(body.initializers.map((t) => t.name));
  return body.inputs.filter((input) => !initializers.has(input.name));
}

/** Graphs among a node's attributes, but for those that its operator does not know; lists of graphs, which no operator of ONNX has, are told apart by their place. */
export function bodiesOf(node: OnnxNode): readonly { readonly attribute: string; readonly graph: OnnxGraph }[] {
  const def = opDef(plainDomain(node.domain), node.opType);
  return node.attributes.flatMap((a) => {
    if (a.refName !== '' || (def !== undefined && def.attributes[a.name] === undefined)) return [];
    if (a.kind === 'graph') return [{ attribute: a.name, graph: a.value }];
    return a.kind === 'graphs' ? a.value.map((graph, i) => ({ attribute: `${a.name}_${i}`, graph })) : [];
  });
}

/** The nodes of a function, once for each call: named under the call, of the call's origin, in no table. */
export function nameInside(graph: OnnxGraph, call: NamedNode, versions: Versions, names: Names): NamedGraph {
  const of = (inner: NamedGraph): NamedGraph => ({
    ...inner,
    nodes: inner.nodes.map((node) => ({
      ...node,
      origin: call.origin,
      bodies: node.bodies.map(({ attribute, graph: body }) => ({ attribute, graph: of(body) })),
    })),
  });
  return of(nameNodes(graph, { prefix: `${call.name}/`, parent: call.name, versions, rows: [], names }));
}

function inventName(node: OnnxNode, index: number, { prefix, names }: Place): string {
  const output = node.outputs.find((o) => o !== '');
  const free = (name: string): boolean => !names.given.has(name) && !names.used.has(name);
  if (output !== undefined && free(prefix + output)) return prefix + output;
  const plain = `${prefix}${node.opType}_${index}`;
  return free(plain) ? plain : withSuffix(plain, names);
}

function withSuffix(name: string, { given, used, next }: Names): string {
  let i = next.get(name) ?? 2;
  while (given.has(`${name}_${i}`) || used.has(`${name}_${i}`)) i++;
  next.set(name, i + 1);
  return `${name}_${i}`;
}
