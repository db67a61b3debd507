/** The page of one result. Static where it can be: figures and tables read without scripts, charts are drawn on top. */
import type { Machine } from '../../hw-configs/index.ts';
import { commandOps } from '../../isa/index.ts';
import type { Trace } from '../../simulator/observe/trace.ts';
import type { Result } from '../../simulator/result.ts';
import { formatSi } from '../format.ts';
import { packTrace } from '../trace.ts';
import { renderDocument } from './document.ts';
import { html } from './html.ts';
import { roofline } from './roofline.ts';
import { cards } from './sections/cards.ts';
import { diagnosticsSection } from './sections/diagnostics.ts';
import { enginesSection } from './sections/engines.ts';
import { kernelTable } from './sections/kernel-table.ts';
import { machineSection, nodesSection } from './sections/machine.ts';

export interface ReportParts {
  readonly machine: Machine;
  /** null: no timeline. */
  readonly trace: Trace | null;
  /** The text of ECharts as a classic script (dist/echarts.common.min.js); the caller reads it, this room touches no files. */
  readonly chartLibrary: string;
}

/** One HTML file, complete in itself. Same result, same bytes. */
export function renderReport(result: Result, parts: ReportParts): string {
  const { machine, trace, chartLibrary } = parts;
  const psPerCycle = result.totals.cycles > 0 ? (result.totals.seconds * 1e12) / result.totals.cycles : 1000;
  const precision = result.options['precision'];
  const data = {
    kind: 'report',
    cycles: result.totals.cycles,
    seconds: result.totals.seconds,
    roofline: roofline(result, machine),
    energy: Object.entries(result.energy).map(([name, joules]) => ({ name, joules })),
    memories: result.memories.map((memory) => ({ name: memory.name, operands: operandsOf(result, memory.name) })),
    timeline: trace === null ? null : { opNames: commandOps, kernelNames: trace.kernels, queues: packTrace(trace, psPerCycle) },
  };
  const body = html`<header class="top">
      <div class="wrap">
        <p class="brand">Systole</p>
        <h1>${result.model.name} <span class="on">on</span> ${result.target.name}</h1>
        <p class="facts">
          ${[
            precision === undefined ? null : String(precision),
            formatSi(result.model.macs, 'MAC'),
            `${formatSi(result.model.parameterBytes, 'B')} of parameters`,
            `opset ${result.model.opset}`,
          ]
            .filter((fact) => fact !== null)
            .map((fact) => html`<span>${fact}</span>`)}
        </p>
      </div>
    </header>
    <main class="wrap">
      ${cards(result)} ${diagnosticsSection(result)}
      <section aria-labelledby="h-roofline">
        <h2 id="h-roofline">Roofline</h2>
        <p class="hint">
          Each dot is a kernel, as large as its share of the time, coloured by what limits it. Under the slope the memory holds it back,
          under the flat line the matrix engine.
        </p>
        <div class="choices" id="roofline-memories" role="group" aria-label="Memory of the roofline"></div>
        <div
          class="chart tall"
          id="roofline"
          role="img"
          aria-label="Roofline: MACs per second of each kernel over MACs per byte, below the ceilings of the machine"
        ></div>
      </section>
      ${
        trace === null
          ? null
          : html`<section aria-labelledby="h-timeline">
              <h2 id="h-timeline">Timeline</h2>
              <p class="hint">What each queue does when. Drag to move, wheel or the buttons to zoom, arrow keys when focused.</p>
              <div class="timeline" id="timeline">
                <div class="tools">
                  <button type="button" data-zoom="in" aria-label="Zoom in">+</button
                  ><button type="button" data-zoom="out" aria-label="Zoom out">−</button><button type="button" data-zoom="fit">Fit</button
                  ><span class="range" aria-live="polite"></span>
                </div>
                <canvas
                  tabindex="0"
                  role="img"
                  aria-label="Timeline of the queues: ${trace.length} commands on ${trace.queues.length} queues"
                ></canvas>
              </div>
            </section>`
      }
      ${enginesSection(result)} ${kernelTable(result)}
      <div class="pair">
        <section aria-labelledby="h-energy">
          <h2 id="h-energy">Energy</h2>
          <p class="hint">${formatSi(result.totals.energyJoules, 'J')} for one run, by where it goes.</p>
          <div
            class="chart"
            id="energy"
            role="img"
            aria-label="Energy by part: ${Object.entries(result.energy)
              .filter(([, joules]) => joules > 0)
              .map(([name, joules]) => `${name} ${formatSi(joules, 'J')}`)
              .join(', ')}"
          ></div>
        </section>
        <section aria-labelledby="h-memory">
          <h2 id="h-memory">Memory traffic</h2>
          <p class="hint">Bytes through each memory, read and written, by what they are.</p>
          <div
            class="chart"
            id="memory"
            role="img"
            aria-label="Memory traffic: ${result.memories
              .map((m) => `${m.name} ${formatSi(m.readBytes, 'B')} read, ${formatSi(m.writeBytes, 'B')} written`)
              .join('; ')}"
          ></div>
        </section>
      </div>
      <div class="pair">${machineSection(machine)} ${nodesSection(result)}</div>
      <footer>
        <p>
          systole ${result.tool.version} · model ${result.model.sha256.slice(0, 12)} · plan ${result.target.planHash.slice(0, 12)} · timing
          ${result.target.timingHash.slice(0, 12)}
        </p>
        <p>Charts: Apache ECharts, Apache License 2.0.</p>
      </footer>
    </main>
    <div id="tip" role="status" hidden></div>`;
  return renderDocument({ title: `${result.model.name} on ${result.target.name} · Systole`, data, body, chartLibrary });
}

function operandsOf(
  result: Result,
  memory: string,
): readonly { readonly name: string; readonly readBytes: number; readonly writeBytes: number }[] {
  const sums = new Map<string, { readBytes: number; writeBytes: number }>();
  for (const kernel of result.kernels) {
    for (const [operand, t] of Object.entries(kernel.traffic[memory] ?? {})) {
      const sum = sums.get(operand) ?? { readBytes: 0, writeBytes: 0 };
      sums.set(operand, { readBytes: sum.readBytes + t.readBytes, writeBytes: sum.writeBytes + t.writeBytes });
    }
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum }));
}
