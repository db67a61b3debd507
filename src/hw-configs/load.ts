/**
 * YAML text + settings -> Machine: the whole story. Loaded on demand (it brings yaml and zod; mathjs only for formulas).
 * Reports all problems of shape, units, formulas and names together; whether the machine makes sense is asked when it has a shape.
 */
import type { Diagnostic } from '../core/index.ts';
import { assembleMachine } from './assemble.ts';
import type { Description } from './description.ts';
import { fieldsOf } from './fields.ts';
import { lintMachine } from './lint.ts';
import type { Machine } from './machine.ts';
import { resolveQuantities } from './resolve.ts';
import { descriptionSchema } from './schema.ts';
import { applySettings } from './settings.ts';
import { isDataMap, readSource, type Data } from './source.ts';
import { checkNames, checkStructure } from './structure.ts';

export { descriptionJsonSchema } from './schema.ts';

export interface MachineRead {
  /** null when the diagnostics have an error. */
  readonly machine: Machine | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** @param file how diagnostics call the text: a path, or "preset NAME" */
export async function readMachine(yaml: string, file: string, settings: readonly string[]): Promise<MachineRead> {
  const read = readSource(yaml, file);
  if (read.source === null) return { machine: null, diagnostics: read.diagnostics };
  const applied = applySettings(read.source, settings);
  const source = applied.source;

  const fields = fieldsOf(source.data);
  const quantities = await resolveQuantities(source.data, fields, source.locate);
  const problems = [
    ...read.diagnostics,
    ...applied.diagnostics,
    ...checkStructure(source),
    ...quantities.diagnostics,
    ...checkNames(source, fields),
  ];
  if (problems.length > 0) return { machine: null, diagnostics: inFileOrder(problems) };

  const withDefaults = descriptionSchema.parse(source.data) as Data;
  const machine = assembleMachine(numbersIn(withDefaults, quantities.numbers, '') as unknown as Description);
  const diagnostics = inFileOrder(lintMachine(machine, source.locate));
  return { machine: diagnostics.some(({ severity }) => severity === 'error') ? null : machine, diagnostics };
}

function numbersIn(data: Data, numbers: ReadonlyMap<string, number>, path: string): Data {
  const number = numbers.get(path);
  if (number !== undefined) return number;
  if (!isDataMap(data)) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, part]) => [key, numbersIn(part, numbers, path === '' ? key : `${path}.${key}`)]),
  );
}

/** Settings first (they have no line), then top to bottom. */
function inFileOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const line = (d: Diagnostic): number => d.location?.line ?? 0;
  const column = (d: Diagnostic): number => d.location?.column ?? 0;
  return diagnostics.toSorted((a, b) => line(a) - line(b) || column(a) - column(b));
}
