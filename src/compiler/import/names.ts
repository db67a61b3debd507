/** A name for every node, each once: other rooms and the user's reports refer to nodes by name. */
import type { OnnxNode } from '../../onnx/model.ts';
import type { NamedNode } from './functions.ts';

/**
 * Keeps given names. A nameless node is called after its first output, or `Conv_12` (operator and place in the file) if that is
 * taken or there is none; a name used twice gets a suffix.
 */
export function nameNodes(nodes: readonly OnnxNode[]): readonly NamedNode[] {
  const taken = new Set<string>();
  for (const node of nodes) if (node.name !== '') taken.add(node.name);
  const used = new Set<string>();
  return nodes.map((node, i) => {
    const name = node.name === '' ? inventName(node, i, taken) : used.has(node.name) ? withSuffix(node.name, taken) : node.name;
    used.add(name);
    taken.add(name);
    return { ...node, name, origin: [name] };
  });
}

function inventName(node: OnnxNode, index: number, taken: ReadonlySet<string>): string {
  const output = node.outputs.find((o) => o !== '');
  if (output !== undefined && !taken.has(output)) return output;
  return withSuffix(`${node.opType}_${index}`, taken, true);
}

function withSuffix(name: string, taken: ReadonlySet<string>, bareAllowed = false): string {
  if (bareAllowed && !taken.has(name)) return name;
  let i = 2;
  while (taken.has(`${name}_${i}`)) i++;
  return `${name}_${i}`;
}
