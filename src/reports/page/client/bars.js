import { escapeText, percent, si, siTick } from './format.js';
import { axisStyle, chartBase, color, liveChart } from './theme.js';

/** Energy by part, largest on top. */
export function drawEnergy(parts) {
  const shown = parts.filter((p) => p.joules > 0).sort((a, b) => a.joules - b.joules);
  const element = document.getElementById('energy');
  const total = shown.reduce((sum, p) => sum + p.joules, 0);
  if (total === 0) return empty(element, 'This machine states no energy.');
  element.style.height = `${Math.max(140, 40 + shown.length * 34)}px`;
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
          formatter: ({ value }) => (width < 360 ? si(value, 'J') : `${si(value, 'J')} · ${percent(value / total)}`),
        },
        tooltip: { formatter: ({ name, value }) => `<b>${escapeText(name)}</b><br>${si(value, 'J')} · ${percent(value / total)}` },
      },
    ],
  }));
}

const operandColors = ['weights', 'inputs', 'outputs', 'partials', 'state'];

/** Bytes through each memory, one bar per direction, stacked by operand. */
export function drawMemories(memories) {
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
  element.style.height = `${Math.max(140, 84 + rows.length * 30)}px`;
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
      data: rows.map((row) => `${row.memory.name} ${row.direction}`),
      ...axisStyle(),
      axisTick: { show: false },
      axisLabel: { color: color('ink'), fontSize: 12, width: width < 420 ? 96 : 150, overflow: 'truncate' },
    },
    series: operands.map((operand) => ({
      name: operand,
      type: 'bar',
      stack: 'bytes',
      barMaxWidth: 18,
      itemStyle: { color: color(`operand-${operandColors.indexOf(operand) % 5}`) },
      data: rows.map((row) => row.memory.operands.find((o) => o.name === operand)?.[row.key] ?? 0),
      tooltip: { formatter: ({ name, seriesName, value }) => `<b>${escapeText(name)}</b><br>${escapeText(seriesName)}: ${si(value, 'B')}` },
    })),
  }));
}

export function empty(element, text) {
  element.textContent = text;
  element.classList.add('empty');
}
