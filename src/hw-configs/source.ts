/** YAML text as data that remembers where each part stands. */
import { hwMessages as messages, type Diagnostic, type Location } from '../core/index.ts';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';

/** Plain data as YAML 1.2 (core schema) gives it. */
export type Data = string | number | boolean | null | readonly Data[] | DataMap;
export interface DataMap {
  readonly [key: string]: Data;
}

export type Path = readonly string[];

export interface Source {
  readonly data: DataMap;
  /** Where the value at `path` stands, or the nearest map around it that exists. */
  readonly locate: (path: Path) => Location;
  /** Where the key itself stands. */
  readonly locateKey: (path: Path) => Location;
}

export function isDataMap(data: Data | undefined): data is DataMap {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}

/** The part of `data` at `path`; undefined where there is none. */
export function partAt(data: Data | undefined, path: Path): Data | undefined {
  let part: Data | undefined = data;
  for (const key of path) {
    if (Array.isArray(part)) part = (part as readonly Data[])[Number(key)];
    else if (isDataMap(part) && Object.hasOwn(part, key)) part = part[key];
    else return undefined;
  }
  return part;
}

export interface SourceRead {
  /** null when the text is no YAML map at all. */
  readonly source: Source | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Syntax errors that are told. */
const mostErrors = 5;

/** Reads one YAML document. Duplicate keys are reported and reading goes on; with other syntax errors it stops. */
export function readSource(text: string, file: string): SourceRead {
  const lines = new LineCounter();
  const at = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? { file } : { file, line, column: col };
  };
  const broken = (problem: string, offset: number): SourceRead => ({
    source: null,
    diagnostics: [messages.yamlSyntax({ problem }, { location: at(offset) })],
  });

  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
      version: '1.2',
      schema: 'core',
      // The parser would compare each key with all before it.
      uniqueKeys: false,
    });
    const diagnostics: Diagnostic[] = [];
    let fatal = false;
    const aliases = (text.match(/(^|[\s[{,:-])\*[\w-]+/g) ?? []).length;
    if (aliases > 50) return broken(`it has ${aliases} aliases (*name); at most 50 are read`, 0);
    // What follows the first few is mostly their consequence.
    for (const error of [...document.errors, ...document.warnings].slice(0, mostErrors)) {
      fatal = true;
      const problem =
        error.code === 'MULTIPLE_DOCS' ? 'a second document begins here (---); a file holds one machine' : asClause(error.message);
      diagnostics.push(messages.yamlSyntax({ problem }, { location: at(error.pos[0]) }));
    }
    if (fatal) return { source: null, diagnostics };
    for (const [key, offset] of duplicateKeys(document)) diagnostics.push(messages.duplicateKey({ key }, { location: at(offset) }));
    if (!isMap(document.contents)) return broken(text.trim() === '' ? 'the file is empty' : 'the top level is not a map', 0);
    const places = placesOf(document);
    return { source: sourceOf(document.toJS() as DataMap, places, at), diagnostics };
  } catch (error) {
    // The yaml package throws on alias bombs and on nesting that exhausts the stack: input faults both.
    const problem = error instanceof RangeError ? 'it is nested too deeply' : error instanceof Error ? asClause(error.message) : 'unknown';
    return broken(problem, 0);
  }
}

interface Place {
  readonly key: number;
  readonly value: number;
}

function sourceOf(data: DataMap, places: ReadonlyMap<string, Place>, at: (offset: number) => Location): Source {
  const nearest = (path: Path): Location => {
    for (let length = path.length; length > 0; length--) {
      const place = places.get(path.slice(0, length).join('.'));
      if (place !== undefined) return at(length === path.length ? place.value : place.key);
    }
    return at(0);
  };
  return {
    data,
    locate: nearest,
    locateKey: (path) => {
      const place = places.get(path.join('.'));
      return place === undefined ? nearest(path) : at(place.key);
    },
  };
}

/** Offsets of every key and value, by path. */
function placesOf(document: Document): Map<string, Place> {
  const places = new Map<string, Place>();
  const walk = (given: unknown, path: string, depth: number): void => {
    const node = isAlias(given) ? given.resolve(document) : given;
    if (depth > 64) return;
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const here = path === '' ? String(key.value) : `${path}.${String(key.value)}`;
        const keyOffset = startOf(key) ?? 0;
        places.set(here, { key: keyOffset, value: startOf(value) ?? keyOffset });
        walk(value, here, depth + 1);
      }
    } else if (isSeq(node)) {
      node.items.forEach((item, i) => {
        const offset = startOf(item) ?? 0;
        places.set(`${path}.${i}`, { key: offset, value: offset });
        walk(item, `${path}.${i}`, depth + 1);
      });
    }
  };
  walk(document.contents, '', 0);
  return places;
}

function startOf(node: unknown): number | undefined {
  // An empty value ("key:") is a scalar without extent whose range points at the next token: the key says more.
  if (isScalar(node) && node.range !== null && node.range !== undefined && node.range[0] === node.range[1]) return undefined;
  return (node as Node | null)?.range?.[0];
}

/** Keys that stand twice in a map, and where the second one stands. */
function duplicateKeys(document: Document): readonly (readonly [string, number])[] {
  const found: (readonly [string, number])[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) found.push([name, startOf(key) ?? 0]);
        seen.add(name);
      }
    },
  });
  return found;
}

function asClause(message: string): string {
  return message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
