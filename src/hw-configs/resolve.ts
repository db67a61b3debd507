/** Quantities to numbers: literals through the unit table, everything else as a formula over other fields. */
import { hwMessages as messages, suggest, type Diagnostic, type Location } from '../core/index.ts';
import type { Field } from './fields.ts';
import { loadFormulaReader, type Formula, type FormulaFault, type FormulaReader } from './formula.ts';
import { isDataMap, partAt, type DataMap, type Path } from './source.ts';
import {
  dimensionName,
  fromBase,
  isCycle,
  isUnit,
  literalAmount,
  parseLiteral,
  plain,
  quantityKinds,
  toBase,
  unitNames,
  type Amount,
  type Literal,
  type QuantityKind,
} from './units.ts';

export interface Quantities {
  /** Numbers in base units by path, for every quantity that could be worked out. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly diagnostics: readonly Diagnostic[];
}

interface Quantity {
  readonly path: Path;
  readonly kind: QuantityKind;
  readonly text: string;
  readonly content: Literal | string;
}

export async function resolveQuantities(data: DataMap, fields: readonly Field[], locate: (path: Path) => Location): Promise<Quantities> {
  const quantities = quantitiesOf(fields);
  const read = [...quantities.values()].some((one) => typeof one.content === 'string') ? await loadFormulaReader() : noFormulas;
  const diagnostics: Diagnostic[] = [];
  /** null: at fault, and reported. */
  const results = new Map<string, number | null>();
  const open: string[] = [];

  const clockHzOf = (path: Path): number | null => {
    const clock = clockOf(path, data);
    return clock === null ? null : (valueOf(`clocks.${clock}`) ?? null);
  };

  const valueOf = (name: string): number | null | undefined => {
    const quantity = quantities.get(name);
    if (quantity === undefined) return undefined;
    const known = results.get(name);
    if (known !== undefined) return known;
    const loop = open.indexOf(name);
    if (loop >= 0) {
      const chain = open.slice(loop);
      diagnostics.push(messages.formulaCycle({ chain: [...chain, name] }, { location: locate(quantity.path) }));
      for (const member of chain) results.set(member, null);
      return null;
    }
    open.push(name);
    const outcome = evaluate(quantity);
    open.pop();
    if (typeof outcome !== 'number' && outcome !== null) diagnostics.push(outcome);
    // A cycle through this field was reported while it was open; that verdict stands.
    const result = results.get(name) === null ? null : typeof outcome === 'number' ? outcome : null;
    results.set(name, result);
    return result;
  };

  /** A number, a diagnostic, or null where the fault is reported elsewhere. */
  const evaluate = ({ path, kind, text, content }: Quantity): number | Diagnostic | null => {
    const where = path.join('.');
    const location = locate(path);
    const usesClock = kind.perClock !== null || mentionsCycle(content);
    const clockHz = usesClock ? clockHzOf(path) : null;
    // The field has a clock, but the clock is missing or at fault.
    if (usesClock && clockHz === null && clockOf(path, data) !== null) return null;

    let amount: Amount | null;
    if (typeof content === 'string') {
      const formula = read(content);
      const outcome = typeof formula === 'function' ? runFormula(formula, path, clockHz) : formula;
      if ('kind' in outcome) return faultDiagnostic(outcome, where, text, quantities.keys(), location);
      amount = outcome;
    } else {
      amount = literalAmount(content, clockHz);
    }
    const example = String(quantityKinds.count === kind || quantityKinds.ratio === kind ? kind.example : `"${kind.example}"`);
    if (amount === null) {
      return messages.wrongUnit({ path: where, text, got: 'counted in cycles of no clock', expects: kind.expects, example }, { location });
    }
    const value = toBase(amount, kind, clockHz);
    switch (value) {
      case 'dimension':
        return messages.wrongUnit(
          { path: where, text, got: dimensionName(amount.dimension), expects: kind.expects, example },
          { location },
        );
      case 'sign':
      case 'whole':
      case 'finite': {
        const problem =
          value === 'sign'
            ? kind.least === 'positive'
              ? 'must be above zero'
              : 'must not be negative'
            : value === 'whole'
              ? `must be ${kind.expects}`
              : 'is not a finite number';
        const shown = typeof content === 'string' ? showAmount(amount, kind, clockHz) : text;
        return messages.outOfRange({ path: where, text, value: shown, problem, example }, { location });
      }
      default:
        return value;
    }
  };

