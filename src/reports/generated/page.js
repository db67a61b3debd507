// Written by scripts/generate-page.mjs from src/reports/page. Do not edit.
export const pageStyle = `:root {
  color-scheme: light dark;
  --paper: #f5f6f8;
  --panel: #ffffff;
  --ink: #16191f;
  --soft: #5a6270;
  --faint: #98a1b0;
  --line: #dfe3e9;
  --grid: #eceff3;
  --track: #eef1f5;
  --accent: #2f6fde;
  --limit-compute: #2f6fde;
  --limit-memory: #e08a1e;
  --limit-vector: #8a57d6;
  --limit-latency: #7d8796;
  --limit-host: #d0435b;
  --stall-0: #f0b457;
  --stall-1: #e58a6b;
  --stall-2: #b99ae6;
  --stall-3: #6fb7c4;
  --stall-4: #c7b36a;
  --operand-0: #2f6fde;
  --operand-1: #34a0a4;
  --operand-2: #e08a1e;
  --operand-3: #c2528b;
  --operand-4: #7d8796;
  --slice-0: #5b8def;
  --slice-1: #3fb0a6;
  --slice-2: #e7a344;
  --slice-3: #b07be0;
  --slice-4: #e0748c;
  --slice-5: #7fae4f;
  --slice-6: #5fb3d9;
  --slice-7: #c98f6b;
  --slice-text: #10131a;
  --warning: #9a5b00;
  --warning-back: #fff6e5;
  --error: #b3243c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1217;
    --panel: #171b22;
    --ink: #e8ebf0;
    --soft: #9aa4b3;
    --faint: #6b7585;
    --line: #2a303a;
    --grid: #232933;
    --track: #1e242d;
    --accent: #6b9cf2;
    --limit-compute: #6b9cf2;
    --limit-memory: #eda547;
    --limit-vector: #a982ea;
    --limit-latency: #8d98a8;
    --limit-host: #ea6d82;
    --operand-0: #6b9cf2;
    --operand-1: #4fc0b8;
    --operand-2: #eda547;
    --operand-3: #dc7cad;
    --operand-4: #8d98a8;
    --warning: #f0c073;
    --warning-back: #2a2316;
    --error: #f08095;
  }
}
* {
  box-sizing: border-box;
}
html {
  -webkit-text-size-adjust: 100%;
  text-size-adjust: 100%;
}
body {
  margin: 0;
  background: var(--paper);
  color: var(--ink);
  font:
    15px/1.5 system-ui,
    -apple-system,
    'Segoe UI',
    Roboto,
    'Helvetica Neue',
    'Noto Sans',
    'Liberation Sans',
    Arial,
    sans-serif;
  font-variant-numeric: tabular-nums;
  -webkit-font-smoothing: antialiased;
}
.wrap {
  max-width: 1180px;
  margin: 0 auto;
  padding: 0 28px;
}
.top {
  padding: 34px 0 8px;
}
.brand {
  margin: 0 0 6px;
  color: var(--accent);
  font-size: 12px;
  font-weight: 600;
  letter-spacing: 0.14em;
  text-transform: uppercase;
}
h1 {
  margin: 0;
  font-size: 30px;
  font-weight: 650;
  letter-spacing: -0.015em;
  line-height: 1.2;
  overflow-wrap: anywhere;
}
h1 .on {
  color: var(--faint);
  font-weight: 400;
}
.facts {
  display: flex;
  flex-wrap: wrap;
  gap: 4px 18px;
  margin: 8px 0 0;
  color: var(--soft);
  font-size: 14px;
}
section {
  margin: 20px 0 0;
  padding: 22px 24px 24px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
  min-width: 0;
}
section.head {
  padding: 0;
  background: none;
  border: 0;
}
h2 {
  margin: 0;
  font-size: 17px;
  font-weight: 640;
  letter-spacing: -0.005em;
}
.hint {
  margin: 2px 0 14px;
  color: var(--soft);
  font-size: 13px;
  max-width: 100ch;
}
small {
  font-size: 12px;
}
.cards {
  display: grid;
  grid-template-columns: repeat(4, minmax(0, 1fr));
  gap: 12px;
}
.card {
  padding: 14px 16px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
  min-width: 0;
}
.card h3 {
  margin: 0;
  color: var(--soft);
  font-size: 13px;
  font-weight: 500;
}
.figure {
  margin: 2px 0 0;
  font-size: 25px;
  font-weight: 620;
  letter-spacing: -0.02em;
  line-height: 1.25;
}
.more {
  margin: 2px 0 0;
  color: var(--soft);
  font-size: 12.5px;
  line-height: 1.35;
}
.meter {
  height: 4px;
  margin: 6px 0 6px;
  background: var(--track);
  border-radius: 2px;
  overflow: hidden;
}
.meter span {
  display: block;
  height: 100%;
  background: var(--accent);
  border-radius: 2px;
}
.verdict {
  margin-top: 12px;
  padding: 16px 20px 14px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 12px;
}
.verdict p {
  margin: 0 0 10px;
  font-size: 16px;
  font-weight: 520;
}
.stack {
  display: flex;
  gap: 1px;
  height: 14px;
  border-radius: 4px;
  overflow: hidden;
  background: var(--track);
  min-width: 0;
}
.stack span {
  min-width: 0;
  flex-basis: 0;
}
.legend {
  display: flex;
  flex-wrap: wrap;
  gap: 4px 18px;
  margin: 10px 0 0;
  padding: 0;
  color: var(--soft);
  font-size: 13px;
  list-style: none;
}
.legend b {
  color: var(--ink);
  font-weight: 600;
}
.legend i {
  display: inline-block;
  width: 10px;
  height: 10px;
  margin-right: 6px;
  border-radius: 3px;
}
.limit-compute {
  background: var(--limit-compute);
}
.limit-memory {
  background: var(--limit-memory);
}
.limit-vector {
  background: var(--limit-vector);
}
.limit-latency {
  background: var(--limit-latency);
}
.limit-host {
  background: var(--limit-host);
}
.busy {
  background: var(--accent);
}
.stall-0 {
  background: var(--stall-0);
}
.stall-1 {
  background: var(--stall-1);
}
.stall-2 {
  background: var(--stall-2);
}
.stall-3 {
  background: var(--stall-3);
}
.stall-4 {
  background: var(--stall-4);
}
.idle {
  background: var(--track);
}
.legend .idle {
  box-shadow: inset 0 0 0 1px var(--line);
}
.notes {
  margin: 12px 0 0;
  padding: 0;
  list-style: none;
}
.notes li {
  display: grid;
  grid-template-columns: max-content 1fr;
  gap: 2px 14px;
  padding: 9px 12px;
  border-radius: 8px;
  font-size: 14px;
  overflow-wrap: anywhere;
}
.notes li + li {
  margin-top: 4px;
}
.notes .code {
  color: var(--soft);
  font-size: 13px;
  font-weight: 600;
}
.notes .warning {
  background: var(--warning-back);
}
.notes .warning .code {
  color: var(--warning);
}
.notes .error .code {
  color: var(--error);
}
.chart {
  width: 100%;
  height: 260px;
}
.chart.tall {
  height: 430px;
}
.chart.empty {
  display: grid;
  place-items: center;
  height: 100px;
  color: var(--soft);
}
.choices {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  margin: 0 0 10px;
}
.choices:empty {
  display: none;
}
.choices label {
  color: var(--soft);
  font-size: 13px;
  margin-right: 12px;
}
button,
select {
  padding: 4px 11px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 7px;
  color: var(--ink);
  font: inherit;
  font-size: 13px;
  cursor: pointer;
}
button:hover,
select:hover {
  border-color: var(--faint);
}
button[aria-pressed='true'] {
  background: var(--accent);
  border-color: var(--accent);
  color: var(--panel);
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
.timeline .tools {
  display: flex;
  align-items: center;
  gap: 6px;
  margin-bottom: 8px;
}
.timeline .range {
  margin-left: 8px;
  color: var(--soft);
  font-size: 13px;
}
.timeline canvas {
  display: block;
  width: 100%;
  height: 180px;
  cursor: grab;
  touch-action: pan-y;
}
.timeline canvas:active {
  cursor: grabbing;
}
#tip {
  position: fixed;
  z-index: 10;
  max-width: 320px;
  padding: 8px 10px;
  background: var(--panel);
  border: 1px solid var(--line);
  border-radius: 8px;
  box-shadow: 0 4px 16px rgb(0 0 0 / 16%);
  font-size: 12px;
  line-height: 1.45;
  overflow-wrap: anywhere;
  pointer-events: none;
}
.engine {
  display: grid;
  grid-template-columns: 132px 1fr 62px;
  align-items: center;
  gap: 12px;
  padding: 4px 0;
  font-size: 14px;
}
.engine .name {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.engine .of {
  text-align: right;
  color: var(--soft);
}
.table {
  position: relative;
}
table {
  width: 100%;
  border-collapse: collapse;
  font-size: 13.5px;
}
thead th {
  padding: 0 10px 6px 0;
  border-bottom: 1px solid var(--line);
  text-align: left;
  vertical-align: bottom;
}
thead button {
  padding: 0;
  background: none;
  border: 0;
  color: var(--soft);
  font-size: 12.5px;
  font-weight: 500;
  text-align: inherit;
  white-space: nowrap;
}
thead button:hover {
  color: var(--ink);
}
th[aria-sort] button {
  color: var(--ink);
  font-weight: 600;
}
th[aria-sort='descending'] button::after {
  content: ' ↓';
}
th[aria-sort='ascending'] button::after {
  content: ' ↑';
}
tbody th,
tbody td {
  padding: 8px 10px 8px 0;
  border-bottom: 1px solid var(--grid);
  font-weight: 400;
  text-align: left;
  vertical-align: top;
}
tbody tr:hover {
  background: color-mix(in srgb, var(--track) 55%, transparent);
}
th:last-child,
td:last-child {
  padding-right: 0;
}
th.n,
td.n {
  text-align: right;
  white-space: nowrap;
}
#kernels tbody th {
  width: 30%;
  overflow-wrap: break-word;
}
.kname {
  font-weight: 550;
}
tbody small {
  display: block;
  color: var(--soft);
}
td.time {
  position: relative;
  min-width: 118px;
  padding-bottom: 14px;
}
td.time small {
  display: inline;
  margin-left: 8px;
}
td.time .bar {
  position: absolute;
  bottom: 7px;
  right: 10px;
  height: 4px;
  max-width: calc(100% - 10px);
  border-radius: 2px;
}
.map {
  color: var(--soft);
  overflow-wrap: anywhere;
  max-width: 220px;
}
.pill {
  display: inline-block;
  padding: 0 8px;
  border-radius: 9px;
  font-size: 12px;
  line-height: 19px;
  white-space: nowrap;
}
.pill.limit-compute,
.pill.limit-memory,
.pill.limit-vector,
.pill.limit-latency,
.pill.limit-host {
  color: var(--ink);
  background: color-mix(in srgb, var(--pill) 18%, transparent);
}
.pill.limit-compute {
  --pill: var(--limit-compute);
}
.pill.limit-memory {
  --pill: var(--limit-memory);
}
.pill.limit-vector {
  --pill: var(--limit-vector);
}
.pill.limit-latency {
  --pill: var(--limit-latency);
}
.pill.limit-host {
  --pill: var(--limit-host);
}
tr.front td {
  font-weight: 600;
}
.more-rows {
  margin-top: 14px;
}
.pair {
  display: grid;
  grid-template-columns: repeat(2, minmax(0, 1fr));
  gap: 20px;
  align-items: start;
}
.facts-list {
  display: grid;
  grid-template-columns: max-content minmax(0, 1fr);
  gap: 8px 18px;
  margin: 0;
  font-size: 14px;
}
.facts-list dt {
  color: var(--soft);
}
.facts-list dd {
  margin: 0;
  overflow-wrap: anywhere;
}
.facts-list dd small {
  color: var(--soft);
}
footer {
  margin: 26px 0 40px;
  color: var(--soft);
  font-size: 12.5px;
}
footer p {
  margin: 2px 0;
  overflow-wrap: anywhere;
}
@media (max-width: 1000px) {
  .wide {
    display: none;
  }
}
@media (max-width: 760px) {
  .wrap {
    padding: 0 14px;
  }
  .top {
    padding-top: 22px;
  }
  h1 {
    font-size: 23px;
  }
  .cards {
    grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 8px;
  }
  .card {
    padding: 11px 12px;
  }
  .figure {
    font-size: 21px;
  }
  section {
    padding: 16px 14px 18px;
  }
  section.head {
    padding: 0;
  }
  .pair {
    grid-template-columns: minmax(0, 1fr);
    gap: 0;
  }
  .chart.tall {
    height: 360px;
  }
  .engine {
    grid-template-columns: 92px 1fr 54px;
    gap: 8px;
    font-size: 13px;
  }
  .notes li {
    grid-template-columns: 1fr;
  }
  .medium {
    display: none;
  }
  #kernels tbody th {
    width: auto;
  }
  td.time {
    min-width: 126px;
  }
  .timeline .tools {
    flex-wrap: wrap;
  }
  .timeline .range {
    margin-left: 2px;
    width: 100%;
  }
  #points {
    display: block;
    overflow-x: auto;
  }
}
@media print {
  section {
    break-inside: avoid;
  }
}
`;
export const pageScripts = `'use strict';
(() => {
const steps = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
  [1e-3, 'm'],
  [1e-6, 'µ'],
  [1e-9, 'n'],
  [1e-12, 'p'],
];

/** Three digits and an SI prefix, as the static part of the page writes them. */
function si(value, unit) {
  if (value === 0) return \`0 \${unit}\`;
  const [factor, prefix] = steps.find(([step]) => Math.abs(value) >= step * 0.9995) ?? [1e-12, 'p'];
  const scaled = value / factor;
  const size = Math.abs(scaled);
  return \`\${scaled.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)} \${prefix}\${unit}\`;
}

/** As \`si\`, without trailing zeros: for the ticks of an axis. */
function siTick(value, unit) {
  const [number, rest] = si(value, unit).split(' ');
  return \`\${Number(number)} \${rest}\`.trim();
}

function count(value) {
  return Math.round(value)
    .toString()
    .replace(/\\B(?=(\\d{3})+(?!\\d))/g, ',');
}

function percent(value) {
  return \`\${(value * 100).toFixed(1)} %\`;
}

/** Text as an element's content, for the tooltips that ECharts takes as HTML. */
function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
/** The colours of the page, read from its style sheet, so that charts follow light and dark. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(\`--\${name}\`).trim();
}

function limitColor(limit) {
  const kind = limit.split(':')[0];
  return color(['compute', 'memory', 'vector', 'latency', 'host'].includes(kind) ? \`limit-\${kind}\` : 'faint');
}

function fontFamily() {
  return getComputedStyle(document.body).fontFamily;
}

/** What all charts share. */
function chartBase() {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: fontFamily(), color: color('soft') },
    tooltip: tooltipStyle(),
    aria: { enabled: false },
  };
}

function tooltipStyle() {
  return {
    trigger: 'item',
    confine: true,
    backgroundColor: color('panel'),
    borderColor: color('line'),
    padding: [8, 10],
    textStyle: { color: color('ink'), fontSize: 12 },
    extraCssText: 'box-shadow:0 4px 16px rgba(0,0,0,.16);border-radius:8px;max-width:320px;white-space:normal;overflow-wrap:anywhere',
  };
}

function axisStyle() {
  return {
    axisLine: { lineStyle: { color: color('line') } },
    axisTick: { lineStyle: { color: color('line') } },
    axisLabel: { color: color('soft'), fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: color('grid') } },
    nameTextStyle: { color: color('soft'), fontSize: 11 },
  };
}

/** Draws now, again when the width changes and when light turns dark. \`option(width)\` makes the chart's description. */
function liveChart(element, option) {
  const chart = echarts.init(element, null, { renderer: 'svg' });
  const draw = () => chart.setOption(option(element.clientWidth), true);
  draw();
  let width = element.clientWidth;
  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    chart.resize();
    draw();
  }).observe(element);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  return draw;
}

/** Energy by part, largest on top. */
function drawEnergy(parts) {
  const shown = parts.filter((p) => p.joules > 0).sort((a, b) => a.joules - b.joules);
  const element = document.getElementById('energy');
  const total = shown.reduce((sum, p) => sum + p.joules, 0);
  if (total === 0) return empty(element, 'This machine states no energy.');
  element.style.height = \`\${Math.max(140, 40 + shown.length * 34)}px\`;
  liveChart(element, (width) => ({
    ...chartBase(),
    grid: { left: 4, right: 92, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: 'value', show: false },
    yAxis: {
      type: 'category',
      data: shown.map((p) => p.name),
      ...axisStyle(),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { color: color('ink'), fontSize: 12 },
    },
    series: [
      {
        type: 'bar',
        barMaxWidth: 18,
        itemStyle: { color: color('accent'), borderRadius: 3 },
        data: shown.map((p) => p.joules),
        label: {
          show: true,
          position: 'right',
          color: color('soft'),
          fontSize: 11,
          formatter: ({ value }) => (width < 360 ? si(value, 'J') : \`\${si(value, 'J')} · \${percent(value / total)}\`),
        },
        tooltip: { formatter: ({ name, value }) => \`<b>\${escapeText(name)}</b><br>\${si(value, 'J')} · \${percent(value / total)}\` },
      },
    ],
  }));
}

const operandColors = ['weights', 'inputs', 'outputs', 'partials', 'state'];

/** Bytes through each memory, one bar per direction, stacked by operand. */
function drawMemories(memories) {
  const element = document.getElementById('memory');
  const rows = memories
    .flatMap((memory) => [
      { memory, direction: 'read', key: 'readBytes' },
      { memory, direction: 'written', key: 'writeBytes' },
    ])
    .filter((row) => row.memory.operands.some((o) => o[row.key] > 0))
    .reverse();
  if (rows.length === 0) return empty(element, 'Nothing moves.');
  const operands = [...new Set(memories.flatMap((m) => m.operands.map((o) => o.name)))].sort(
    (a, b) => operandColors.indexOf(a) - operandColors.indexOf(b),
  );
  element.style.height = \`\${Math.max(140, 84 + rows.length * 30)}px\`;
  liveChart(element, (width) => ({
    ...chartBase(),
    legend: {
      bottom: 0,
      left: 0,
      itemWidth: 10,
      itemHeight: 10,
      itemGap: 14,
      textStyle: { color: color('soft'), fontSize: 11 },
      data: operands,
    },
    grid: { left: 4, right: 18, top: 8, bottom: operands.length > 3 && width < 360 ? 60 : 36, containLabel: true },
    xAxis: {
      type: 'value',
      ...axisStyle(),
      splitNumber: width < 420 ? 2 : 4,
      axisLabel: { ...axisStyle().axisLabel, formatter: (v) => siTick(v, 'B') },
    },
    yAxis: {
      type: 'category',
      data: rows.map((row) => \`\${row.memory.name} \${row.direction}\`),
      ...axisStyle(),
      axisTick: { show: false },
      axisLabel: { color: color('ink'), fontSize: 12, width: width < 420 ? 96 : 150, overflow: 'truncate' },
    },
    series: operands.map((operand) => ({
      name: operand,
      type: 'bar',
      stack: 'bytes',
      barMaxWidth: 18,
      itemStyle: { color: color(\`operand-\${operandColors.indexOf(operand) % 5}\`) },
      data: rows.map((row) => row.memory.operands.find((o) => o.name === operand)?.[row.key] ?? 0),
      tooltip: { formatter: ({ name, seriesName, value }) => \`<b>\${escapeText(name)}</b><br>\${escapeText(seriesName)}: \${si(value, 'B')}\` },
    })),
  }));
}

function empty(element, text) {
  element.textContent = text;
  element.classList.add('empty');
}

/** Kernels as dots under the ceilings of the machine, for one memory at a time. */
function drawRoofline(data) {
  const element = document.getElementById('roofline');
  if (data.kernels.length === 0 || data.memories.length === 0) {
    element.textContent = 'No kernel with multiply-accumulates moves data through a memory.';
    element.classList.add('empty');
    return;
  }
  let chosen = 0;
  const redraw = liveChart(element, (width) => rooflineOption(data, chosen, width));
  const choices = document.getElementById('roofline-memories');
  if (data.memories.length < 2) return;
  data.memories.forEach((memory, i) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = memory.name;
    button.setAttribute('aria-pressed', String(i === 0));
    button.addEventListener('click', () => {
      chosen = i;
      for (const other of choices.children) other.setAttribute('aria-pressed', String(other === button));
      redraw();
    });
    choices.append(button);
  });
}

function rooflineOption(data, chosen, width) {
  const memory = data.memories[chosen];
  const dots = data.kernels
    .filter((k) => k.intensity[chosen] !== null && k.macsPerSecond > 0)
    .map((k) => ({ ...k, x: k.intensity[chosen] }));
  const peak = data.peaks[0]?.macsPerSecond ?? 1;
  const ridge = peak / memory.bytesPerSecond;
  // Room around everything that is drawn, so that no dot sits on an edge.
  const xs = [...dots.map((d) => d.x), ridge / 8, ridge * 8];
  const x0 = Math.min(...xs) / 2.5;
  const x1 = Math.max(...xs) * 2.5;
  const y0 = Math.min(...dots.map((d) => d.macsPerSecond), peak / 80) / 2.5;
  const y1 = peak * 4;
  const narrow = width < 560;
  // The slope enters at the left edge or from below.
  const slopeStart = Math.max(x0, y0 / memory.bytesPerSecond);
  const middle = Math.sqrt(slopeStart * Math.min(ridge, slopeStart * 30));
  const ceiling = (p, i) => ({
    type: 'line',
    silent: true,
    symbol: 'none',
    lineStyle: { color: color('ink'), width: i === 0 ? 1.5 : 1, type: i === 0 ? 'solid' : [4, 4] },
    data: [
      [p.macsPerSecond / memory.bytesPerSecond, p.macsPerSecond],
      [x1, p.macsPerSecond],
    ],
    endLabel: { show: false },
    markPoint: label([x1, p.macsPerSecond], \`\${si(p.macsPerSecond, 'MAC/s')} \${p.label}\`, 'right', 0),
  });
  return {
    ...chartBase(),
    grid: { left: narrow ? 8 : 16, right: narrow ? 14 : 24, top: 30, bottom: 44, containLabel: true },
    xAxis: {
      type: 'log',
      min: x0,
      max: x1,
      name: \`MACs per byte of \${memory.name}\`,
      nameLocation: 'middle',
      nameGap: 30,
      ...axisStyle(),
      axisLabel: { ...axisStyle().axisLabel, showMinLabel: false, showMaxLabel: false, formatter: (v) => siTick(v, '') },
    },
    yAxis: {
      type: 'log',
      min: y0,
      max: y1,
      name: 'MAC/s',
      nameGap: 8,
      ...axisStyle(),
      nameTextStyle: { ...axisStyle().nameTextStyle, align: 'right' },
      axisLabel: { ...axisStyle().axisLabel, showMinLabel: false, showMaxLabel: false, formatter: (v) => siTick(v, '') },
    },
    series: [
      {
        type: 'line',
        silent: true,
        symbol: 'none',
        z: 1,
        lineStyle: { color: color('ink'), width: 1.5 },
        data: [
          [slopeStart, slopeStart * memory.bytesPerSecond],
          [ridge, peak],
        ],
        markPoint: label([middle, middle * memory.bytesPerSecond], \`\${memory.name} \${si(memory.bytesPerSecond, 'B/s')}\`, 'left', 10),
      },
      ...data.peaks.map(ceiling),
      {
        type: 'scatter',
        data: dots.map((d) => ({
          value: [d.x, d.macsPerSecond],
          symbolSize: Math.max(6, Math.min(narrow ? 30 : 42, 6 + Math.sqrt(d.share) * (narrow ? 70 : 100))),
          itemStyle: { color: limitColor(d.limit), opacity: 0.72, borderColor: color('panel'), borderWidth: 1 },
          kernel: d,
        })),
        emphasis: { itemStyle: { opacity: 1 } },
        tooltip: {
          formatter: ({ data: { kernel } }) =>
            \`<b>\${escapeText(kernel.name)}</b><br>\${si(kernel.macsPerSecond, 'MAC/s')} · \${percent(kernel.macsPerSecond / peak)} of the peak<br>\` +
            \`\${si(kernel.x, 'MAC/byte')}<br>\${percent(kernel.share)} of the time, limited by \${escapeText(kernel.limit)}\`,
        },
      },
    ],
  };
}

/** A text at a place of the chart, with nothing but the text. */
function label(at, text, align, shift) {
  return {
    silent: true,
    symbol: 'rect',
    symbolSize: 0.1,
    data: [{ coord: at }],
    label: {
      show: true,
      formatter: text,
      position: align === 'right' ? [0, -16] : [shift, 4],
      align,
      color: color('soft'),
      fontSize: 11,
    },
  };
}

/** Points of a study over two of its objectives; points on the front are filled and joined. */
function drawScatter(data) {
  const element = document.getElementById('scatter');
  const axes = { x: 0, y: Math.min(1, data.objectives.length - 1) };
  if (data.points.length === 0) {
    element.textContent = 'No point worked.';
    element.classList.add('empty');
    return;
  }
  const redraw = liveChart(element, (width) => scatterOption(data, axes, width));
  for (const axis of ['x', 'y']) {
    const select = document.getElementById(\`axis-\${axis}\`);
    select.value = String(axes[axis]);
    select.addEventListener('change', () => {
      axes[axis] = Number(select.value);
      redraw();
    });
  }
}

function scatterOption(data, axes, width) {
  const x = data.objectives[axes.x];
  const y = data.objectives[axes.y];
  const narrow = width < 560;
  const axis = (objective, i) => {
    const values = data.points.map((p) => p.figures[i]);
    const wide = Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 20;
    return {
      type: wide ? 'log' : 'value',
      scale: true,
      name: \`\${objective.name}\${objective.direction === 'max' ? ' (more is better)' : ''}\`,
      ...axisStyle(),
      axisLabel: { ...axisStyle().axisLabel, formatter: (v) => siTick(v, '') },
    };
  };
  const series = data.groups.flatMap((group, g) => {
    const own = data.points.filter((p) => p.group === g);
    const front = own.filter((p) => p.front).sort((a, b) => a.figures[axes.x] - b.figures[axes.x]);
    const dot = (p) => ({ value: [p.figures[axes.x], p.figures[axes.y]], point: p });
    return [
      {
        name: group,
        type: 'scatter',
        symbolSize: 9,
        itemStyle: { color: color(\`slice-\${g % 8}\`), opacity: 0.4 },
        data: own.filter((p) => !p.front).map(dot),
        tooltip: tip(data),
      },
      {
        name: group,
        type: 'scatter',
        symbolSize: 13,
        itemStyle: { color: color(\`slice-\${g % 8}\`), borderColor: color('ink'), borderWidth: 1.5 },
        data: front.map(dot),
        tooltip: tip(data),
        z: 3,
      },
    ];
  });
  return {
    ...chartBase(),
    legend: {
      show: data.groups.length > 1,
      top: 0,
      left: 0,
      icon: 'circle',
      itemWidth: 10,
      itemHeight: 10,
      textStyle: { color: color('soft'), fontSize: 11 },
      data: data.groups,
    },
    grid: { left: narrow ? 8 : 16, right: narrow ? 16 : 28, top: data.groups.length > 1 ? 64 : 34, bottom: 44, containLabel: true },
    xAxis: { ...axis(x, axes.x), nameLocation: 'middle', nameGap: 30 },
    yAxis: { ...axis(y, axes.y), nameGap: 14, nameTextStyle: { ...axisStyle().nameTextStyle, align: 'left' } },
    series,
  };
}

function tip(data) {
  return {
    formatter: ({ data: { point } }) =>
      \`<b>\${escapeText(data.groups[point.group])}</b>\${point.front ? ' · on the front' : ''}<br>\` +
      point.settings.map((s) => \`\${escapeText(s)}<br>\`).join('') +
      data.objectives.map((o, i) => \`\${escapeText(o.name)}: \${si(point.figures[i], o.unit)}\`).join('<br>'),
  };
}
const shownRows = 25;

/** Sorts a table by a click on a heading; a long table begins with its first rows. */
function sortableTable(id) {
  const table = document.getElementById(id);
  const body = table.tBodies[0];
  const more = document.getElementById(\`\${id}-more\`);
  let open = body.rows.length <= shownRows + 5;
  const cut = () => {
    [...body.rows].forEach((row, i) => {
      row.hidden = !open && i >= shownRows;
    });
    if (more !== null) more.hidden = open;
  };
  more?.addEventListener('click', () => {
    open = true;
    cut();
  });
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    heading.querySelector('button').addEventListener('click', () => {
      const numeric = heading.classList.contains('n');
      const now = heading.getAttribute('aria-sort');
      const direction = now === null ? (numeric ? 'descending' : 'ascending') : now === 'ascending' ? 'descending' : 'ascending';
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', direction);
      const sign = direction === 'ascending' ? 1 : -1;
      const value = (row) => row.cells[column].dataset.v;
      const rows = [...body.rows].sort(
        (a, b) => sign * (numeric ? Number(value(a)) - Number(value(b)) : value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0),
      );
      body.append(...rows);
      cut();
    });
  });
  cut();
}

const rowHeight = 30;
const axisHeight = 26;

/** One row per queue, a slice per command; 100,000 slices redraw within a frame. */
function drawTimeline(timeline, cycles, seconds) {
  const root = document.getElementById('timeline');
  const canvas = root.querySelector('canvas');
  const range = root.querySelector('.range');
  const queues = timeline.queues.filter((q) => q.slices > 0).map((q) => ({ name: q.name, words: decode(q.words), slices: q.slices }));
  const total = Math.max(1, cycles);
  const state = { from: 0, to: total, hover: null };
  const height = axisHeight + queues.length * rowHeight + 4;
  let pending = 0;
  const request = () => {
    if (pending === 0) pending = requestAnimationFrame(draw);
  };

  function labelWidth() {
    return canvas.clientWidth < 560 ? 98 : 140;
  }

  function draw() {
    pending = 0;
    const width = canvas.clientWidth;
    const density = window.devicePixelRatio || 1;
    canvas.style.height = \`\${height}px\`;
    canvas.width = Math.round(width * density);
    canvas.height = Math.round(height * density);
    const pen = canvas.getContext('2d');
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, width, height);
    const left = labelWidth();
    const scale = (width - left) / (state.to - state.from);
    drawAxis(pen, left, width, scale);
    queues.forEach((queue, row) => drawQueue(pen, queue, axisHeight + row * rowHeight, left, width, scale));
    const span = state.to - state.from;
    range.textContent = \`\${count(state.from)} – \${count(state.to)} cycles · \${si((span * seconds) / total, 's')} shown\`;
  }

  function drawAxis(pen, left, width, scale) {
    const rough = (state.to - state.from) / Math.max(2, (width - left) / (width < 560 ? 72 : 96));
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? power * 10);
    pen.font = \`11px \${fontFamily()}\`;
    pen.textBaseline = 'middle';
    pen.textAlign = 'center';
    for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step) {
      const x = Math.round(left + (at - state.from) * scale) + 0.5;
      pen.strokeStyle = color('grid');
      pen.beginPath();
      pen.moveTo(x, axisHeight - 4);
      pen.lineTo(x, height);
      pen.stroke();
      // Zoomed in, three digits no longer tell neighbours apart.
      const text = at > 0 && step < at / 100 ? count(at) : siTick(at, '');
      const half = pen.measureText(text).width / 2;
      if (x - half < left || x + half > width) continue;
      pen.fillStyle = color('soft');
      pen.fillText(text, x, axisHeight / 2 - 1);
    }
    pen.textAlign = 'left';
    pen.fillStyle = color('soft');
    pen.fillText('cycles', 0, axisHeight / 2 - 1);
  }

  function drawQueue(pen, queue, top, left, width, scale) {
    const { words } = queue;
    pen.fillStyle = color('ink');
    pen.font = \`12px \${fontFamily()}\`;
    pen.textAlign = 'left';
    pen.fillText(shorten(pen, queue.name, left - 10), 0, top + rowHeight / 2);
    pen.fillStyle = color('track');
    pen.fillRect(left, top + 3, width - left, rowHeight - 6);
    const palette = Array.from({ length: 8 }, (_, i) => color(\`slice-\${i}\`));
    let drawnTo = left - 1;
    for (let i = firstEndingAfter(queue, state.from); i < queue.slices; i++) {
      const start = words[i * 4];
      if (start > state.to) break;
      const x0 = Math.max(left, left + (start - state.from) * scale);
      const x1 = Math.min(width, left + (start + words[i * 4 + 1] - state.from) * scale);
      // Slices that end inside a pixel already drawn would not be seen.
      if (x1 <= drawnTo) continue;
      const from = Math.max(x0, drawnTo);
      const to = Math.max(x1, from + 0.75);
      const kernel = words[i * 4 + 2] - 1;
      const faded = state.hover !== null && state.hover !== kernel;
      pen.globalAlpha = faded ? 0.28 : 1;
      pen.fillStyle = kernel < 0 ? color('faint') : palette[kernel % 8];
      pen.fillRect(from, top + 3, to - from, rowHeight - 6);
      drawnTo = to - (x1 - x0 > 3 ? 0 : 0.25);
      if (x1 - x0 > 110 && kernel >= 0) {
        pen.fillStyle = color('slice-text');
        pen.font = \`11px \${fontFamily()}\`;
        const text = \`\${timeline.opNames[words[i * 4 + 3]]} \${timeline.kernelNames[kernel]}\`;
        pen.fillText(shorten(pen, text, x1 - x0 - 12), x0 + 6, top + rowHeight / 2);
      }
    }
    pen.globalAlpha = 1;
  }

  function zoom(factor, at) {
    const span = Math.min(total, Math.max(16, (state.to - state.from) * factor));
    const place = (at - state.from) / (state.to - state.from);
    move(at - place * span, span);
  }

  function move(from, span) {
    state.from = Math.min(Math.max(0, from), total - span);
    state.to = state.from + span;
    request();
  }

  function cycleAt(x) {
    const left = labelWidth();
    return state.from + ((x - left) / (canvas.clientWidth - left)) * (state.to - state.from);
  }

  function sliceAt(x, y) {
    const queue = queues[Math.floor((y - axisHeight) / rowHeight)];
    if (queue === undefined || x < labelWidth() || y < axisHeight) return null;
    const slack = (2 * (state.to - state.from)) / (canvas.clientWidth - labelWidth());
    const at = cycleAt(x);
    const i = firstEndingAfter(queue, at - slack);
    if (i >= queue.slices || queue.words[i * 4] > at + slack) return null;
    return {
      queue: queue.name,
      start: queue.words[i * 4],
      cycles: queue.words[i * 4 + 1],
      kernel: queue.words[i * 4 + 2] - 1,
      op: queue.words[i * 4 + 3],
    };
  }

  const tip = document.getElementById('tip');
  function showTip(slice, event) {
    tip.hidden = slice === null;
    if (slice === null) return;
    tip.replaceChildren();
    const title = document.createElement('b');
    title.textContent = slice.kernel < 0 ? timeline.opNames[slice.op] : timeline.kernelNames[slice.kernel];
    const more = document.createElement('div');
    more.textContent = \`\${timeline.opNames[slice.op]} on \${slice.queue}\`;
    const when = document.createElement('div');
    when.textContent = \`\${count(slice.cycles)} cycles (\${si((slice.cycles * seconds) / total, 's')}), from \${count(slice.start)}\`;
    tip.append(title, more, when);
    const box = tip.getBoundingClientRect();
    tip.style.left = \`\${Math.max(8, Math.min(event.clientX + 14, document.documentElement.clientWidth - box.width - 8))}px\`;
    tip.style.top = \`\${event.clientY + 18 + box.height > window.innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px\`;
  }

  const pointers = new Map();
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event.offsetX);
  });
  canvas.addEventListener('pointermove', (event) => {
    const held = pointers.get(event.pointerId);
    if (held === undefined) {
      const slice = sliceAt(event.offsetX, event.offsetY);
      const hover = slice === null || slice.kernel < 0 ? null : slice.kernel;
      if (hover !== state.hover) request();
      state.hover = hover;
      showTip(slice, event);
      return;
    }
    showTip(null, event);
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
    if (others.length > 0) {
      const before = Math.max(8, Math.abs(held - others[0]));
      zoom(before / Math.max(8, Math.abs(event.offsetX - others[0])), cycleAt((event.offsetX + others[0]) / 2));
    } else {
      const span = state.to - state.from;
      move(state.from - ((event.offsetX - held) * span) / (canvas.clientWidth - labelWidth()), span);
    }
    pointers.set(event.pointerId, event.offsetX);
  });
  for (const end of ['pointerup', 'pointercancel', 'pointerleave']) {
    canvas.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (end !== 'pointerleave') return;
      if (state.hover !== null) request();
      state.hover = null;
      showTip(null, event);
    });
  }
  canvas.addEventListener(
    'wheel',
    (event) => {
      // At full width, scrolling out goes on to the page.
      if (event.deltaY > 0 && state.to - state.from >= total) return;
      event.preventDefault();
      zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), cycleAt(event.offsetX));
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const span = state.to - state.from;
    const middle = (state.from + state.to) / 2;
    if (event.key === 'ArrowLeft') move(state.from - span / 5, span);
    else if (event.key === 'ArrowRight') move(state.from + span / 5, span);
    else if (event.key === '+' || event.key === 'ArrowUp') zoom(0.6, middle);
    else if (event.key === '-' || event.key === 'ArrowDown') zoom(1 / 0.6, middle);
    else return;
    event.preventDefault();
  });
  root.querySelector('.tools').addEventListener('click', (event) => {
    const how = event.target.dataset?.zoom;
    const middle = (state.from + state.to) / 2;
    if (how === 'in') zoom(0.5, middle);
    if (how === 'out') zoom(2, middle);
    if (how === 'fit') move(0, total);
  });
  new ResizeObserver(request).observe(root);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', request);
  draw();
}

/** First slice of a queue that ends after \`cycle\`: slices are disjoint and ascending. */
function firstEndingAfter(queue, cycle) {
  let low = 0;
  let high = queue.slices;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queue.words[middle * 4] + queue.words[middle * 4 + 1] < cycle) low = middle + 1;
    else high = middle;
  }
  return low;
}

function shorten(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && pen.measureText(\`\${text.slice(0, end)}…\`).width > width) end--;
  return \`\${text.slice(0, end)}…\`;
}

/** Base64 to 32-bit words; browsers run on little-endian machines. */
function decode(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Uint32Array(bytes.buffer);
}

const data = JSON.parse(document.getElementById('data').textContent);
if (data.kind === 'report') {
  drawRoofline(data.roofline);
  if (data.timeline !== null) drawTimeline(data.timeline, data.cycles, data.seconds);
  sortableTable('kernels');
  drawEnergy(data.energy);
  drawMemories(data.memories);
} else {
  drawScatter(data);
  sortableTable('points');
}
})();
`;
