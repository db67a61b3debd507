import { defineMessage, type Message } from '../diagnostics.ts';

/** SYS7xxx: studies and their points. */
export const malformedStudy: Message<{ path: string; problem: string; near: string | undefined }> = defineMessage(
  'SYS7001',
  'error',
  'study not understood',
  'A study is YAML: `models` (paths or built-in names), `target` (a preset or a path, or a list of them), `parameters` (a map from a path of the machine ' +
    'to the list of values it takes), and optionally `objectives`, `precision`, `dims`. The points are all combinations.',
  ({ path, problem, near }) =>
    `${path === '' ? 'the study' : `"${path}"`}: ${problem}.${near === undefined ? '' : ` Did you mean "${near}"?`}`,
);

export const studySyntax: Message<{ problem: string }> = defineMessage(
  'SYS7002',
  'error',
  'study is not valid YAML',
  'The study file could not be read as YAML at all. The position is where the reader gave up; the cause may be a little before it.',
  ({ problem }) => `not valid YAML: ${problem}.`,
);

export const machineAsStudy: Message<{ file: string }> = defineMessage(
  'SYS1085',
  'error',
  'a machine description where a study is needed',
  'A study names models and targets; a target may be the path of a machine description.',
  ({ file }) => `this is a machine description, not a study. Write a study with \`models: …\` and \`target: ${file}\`.`,
);

export const unknownObjective: Message<{ name: string; known: readonly string[]; near: string | undefined }> = defineMessage(
  'SYS7003',
  'error',
  'unknown objective',
  'An objective is a field of `totals` in the result document. It is minimised, unless it is known to be better when larger (inferencesPerSecond, macUtilization, …).',
  ({ name, known, near }) =>
    `"${name}" is not a figure of the totals. ${near === undefined ? '' : `Did you mean "${near}"? `}Figures: ${known.join(', ')}.`,
);

export const largeStudy: Message<{ points: number; limit: number }> = defineMessage(
  'SYS7004',
  'error',
  'study too large for a plain grid',
  'A grid multiplies the lengths of all lists. One process walks it point by point and keeps all of them, which is bounded to stay usable.',
  ({ points, limit }) => `the study has ${points} points, more than the ${limit} a grid may have. Take values out of the longest lists.`,
);

export const everyPointFailed: Message<{ points: number; first: string }> = defineMessage(
  'SYS7005',
  'error',
  'no point of the study worked',
  'Every combination was refused. The points and their messages are written as usual; usually one of the fixed parts of the study is at fault.',
  ({ points, first }) => `all ${points} points failed. The first says: ${first}`,
);

export const internalPointFailure: Message<{ detail: string }> = defineMessage(
  'SYS7006',
  'error',
  'a point met a bug of ours',
  'Something inside Systole broke at this point of a study; the other points are not touched by it. ' +
    'Run the point alone with `systole simulate` and the same --set to see the whole message, and please report it.',
  ({ detail }) => `internal error at this point: ${detail}`,
);