  const runFormula = (formula: Formula, path: Path, clockHz: number | null): Amount | FormulaFault =>
    formula({
      clockHz,
      lookup: (name) => {
        for (let length = path.length - 1; length >= 0; length--) {
          const full = [...path.slice(0, length), name].join('.');
          const target = quantities.get(full);
          if (target === undefined) continue;
          const value = valueOf(full);
          if (value === null || value === undefined) return null;
          return fromBase(value, target.kind, target.kind.perClock === null ? null : clockHzOf(target.path));
        }
        return undefined;
      },
    });

  for (const name of quantities.keys()) valueOf(name);
  const numbers = new Map([...results].flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])));
  return { numbers, diagnostics };
}

const noFormulas: FormulaReader = () => ({ kind: 'elsewhere' });

/** Fields that hold a number or a text; other types are reported with the structure. */
function quantitiesOf(fields: readonly Field[]): ReadonlyMap<string, Quantity> {
  const quantities = new Map<string, Quantity>();
  for (const { path, role, data } of fields) {
    if (role.role !== 'quantity' || (typeof data !== 'string' && typeof data !== 'number') || data === '') continue;
    const text = String(data);
    const literal = parseLiteral(text);
    // "2 rows" has the form of a literal, but with a name that is no unit it can only be a formula.
    const content = literal !== null && literal.factors.every(({ unit }) => isUnit(unit)) ? literal : text;
    quantities.set(path.join('.'), { path, kind: quantityKinds[role.kind], text, content });
  }
  return quantities;
}

function mentionsCycle(content: Literal | string): boolean {
  return typeof content === 'string' ? /\bcycles?\b/.test(content) : content.factors.some(({ unit }) => isCycle(unit));
}

/**
 * The clock that `cycle` counts in a field: of the core, in a core and in the memories inside it; else the reference clock.
 * Clocks themselves have none.
 */
function clockOf(path: Path, data: DataMap): string | null {
  const [room, name] = path;
  if (room === 'clocks') return null;
  const core = room === 'cores' ? name : room === 'memories' && name !== undefined ? coreAround(name, data) : undefined;
  const clock = core === undefined ? data['referenceClock'] : partAt(data, ['cores', core, 'clock']);
  return typeof clock === 'string' ? clock : null;
}

function coreAround(memory: string, data: DataMap): string | undefined {
  const cores = data['cores'];
  if (partAt(data, ['memories', memory, 'owner']) !== 'core' || !isDataMap(cores)) return undefined;
  return Object.keys(cores).find((core) => namesMemory(cores[core], memory));
}

function namesMemory(core: unknown, memory: string): boolean {
  const part = core as DataMap;
  const ports = partAt(part, ['matrix', 'ports']);
  const named = [partAt(part, ['scratchpad']), partAt(part, ['accumulator']), ...(isDataMap(ports) ? Object.values(ports).flat() : [])];
  return named.includes(memory);
}

function faultDiagnostic(fault: FormulaFault, path: string, text: string, names: Iterable<string>, location: Location): Diagnostic | null {
  switch (fault.kind) {
    case 'elsewhere':
      return null;
    case 'syntax':
      return messages.formulaSyntax({ path, text: shortened(text), problem: shortened(fault.problem) }, { location });
    case 'dimension':
      return messages.formulaDimensions({ path, text, problem: fault.problem }, { location });
    case 'name': {
      // After a number, an unknown name was most likely meant as a unit.
      if (parseLiteral(text) !== null) {
        return messages.unknownUnit({ path, text, unit: fault.name, near: suggest(fault.name, unitNames) }, { location });
      }
      const all = [...names];
      // "rows" means the rows of something: quantities of other parts go by their whole path.
      const elsewhere = all.find((name) => name.endsWith(`.${fault.name}`));
      const siblings = all.flatMap((name) => [name, name.slice(name.lastIndexOf('.') + 1)]);
      const near = elsewhere ?? suggest(fault.name, [...siblings, ...unitNames]);
      return messages.formulaUnknownName({ path, text, name: fault.name, near }, { location });
    }
  }
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}

function showAmount(amount: Amount, kind: QuantityKind, clockHz: number | null): string {
  const unit = typeof kind.example === 'string' ? (/[^\d.\s].*$/.exec(kind.example)?.[0] ?? '') : '';
  const literal = parseLiteral(`1 ${unit}`.trim());
  const one = (literal === null ? null : literalAmount(literal, clockHz ?? 1)) ?? plain(1);
  return `${Number((amount.value / one.value).toPrecision(6))} ${unit}`.trim();
}
