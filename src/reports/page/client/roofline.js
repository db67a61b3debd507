import { escapeText, percent, si, siTick } from './format.js';
import { axisStyle, chartBase, color, limitColor, liveChart } from './theme.js';

/** Kernels as dots under the ceilings of the machine, for one memory at a time. */
export function drawRoofline(data) {
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
    markPoint: label([x1, p.macsPerSecond], `${si(p.macsPerSecond, 'MAC/s')} ${p.label}`, 'right', 0),
  });
  return {
    ...chartBase(),
    grid: { left: narrow ? 8 : 16, right: narrow ? 14 : 24, top: 30, bottom: 44, containLabel: true },
    xAxis: {
      type: 'log',
      min: x0,
      max: x1,
      name: `MACs per byte of ${memory.name}`,
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
        markPoint: label([middle, middle * memory.bytesPerSecond], `${memory.name} ${si(memory.bytesPerSecond, 'B/s')}`, 'left', 10),
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
            `<b>${escapeText(kernel.name)}</b><br>${si(kernel.macsPerSecond, 'MAC/s')} · ${percent(kernel.macsPerSecond / peak)} of the peak<br>` +
            `${si(kernel.x, 'MAC/byte')}<br>${percent(kernel.share)} of the time, limited by ${escapeText(kernel.limit)}`,
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
