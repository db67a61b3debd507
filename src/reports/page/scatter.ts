/** The page of a study: its points over two objectives, the front, and all points as a table. */
import { formatCount, formatRate, formatSi } from '../format.ts';
import { renderDocument } from './document.ts';
import { html } from './html.ts';

export interface ScatterPoint {
  readonly model: string;
  readonly target: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** One figure per objective; null where the point failed. */
  readonly figures: readonly number[] | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly onFront: boolean;
}

export interface ScatterStudy {
  readonly name: string;
  readonly objectives: readonly { readonly name: string; readonly direction: 'min' | 'max' }[];
  readonly points: readonly ScatterPoint[];
  readonly toolVersion: string;
}

/** One HTML file, complete in itself. `chartLibrary` is the text of ECharts as a classic script. */
export function renderScatter(study: ScatterStudy, chartLibrary: string): string {
  const targets = new Set(study.points.map((p) => p.target));
  const nameOf = (p: ScatterPoint): string => (targets.size > 1 ? `${p.model} on ${p.target}` : p.model);
  const groups = [...new Set(study.points.map(nameOf))];
  const paths = [...new Set(study.points.flatMap((p) => Object.keys(p.parameters)))];
  const worked = study.points.filter((p) => p.figures !== null);
  const front = worked.filter((p) => p.onFront);
  const data = {
    kind: 'scatter',
    objectives: study.objectives.map((objective) => ({ ...objective, unit: unitOf(objective.name) })),
    groups,
    points: worked.map((p) => ({
      group: groups.indexOf(nameOf(p)),
      settings: Object.entries(p.parameters).map(([path, to]) => `${path} = ${to}`),
      figures: p.figures,
      front: p.onFront,
    })),
  };
  const option = (name: string, i: number): ReturnType<typeof html> => html`<option value="${i}">${name}</option>`;
  const select = (axis: 'x' | 'y'): ReturnType<typeof html> =>
    html`<label
      >${axis === 'x' ? 'Across' : 'Up'}
      <select id="axis-${axis}">
        ${study.objectives.map((o, i) => option(o.name, i))}
      </select></label
    >`;
  const body = html`<header class="top">
      <div class="wrap">
        <p class="brand">Systole</p>
        <h1>${study.name}</h1>
        <p class="facts">
          <span>${formatCount(study.points.length)} points</span><span>${formatCount(front.length)} on the front</span>${
            worked.length < study.points.length ? html`<span>${formatCount(study.points.length - worked.length)} failed</span>` : null
          }
        </p>
      </div>
    </header>
    <main class="wrap">
      <section aria-labelledby="h-scatter">
        <h2 id="h-scatter">Points</h2>
        <p class="hint">
          Outlined points are on the Pareto front: no other point of the same model is at least as good in every objective and better in
          one.
        </p>
        <div class="choices">${select('x')}${select('y')}</div>
        <div
          class="chart tall"
          id="scatter"
          role="img"
          aria-label="Points of the study over two objectives; the table below holds the same figures"
        ></div>
      </section>
      <section aria-labelledby="h-points">
        <h2 id="h-points">All points</h2>
        <p class="hint">Sort by a heading. Failed points say why when pointed at.</p>
        <div class="table">
          <table id="points">
            <thead>
              <tr>
                ${[...(groups.length > 1 ? ['Model'] : []), ...paths].map((name) => html`<th scope="col"><button type="button">${name}</button></th>`)}${study.objectives.map(
                  (o) => html`<th scope="col" class="n"><button type="button">${o.name}</button></th>`,
                )}
                <th scope="col"><button type="button">Front</button></th>
              </tr>
            </thead>
            <tbody>
              ${study.points.map(
                (p) =>
                  html`<tr class="${p.onFront ? 'front' : ''}">
                    ${groups.length > 1 ? html`<td data-v="${nameOf(p)}">${nameOf(p)}</td>` : null}${paths.map((path) => html`<td data-v="${String(p.parameters[path] ?? '')}">${String(p.parameters[path] ?? '')}</td>`)}${
                      p.figures === null
                        ? html`${study.objectives.map((_, i) => html`<td class="n" data-v="NaN">${i === 0 ? html`<span class="pill limit-host" title="${p.error?.message ?? ''}">${p.error?.code ?? 'failed'}</span>` : null}</td>`)}`
                        : p.figures.map(
                            (figure, i) =>
                              html`<td class="n" data-v="${figure}">${formatFigure(figure, study.objectives[i]?.name ?? '')}</td>`,
                          )
                    }
                    <td data-v="${p.onFront ? 'a' : 'b'}">${p.onFront ? '●' : ''}</td>
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>
        <button type="button" class="more-rows" id="points-more" hidden>Show all ${study.points.length} points</button>
      </section>
      <footer>
        <p>systole ${study.toolVersion}</p>
        <p>Charts: Apache ECharts, Apache License 2.0.</p>
      </footer>
    </main>`;
  return renderDocument({ title: `${study.name} · Systole`, data, body, chartLibrary });
}

function formatFigure(figure: number, name: string): string {
  // Prefixes of a squared unit would be squared too.
  return /mm2$/i.test(name) ? `${formatRate(figure)} mm²` : formatSi(figure, unitOf(name));
}

function unitOf(figure: string): string {
  if (/seconds$/i.test(figure) && !/persecond/i.test(figure)) return 's';
  if (/joules$/i.test(figure)) return 'J';
  if (/watts$/i.test(figure)) return 'W';
  if (/bytes$/i.test(figure)) return 'B';
  return '';
}
