import type { Result } from '../../../simulator/result.ts';
import { html, type Html } from '../html.ts';

/** Warnings and notes of the compiler and the simulator; nothing where there are none. */
export function diagnosticsSection(result: Result): Html | null {
  if (result.diagnostics.length === 0) return null;
  return html`<section aria-labelledby="h-notes">
    <h2 id="h-notes">Notes</h2>
    <ul class="notes">
      ${result.diagnostics.map((d) => html`<li class="${d.severity}"><span class="code">${d.severity} ${d.code}</span><span>${d.message}</span></li>`)}
    </ul>
  </section>`;
}
