/** Names become values, Constant nodes become constants, every other node gets inferred types; bodies are graphs of their own. */
import { compilerMessages, elementCount, fail, graphMessages, SystoleError, type Diagnostic } from '../../core/index.ts';
import {
  compactGraph,
  declaredBodyInputs,
  opDef,
  sizeProblem,
  startInference,
  symbolsOf,
  unknownAttributes,
  type Dim,
  type Inference,
} from '../../graph/index.ts';
import type { Attribute, Graph, Node, Quantization, TensorType, UnknownDim, Value, ValueId } from '../../graph/ir.ts';
import type { OnnxSparseTensor, OnnxTensor } from '../../onnx/model.ts';
import { bodyInputTypes } from './body-inputs.ts';
import { checkNames } from './check-names.ts';
import type { ExternalData } from './external.ts';
import { settleType, type ImportedInput } from './inputs.ts';
import type { NamedGraph, NamedNode } from './names.ts';
import { integersWithoutScales } from './prequantized.ts';
import { capturedNames, definedNames, type FreeNames } from './scope.ts';
import { readSparse } from './sparse.ts';
import { readAttributes, readConstantNode, readTensor, type KnownTensor } from './tensors.ts';
import { sortNodes } from './topological.ts';
import { isDeclared, readType } from './types.ts';
import { upgradeNode } from './upgrade.ts';

export interface BuildContext {
  readonly opset: number;
  /** The file is from before IR 3. */
  readonly old: boolean;
  readonly external: ExternalData;
  readonly free: FreeNames;
  /** Numbers that given shapes settle for symbols of the file. */
  readonly settled: Readonly<Record<string, number>>;
  /** Errors of nodes, told together in the end. */
  readonly problems: Diagnostic[];
  readonly warnings: Diagnostic[];
  /** Constants whose numbers are not there. */
  readonly absent: Value[];
  /** Names of nodes in bodies that contradict their operands; told once. */
  readonly leftOpen: Set<string>;
  /** Attributes that operators do not have, by operator and name. */
  readonly strange: Map<string, StrangeAttribute>;
  /** Constant nodes of the whole file: name -> fate. */
  readonly retired: Map<string, 'folded'>;
}

export interface StrangeAttribute {
  readonly op: string;
  readonly attribute: string;
  /** Those the operator has. */
  readonly known: readonly string[];
  readonly nodes: string[];
}

/** What a body finds around it. */
interface Outer {
  /** The node the body belongs to. */
  readonly node: string;
  /** Values of the surrounding graph in the order of the node's captures. */
  readonly captures: readonly { readonly name: string; readonly value: Value }[];
  /** Small constants of the surrounding graph: the body has them itself, so that its shapes can depend on them. */
  readonly constants: ReadonlyMap<string, KnownTensor>;
}

/** Constants of more elements are data, not shapes: a body captures them. */
const longestShape = 1024;

/** Problems beyond these are only counted. */
const shown = 20;

/** @throws the problems of the main graph and of its bodies, all of them */
export function buildGraph(name: string, source: NamedGraph, inputs: readonly ImportedInput[], cx: BuildContext): Graph {
  const graph = build(name, source, inputs, null, cx);
  const { problems } = cx;
  if (problems.length > shown) fail(...problems.slice(0, shown), compilerMessages.moreProblems({ count: problems.length - shown }));
  if (problems.length > 0) fail(...problems);
  return { ...graph, retired: Object.fromEntries(cx.retired) };
}

