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
export function si(value, unit) {
  if (value === 0) return `0 ${unit}`;
  const [factor, prefix] = steps.find(([step]) => Math.abs(value) >= step * 0.9995) ?? [1e-12, 'p'];
  const scaled = value / factor;
  const size = Math.abs(scaled);
  return `${scaled.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)} ${prefix}${unit}`;
}

/** As `si`, without trailing zeros: for the ticks of an axis. */
export function siTick(value, unit) {
  const [number, rest] = si(value, unit).split(' ');
  return `${Number(number)} ${rest}`.trim();
}

export function count(value) {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

export function percent(value) {
  return `${(value * 100).toFixed(1)} %`;
}

/** Text as an element's content, for the tooltips that ECharts takes as HTML. */
export function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
