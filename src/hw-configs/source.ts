/** YAML text as data that remembers where each part stands. */
import { hwMessages as messages, type Diagnostic, type Location } from '../core/index.ts';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from 'yaml';

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
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error', version: '1.2', schema: 'core' });
    const diagnostics: Diagnostic[] = [];
    let fatal = false;
    const aliases = (text.match(/(^|[\s[{,:-])\*[\w-]+/g) ?? []).length;
    if (aliases > 50) return broken(`it has ${aliases} aliases (*name); at most 50 are read`, 0);
    for (const error of [...document.errors, ...document.warnings]) {
      if (error.code === 'DUPLICATE_KEY') {
        diagnostics.push(messages.duplicateKey({ key: wordAt(text, error.pos[0]) }, { location: at(error.pos[0]) }));
      } else {
        fatal = true;
        const problem =
          error.code === 'MULTIPLE_DOCS' ? 'a second document begins here (---); a file holds one machine' : asClause(error.message);
        diagnostics.push(messages.yamlSyntax({ problem }, { location: at(error.pos[0]) }));
      }
    }
    if (fatal) return { source: null, diagnostics };
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
  const visit = (given: unknown, path: string, depth: number): void => {
    const node = isAlias(given) ? given.resolve(document) : given;
    if (depth > 64) return;
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const here = path === '' ? String(key.value) : `${path}.${String(key.value)}`;
        const keyOffset = startOf(key) ?? 0;
        places.set(here, { key: keyOffset, value: startOf(value) ?? keyOffset });
        visit(value, here, depth + 1);
      }
    } else if (isSeq(node)) {
      node.items.forEach((item, i) => {
        const offset = startOf(item) ?? 0;
        places.set(`${path}.${i}`, { key: offset, value: offset });
        visit(item, `${path}.${i}`, depth + 1);
      });
    }
  };
  visit(document.contents, '', 0);
  return places;
}

function startOf(node: unknown): number | undefined {
  // An empty value ("key:") is a scalar without extent whose range points at the next token: the key says more.
  if (isScalar(node) && node.range !== null && node.range !== undefined && node.range[0] === node.range[1]) return undefined;
  return (node as Node | null)?.range?.[0];
}

function wordAt(text: string, offset: number): string {
  return /^["']?([^\s:"']+)/.exec(text.slice(offset))?.[1] ?? '';
}

function asClause(message: string): string {
  return message.replace(/\.$/, '').replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
}
