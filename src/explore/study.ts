/** What a study is: YAML in, a checked record out, and from it the list of points. */
import { LineCounter, isMap, isNode, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { exploreMessages, fail, suggest, type Diagnostic, type Location } from '../core/index.ts';

// Content policies of browsers refuse the code generation zod uses by default.
z.config({ jitless: true });

const value = z.union([z.number(), z.string(), z.boolean()]);
const oneOrMore = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const studySchema = z.strictObject({
  name: z.string().optional(),
  models: oneOrMore,
  target: oneOrMore,
  parameters: z.record(z.string(), z.array(value).min(1)).default({}),
  objectives: z.array(z.string()).min(1).default(['seconds', 'energyJoules', 'areaMm2']),
  precision: z.enum(['auto', 'int8', 'fp8', 'fp32', 'fp16', 'bf16']).default('auto'),
  dims: z.record(z.string(), z.number().int().positive()).default({}),
});

export type ParameterValue = string | number | boolean;

export interface Study {
  readonly name: string;
  readonly models: readonly string[];
  readonly targets: readonly string[];
  /** Machine paths as `--set` takes them, each with the values it goes through; in the order of the file. */
  readonly parameters: Readonly<Record<string, readonly ParameterValue[]>>;
  readonly objectives: readonly string[];
  readonly precision: 'auto' | 'int8' | 'fp8' | 'fp32' | 'fp16' | 'bf16';
  readonly dims: Readonly<Record<string, number>>;
}

/** One combination: what a single `simulate` with the same settings would run. */
export interface Point {
  readonly model: string;
  readonly target: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
}

/** A plain grid is bounded: every point is kept in memory and in one page. */
const pointLimit = 100_000;

/** Reads a study; `file` is only for messages. All problems of the file are reported at once. */
export function parseStudy(text: string, file: string): Study {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'error' });
  if (document.errors.length > 0) {
    fail(
      // What follows the first few is mostly their consequence.
      ...document.errors.slice(0, 5).map((error) => {
        const at = lines.linePos(error.pos[0]);
        return exploreMessages.studySyntax(
          {
            problem:
              error.message
                .split('\n')[0]
                ?.replace(/ at line \d+.*$/, '')
                .replace(/\.$/, '') ?? error.message,
          },
          { location: { file, line: at.line, column: at.col } },
        );
      }),
    );
  }
  const data = dataOf(document, file);
  if (isMachine(data)) fail(exploreMessages.machineAsStudy({ file }, { location: { file } }));
  const parsed = studySchema.safeParse(data);
  if (!parsed.success) fail(...parsed.error.issues.flatMap((issue) => describeIssue(issue, document, lines, file)));
  const study = parsed.data;
  return {
    name: study.name ?? file.replace(/^.*[\\/]/, '').replace(/\.ya?ml$/i, ''),
    models: list(study.models),
    targets: list(study.target),
    parameters: study.parameters,
    objectives: study.objectives,
    precision: study.precision,
    dims: study.dims,
  };
}

/** The yaml package throws on aliases that multiply and on nesting that exhausts the stack: input faults both. */
function dataOf(document: Document, file: string): unknown {
  const refuse = (problem: string): never => fail(exploreMessages.studySyntax({ problem }, { location: { file } }));
  if (document.contents !== null && !isMap(document.contents)) refuse('the top level is not a map of keys and values');
  try {
    return document.toJS() ?? {};
  } catch (error) {
    return refuse(error instanceof RangeError ? 'it is nested too deeply' : 'its aliases (*name) multiply to more than anybody reads');
  }
}

function isMachine(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'cores' in data && 'memories' in data && !('models' in data);
}

/** All combinations, models slowest and the last parameter fastest. */
export function expandStudy(study: Study): readonly Point[] {
  const names = Object.keys(study.parameters);
  const sizes = names.map((name) => study.parameters[name]?.length ?? 0);
  const count = sizes.reduce((product, size) => product * size, study.models.length * study.targets.length);
  if (count > pointLimit) fail(exploreMessages.largeStudy({ points: count, limit: pointLimit }));
  let settings: readonly Readonly<Record<string, ParameterValue>>[] = [{}];
  for (const name of names) {
    settings = settings.flatMap((chosen) => (study.parameters[name] ?? []).map((next) => ({ ...chosen, [name]: next })));
  }
  return study.models.flatMap((model) => study.targets.flatMap((target) => settings.map((parameters) => ({ model, target, parameters }))));
}

/** The settings of a point as `--set` would write them. */
export function settingsOf(parameters: Readonly<Record<string, ParameterValue>>): readonly string[] {
  return Object.entries(parameters).map(([path, to]) => `${path}=${to}`);
}

function list(oneOrMany: string | readonly string[]): readonly string[] {
  return typeof oneOrMany === 'string' ? [oneOrMany] : oneOrMany;
}

function describeIssue(issue: z.core.$ZodIssue, document: Document, lines: LineCounter, file: string): readonly Diagnostic[] {
  const known = Object.keys(studySchema.shape);
  const location = locate(issue.path, document, lines, file);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      exploreMessages.malformedStudy(
        { path: key, problem: `unknown key; a study has ${known.join(', ')}`, near: suggest(key, known) },
        { location: locate([...issue.path, key], document, lines, file) },
      ),
    );
  }
  const path = issue.path.join('.');
  const expected: Readonly<Record<string, string>> = {
    models: 'a model or a list of models is needed: paths or built-in names',
    target: 'a target or a list of targets is needed: presets or paths',
  };
  const problem = expected[path] ?? expectedBelow(issue.path.map(String)) ?? issue.message;
  return [exploreMessages.malformedStudy({ path, problem, near: undefined }, { location })];
}

/** What stands below a key of the study. */
function expectedBelow([key, name, entry]: readonly string[]): string | undefined {
  switch (key) {
    case 'parameters':
      if (name === undefined) return 'a map from paths of the machine to lists of values is needed';
      return entry === undefined || /\D/.test(entry)
        ? 'a list of values is needed, such as [16, 32]'
        : 'a number, a text, true or false is needed';
    case 'dims':
      return name === undefined ? 'a map from names to sizes is needed, such as {N: 1}' : 'a whole number above 0 is needed';
    case 'precision':
      return `choose ${studySchema.shape.precision.unwrap().options.join(', ')}`;
    case 'objectives':
      return 'a list of figures is needed, such as [seconds, energyJoules]';
    case 'name':
      return 'a text is needed';
    default:
      return undefined;
  }
}

/** Where in the file a path is; of a missing key, the nearest thing around it. */
function locate(path: readonly PropertyKey[], document: Document, lines: LineCounter, file: string): Location {
  for (let depth = path.length; depth > 0; depth--) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) {
      const at = lines.linePos(node.range[0]);
      return { file, line: at.line, column: at.col };
    }
  }
  return { file };
}
