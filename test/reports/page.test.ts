import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { renderReport, renderScatter } from '../../src/reports/index.ts';
import { packTrace } from '../../src/reports/trace.ts';
import { madeUpMachine, madeUpResult, madeUpTrace } from './made-up.ts';

/** Stands in for ECharts where only the rest of the page is looked at. */
const chartLibrary = 'globalThis.echarts = { marker: "</script><b>" };';

const voidTags = new Set(['meta', 'link', 'br', 'wbr', 'img', 'input', 'hr']);

/** Fails where a tag is closed that is not open; returns what stays open. */
function openTags(page: string): readonly string[] {
  const open: string[] = [];
  const markup = page.replaceAll(/(<(script|style)[^>]*>)[\s\S]*?<\/\2>/g, '$1</$2>');
  for (const [, slash, name] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/gi)) {
    if (name === undefined || voidTags.has(name)) continue;
    if (slash === '') open.push(name);
    else expect(open.pop(), `closing ${name}`).toBe(name);
  }
  return open;
}

describe('the page of a result', () => {
  const result = madeUpResult(57);
  const page = renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 3), chartLibrary });

  test('is one well-formed document that loads nothing', () => {
    expect(page.startsWith('<!doctype html>')).toBe(true);
    expect(openTags(page)).toEqual([]);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/(?:src|href)="(?!data:)[^"#]/);
    expect(page).not.toMatch(/url\(|@import/);
    expect([...page.matchAll(/https?:\/\/[^\s"'`<)]+/g)].map((found) => found[0])).toEqual([]);
  });

  test('carries the real chart library without being cut short by it', () => {
    const real = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
    const whole = renderReport(result, { machine: madeUpMachine, trace: null, chartLibrary: real });
    expect(openTags(whole)).toEqual([]);
    expect(whole.match(/<\/script>/g)).toHaveLength(3);
    expect(page.match(/<\/script>/g)).toHaveLength(3);
  });

  test('lists every kernel, the costliest first, with an id for every heading', () => {
    const rows = [...page.matchAll(/<td class="n time" data-v="(\d+)"/g)].map((found) => Number(found[1]));
    expect(rows).toHaveLength(57);
    expect(rows).toEqual(rows.toSorted((a, b) => b - a));
    expect(rows.reduce((a, b) => a + b, 0)).toBe(result.totals.cycles);
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
  });

  test('escapes names wherever they come from', () => {
    const evil = '</script><img src=x onerror=alert(1)>"\'&';
    const odd = madeUpResult(5, evil);
    const shown = renderReport(odd, { machine: { ...madeUpMachine, description: evil }, trace: madeUpTrace(odd, 2), chartLibrary });
    expect(openTags(shown)).toEqual([]);
    expect(shown).not.toContain('<img');
    expect(shown.match(/<\/script>/g)).toHaveLength(3);
  });

  test('is the same bytes each time', () => {
    const again = madeUpResult(57);
    expect(renderReport(again, { machine: madeUpMachine, trace: madeUpTrace(again, 3), chartLibrary })).toBe(page);
  });

  test('does without trace, notes and kernels', () => {
    const empty = { ...result, kernels: [], diagnostics: [], nodes: [], totals: { ...result.totals, cycles: 0, seconds: 0 } };
    const bare = renderReport(empty, { machine: madeUpMachine, trace: null, chartLibrary });
    expect(openTags(bare)).toEqual([]);
    expect(bare).not.toMatch(/NaN|Infinity/);
  });
});

test('a packed trace holds every slice in whole cycles', () => {
  const result = madeUpResult(4);
  const trace = madeUpTrace(result, 2);
  const packed = packTrace(trace, 1000);
  expect(packed.map((queue) => queue.slices)).toEqual([8, 8, 8, 8]);
  const words = new Uint32Array(Uint8Array.from(atob(packed[0]?.words ?? ''), (c) => c.charCodeAt(0)).buffer);
  expect(words).toHaveLength(8 * 4);
  expect([...words.subarray(0, 4)]).toEqual([0, Math.floor((trace.end[0] ?? 0) / 1000), 1, 6]);
});

test('the page of a study shows failed points and the front', () => {
  const point = { model: 'm', target: 't', parameters: { 'a.b': '1 KiB' }, onFront: true, figures: [0.5, 2], error: null };
  const page = renderScatter(
    {
      name: 'study',
      toolVersion: '0',
      objectives: [
        { name: 'seconds', direction: 'min' },
        { name: 'macUtilization', direction: 'max' },
      ],
      points: [point, { ...point, figures: null, onFront: false, error: { code: 'SYS4000', message: 'does not fit' } }],
    },
    chartLibrary,
  );
  expect(openTags(page)).toEqual([]);
  expect(page).toContain('500 ms');
  expect(page).toContain('title="does not fit"');
});
