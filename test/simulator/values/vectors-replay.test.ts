/** Bring-up vectors against their documentation: a reader that knows only the format works out every result from its stimulus. */
import { expect, test } from 'vitest';
import { elementCount, type Tensor } from '../../../src/core/index.ts';
import { compile } from '../../../src/compiler/index.ts';
import type { Machine } from '../../../src/hw-configs/index.ts';
import type { CommandOp, Executable } from '../../../src/isa/index.ts';
import { programInputs } from '../../../src/reports/index.ts';
import { recordVectors, type VectorManifest, type VectorRecord } from '../../../src/simulator/index.ts';
import { modelOf } from '../../end-to-end/model-of-graph.ts';
import { basePrograms } from '../../mutation/programs.ts';
import { compileCase } from '../../random/check.ts';
import { randomCase } from '../../random/generate.ts';
import { loadChoice, randomMachine } from '../../random/machines.ts';
import { properties } from '../../dtypes/classes.ts';
import { machine as everyType } from '../../dtypes/run.ts';
import { fileNumbers, replay } from './replay.ts';

interface Recorded {
  readonly manifest: VectorManifest;
  readonly files: ReadonlyMap<string, Tensor>;
}

function record(executable: Executable, machine: Machine, inputs: ReadonlyMap<string, Tensor>): Recorded {
  const files = new Map<string, Tensor>();
  const options = { kernels: null, commandsPerKernel: 12, limitBytes: 2 ** 24 };
  const manifest = recordVectors(executable, machine, programInputs(executable, inputs), options, (stem, tensor) => {
    files.set(`${stem}.npy`, tensor);
    return `${stem}.npy`;
  });
  // What is read is the file, not what wrote it.
  return { manifest: JSON.parse(JSON.stringify(manifest)) as VectorManifest, files };
}

/** Commands replayed, by op. */
function expectReplayed({ manifest, files }: Recorded, seen: Map<CommandOp, number>): void {
  const open = (name: string): Tensor => files.get(name) ?? missing(name);
  for (const v of manifest.vectors) {
    seen.set(v.op, (seen.get(v.op) ?? 0) + 1);
    for (const o of v.operands) expectFiles(v, o, open);
    for (const [name, expected] of replay(v, open) ?? []) {
      const operand = v.operands.find((o) => o.name === name);
      expect(operand?.writes, `${v.op} writes ${name}`).toBe(true);
      if (operand === undefined) continue;
      const actual = fileNumbers(operand, open(operand.after ?? ''));
      expect(actual.length).toBe(expected.length);
      const at = actual.findIndex((x, i) => !Object.is(x, expected[i]));
      expect(at < 0 ? null : `${name}[${at}] is ${actual[at]}, not ${expected[at]}`, `vector ${v.index} ${v.op} of ${v.kernel}`).toBeNull();
    }
  }
}

function missing(name: string): never {
  throw new Error(`no file ${name}`);
}

/** Files exist for what is read and written, and hold what the operand says. */
function expectFiles(v: VectorRecord, o: VectorRecord['operands'][number], open: (name: string) => Tensor): void {
  expect([o.before !== null, o.after !== null]).toEqual([o.reads, o.writes]);
  const packed = o.dtype === 'int4' || o.dtype === 'uint4';
  for (const name of [o.before, o.after]) {
    if (name === null) continue;
    const tensor = open(name);
    expect(name.startsWith(`${String(v.index).padStart(5, '0')}-${v.op}.`)).toBe(true);
    expect(tensor.dtype).toBe(packed ? 'uint8' : o.dtype);
    expect(tensor.shape).toEqual(o.fileExtents);
    expect(elementCount(tensor.shape)).toBe(elementCount(o.fileExtents));
  }
}

const cases = 40;

test(`small networks, ${cases} random programs and packed weights: every command but HOST replayed from its stimulus`, async () => {
  const seen = new Map<CommandOp, number>();
  for (const p of await basePrograms()) for (const { inputs } of p.runs) expectReplayed(record(p.executable, p.machine, inputs), seen);
  for (let number = 0; number < cases; number++) {
    const made = randomCase(number);
    const machine = await loadChoice(randomMachine(number));
    expectReplayed(record(compileCase(made, machine, number).executable, machine, made.inputs), seen);
  }
  for (let seed = 0; seed < 8; seed++) {
    const { graph, inputs } = properties[seed < 5 ? 'packedProduct' : 'blockProduct']('int4', true, seed);
    const { executable } = compile(modelOf(graph), everyType, { precision: 'auto', dims: {}, calibration: null });
    const recorded = record(executable, everyType, inputs);
    expect(recorded.manifest.vectors.flatMap((v) => v.operands.map((o) => o.dtype))).toContain('int4');
    expectReplayed(recorded, seen);
  }
  const all: readonly CommandOp[] = ['LOAD', 'STORE', 'COPY', 'CONV', 'DWCONV', 'MATMUL', 'POOL', 'VECTOR', 'REDUCE', 'HOST'];
  expect(all.filter((op) => !seen.has(op))).toEqual([]);
});
