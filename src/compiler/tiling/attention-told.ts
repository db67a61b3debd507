/** What there is to know of attentions in blocks, and of those that stay apart; once for all of one kind. */
import { compilerMappingMessages, type Diagnostic } from '../../core/index.ts';
import type { KernelSpec } from '../kernels/spec.ts';
import type { AttentionChoice } from './attention-choice.ts';

export function toldOfAttention(kernels: readonly KernelSpec[], { apart }: AttentionChoice): readonly Diagnostic[] {
  const inBlocks = kernels.flatMap((k) => {
    if (k.kind !== 'attention' || k.softmax.kind !== 'blocks') return [];
    return [{ name: k.name, origin: k.origin, block: k.softmax.block, keys: k.scores.geometry.mg }];
  });
  return [
    ...grouped(inBlocks, ({ block, keys }) => `${block} of ${keys}`).map(([first, ...more]) => {
      const all = [first, ...more];
      const args = { kernels: all.map((k) => k.name), block: first.block, keys: first.keys };
      return compilerMappingMessages.attentionInBlocks(args, { origin: all.flatMap((k) => k.origin) });
    }),
    ...grouped(apart, ({ reason }) => reason).map(([first, ...more]) =>
      compilerMappingMessages.attentionApart({ kernels: [first, ...more].map((a) => a.kernel), reason: first.reason }),
    ),
  ];
}

/** In order of the first of each kind. */
function grouped<T>(items: readonly T[], kindOf: (item: T) => string): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(kindOf(item));
    if (group === undefined) groups.set(kindOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
