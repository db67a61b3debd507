/**
 * Formulas of a description. mathjs reads them into a tree; the tree is evaluated here, over a closed list of node kinds, with
 * dimensions. So a formula cannot call anything we did not list, and `cycle` and bytes mean what they mean in `units.ts`.
 *
 * mathjs is loaded on the first formula, and only its number parser: the import takes about 0.4 s (the whole library
 * about 0.9 s), far more than everything else done to load a machine.
 */
import type { MathNode } from 'mathjs';
import { dimensionName, isPlain, isUnit, multiply, plain, power, sameDimension, unitAmount, type Amount } from './units.ts';

/** What is wrong with a formula, for the caller to report where it stands. */
export type FormulaFault =
  | { readonly kind: 'syntax'; readonly problem: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'dimension'; readonly problem: string }
  /** A field it refers to is at fault itself, which is reported there. */
  | { readonly kind: 'elsewhere' };

export interface FormulaScope {
  readonly clockHz: number | null;
  /** The value of a dotted name; undefined when there is none, null when it is at fault. */
  lookup(name: string): Amount | null | undefined;
}

export type Formula = (scope: FormulaScope) => Amount | FormulaFault;

export type FormulaReader = (text: string) => Formula | FormulaFault;

const longest = 400;

export async function loadFormulaReader(): Promise<FormulaReader> {
  const { parse } = await import('mathjs/number');
  return (text) => {
    if (text.length > longest) return { kind: 'syntax', problem: `it is longer than ${longest} characters` };
    try {
      const tree = parse(text);
      return (scope) => {
        try {
          return evaluate(tree, scope);
        } catch (error) {
          if (error instanceof Fault) return error.fault;
          throw error;
        }
      };
    } catch (error) {
      return { kind: 'syntax', problem: error instanceof Error ? error.message : 'unreadable' };
    }
  };
}

/** Carries a fault out of the recursion; never leaves this file. */
class Fault extends Error {
  readonly fault: FormulaFault;
  constructor(fault: FormulaFault) {
    super(fault.kind);
    this.fault = fault;
  }
}

function notAllowed(what: string): never {
  throw new Fault({ kind: 'syntax', problem: `${what} is not allowed in formulas` });
}

function mixes(problem: string): never {
  throw new Fault({ kind: 'dimension', problem });
}

function evaluate(node: MathNode, scope: FormulaScope): Amount {
  if (isKind(node, 'ConstantNode')) {
    return typeof node.value === 'number' ? plain(node.value) : notAllowed(`the text or constant "${String(node.value)}"`);
  }
  if (isKind(node, 'ParenthesisNode')) return evaluate(node.content, scope);
  if (isKind(node, 'SymbolNode')) return valueOf(node.name, scope);
  if (isKind(node, 'AccessorNode')) return valueOf(dottedName(node), scope);
  if (isKind(node, 'OperatorNode')) {
    return operate(String(node.fn), node.op, evaluateAll(node.args, scope));
  }
  if (isKind(node, 'FunctionNode')) {
    const name = isKind(node.fn, 'SymbolNode') ? node.fn.name : node.fn.toString();
    const call = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (call === undefined) return notAllowed(`the function "${name}"`);
    return call(evaluateAll(node.args, scope), name);
  }
  return notAllowed(`"${node.toString()}" (${node.type.replace(/Node$/, '').toLowerCase()})`);
}

/** All operands, so that a fault of this formula is not hidden by an earlier operand whose fault is another field's. */
function evaluateAll(nodes: readonly MathNode[], scope: FormulaScope): readonly Amount[] {
  let elsewhere: Fault | undefined;
  const amounts = nodes.flatMap((node) => {
    try {
      return [evaluate(node, scope)];
    } catch (error) {
      if (!(error instanceof Fault) || error.fault.kind !== 'elsewhere') throw error;
      elsewhere = error;
      return [];
    }
  });
  if (elsewhere !== undefined) throw elsewhere;
  return amounts;
}

