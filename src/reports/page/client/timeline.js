import { count, si, siTick } from './format.js';
import { color, fontFamily } from './theme.js';

const rowHeight = 30;
const axisHeight = 26;

/** One row per queue, a slice per command; 100,000 slices redraw within a frame. */
export function drawTimeline(timeline, cycles, seconds) {
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
    canvas.style.height = `${height}px`;
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
    range.textContent = `${count(state.from)} – ${count(state.to)} cycles · ${si((span * seconds) / total, 's')} shown`;
  }

  function drawAxis(pen, left, width, scale) {
    const rough = (state.to - state.from) / Math.max(2, (width - left) / (width < 560 ? 72 : 96));
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? power * 10);
    pen.font = `11px ${fontFamily()}`;
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
    pen.font = `12px ${fontFamily()}`;
    pen.textAlign = 'left';
    pen.fillText(shorten(pen, queue.name, left - 10), 0, top + rowHeight / 2);
    pen.fillStyle = color('track');
    pen.fillRect(left, top + 3, width - left, rowHeight - 6);
    const palette = Array.from({ length: 8 }, (_, i) => color(`slice-${i}`));
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
        pen.font = `11px ${fontFamily()}`;
        const text = `${timeline.opNames[words[i * 4 + 3]]} ${timeline.kernelNames[kernel]}`;
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
    more.textContent = `${timeline.opNames[slice.op]} on ${slice.queue}`;
    const when = document.createElement('div');
    when.textContent = `${count(slice.cycles)} cycles (${si((slice.cycles * seconds) / total, 's')}), from ${count(slice.start)}`;
    tip.append(title, more, when);
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, document.documentElement.clientWidth - box.width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + box.height > window.innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px`;
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

/** First slice of a queue that ends after `cycle`: slices are disjoint and ascending. */
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
  while (end > 1 && pen.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** Base64 to 32-bit words; browsers run on little-endian machines. */
function decode(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new Uint32Array(bytes.buffer);
}
