/** Where the packs of models and tests lie, and what their own indexes say is in them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { untar, type Files } from './archive.ts';
import { parseCsv, type Row } from './csv.ts';

/** Packs of single tests: NAME.tar.gz beside NAME.csv. */
export const testPacks = ['node-tests', 'node-tests-expanded', 'onnx-pytorch-converted', 'onnx-pytorch-operator', 'onnx-simple'] as const;
export const transformPack = 'graph-transforms';
export const modelPack = 'models';

export type TestPack = (typeof testPacks)[number];
export type PackName = TestPack | typeof transformPack | typeof modelPack;

/** The folder of the packs. */
export function dataFolder(): string {
  return join(process.env['SYSTOLE_DATA'] ?? '../shared/data', 'onnx');
}

/** The packs that are not there: no index, or no contents. */
export function missingPacks(folder: string): readonly string[] {
  const needed = [...testPacks, transformPack].flatMap((name) => [`${name}.csv`, `${name}.tar.gz`]);
  return [...needed, `${modelPack}.csv`, modelPack].filter((file) => !existsSync(join(folder, file)));
}

export function readIndex(folder: string, pack: PackName): readonly Row[] {
  return parseCsv(readFileSync(join(folder, `${pack}.csv`), 'utf8'));
}

const archives = new Map<string, Files>();

/** Files of one test or model by their path inside its folder. Empty when the pack has no such folder. */
export function readTest(folder: string, pack: PackName, name: string): TestFiles {
  if (pack === modelPack) return folderFiles(join(folder, modelPack, name));
  const path = join(folder, `${pack}.tar.gz`);
  let files = archives.get(path);
  if (files === undefined) archives.set(path, (files = untar(gunzipSync(readFileSync(path)))));
  const found = files;
  return { read: (file) => found.get(`${name}/${file}`) ?? null };
}

export interface TestFiles {
  /** null where there is no such file. */
  read(file: string): Uint8Array | null;
}

function folderFiles(folder: string): TestFiles {
  return { read: (file) => (existsSync(join(folder, file)) ? readFileSync(join(folder, file)) : null) };
}