function build(name: string, source: NamedGraph, inputs: readonly ImportedInput[], outer: Outer | null, cx: BuildContext): Graph {
  const captured = (node: NamedNode): readonly string[] => capturedNames(node, cx.free);
  const reads = (node: NamedNode): readonly string[] => (node.bodies.length === 0 ? node.inputs : [...node.inputs, ...captured(node)]);
  const captures = new Set(outer?.captures.map((c) => c.name));
  const checked = checkNames(source, reads, (n) => captures.has(n) || outer?.constants.has(n) === true);
  if (checked.problems.length > 0) fail(...checked.problems);
  cx.warnings.push(...checked.warnings);
  const sorted = sortNodes(
    checked.overwritten.size === 0 ? source.nodes : source.nodes.filter((node) => !checked.overwritten.has(node)),
    reads,
  );
  for (const node of checked.overwritten) retire(node);

  const values: Value[] = [];
  const ids = new Map<string, ValueId>();
  const names = new Set<string>();
  /** Names this graph defines stay as they are; others give way. */
  const own = definedNames(source);
  const addValue = (wanted: string, type: TensorType, known: KnownTensor | null, quantization: Quantization | null = null): ValueId => {
    const id = values.length;
    let unique = wanted;
    if (names.has(unique)) for (let i = 2; names.has(unique) || own.has(unique); i++) unique = `${wanted}:${i}`;
    names.add(unique);
    const impossible = sizeProblem(type, null, () => wanted);
    if (impossible !== null) cx.problems.push(impossible);
    values.push({ id, name: unique, type, layout: 'row-major', quantization, constant: known?.constant ?? null });
    return id;
  };
  const nameless = (wanted: string): string => {
    let free = wanted;
    for (let i = 2; own.has(free); i++) free = `${wanted}:${i}`;
    return free;
  };
  const define = (valueName: string, id: ValueId): ValueId => {
    ids.set(valueName, id);
    return id;
  };
  const valueOf = (id: ValueId): Value => {
    const value = values[id];
    if (value === undefined) throw new Error(`no value ${id}`);
    return value;
  };

  const graphInputs = inputs.flatMap((input) => {
    const id = define(input.name, addValue(input.name, input.type, input.known));
    return input.known === null ? [id] : [];
  });
  // A body with a value of the same name has no use for the captured one, which another body of the node reads.
  for (const { name: capture, value } of outer?.captures ?? []) {
    const id = addValue(own.has(capture) ? `${capture}:outer` : capture, value.type, null, value.quantization);
    if (!own.has(capture)) define(capture, id);
    graphInputs.push(id);
  }

  // Initializers become values when somebody reads them, so that unused ones vanish.
  const dense = new Map<string, OnnxTensor>(source.initializers.map((t) => [t.name, t]));
  const sparse = new Map<string, OnnxSparseTensor>(source.sparseInitializers.map((t) => [t.values.name, t]));
  const readConstant = (valueName: string): KnownTensor | null => {
    const tensor = dense.get(valueName);
    if (tensor !== undefined) return readTensor(tensor, cx.external, valueName);
    const few = sparse.get(valueName);
    return few === undefined ? (outer?.constants.get(valueName) ?? null) : readSparse(few, cx.external, valueName);
  };
  const find = (valueName: string): ValueId => {
    const id = ids.get(valueName);
    if (id !== undefined) return id;
    const known = readConstant(valueName);
    if (known === null) throw new Error(`value "${valueName}" was checked to exist`);
    return define(valueName, addValue(valueName, known.type, known));
  };

  const inference = startInference(cx.opset, valueOf, {
    inputs: graphInputs.map(valueOf),
    leftOpen: (node, problem) => leaveOpen(node, problem.diagnostics, cx),
    // What is in bodies of a body is looked at again with the node it belongs to.
    ...(outer === null ? {} : { bodyWork: 2000 }),
  });
  const declared = new Map([...source.valueInfos, ...source.outputs].filter((v) => isDeclared(v.type)).map((v) => [v.name, v.type]));
  const integerUse = integersWithoutScales(values);
  const facts = {
    old: cx.old,
    shape: (n: string): readonly Dim[] | null => {
      const type = n === '' ? undefined : valueOf(find(n)).type;
      return type === undefined || type.unranked === true || type.container !== undefined ? null : type.shape;
    },
    integers: (n: string): readonly number[] | null => {
      const dims = n === '' ? null : inference.dims(find(n));
      return dims === null || !dims.every((d) => typeof d === 'number') ? null : dims.map(Number);
    },
  };
  const built: Node[] = [];
  const claimed = new Map<string, UnknownDim>();

  function retire(node: NamedNode): void {
    for (const origin of node.origin) cx.retired.set(origin, 'folded');
  }

  const addConstant = (node: NamedNode): void => {
    const known = readConstantNode(node, cx.external);
    const outputs = trimmed(node.outputs).length;
    if (outputs > 1) fail(compilerMessages.tooManyOutputs({ op: 'Constant', node: node.name, outputs, most: 1 }, { origin: node.origin }));
    const output = node.outputs[0] ?? '';
    define(output, addValue(output || nameless(node.name), known.type, known));
    retire(node);
  };

  const addNode = (origin: NamedNode): void => {
    const operands = trimmed(origin.inputs).map((input) => (input === '' ? null : find(input)));
    const { bodies, handed } = addBodies(origin, operands);
    const outputs = trimmed(origin.outputs);
    const isOwn = origin.domain === '' && origin.version === cx.opset;
    const node: Node = {
      op: origin.opType,
      domain: origin.domain,
      name: origin.name,
      inputs: [...operands, ...handed],
      outputs: outputs.map((_, i) => values.length + i),
      attributes: { ...readAttributes(origin, cx.external), ...bodies },
      ...(handed.length === 0 ? {} : { captures: handed.length }),
      ...(isOwn ? {} : { version: origin.version }),
      origin: origin.origin,
    };
    integerUse.mark(node);
    const types = inferTypes(node, outputs);
    types.forEach((type, i) => {
      const { type: held, quantization } = integerUse.hold(node, type);
      const output = outputs[i] ?? '';
      const id = addValue(output || nameless(`${node.name}:${i}`), held, null, quantization);
      if (output !== '') define(output, id);
    });
    built.push(inference.withBodies(node));
  };

  /** Bodies as attributes, and the values of this graph they read. */
  const addBodies = (node: NamedNode, operands: readonly (ValueId | null)[]): { bodies: Record<string, Attribute>; handed: ValueId[] } => {
    if (node.bodies.length === 0) return { bodies: {}, handed: [] };
    const taken = declaredBodyInputs({ op: node.opType, domain: node.domain, inputs: operands });
    for (const { attribute, graph: body } of node.bodies) {
      if (taken === null || body.inputs.length === taken) continue;
      // Wrong whatever the shapes are, so told even where the node is in a branch that may never run.
      const problem = `its ${attribute} takes ${body.inputs.length} inputs, the node gives it ${taken}`;
      cx.problems.push(graphMessages.inputsDoNotFit({ op: node.opType, node: node.name, problem, change: '' }, { origin: node.origin }));
    }
    const constants = new Map<string, KnownTensor>();
    const handed: ValueId[] = [];
    const kept = captured(node).flatMap((capture) => {
      const id = find(capture);
      const value = valueOf(id);
      const { type, constant } = value;
      if (constant !== null && value.quantization === null && elementCount(type.shape.map(Number)) <= longestShape) {
        constants.set(capture, { type, constant });
        return [];
      }
      handed.push(id);
      return [{ name: capture, value }];
    });
    const types = operands.map((id) => (id === null ? null : valueOf(id).type));
    const around: Outer = { node: node.name, captures: kept, constants };
    const bodies = node.bodies.map(({ attribute, graph: body }): [string, Attribute] => {
      const inner = bodyInputTypes(node, body.inputs, types);
      const given = body.inputs.map((input, i): ImportedInput => {
        return { name: input.name, type: settleType(inner[i] ?? readType(input.type, input.name), cx.settled), known: null };
      });
      return [attribute, { kind: 'graph', value: build(body.name, body, given, around, cx) }];
    });
    return { bodies: Object.fromEntries(bodies), handed };
  };

  const inferTypes = (node: Node, outputs: readonly string[]): readonly TensorType[] => {
    const def = opDef(node.domain, node.op);
    const found = def === undefined ? null : infer(inference, node, outer, cx);
    for (const attribute of def === undefined ? [] : unknownAttributes(def, node)) {
      const key = `${node.domain}\0${node.op}\0${attribute}`;
      const known = cx.strange.get(key);
      if (known === undefined)
        cx.strange.set(key, { op: node.op, attribute, known: Object.keys(def?.attributes ?? {}), nodes: [node.name] });
      else known.nodes.push(node.name);
    }
    return outputs.map((output, i) => {
      const type = found?.[i];
      if (type !== undefined && type.unranked !== true) return type;
      return declaredType(node, output, type);
    });
  };

  /** For what cannot be inferred: the type the file gives, else unknown rank and the element type of the first operand. */
  const declaredType = (node: Node, output: string, inferred: TensorType | undefined): TensorType => {
    const stated = declared.get(output);
    const open = inferred ?? { dtype: firstType(node)?.dtype ?? 'float32', shape: [], unranked: true as const };
    if (stated === undefined) return open;
    const type = settleType(readType(stated, output), cx.settled);
    if (inferred !== undefined && (type.dtype !== inferred.dtype || type.container !== inferred.container)) return inferred;
    for (const symbol of new Set(type.shape.flatMap(symbolsOf))) {
      if (claimed.has(symbol)) continue;
      const why = 'what the file declares, since it cannot be inferred';
      claimed.set(symbol, { symbol, upper: null, node: node.name, op: node.op, why, input: null });
    }
    return type;
  };
  const firstType = (node: Node): TensorType | undefined => {
    const id = node.inputs.find((x) => x !== null);
    return id === undefined || id === null ? undefined : valueOf(id).type;
  };

  for (const node of sorted) {
    for (const raised of upgradeNode(node, facts)) {
      if (raised.opType === 'Constant' && raised.domain === '') addConstant(raised);
      else addNode(raised);
    }
  }
  const outputs = source.outputs.map((output) => find(output.name));
  cx.absent.push(...values.filter((v) => v.constant?.kind === 'absent'));
  cx.warnings.push(...integerUse.diagnostics());
  // Symbols of inputs are known to the caller; those only the file claims are as open as those inference made.
  const sized = new Set(graphInputs.flatMap((id) => valueOf(id).type.shape.flatMap(symbolsOf)));
  const made = inference.unknowns();
  const makers = new Set(made.map((u) => u.symbol));
  const unknowns = [...made, ...[...claimed.values()].filter((u) => !sized.has(u.symbol) && !makers.has(u.symbol))];
  return compactGraph({
    name,
    opset: cx.opset,
    inputs: graphInputs,
    outputs,
    values,
    nodes: built,
    retired: {},
    ...(unknowns.length === 0 ? {} : { unknowns }),
  });
}

