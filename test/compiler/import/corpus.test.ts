/** Every collected model imports, with a row for each node its index counts; packs are beside it (SYSTOLE_DATA). */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importModel } from '../../../src/compiler/import/index.ts';
import { verifyGraph } from '../../../src/graph/index.ts';

const data = join(process.env['SYSTOLE_DATA'] ?? '../shared/data', 'onnx');
const table = join(data, 'models.csv');
const isThere = existsSync(table);
if (!isThere) console.warn(`SKIPPED: no ${table}; set SYSTOLE_DATA to import the collected models`);

/** Name and `nodes` of each row; no field before them holds a comma in quotes. */
function rows(): readonly (readonly [name: string, nodes: number])[] {
  const [header = '', ...lines] = readFileSync(table, 'utf8').trim().split(/\r?\n/);
  const fields = (line: string): readonly string[] => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((m) => m[1] ?? '');
  const at = fields(header).indexOf('nodes');
  return lines.map(fields).map((f) => [f[0] ?? '', Number(f[at])]);
}

describe.skipIf(!isThere)('collected models', () => {
  test.each(isThere ? rows() : [])('%s', async (name, nodes) => {
    const { graph, nodeTable } = await importModel(readFileSync(join(data, 'models', name, 'model.onnx')), { name });
    expect(nodeTable.length).toBe(nodes);
    expect(new Set(nodeTable.map((row) => row.name)).size).toBe(nodes);
    expect(verifyGraph(graph)).toEqual([]);
  });
});
