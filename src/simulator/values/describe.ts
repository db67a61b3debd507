/** How messages call commands: `LOAD (row 12, core 0 dma-in, kernel "conv1")`, and the ONNX nodes they come from. */
import { commandOps, queueNames } from '../../isa/index.ts';
import type { CommandTable } from '../../isa/command-table.ts';
import type { Executable } from '../../isa/executable.ts';

export function describeCommand(executable: Executable, table: CommandTable, row: number): string {
  const kernel = executable.kernels[table.kernel[row] ?? -1];
  const where = `row ${row}, core ${table.core[row]} ${queueNames[table.queue[row] ?? 0]}`;
  return `${commandOps[table.op[row] ?? 0]} (${where}${kernel === undefined ? '' : `, kernel "${kernel.name}"${fromNodes(kernel.origin)}`})`;
}

/** Names the ONNX nodes of a kernel that is not called like its only node. */
function fromNodes(origin: readonly string[]): string {
  if (origin.length === 0) return '';
  return ` from ${origin.slice(0, 3).join(', ')}${origin.length > 3 ? ` and ${origin.length - 3} more` : ''}`;
}

export function originOf(executable: Executable, table: CommandTable, row: number): readonly string[] {
  return executable.kernels[table.kernel[row] ?? -1]?.origin ?? [];
}