/**
 * Types of all outputs, or null where they cannot be told. In the main graph a node that contradicts its operands is an error of the
 * model; in a body it may be one that never runs (exporters write both branches for every shape), so its outputs are left open.
 */
function infer(inference: Inference, node: Node, outer: Outer | null, cx: BuildContext): readonly TensorType[] | null {
  try {
    return inference.infer(node);
  } catch (error) {
    const found =
      error instanceof SystoleError
        ? error.diagnostics
        : // Not the model's fault alone, but the user must know which node it was.
          [compilerMessages.inferenceBroke({ op: node.op, node: node.name, reason: reasonOf(error) }, { origin: node.origin })];
    if (outer === null) cx.problems.push(...found);
    else leaveOpen(node, found, cx);
    return null;
  }
}

function leaveOpen(node: Node, [first]: readonly Diagnostic[], cx: BuildContext): void {
  if (cx.leftOpen.has(node.name)) return;
  cx.leftOpen.add(node.name);
  cx.warnings.push(compilerMessages.bodyLeftOpen({ node: node.name, problem: first?.message ?? '' }, { origin: node.origin }));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Without the empty names at the end: left out, as if not written. */
function trimmed(names: readonly string[]): readonly string[] {
  let end = names.length;
  while (end > 0 && names[end - 1] === '') end--;
  return end === names.length ? names : names.slice(0, end);
}
