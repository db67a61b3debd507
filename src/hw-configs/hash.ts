/**
 * The two hashes of a machine. A program of one planHash is legal on every machine of that planHash; with the same timingHash it
 * also takes the same time and energy there. Which field is in which hash is this table and nothing else.
 */
import { invariant } from '../core/index.ts';
import type { Machine } from './machine.ts';

/** `keys`: that the entry is there decides legality, its value only time. */
type Class = 'plan' | 'timing' | 'keys in plan, values in timing' | 'none';

/** Paths of `Machine`, `*` for a name; a path covers everything below it. Every field is covered exactly once (tested). */
export const fieldClasses: readonly (readonly [path: string, Class])[] = [
  // How it is called does not change what it does.
  ['name', 'none'],
  ['description', 'none'],

  ['clocks', 'timing'],
  ['referenceClock', 'timing'],

  ['cores.*.count', 'plan'],
  ['cores.*.clock', 'timing'],
  ['cores.*.scratchpad', 'plan'],
  ['cores.*.accumulator', 'plan'],
  ['cores.*.matrix.kind', 'plan'],
  ['cores.*.matrix.rows', 'plan'],
  ['cores.*.matrix.cols', 'plan'],
  ['cores.*.matrix.dataflow', 'plan'],
  ['cores.*.matrix.doubleBuffered', 'plan'],
  ['cores.*.matrix.inputLanes', 'plan'],
  ['cores.*.matrix.outputLanes', 'plan'],
  ['cores.*.matrix.pixels', 'plan'],
  ['cores.*.matrix.rates', 'keys in plan, values in timing'],
  ['cores.*.matrix.accumulatorBits', 'plan'],
  ['cores.*.matrix.requantize', 'plan'],
  ['cores.*.matrix.rescale', 'plan'],
  ['cores.*.matrix.ports', 'plan'],
  ['cores.*.matrix.startTicks', 'timing'],
  ['cores.*.vector.lanes', 'timing'],
  ['cores.*.vector.dtypes', 'plan'],
  ['cores.*.vector.ticksPerOp', 'timing'],
  ['cores.*.vector.tableSteps', 'plan'],
  ['cores.*.vector.startTicks', 'timing'],
  ['cores.*.dma', 'timing'],
  ['cores.*.semaphores', 'plan'],

  ['memories.*.kind', 'plan'],
  ['memories.*.sizeBytes', 'plan'],
  ['memories.*.readBytesPerSecond', 'timing'],
  ['memories.*.writeBytesPerSecond', 'timing'],
  ['memories.*.latencyPs', 'timing'],
  ['memories.*.burstBytes', 'timing'],
  ['memories.*.readOnly', 'plan'],
  ['memories.*.owner', 'plan'],
  ['memories.*.model', 'timing'],

  ['placement', 'plan'],
  ['host.memory', 'plan'],
  ['host.opsPerSecond', 'timing'],
  ['host.handoverPs', 'timing'],
  ['host.bytesPerSecond', 'timing'],

  // Sources are texts about values, not values.
  ['technology.nodeNm', 'timing'],
  ['technology.voltage', 'timing'],
  ['technology.energy.macPj.*.value', 'timing'],
  ['technology.energy.macPj.*.source', 'none'],
  ['technology.energy.macPj.*.low', 'none'],
  ['technology.energy.macPj.*.high', 'none'],
  ['technology.energy.memoryPjPerByte.*.value', 'timing'],
  ['technology.energy.memoryPjPerByte.*.source', 'none'],
  ['technology.energy.memoryPjPerByte.*.low', 'none'],
  ['technology.energy.memoryPjPerByte.*.high', 'none'],
  ['technology.energy.vectorOpPj.value', 'timing'],
  ['technology.energy.vectorOpPj.source', 'none'],
  ['technology.energy.vectorOpPj.low', 'none'],
  ['technology.energy.vectorOpPj.high', 'none'],
  ['technology.energy.hostOpPj.value', 'timing'],
  ['technology.energy.hostOpPj.source', 'none'],
  ['technology.energy.hostOpPj.low', 'none'],
  ['technology.energy.hostOpPj.high', 'none'],
  ['technology.leakageWatts.value', 'timing'],
  ['technology.leakageWatts.source', 'none'],
  ['technology.leakageWatts.low', 'none'],
  ['technology.leakageWatts.high', 'none'],
  ['technology.areaMm2.*.value', 'timing'],
  ['technology.areaMm2.*.source', 'none'],
  ['technology.areaMm2.*.low', 'none'],
  ['technology.areaMm2.*.high', 'none'],
];

type Node = { readonly [key: string]: Node } | Class;

/** The table as a tree, `*` a key like others. */
const classTree: Node = fieldClasses.reduce<Node>((tree, [path, value]) => grafted(tree, path.split('.'), value), {});

function grafted(tree: Node, [key, ...rest]: readonly string[], value: Class): Node {
  if (key === undefined) return value;
  invariant(typeof tree === 'object', 'a path of the table covers another');
  return { ...tree, [key]: grafted(tree[key] ?? {}, rest, value) };
}

export type HashName = 'plan' | 'timing';

/** Hash of the fields of one class: 16 hex digits of FNV-1a over their canonical text. */
export function fieldHash(machine: Omit<Machine, 'planHash' | 'timingHash'>, name: HashName): string {
  const { planHash: _plan, timingHash: _timing, ...body } = machine as Machine;
  return fnv1a64(fieldText(body, name).join('\n'));
}

/** The lines that are hashed: `path=json`, sorted, so that the order of keys in a file does not matter. */
export function fieldText(machine: object, name: HashName): readonly string[] {
  const lines: string[] = [];
  const visit = (value: unknown, path: string, classes: Node): void => {
    if (typeof classes === 'string') {
      if (classes === name) addAll(value, path);
      else if (classes === 'keys in plan, values in timing') {
        if (name === 'timing') addAll(value, path);
        else lines.push(`${path}=${JSON.stringify(Object.keys(value as object).sort())}`);
      }
      return;
    }
    for (const [key, inner] of Object.entries(value as object)) {
      const found = Object.hasOwn(classes, key) ? classes[key] : classes['*'];
      invariant(found !== undefined, `${path}${key} is in no class of the hash table`);
      visit(inner, path === '' ? key : `${path}.${key}`, found);
    }
  };
  const addAll = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) addAll(inner, `${path}.${key}`);
    } else lines.push(`${path}=${JSON.stringify(value)}`);
  };
  visit(machine, '', classTree);
  return lines.sort();
}

const prime = 0x100000001b3n;
const mask = 0xffffffffffffffffn;

/** 64-bit FNV-1a over UTF-16 code units (Fowler, Noll, Vo; draft-eastlake-fnv). Not for secrets: it tells machines apart. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) hash = ((hash ^ BigInt(text.charCodeAt(i))) * prime) & mask;
  return hash.toString(16).padStart(16, '0');
}
