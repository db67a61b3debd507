/** Shape of a description: keys, types and choices (by the zod schema), and names that must exist. Reports everything, with its place. */
import { assertNever, hwMessages as messages, suggest, type Diagnostic } from '../core/index.ts';
import type * as z from 'zod';
import { keysOf, meaningOf, schemaAt, type Field } from './fields.ts';
import { descriptionSchema, roleOf } from './schema.ts';
import { isDataMap, partAt, type Data, type DataMap, type Path, type Source } from './source.ts';
import { quantityKinds } from './units.ts';

export function checkStructure(source: Source): readonly Diagnostic[] {
  const parsed = descriptionSchema.safeParse(source.data);
  const issues = parsed.success ? [] : parsed.error.issues;
  const known = keysOf(descriptionSchema, source.data);
  const found = Object.keys(source.data);
  // Nine keys missing and as many unknown: this was never a description.
  if (found.filter((key) => known.includes(key) && key !== 'name').length === 0)
    return [messages.otherYaml({ found: found.slice(0, 8), known }, { location: source.locate([]) })];
  return [...issues.flatMap((issue) => issueDiagnostics(issue, source)), ...checkBandwidths(source)];
}

export function checkNames(source: Source, fields: readonly Field[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const check = (of: 'memories' | 'clocks', name: string, path: Path, location: Diagnostic['location']): void => {
    const map = partAt(source.data, [of]);
    if (!isDataMap(map) || Object.hasOwn(map, name)) return;
    const known = Object.keys(map);
    diagnostics.push(
      messages.unknownName(
        { path: path.join('.'), name, of, known, near: suggest(name, known) },
        location === undefined ? {} : { location },
      ),
    );
  };
  for (const { path, role, data } of fields) {
    if (role.role === 'name' && typeof data === 'string') check(role.of, data, path, source.locate(path));
    if (role.role === 'keyed by memories' && isDataMap(data)) {
      for (const key of Object.keys(data)) check('memories', key, path, source.locateKey([...path, key]));
    }
  }
  return diagnostics;
}

function issueDiagnostics(issue: z.core.$ZodIssue, source: Source): readonly Diagnostic[] {
  const path = issue.path.map(String);
  const where = nameOf(path);
  const part = partAt(source.data, path);
  const key = path.at(-1) ?? '';

  switch (issue.code) {
    case 'unrecognized_keys': {
      const schema = schemaAt(path, source.data);
      const known = schema === null ? [] : keysOf(schema, part);
      return issue.keys.map((unknown) =>
        messages.unknownKey(
          { key: unknown, parent: where, near: suggest(unknown, known), known },
          { location: source.locateKey([...path, unknown]) },
        ),
      );
    }
    case 'invalid_key':
      return [messages.badName({ name: key, parent: nameOf(path.slice(0, -1)) }, { location: source.locateKey(path) })];
    case 'invalid_value':
    case 'invalid_union':
    case 'invalid_type':
    case 'too_small':
      return [wrongValue(issue, path, part, source)];
    case 'too_big':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return [
        messages.wrongType({ path: where, got: describeData(part), expects: expectation(path, source) }, { location: source.locate(path) }),
      ];
    default:
      return assertNever(issue);
  }
}

function wrongValue(issue: z.core.$ZodIssue, path: Path, part: Data | undefined, source: Source): Diagnostic {
  const parent = path.slice(0, -1);
  if (part === undefined) {
    return messages.missingKey(
      { key: path.at(-1) ?? '', parent: nameOf(parent), expects: expectation(path, source) },
      { location: source.locateKey(parent) },
    );
  }
  const location = source.locate(path);
  const choices =
    issue.code === 'invalid_value' ? issue.values.map(String) : issue.code === 'invalid_union' ? kindChoices(path, source) : [];
  if (choices.length > 0) {
    const near = typeof part === 'string' ? suggest(part, choices) : undefined;
    return messages.notOneOf({ path: nameOf(path), got: describeData(part), allowed: choices, near }, { location });
  }
  return messages.wrongType({ path: nameOf(path), got: describeData(part), expects: expectation(path, source) }, { location });
}

function kindChoices(path: Path, source: Source): readonly string[] {
  const schema = schemaAt(path, source.data);
  const options: unknown = schema === null ? undefined : Reflect.get(schema, 'options');
  return Array.isArray(options) ? options.filter((option) => typeof option === 'string') : [];
}

/** What a field should be, from the schema: "a size in whole bytes, such as "512 KiB". Capacity." */
function expectation(path: Path, source: Source): string {
  const schema = schemaAt(path, source.data);
  if (schema === null) return 'left out.';
  const role = roleOf(schema);
  if (role?.role === 'quantity') {
    const { expects, example } = quantityKinds[role.kind];
    return `${expects}, such as ${typeof example === 'number' ? example : `"${example}"`}.`;
  }
  return `${form(schema)}${meaningOf(schema) === '' ? '.' : `: ${meaningOf(schema)}`}`;
}

function form(schema: z.ZodType): string {
  switch (schema.type) {
    case 'object':
    case 'record':
    case 'union':
      return 'a map';
    case 'array':
      return 'a list with at least one entry';
    case 'boolean':
      return 'true or false';
    case 'enum':
      return `one of ${(Reflect.get(schema, 'options') as readonly string[]).join(', ')}`;
    default:
      return 'a text';
  }
}

function describeData(data: Data | undefined): string {
  if (data === undefined || data === null) return 'empty';
  if (Array.isArray(data)) return data.length === 0 ? 'an empty list' : 'a list';
  if (isDataMap(data)) return 'a map';
  return JSON.stringify(data);
}

function nameOf(path: Path): string {
  return path.length === 0 ? 'the machine' : path.join('.');
}

/** `bandwidth`, or both of `readBandwidth` and `writeBandwidth`: a rule between keys that the schema cannot say. */
function checkBandwidths(source: Source): readonly Diagnostic[] {
  const memories: Data | undefined = source.data['memories'];
  if (!isDataMap(memories)) return [];
  const lacks = (memory: Data | undefined): memory is DataMap =>
    isDataMap(memory) && !('bandwidth' in memory) && !('readBandwidth' in memory && 'writeBandwidth' in memory);
  return Object.keys(memories)
    .filter((name) => lacks(memories[name]))
    .map((name) =>
      messages.missingKey(
        {
          key: 'bandwidth',
          parent: `memories.${name}`,
          expects: 'a bandwidth, such as "12.8 GB/s", or both readBandwidth and writeBandwidth.',
        },
        { location: source.locateKey(['memories', name]) },
      ),
    );
}
