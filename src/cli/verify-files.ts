/** Numbers as files, for those who look at them or build hardware: .npy where numpy has the element type, else the bytes alone. */
import { join } from 'node:path';
import { bytesOf, type Tensor } from '../core/index.ts';
import type { KernelTensor } from '../reports/index.ts';
import { writeWhole } from './files.ts';
import { formatNpy } from './npy.ts';

/** Writes one tensor; answers the name of its file. */
export function writeTensor(directory: string, stem: string, tensor: Tensor): string {
  const plain = /^(u?int(8|16|32|64)|float(16|32|64)|bool)$/.test(tensor.dtype);
  const name = `${stem}.${plain ? 'npy' : 'bin'}`;
  writeWhole(join(directory, name), plain ? formatNpy(tensor) : bytesOf(tensor));
  return name;
}

/** Operands and results of a kernel, each as every side has it: `03-conv1.output.relu1_out.program.npy`. */
export function dumpKernel(
  directory: string,
  kernel: { readonly index: number; readonly name: string },
  tensors: readonly KernelTensor[],
): readonly string[] {
  const head = `${String(kernel.index).padStart(4, '0')}-${fileName(kernel.name)}`;
  return tensors.flatMap((t) =>
    (['program', 'isolated', 'reference', 'float'] as const).flatMap((side) => {
      const tensor = t[side];
      if (tensor === null || !ArrayBuffer.isView(tensor.data)) return [];
      return [writeTensor(directory, `${head}.${t.role}.${fileName(t.value)}.${side}`, tensor)];
    }),
  );
}

function fileName(text: string): string {
  return text
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[_.]+/, '')
    .slice(0, 80);
}
