/** Numbers as files, for those who look at them or build hardware: .npy where numpy has the element type, else the bytes alone. */
import { rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf, type Tensor } from '../core/index.ts';
import type { KernelTensor } from '../reports/index.ts';
import { makeDirectory, writeWhole } from './files.ts';
import { formatNpy } from './npy.ts';

/** A directory for files that belong together: all of them stay, or none. */
export interface OutputFolder {
  readonly path: string;
  /** Writes one tensor; answers the name of its file. */
  writeTensor(stem: string, tensor: Tensor): string;
  writeText(name: string, text: string): void;
  /** What was written so far, with the path of the directory. */
  readonly files: readonly string[];
  /** Takes back what was written, and the directory where it was made for this and is empty. */
  discard(): void;
}

/** Makes the directory now, so that minutes of computing do not end before a path that cannot be written. */
export function openFolder(path: string): OutputFolder {
  const made = makeDirectory(path);
  const files: string[] = [];
  const taken = new Set<string>();
  const write = (name: string, content: Uint8Array | string): void => {
    taken.add(name);
    writeWhole(join(path, name), content);
    files.push(join(path, name));
  };
  return {
    path,
    files,
    writeTensor(stem, tensor) {
      const name = freeName(stem, isPlain(tensor) ? 'npy' : 'bin', (n) => taken.has(n));
      write(name, isPlain(tensor) ? formatNpy(tensor) : bytesOf(tensor));
      return name;
    },
    writeText: write,
    discard() {
      for (const file of files) rmSync(file, { force: true });
      try {
        for (const folder of made.toReversed()) rmdirSync(folder);
      } catch {
        // Somebody else's files are in it: it stays.
      }
    },
  };
}

function isPlain({ dtype }: Tensor): boolean {
  return /^(u?int(8|16|32|64)|float(16|32|64)|bool)$/.test(dtype);
}

/** Names that differ only in what a file name cannot hold get a number. */
function freeName(stem: string, ending: string, isTaken: (name: string) => boolean): string {
  let name = `${stem}.${ending}`;
  for (let i = 2; isTaken(name); i++) name = `${stem}~${i}.${ending}`;
  return name;
}

/** Operands and results of a kernel, each as every side has it: `03-conv1.output.relu1_out.program.npy`. */
export function dumpKernel(
  folder: OutputFolder,
  kernel: { readonly index: number; readonly name: string },
  tensors: readonly KernelTensor[],
): void {
  const head = `${String(kernel.index).padStart(4, '0')}-${fileName(kernel.name)}`;
  for (const t of tensors) {
    for (const side of ['program', 'isolated', 'reference', 'float'] as const) {
      const tensor = t[side];
      if (tensor !== null && ArrayBuffer.isView(tensor.data)) folder.writeTensor(`${head}.${t.role}.${fileName(t.value)}.${side}`, tensor);
    }
  }
}

function fileName(text: string): string {
  return text
    .replace(/[^\w.-]+/g, '_')
    .replace(/^[_.]+/, '')
    .slice(0, 80);
}
