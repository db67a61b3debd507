/** The colours of the page, read from its style sheet, so that charts follow light and dark. */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function limitColor(limit) {
  const kind = limit.split(':')[0];
  return color(['compute', 'memory', 'vector', 'latency', 'host'].includes(kind) ? `limit-${kind}` : 'faint');
}

export function fontFamily() {
  return getComputedStyle(document.body).fontFamily;
}

/** What all charts share. */
export function chartBase() {
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

export function axisStyle() {
  return {
    axisLine: { lineStyle: { color: color('line') } },
    axisTick: { lineStyle: { color: color('line') } },
    axisLabel: { color: color('soft'), fontSize: 11, hideOverlap: true },
    splitLine: { lineStyle: { color: color('grid') } },
    nameTextStyle: { color: color('soft'), fontSize: 11 },
  };
}

/** Draws now, again when the width changes and when light turns dark. `option(width)` makes the chart's description. */
export function liveChart(element, option) {
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
