/** The references of a command, each with a way to put another in its place. */
import { assertNever } from '../../src/core/index.ts';
import type { Command, Ref } from '../../src/isa/index.ts';

export interface NamedRef {
  readonly name: string;
  readonly ref: Ref;
  with(ref: Ref): Command;
}

export function mapRefs(c: Command): readonly NamedRef[] {
  switch (c.op) {
    case 'CONV':
    case 'DWCONV':
    case 'MATMUL': {
      const own = (['x', 'w', 'acc'] as const).map((name): NamedRef => ({ name, ref: c[name], with: (ref) => ({ ...c, [name]: ref }) }));
      const { drain } = c;
      if (drain === null) return own;
      const drained = (['out', 'bias', 'multiplier'] as const).flatMap((name): NamedRef[] => {
        const before = drain[name];
        return before === null ? [] : [{ name, ref: before, with: (ref) => ({ ...c, drain: { ...drain, [name]: ref } }) }];
      });
      return [...own, ...drained];
    }
    case 'POOL':
      return (['x', 'out'] as const).map((name) => ({ name, ref: c[name], with: (ref) => ({ ...c, [name]: ref }) }));
    case 'REDUCE':
      return (['x', 'acc'] as const).map((name) => ({ name, ref: c[name], with: (ref) => ({ ...c, [name]: ref }) }));
    case 'LOAD':
    case 'STORE':
    case 'COPY':
      return (['src', 'dst'] as const).map((name) => ({ name, ref: c[name], with: (ref) => ({ ...c, [name]: ref }) }));
    case 'VECTOR':
      return [
        ...c.inputs.map((ref, i): NamedRef => ({ name: `in ${i}`, ref, with: (r) => ({ ...c, inputs: c.inputs.with(i, r) }) })),
        ...c.outputs.map((ref, i): NamedRef => ({ name: `out ${i}`, ref, with: (r) => ({ ...c, outputs: c.outputs.with(i, r) }) })),
      ];
    case 'HOST':
    case 'SIGNAL':
    case 'WAIT':
    case 'BARRIER':
    case 'REPEAT':
      return [];
    default:
      return assertNever(c);
  }
}
