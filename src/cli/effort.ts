/** What a run on numbers takes, told before it begins: memory that is not there, and minutes. */
import { totalmem } from 'node:os';
import { elementCount, fail, tensorBytes, verifyMessages, type Diagnostic } from '../core/index.ts';
import { macsOf, type Graph } from '../graph/index.ts';
import type { Executable } from '../isa/index.ts';

/** Of a graph whose sizes are bound. */
export interface Effort {
  readonly macs: number;
  /** Of all values that are no constants, and of the constants, each once. */
  readonly valueBytes: number;
  readonly constantBytes: number;
}

export function effortOf(graph: Graph): Effort {
  let [valueBytes, constantBytes] = [0, 0];
  for (const { type, constant } of graph.values) {
    // Text has no size of its own; sequences have none that is known.
    if (type.dtype === 'string' || type.container !== undefined) continue;
    const bytes = tensorBytes(type.dtype, elementCount(type.shape.map(Number)));
    if (!Number.isFinite(bytes)) continue;
    if (constant === null) valueBytes += bytes;
    else if (constant.kind === 'bytes') constantBytes += bytes;
  }
  return { macs: graph.nodes.reduce((n, node) => n + macsOf(graph, node), 0), valueBytes, constantBytes };
}

/**
 * How often all values are held at once, in float32: by the model in float, by the graph after precision and by the program. Runs of the
 * built-in networks take a tenth to a fifth more.
 */
const copiesOf = (precision: string): number => (precision === 'fp32' ? 3 : precision === 'fp16' || precision === 'bf16' ? 2 : 1.5);

/** @throws SYS8079 where the values of a verification do not fit this computer's memory */
export function checkVerifiable({ valueBytes, constantBytes }: Effort, precision: string): void {
  checkMemory(copiesOf(precision) * valueBytes + constantBytes, 'every value of the model, in float and as the program has it');
}

/** @throws SYS8079 where not even one value and what it is made from fit */
export function checkComputable(graph: Graph): void {
  checkMemory(largestValue(graph), 'the largest value of the model alone');
}

/** @throws SYS8079 where the memories of the program do not fit */
export function checkExecutable({ regions }: Executable): void {
  checkMemory(
    regions.reduce((n, r) => n + r.bytes, 0),
    'the tensors of the program',
  );
}

function largestValue(graph: Graph): number {
  let largest = 0;
  for (const { type } of graph.values) {
    if (type.dtype === 'string' || type.container !== undefined) continue;
    const bytes = tensorBytes(type.dtype, elementCount(type.shape.map(Number)));
    if (bytes > largest) largest = bytes;
  }
  return largest;
}

function checkMemory(bytes: number, what: string): void {
  const available = memoryBytes();
  if (bytes > available) fail(verifyMessages.tooLargeToRun({ bytes, available, what }));
}

function memoryBytes(): number {
  // 0 where nothing limits this process.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Products a second of the interpreter on one quiet core: docs/verify.md. */
const macsPerSecond = 0.85e9;
const longSeconds = 60;

/** A warning where a verification takes minutes. `passes`: how often the interpreter runs the model, over all samples. */
export function longRun({ macs }: Effort, passes: number): readonly Diagnostic[] {
  const seconds = (macs * passes) / macsPerSecond;
  return seconds < longSeconds ? [] : [verifyMessages.longRun({ macs, passes, minutes: seconds / 60 })];
}
