/** Writes src/reports/generated/page.js: the style sheet and the scripts of the page as text, so that reports need no files. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const room = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'reports');
const out = join(room, 'generated');
mkdirSync(out, { recursive: true });

const style = readFileSync(join(room, 'page', 'page.css'), 'utf8');
const scripts = bundle('main.js', new Set());

const quote = (text) => `\`${text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``;
writeFileSync(
  join(out, 'page.js'),
  `// Written by scripts/generate-page.mjs from src/reports/page. Do not edit.\nexport const pageStyle = ${quote(style)};\nexport const pageScripts = ${quote(`'use strict';\n(() => {\n${scripts}})();\n`)};\n`,
);
writeFileSync(
  join(out, 'page.d.ts'),
  `// Written by scripts/generate-page.mjs from src/reports/page. Do not edit.\nexport declare const pageStyle: string;\nexport declare const pageScripts: string;\n`,
);

/** The modules a script imports, then itself, as one text: they share one scope, so names must differ. */
function bundle(name, seen) {
  if (seen.has(name)) return '';
  seen.add(name);
  const text = readFileSync(join(room, 'page', 'client', name), 'utf8');
  const imports = [...text.matchAll(/^import [^;]*? from '\.\/([^']+)';\n/gm)];
  const before = imports.map((found) => bundle(found[1], seen)).join('');
  return before + text.replaceAll(/^import [^;]*? from '[^']+';\n/gm, '').replaceAll(/^export /gm, '');
}
