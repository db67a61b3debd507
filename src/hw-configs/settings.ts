/** `path=value` settings: changes of the description made before formulas are worked out. */
import { hwMessages as messages, suggest, type Diagnostic, type Location } from '../core/index.ts';
import { parseDocument } from 'yaml';
import { fieldsOf, keysOf, schemaAt } from './fields.ts';
import { roleOf } from './schema.ts';
import { isDataMap, partAt, type Data, type DataMap, type Path, type Source } from './source.ts';

export interface Applied {
  readonly source: Source;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Applies settings in order; a later one wins. A setting replaces a value, a formula, or a whole map (`path={…}`).
 * Setting `bandwidth` of a memory also drops its readBandwidth and writeBandwidth, which would otherwise hide it.
 */
export function applySettings(source: Source, settings: readonly string[]): Applied {
  let data = source.data;
  const diagnostics: Diagnostic[] = [];
  const set: { readonly path: Path; readonly location: Location }[] = [];
  for (const setting of settings) {
    const location = { file: `--set ${setting}` };
    const read = readSetting(setting);
    if (typeof read === 'string') {
      diagnostics.push(messages.badSetting({ setting, problem: read }, { location }));
      continue;
    }
    const unknown = unknownPart(data, read.path, location);
    if (unknown !== null) {
      diagnostics.push(unknown);
      continue;
    }
    data = replaced(data, read.path, read.value);
    const memory = read.path.length === 3 && read.path[0] === 'memories' && read.path[2] === 'bandwidth' ? read.path[1] : undefined;
    if (memory !== undefined) {
      for (const hiding of ['readBandwidth', 'writeBandwidth']) data = replaced(data, ['memories', memory, hiding], undefined);
    }
    set.push({ path: read.path, location });
  }
  const locationOf = (path: Path): Location | undefined =>
    set.findLast((one) => one.path.length <= path.length && one.path.every((key, i) => key === path[i]))?.location;
  return {
    source: {
      data,
      locate: (path) => locationOf(path) ?? source.locate(path),
      locateKey: (path) => locationOf(path) ?? source.locateKey(path),
    },
    diagnostics,
  };
}

function readSetting(setting: string): { readonly path: Path; readonly value: Data } | string {
  const split = setting.indexOf('=');
  if (split < 0) return 'it has no "="';
  const path = setting.slice(0, split).trim();
  const text = setting.slice(split + 1).trim();
  if (path === '') return 'there is no path before "="';
  if (path.split('.').includes('')) return `the path "${path}" has an empty part`;
  if (text === '') return 'there is no value after "="';
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent', version: '1.2', schema: 'core' });
    const error = document.errors[0] ?? document.warnings[0];
    if (error !== undefined) return `the value is not YAML (${error.message})`;
    return { path: path.split('.'), value: document.toJS() as Data };
  } catch (error) {
    return `the value is not YAML (${error instanceof Error ? error.message : 'unreadable'})`;
  }
}

/** A diagnostic when `path` leads to no field; null when it does. Maps of named things get no new entries by settings. */
function unknownPart(data: DataMap, path: Path, location: Location): Diagnostic | null {
  for (let length = 1; length <= path.length; length++) {
    const parent = path.slice(0, length - 1);
    const key = path[length - 1] ?? '';
    const schema = schemaAt(parent, data);
    const part = partAt(data, parent);
    const siblings = schema === null || Array.isArray(part) ? [] : allowedKeys(schema, part, data);
    if (siblings.includes(key)) continue;
    const nearKey = suggest(key, siblings);
    const near = nearKey === undefined ? nearPath(data, path) : [...parent, nearKey, ...path.slice(length)].join('.');
    return messages.unknownPath(
      { path: path.join('.'), missing: key, parent: parent.length === 0 ? 'the machine' : parent.join('.'), siblings, near },
      { location },
    );
  }
  return null;
}

function allowedKeys(schema: NonNullable<ReturnType<typeof schemaAt>>, part: Data | undefined, data: DataMap): readonly string[] {
  const keys = keysOf(schema, part);
  // Energy may be set for any memory, also one the description forgot to price.
  const memories = data['memories'];
  return roleOf(schema)?.role === 'keyed by memories' && isDataMap(memories) ? [...new Set([...keys, ...Object.keys(memories)])] : keys;
}

/** "scratchpad.size" is probably "memories.scratchpad.size". */
function nearPath(data: DataMap, path: Path): string | undefined {
  const wanted = path.join('.');
  const paths = fieldsOf(data).map((field) => field.path.join('.'));
  return paths.find((candidate) => candidate.endsWith(`.${wanted}`)) ?? suggest(wanted, paths);
}

/** A copy of `data` with the part at `path` replaced, or removed where `value` is undefined. */
function replaced(data: DataMap, path: Path, value: Data | undefined): DataMap {
  const [key, ...rest] = path;
  if (key === undefined) return data;
  const { [key]: old, ...others } = data;
  if (rest.length === 0) return value === undefined ? others : { ...data, [key]: value };
  if (value === undefined && !isDataMap(old)) return data;
  return { ...data, [key]: replaced(isDataMap(old) ? old : {}, rest, value) };
}
