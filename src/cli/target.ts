/** The machine a command line names: a preset, or a file with a description. */
import { cliMessages, fail } from '../core/index.ts';
import { loadMachine, presetNames, presetYaml, type Machine } from '../hw-configs/index.ts';
import { isFile, isThere, readText } from './files.ts';
import { putOnce } from './values.ts';

const wanted = 'a machine description (YAML)';

/** A name that is no preset is a path where such a file exists, or where it looks like one. */
export async function loadTarget(name: string | undefined, settings: readonly string[]): Promise<Machine> {
  checkSettings(settings);
  if (name === undefined) return fail(cliMessages.missingTarget({ known: presetNames }));
  if (isPath(name)) return loadMachine({ yaml: await readText(name, wanted), file: name }, settings);
  return loadMachine({ preset: name }, settings);
}

/** One path, one value: which of two would count is nobody's guess. Errors: SYS8043. */
function checkSettings(settings: readonly string[]): void {
  const found = new Map<string, string>();
  for (const setting of settings) {
    const split = setting.indexOf('=');
    if (split > 0) putOnce(found, 'set', setting.slice(0, split).trim(), setting.slice(split + 1).trim());
  }
}

/** The description as text: what the file or the preset says. */
export async function targetText(name: string): Promise<string> {
  return isPath(name) ? readText(name, wanted) : presetYaml(name);
}

function isPath(name: string): boolean {
  return !presetNames.includes(name) && (isFile(name) || isThere(name) || /[\\/]|\.ya?ml$/i.test(name));
}
