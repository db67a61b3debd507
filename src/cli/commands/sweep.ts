import { join } from 'node:path';
import type { StudyResult } from '../../explore/index.ts';
import { exploreMessages, fail } from '../../core/index.ts';
import type { Command } from '../command.ts';
import { readChartLibrary } from '../chart-library.ts';
import { readEnvironment } from '../environment.ts';
import { checkWritable, makeDirectory, readText, writeWhole } from '../files.ts';
import { print, startProgress } from '../output.ts';
import { columns } from '../wrap.ts';

export const sweepCommand: Command = {
  name: 'sweep',
  positionals: [{ name: 'study', required: true, summary: 'a study: models, target, parameters, objectives (YAML)' }],
  summary: 'Run every combination of a study; write the points, the Pareto front and a page',
  options: ['out', 'json', 'quiet'],
  required: ['out'],
  examples: [
    ['sweep study.yaml --out results', 'writes points.json, points.csv, front.json and points.html'],
    ['sweep study.yaml --out results --json', 'and prints the points'],
  ],
  async run(values) {
    const out = values.text('out') ?? '';
    const file = values.positional('study');
    const files = {
      json: join(out, 'points.json'),
      csv: join(out, 'points.csv'),
      front: join(out, 'front.json'),
      page: join(out, 'points.html'),
    };
    const { parseStudy, runStudy, studyCsv, studyPage } = await import('../../explore/index.ts');
    const study = parseStudy(await readText(file, 'a study (YAML)'), file);
    makeDirectory(out);
    for (const path of Object.values(files)) checkWritable(path);

    const progress = startProgress(readEnvironment(), values.flag('quiet'));
    const { loadModel } = await import('../model.ts');
    const { loadTarget } = await import('../target.ts');
    const result = await runStudy(study, { model: loadModel, machine: loadTarget }, (done, all) =>
      progress.say(`point ${done} of ${all}`),
    ).finally(() => progress.done());

    const text = `${JSON.stringify(result, null, 2)}\n`;
    writeWhole(files.json, text);
    writeWhole(files.csv, studyCsv(result));
    writeWhole(
      files.front,
      `${JSON.stringify(
        result.front.map((i) => result.points[i]),
        null,
        2,
      )}\n`,
    );
    writeWhole(files.page, studyPage(result, await readChartLibrary()));
    if (values.flag('json')) print(text);
    else if (!values.flag('quiet')) print(describe(result, files.page));
    const [first] = result.points;
    if (first !== undefined && result.points.every((point) => 'error' in point)) {
      fail(
        exploreMessages.everyPointFailed({
          points: result.points.length,
          first: 'error' in first ? `${first.error.code}: ${first.error.message}` : '',
        }),
      );
    }
  },
};

function describe(result: StudyResult, page: string): string {
  const errors = result.points.flatMap((point) => ('error' in point ? [point.error] : []));
  const failed = errors.length;
  // Each reason once: a machine too small refuses every point it meets in the same words.
  const reasons = [...new Set(errors.map((error) => `  ${error.code}: ${error.message}`))];
  const why = failed === 0 ? '' : `${reasons.slice(0, 3).join('\n')}\n${reasons.length > 3 ? '  …\n' : ''}\n`;
  const paths = Object.keys(result.study.parameters);
  const rows = result.front.slice(0, 20).map((i) => {
    const point = result.points[i];
    if (point === undefined || !('totals' in point)) return [];
    const totals = new Map<string, number>(Object.entries(point.totals));
    return [
      point.model,
      point.target,
      ...paths.map((path) => String(point.parameters[path])),
      ...result.objectives.map((o) => (totals.get(o.name) ?? Number.NaN).toPrecision(4)),
    ];
  });
  const head = ['model', 'target', ...paths, ...result.objectives.map((o) => o.name)];
  return (
    `${result.study.name}: ${result.points.length} points${failed > 0 ? `, ${failed} failed` : ''}, ${result.front.length} on the front\n\n${why}` +
    `${columns([head, ...rows])}${result.front.length > 20 ? '…\n' : ''}\n${page}`
  );
}
