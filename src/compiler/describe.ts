/** Texts of the stages, for `--emit`. */
import { formatBytes, visible } from '../core/index.ts';
import type { Graph } from '../graph/index.ts';
import type { Executable, Kernel } from '../isa/index.ts';
import { kernelWrites } from './kernels/spec.ts';
import type { Selection } from './kernels/select.ts';
import { bytesOfView, type Placement } from './memory/placement.ts';
import type { MapperEnvironment } from './tiling/environment.ts';

/** One line per kernel, for `--emit kernels`. */
export function describeKernels(kernels: readonly Kernel[]): string {
  return `${kernels.map((k, i) => `${String(i).padStart(4)}  ${k.engine.padEnd(6)} ${k.class.padEnd(11)} ${visible(k.name)}  [${k.mapping}]  ${k.tiles} tiles${k.macs > 0 ? `, ${k.macs} MACs` : ''}${k.origin.length > 1 ? `  <- ${visible(k.origin.join(' + '))}` : ''}`).join('\n')}\n`;
}

/** Where tensors live, for `--emit memory`. */
export function describePlacement(graph: Graph, selection: Selection, placement: Placement, env: MapperEnvironment): string {
  const lines = placement.regions.map((r) => `region ${r.name}: ${env.spaces[r.space]}, ${r.bytes} B (${formatBytes(r.bytes)})`);
  for (const { past, present, keptRows, rows } of selection.caches) {
    const h = placement.home(present);
    const [from, to] = [past, present].map((id) => graph.values[id]?.name ?? '');
    lines.push(
      `state ${h.memory}+${h.offset}  ${bytesOfView(selection.views.view(present))} B  ${from} (${keptRows} rows) -> ${to} (${rows})`,
    );
  }
  for (const [memory, bytes] of placement.resident) lines.push(`resident in ${memory}: ${bytes} B (${formatBytes(bytes)})`);
  const told = new Set<number>();
  selection.kernels.forEach((k, step) => {
    for (const v of kernelWrites(k)) {
      if (told.has(v.root)) continue;
      told.add(v.root);
      const h = placement.home(v.root);
      lines.push(`${String(step).padStart(4)}  ${h.memory}+${h.offset}  ${bytesOfView(v)} B  ${graph.values[v.root]?.name}`);
    }
  });
  return `${lines.join('\n')}\n`;
}

/** Rows, tiles and estimate of each kernel, for `--emit schedule`. */
export function describeSchedule(executable: Executable): string {
  const { commands } = executable.programs[0] as Executable['programs'][number];
  const rows = new Map<number, { first: number; count: number }>();
  for (let row = 0; row < commands.length; row++) {
    const kernel = commands.kernel[row] as number;
    const r = rows.get(kernel);
    if (r === undefined) rows.set(kernel, { first: row, count: 1 });
    else r.count++;
  }
  const lines = executable.kernels.map((k, i) => {
    const r = rows.get(i) ?? { first: 0, count: 0 };
    return `${String(i).padStart(4)}  rows ${r.first}+${r.count}  ${k.tiles} tiles  estimate ${k.estimateCycles} cycles  ${visible(k.name)}  [${k.mapping}]`;
  });
  return `${lines.join('\n')}\n`;
}
