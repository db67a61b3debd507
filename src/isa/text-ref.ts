/** References in program text: `space[:region]+offset dtype[extents] [stride[…]] [ring[base, bytes, axis]]`; dense strides are left out. */
import { allDTypes, bitsOf, suggest } from '../core/index.ts';
import type { Ref } from './command.ts';
import { resolve, type Names } from './text-names.ts';
import type { LineScanner } from './text-scanner.ts';

/** Row-major byte strides; null for packed dtypes, whose strides are always written. */
export function denseStrides(ref: Pick<Ref, 'dtype' | 'extents'>): number[] | null {
  const bits = bitsOf(ref.dtype);
  if (bits < 8) return null;
  const strides = new Array<number>(ref.extents.length);
  let step = bits / 8;
  for (let i = ref.extents.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= ref.extents[i] ?? 1;
  }
  return strides;
}

export function printRef(ref: Ref, names: Names): string {
  const place = ref.region === -1 ? names.space(ref.space) : `${names.space(ref.space)}:${names.region(ref.region)}`;
  const dense = denseStrides(ref);
  const isDense = dense !== null && dense.every((s, i) => s === ref.strides[i]);
  const strides = isDense ? '' : ` stride[${ref.strides.join(', ')}]`;
  const ring = ref.ring === undefined ? '' : ` ring[${ref.ring.base}, ${ref.ring.bytes}, ${ref.ring.axis}]`;
  return `${place}+${ref.offset} ${ref.dtype}[${ref.extents.join(', ')}]${strides}${ring}`;
}

export function parseRef(scanner: LineScanner, names: Names): Ref {
  const space = named(scanner, names.spaces, 's', 'memory');
  const region = scanner.take(':') ? named(scanner, names.regions, 'r', 'region') : -1;
  // "+16" and "+-16" alike: the sign may have been read as part of the number.
  scanner.take('+');
  const offset = scanner.long('an offset in bytes');
  const dtype = scanner.oneOf(allDTypes, 'dtype');
  const extents = scanner.integers('an extent');
  const column = scanner.column;
  const written = scanner.takeBeforeList('stride') ? scanner.integers('a stride in bytes') : null;
  const strides = written ?? denseStrides({ dtype, extents }) ?? scanner.fail(`A packed ${dtype} reference needs its strides`);
  if (strides.length !== extents.length) scanner.fail(`${extents.length} extents, but ${strides.length} strides`, undefined, column);
  const ref = { space, region, dtype, offset, extents, strides };
  if (!scanner.takeBeforeList('ring')) return ref;
  const [base, bytes, axis, ...more] = scanner.integers('a number of the ring');
  if (base === undefined || bytes === undefined || axis === undefined || more.length > 0)
    return scanner.fail('A ring is [base, bytes, axis]');
  return { ...ref, ring: { base, bytes, axis } };
}

function named(scanner: LineScanner, known: ReadonlyMap<string, number>, letter: string, what: string): number {
  const { column } = scanner;
  const name = scanner.word(`the name of a ${what}`);
  return resolve(name, known, letter) ?? scanner.fail(`Unknown ${what} \`${name}\``, suggest(name, known.keys()), column);
}
