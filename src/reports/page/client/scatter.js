import { escapeText, si, siTick } from './format.js';
import { axisStyle, chartBase, color, liveChart } from './theme.js';

/** Points of a study over two of its objectives; points on the front are filled and joined. */
export function drawScatter(data) {
  const element = document.getElementById('scatter');
  const axes = { x: 0, y: Math.min(1, data.objectives.length - 1) };
  if (data.points.length === 0) {
    element.textContent = 'No point worked.';
    element.classList.add('empty');
    return;
  }
  const redraw = liveChart(element, (width) => scatterOption(data, axes, width));
  for (const axis of ['x', 'y']) {
    const select = document.getElementById(`axis-${axis}`);
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
      name: `${objective.name}${objective.direction === 'max' ? ' (more is better)' : ''}`,
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
        itemStyle: { color: color(`slice-${g % 8}`), opacity: 0.4 },
        data: own.filter((p) => !p.front).map(dot),
        tooltip: tip(data),
      },
      {
        name: group,
        type: 'scatter',
        symbolSize: 13,
        itemStyle: { color: color(`slice-${g % 8}`), borderColor: color('ink'), borderWidth: 1.5 },
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
      `<b>${escapeText(data.groups[point.group])}</b>${point.front ? ' · on the front' : ''}<br>` +
      point.settings.map((s) => `${escapeText(s)}<br>`).join('') +
      data.objectives.map((o, i) => `${escapeText(o.name)}: ${si(point.figures[i], o.unit)}`).join('<br>'),
  };
}
