import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS2xxx: the machine and its description. */
export const unknownTarget: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS2001',
  'error',
  'unknown target',
  'A target is the name of a built-in preset (see `systole targets`) or the path of a YAML file that describes a machine.',
  ({ name, known, near }) =>
    `"${name}" is neither a preset nor a file. ${near === undefined ? '' : `Did you mean "${near}"? `}Presets: ${known.join(', ')}.`,
);
