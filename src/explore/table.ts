/** The points of a study as a table and as a page. */
import { renderCsv, renderScatter } from '../reports/index.ts';
import { figuresOf, type StudyResult } from './run-study.ts';

/** One row per point: model, target, every parameter, every figure of the totals, the error where it failed. */
export function studyCsv(result: StudyResult): string {
  const paths = Object.keys(result.study.parameters);
  const figures = [...new Set(result.points.flatMap((point) => ('totals' in point ? Object.keys(point.totals) : [])))];
  const front = new Set(result.front);
  const header = ['point', 'model', 'target', ...paths, ...figures, 'onFront', 'errorCode', 'errorMessage'];
  const rows = result.points.map((point, i) => {
    const totals = new Map<string, number>('totals' in point ? Object.entries(point.totals) : []);
    const error = 'error' in point ? point.error : { code: '', message: '' };
    return [
      i,
      point.model,
      point.target,
      ...paths.map((path) => point.parameters[path] ?? ''),
      ...figures.map((figure) => totals.get(figure) ?? ''),
      front.has(i),
      error.code,
      error.message,
    ];
  });
  return renderCsv(header, rows);
}

/** The scatter page; `chartLibrary` as for `renderScatter`. */
export function studyPage(result: StudyResult, chartLibrary: string): string {
  const front = new Set(result.front);
  return renderScatter(
    {
      name: result.study.name,
      objectives: result.objectives,
      toolVersion: result.tool.version,
      points: result.points.map((point, i) => ({
        model: point.model,
        target: point.target,
        parameters: point.parameters,
        figures: figuresOf(point, result.objectives),
        error: 'error' in point ? point.error : null,
        onFront: front.has(i),
      })),
    },
    chartLibrary,
  );
}
