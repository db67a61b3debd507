import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Diagnostic } from '../../src/core/index.ts';
import { loadMachine, readMachineSource, type Machine } from '../../src/hw-configs/index.ts';

export const tinyText: string = readFileSync(new URL('../machines/tiny-8x8.yaml', import.meta.url), 'utf8');

/** The tiny machine's YAML with one piece of text replaced; the piece must be there. */
export function edited(...edits: readonly (readonly [from: string, to: string])[]): string {
  return edits.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replace(from, () => to);
  }, tinyText);
}

export function tinyMachine(settings: readonly string[] = []): Promise<Machine> {
  return loadMachine({ yaml: tinyText, file: 'm.yaml' }, settings);
}

export async function diagnose(yaml: string, settings: readonly string[] = []): Promise<readonly Diagnostic[]> {
  return (await readMachineSource({ yaml, file: 'm.yaml' }, settings)).diagnostics;
}

/** "SYS2010 13:5" for each diagnostic; settings have no line: "SYS2041 --set x=1". */
export async function codesAndPlaces(yaml: string, settings: readonly string[] = []): Promise<readonly string[]> {
  return (await diagnose(yaml, settings)).map(({ code, location }) =>
    location?.line === undefined ? `${code} ${location?.file}` : `${code} ${location.line}:${location.column}`,
  );
}

/** line:column of the first occurrence of a text, both from 1. */
export function placeOf(yaml: string, text: string): string {
  const offset = yaml.indexOf(text);
  expect(offset).toBeGreaterThanOrEqual(0);
  const before = yaml.slice(0, offset).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}