function valueOf(name: string, scope: FormulaScope): Amount {
  if (isUnit(name)) {
    return unitAmount(name, scope.clockHz) ?? mixes('"cycle" has no length here, because this field belongs to no clock');
  }
  const value = scope.lookup(name);
  if (value === undefined) throw new Fault({ kind: 'name', name });
  if (value === null) throw new Fault({ kind: 'elsewhere' });
  return value;
}

/** `cores.npu.matrix.rows` arrives as nested property accesses. */
function dottedName(node: MathNode): string {
  if (isKind(node, 'SymbolNode')) return node.name;
  if (isKind(node, 'AccessorNode')) {
    const step = node.index.dimensions[0];
    if (node.index.dimensions.length === 1 && step !== undefined && isKind(step, 'ConstantNode') && typeof step.value === 'string') {
      return `${dottedName(node.object)}.${step.value}`;
    }
  }
  return notAllowed(`"${node.toString()}"`);
}

function operate(operator: string, symbol: string, operands: readonly Amount[]): Amount {
  const [a, b] = operands;
  if (a === undefined) return notAllowed(`the operator "${symbol}"`);
  if (b === undefined) {
    if (operator === 'unaryMinus') return { ...a, value: -a.value };
    return operator === 'unaryPlus' ? a : notAllowed(`the operator "${symbol}"`);
  }
  switch (operator) {
    case 'add':
      return { value: a.value + alike(a, b, 'added').value, dimension: a.dimension };
    case 'subtract':
      return { value: a.value - alike(a, b, 'subtracted').value, dimension: a.dimension };
    case 'multiply':
      return multiply(a, b);
    case 'divide':
      return multiply(a, power(b, -1));
    case 'pow':
      return power(a, plainOnly(b, 'an exponent'));
    default:
      return notAllowed(`the operator "${symbol}"`);
  }
}

function alike(a: Amount, b: Amount, verb: string): Amount {
  return sameDimension(a.dimension, b.dimension)
    ? b
    : mixes(`${dimensionName(a.dimension)} and ${dimensionName(b.dimension)} cannot be ${verb}`);
}

function plainOnly(a: Amount, what: string): number {
  return isPlain(a) ? a.value : mixes(`${what} must be a plain number, not ${dimensionName(a.dimension)}`);
}

type Call = (operands: readonly Amount[], name: string) => Amount;

const ofPlain =
  (f: (x: number) => number): Call =>
  (operands, name) =>
    plain(f(plainOnly(only(operands, name), `the argument of ${name}`)));

const ofSeveral =
  (f: (...values: number[]) => number): Call =>
  (operands, name) => {
    const [first, ...others] = operands;
    if (first === undefined) return notAllowed(`${name} of nothing`);
    for (const other of others) alike(first, other, 'compared');
    return { value: f(...operands.map((one) => one.value)), dimension: first.dimension };
  };

const functions: Readonly<Record<string, Call>> = {
  min: ofSeveral(Math.min),
  max: ofSeveral(Math.max),
  ceil: ofPlain(Math.ceil),
  floor: ofPlain(Math.floor),
  round: ofPlain(Math.round),
  log2: ofPlain(Math.log2),
  sqrt: ofPlain(Math.sqrt),
  abs: (operands, name) => {
    const a = only(operands, name);
    return { ...a, value: Math.abs(a.value) };
  },
};

function only(operands: readonly Amount[], name: string): Amount {
  const [a] = operands;
  return a !== undefined && operands.length === 1 ? a : notAllowed(`${name} of ${operands.length} values`);
}

/** The node kinds we evaluate, with the fields of theirs that we read. */
interface NodeKinds {
  readonly ConstantNode: { readonly value: unknown };
  readonly SymbolNode: { readonly name: string };
  readonly ParenthesisNode: { readonly content: MathNode };
  readonly OperatorNode: { readonly op: string; readonly fn: unknown; readonly args: readonly MathNode[] };
  readonly FunctionNode: { readonly fn: MathNode; readonly args: readonly MathNode[] };
  readonly AccessorNode: { readonly object: MathNode; readonly index: { readonly dimensions: readonly MathNode[] } };
}

function isKind<Kind extends keyof NodeKinds>(node: MathNode, kind: Kind): node is MathNode & NodeKinds[Kind] {
  return node.type === kind;
}
