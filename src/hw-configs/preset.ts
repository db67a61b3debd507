import type { Machine } from './machine.ts';

/** A built-in machine: its YAML, and what loading that YAML gives (so that a plain start needs no yaml, zod or mathjs). */
export interface Preset {
  readonly name: string;
  readonly yaml: string;
  readonly machine: Machine;
}
