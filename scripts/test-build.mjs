/**
 * Compiles sources and a part of the tests as they are, for runners outside the test framework. The build lies in a folder of its own, named
 * after what it was made of, so that it never meets dist/ or another run.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const kept = 6;

/**
 * @param {string} name  of a folder in test/ with a tsconfig.json of its own
 * @param {readonly string[]} folders  in test/, of which it is made beside src/
 * @returns {string} the folder of the build
 */
export function buildTests(name, folders = [name]) {
  const builds = join(root, 'out', name);
  const sources = [join(root, 'src'), ...folders.map((folder) => join(root, 'test', folder))].flatMap(filesUnder);
  const hash = createHash('sha256');
  for (const file of [...sources, join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) {
    hash.update(`${relative(root, file)}\n`).update(readFileSync(file));
  }
  const build = join(builds, hash.digest('hex').slice(0, 16));
  if (!existsSync(build)) makeBuild(name, build, sources);
  forgetOldBuilds(builds);
  return build;
}

/** Runs a compiled module with the words of this command line; answers its exit code. */
export function runBuilt(build, module) {
  const run = spawnSync(process.execPath, [join(build, 'test', module), ...process.argv.slice(2)], { stdio: 'inherit', cwd: root });
  return run.status ?? 1;
}

function makeBuild(name, build, sources) {
  const unfinished = `${build}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  const project = join(root, 'test', name, 'tsconfig.json');
  const compiled = spawnSync(process.execPath, [tsc, '-p', project, '--outDir', unfinished], { cwd: root, encoding: 'utf8' });
  if (compiled.status !== 0) {
    process.stderr.write(compiled.stdout);
    // For measuring while the sources are being worked on; types are checked by `npm run typecheck`.
    if (process.env['CONFORMANCE_DESPITE_TYPES'] !== '1') {
      rmSync(unfinished, { recursive: true });
      process.exit(1);
    }
  }
  for (const file of sources) {
    if (!file.split(sep).includes('generated')) continue;
    const target = join(unfinished, relative(root, file));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(file, target);
  }
  copyFileSync(join(root, 'package.json'), join(unfinished, 'package.json'));
  if (existsSync(build)) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, build);
}

function forgetOldBuilds(builds) {
  const age = (name) => statSync(join(builds, name)).mtimeMs;
  const old = readdirSync(builds)
    .sort((a, b) => age(b) - age(a))
    .slice(kept);
  for (const name of old) rmSync(join(builds, name), { recursive: true, force: true });
}

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}
