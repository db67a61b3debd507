/** The frame of every page: one file that needs nothing else, and under its own policy may load nothing else. */
import { pageScripts, pageStyle } from '../generated/page.js';
import { html, jsonScript, trusted, type Html } from './html.ts';

export interface PageParts {
  readonly title: string;
  readonly data: unknown;
  readonly body: Html;
  /** The text of ECharts as a classic script. */
  readonly chartLibrary: string;
}

const policy =
  "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

export function renderDocument(parts: PageParts): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="${trusted(policy)}" />
        <title>${parts.title}</title>
        <link rel="icon" href="data:," />
        <style>
          ${trusted(pageStyle)}
        </style>
      </head>
      <body>
        ${parts.body} ${jsonScript('data', parts.data)}
        <script>
          ${trusted(scriptText(parts.chartLibrary))}
        </script>
        <script>
          ${trusted(pageScripts)}
        </script>
      </body>
    </html>`;
  return `${page.html}\n`;
}

/** A script element ends at the first "</script": in a string or a regular expression "<\/script" means the same. */
function scriptText(text: string): string {
  return text.replaceAll(/<\/(script)/gi, '<\\/$1');
}
