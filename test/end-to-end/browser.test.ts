/** The built library in a browser: models built, imported, compiled and run on numbers in a page give Node's bytes, under a strict content policy. */
import { existsSync, readFileSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importMap, serve } from './serve-modules.ts';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
if (executable === undefined) console.warn('SKIPPED: no Chromium here, so nothing is run in a browser.');

interface Case {
  readonly fast: string;
  readonly plain: string;
  readonly interpreted: string;
  readonly cycles: number;
}
type Story = Readonly<Record<'images' | 'text', Case>>;

const yaml = readFileSync(new URL('../machines/large.yaml', import.meta.url), 'utf8');
const storyFile = '/test/end-to-end/browser-story.mjs';

/** Tells the story, counts the modules of WebAssembly that it made, and leaves the answer in the page. */
const script = `
import { story } from '${storyFile}';
let modules = 0;
const { Module } = WebAssembly;
WebAssembly.Module = function (bytes) {
  const module = new Module(bytes);
  modules++;
  return module;
};
const answer = document.createElement('output');
answer.id = 'answer';
answer.textContent = JSON.stringify({ story: await story(${JSON.stringify(yaml)}), modules });
document.body.append(answer);
`;

describe.skipIf(executable === undefined)('in Chromium', () => {
  let browser: Browser;
  let inNode: Story;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executable ?? '', args: ['--no-sandbox'] });
    const { story }: { story: (machine: string) => Promise<Story> } = await import(new URL('./browser-story.mjs', import.meta.url).href);
    inNode = await story(yaml);
  });
  afterAll(() => browser?.close());

  /** Runs the story in a page whose scripts come under `policy`; how many modules of WebAssembly it made comes with it. */
  async function inPage(policy: string): Promise<{ readonly story: Story; readonly modules: number; readonly told: readonly string[] }> {
    const page = await browser.newPage();
    const told: string[] = [];
    const failed = new Promise<never>((_, reject) => {
      page.on('pageerror', reject);
      page.on('console', (message) => message.type() === 'error' && told.push(message.text()));
    });
    await page.route('**/*', async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/page.js') return route.fulfill({ body: script, contentType: 'text/javascript' });
      if (pathname === '/') {
        const scripts = `<script nonce="map" type="importmap">${importMap()}</script><script type="module" src="/page.js"></script>`;
        const headers = { 'content-security-policy': `default-src 'self'; script-src 'self' 'nonce-map' ${policy}` };
        return route.fulfill({ body: `<!doctype html>${scripts}`, contentType: 'text/html', headers });
      }
      const answer = serve(pathname);
      if (answer === null) told.push(`nothing at ${pathname}`);
      return answer === null ? route.fulfill({ status: 404 }) : route.fulfill(answer);
    });
    await page.goto('https://systole.test/');
    const answer = await Promise.race([failed, page.waitForSelector('#answer', { state: 'attached', timeout: 120_000 })]);
    const { story, modules }: { story: Story; modules: number } = JSON.parse((await answer.textContent()) ?? '');
    await page.close();
    return { story, modules, told };
  }

  test('the kernels, the plain form and the interpreter give the bytes that Node gives', async () => {
    const { story, modules, told } = await inPage("'wasm-unsafe-eval'");
    expect(told).toEqual([]);
    expect(story).toEqual(inNode);
    expect(modules).toBe(1);
    for (const { fast, plain, interpreted } of Object.values(story)) expect([plain, interpreted]).toEqual([fast, fast]);
  });

  test('where a page allows no WebAssembly, the plain form runs in its place', async () => {
    const { story, modules } = await inPage('');
    expect(modules).toBe(0);
    expect(story).toEqual(inNode);
  });
});
