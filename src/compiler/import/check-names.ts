/** Every name of a graph written once, every name read written by somebody. */
import { compilerMessages, type Diagnostic } from '../../core/index.ts';
import type { NamedGraph, NamedNode } from './names.ts';

export interface CheckedNames {
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
  /** Constant nodes whose name a later one takes: they go. */
  readonly overwritten: ReadonlySet<NamedNode>;
}

/**
 * Constants may share a name: the last one counts, as ONNX Runtime has it (scripts that tie weights together write such files).
 * @param reads  what a node reads: its inputs, and what its bodies take from this graph
 * @param outer  whether a graph around this one has a value of that name
 */
export function checkNames(
  graph: NamedGraph,
  reads: (node: NamedNode) => readonly string[],
  outer: (name: string) => boolean,
): CheckedNames {
  const constants = new Map<string, (NamedNode | null)[]>();
  const writers = new Map<string, string[]>();
  const add = <T>(map: Map<string, T[]>, name: string, item: T): void => {
    const list = map.get(name);
    if (list === undefined) map.set(name, [item]);
    else list.push(item);
  };
  for (const { name } of graph.initializers) if (name !== '') add(constants, name, null);
  for (const { values } of graph.sparseInitializers) if (values.name !== '') add(constants, values.name, null);
  // An input with an initializer is one value: the initializer is its default.
  for (const { name } of graph.inputs) if (!constants.has(name)) add(writers, name, 'a graph input');
  for (const node of graph.nodes) {
    const isConstant = node.opType === 'Constant' && node.domain === '';
    for (const output of node.outputs) {
      if (output === '') continue;
      if (isConstant) add(constants, output, node);
      else add(writers, output, node.name);
    }
  }

  const problems: Diagnostic[] = [];
  const repeated: string[] = [];
  const overwritten = new Set<NamedNode>();
  for (const [name, list] of constants) {
    const others = writers.get(name) ?? [];
    const all = [...list.map((node) => node?.name ?? 'an initializer'), ...others];
    if (others.length > 0) problems.push(compilerMessages.valueDefinedTwice({ value: name, nodes: all }, { origin: all }));
    else if (list.length > 1) {
      repeated.push(name);
      for (const node of list.slice(0, -1)) if (node !== null) overwritten.add(node);
    }
  }
  for (const [name, list] of writers) {
    if (list.length > 1 && !constants.has(name))
      problems.push(compilerMessages.valueDefinedTwice({ value: name, nodes: list }, { origin: list }));
  }

  const ghosts = new Map<string, string[]>();
  const read = (name: string, reader: string): void => {
    if (!writers.has(name) && !constants.has(name) && !outer(name)) add(ghosts, name, reader);
  };
  for (const node of graph.nodes) for (const name of reads(node)) if (name !== '') read(name, node.name);
  for (const output of graph.outputs) read(output.name, 'the graph outputs');
  for (const [value, readers] of ghosts) problems.push(compilerMessages.valueUndefined({ value, readers }, { origin: readers }));
  const warnings = repeated.length === 0 ? [] : [compilerMessages.constantRepeated({ names: repeated }, { origin: repeated })];
  return { problems, warnings, overwritten };
}
