/** The page in a browser, at the width of a desk and of a hand: no message, no sideways scroll, no text on text. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../src/reports/index.ts';
import { madeUpMachine, madeUpResult, madeUpTrace } from './made-up.ts';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (executable === undefined) console.warn('SKIPPED: no Chromium here, so the page is not looked at in a browser.');

describe.skipIf(executable === undefined)('in Chromium', () => {
  let browser: Browser;
  let home = '';
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'systole-page-'));
    const chartLibrary = readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
    const result = madeUpResult(57);
    writeFileSync(join(home, 'page.html'), renderReport(result, { machine: madeUpMachine, trace: madeUpTrace(result, 60), chartLibrary }));
    browser = await chromium.launch({ executablePath: executable ?? '', args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(home, { recursive: true, force: true });
  });

  test.each([1280, 390])('at %i pixels', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const told: string[] = [];
    page.on('console', (message) => told.push(message.text()));
    page.on('pageerror', (error) => told.push(error.message));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) told.push(request.url());
    });
    await page.goto(`file://${join(home, 'page.html')}`);
    await page.waitForSelector('#roofline svg');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    expect(await page.evaluate(overlaps)).toEqual([]);
    expect(await page.locator('#roofline svg path').count()).toBeGreaterThan(40);

    // The timeline answers the wheel, the table a click.
    const range = page.locator('#timeline .range');
    const before = await range.textContent();
    await page.locator('#timeline canvas').hover();
    await page.mouse.wheel(0, -400);
    await expect.poll(() => range.textContent()).not.toBe(before);
    await page.locator('#kernels thead button').first().click();
    expect(await page.locator('#kernels thead th').first().getAttribute('aria-sort')).toBe('ascending');
    expect(told).toEqual([]);
    await page.close();
  });
});

/** Pairs of texts whose boxes lie on each other by more than a hair. Runs in the page. */
const overlaps = `(() => {
  const boxes = [];
  const walker = document.createTreeWalker(document.querySelector('body'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.textContent.trim() === '' || node.parentElement.closest('script, style, option, [hidden]')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) boxes.push({ text: node.textContent.trim().slice(0, 40), box });
  }
  const found = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
    if (wide > 1.5 && high > 4) found.push(a.text + ' | ' + b.text);
  }));
  return found;
})()`;
