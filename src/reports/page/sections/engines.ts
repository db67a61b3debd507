import type { EngineResult, Result } from '../../../simulator/result.ts';
import { formatShare, share } from '../../format.ts';
import { html, type Html } from '../html.ts';

/** One bar per engine: busy, stalled by reason, idle; they add up to the whole run. */
export function enginesSection(result: Result): Html {
  const reasons = [
    ...new Set(result.engines.flatMap((engine) => Object.keys(engine.stalledCycles).filter((r) => (engine.stalledCycles[r] ?? 0) > 0))),
  ].sort();
  return html`<section aria-labelledby="h-engines">
    <h2 id="h-engines">Engines</h2>
    <p class="hint">Busy, stalled and idle add up to the whole run.</p>
    <div class="engines">${result.engines.map((engine) => bar(engine, result.totals.cycles, reasons))}</div>
    <ul class="legend">
      <li><i class="busy"></i>busy</li>
      ${reasons.map((reason, i) => html`<li><i class="stall-${i % 5}"></i>stalled: ${reason}</li>`)}
      <li><i class="idle"></i>idle</li>
    </ul>
  </section>`;
}

function bar(engine: EngineResult, cycles: number, reasons: readonly string[]): Html {
  const parts = [
    { name: 'busy', style: 'busy', of: share(engine.busyCycles, cycles) },
    ...reasons.map((reason, i) => ({
      name: `stalled: ${reason}`,
      style: `stall-${i % 5}`,
      of: share(engine.stalledCycles[reason] ?? 0, cycles),
    })),
    { name: 'idle', style: 'idle', of: share(engine.idleCycles, cycles) },
  ].filter((part) => part.of > 0);
  return html`<div class="engine">
    <span class="name">${engine.name}</span>
    <div class="stack" role="img" aria-label="${engine.name}: ${parts.map((p) => `${p.name} ${formatShare(p.of)}`).join(', ')}">
      ${parts.map(
        (p) => html`<span class="${p.style}" style="flex-grow:${(p.of * 1000).toFixed(0)}" title="${p.name} ${formatShare(p.of)}"></span>`,
      )}
    </div>
    <span class="of">${formatShare(share(engine.busyCycles, cycles))}</span>
  </div>`;
}
