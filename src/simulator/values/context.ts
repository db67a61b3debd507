/** What an executor of one command may use. */
import type { Ref } from '../../isa/command.ts';
import type { ByteMap } from './fast-table.ts';
import type { HostEvaluator } from './host.ts';
import type { Memory } from './memory.ts';
import type { Scratch } from './scratch.ts';
import type { Tally } from './stats.ts';
import { tileOf, type Tile } from './tile.ts';
import type { Kernels } from './wasm/kernels.ts';

export interface Context {
  readonly memory: Memory;
  readonly scratch: Scratch;
  readonly host: HostEvaluator;
  readonly core: number;
  readonly tally: Tally;
  /** Null: the plain form runs everything. */
  readonly kernels: Kernels | null;
  /** Programs from bytes to bytes seen so far in this run. */
  readonly byteMaps: Map<string, ByteMap>;
}

export function tile(cx: Context, ref: Ref): Tile {
  return tileOf(cx.memory, cx.core, ref);
}
