/** HTML made from parts: everything put into a template is escaped unless it is HTML already. */
import { printable } from '../../core/index.ts';

export interface Html {
  readonly html: string;
}

type Part = Html | string | number | null | readonly Part[];

/** Template tag: html`<td>${name}</td>` escapes `name`. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let out = texts[0] ?? '';
  parts.forEach((part, i) => {
    out += render(part) + (texts[i + 1] ?? '');
  });
  return { html: out };
}

function render(part: Part): string {
  if (part === null) return '';
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  if ('html' in part) return part.html;
  return part.map(render).join('');
}

function escapeHtml(text: string): string {
  return printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A path or dotted name that may break behind its separators, rather than inside a word. */
export function breakable(name: string): Html {
  return trusted(escapeHtml(name).replaceAll(/([/._])/g, '$1<wbr>'));
}

/** Text that is HTML already: our own style sheet and scripts. */
export function trusted(text: string): Html {
  return { html: text };
}

/** Data for the page's scripts: JSON that cannot close its script element. */
export function jsonScript(id: string, data: unknown): Html {
  const text = JSON.stringify(data).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
  return trusted(`<script type="application/json" id="${id}">${text}</script>`);
}
