/** Writes docs/operators.md from the table of operators. Comes last: it runs the built compiler. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit', cwd: root });
if (build.status !== 0) process.exit(build.status ?? 1);

const room = (name) => import(pathToFileURL(join(root, 'dist', name, 'index.js')).href);
const { operatorCoverage } = await room('compiler');
const { renderOperators } = await room('reports');
writeFileSync(join(root, 'docs', 'operators.md'), renderOperators(operatorCoverage()));
