import type { Result } from '../../../simulator/result.ts';
import { formatBytes, formatCount, formatRate, formatShare, formatSi } from '../../format.ts';
import { describeLimit, limitShares, verdict } from '../../insight.ts';
import { html, type Html } from '../html.ts';

/** Headline figures, and one sentence with one bar: what holds it back. */
export function cards(result: Result): Html {
  const t = result.totals;
  const shares = limitShares(result);
  return html`<section class="head" aria-label="Headline figures">
    <div class="cards">
      ${card('Time', formatSi(t.seconds, 's'), `${formatCount(t.cycles)} cycles`)}
      ${card('Throughput', formatRate(t.inferencesPerSecond), 'inferences per second')}
      ${card('MAC utilization', formatShare(t.macUtilization), 'of the dense peak', t.macUtilization)}
      ${card('Efficiency', formatShare(t.efficiency), `of the machine’s bound · ${formatShare(t.scheduleEfficiency)} of the mapping’s`, t.efficiency)}
      ${card('Energy', formatSi(t.energyJoules, 'J'), `${formatSi(t.averageWatts, 'W')} on average`)}
      ${card('Off-chip traffic', formatBytes(t.dramReadBytes + t.dramWriteBytes), `${formatBytes(t.compulsoryBytes)} unavoidable`)}
      ${t.stateReadBytes + t.stateWriteBytes > 0 ? card('State', formatBytes(t.stateReadBytes + t.stateWriteBytes), `caches: ${formatBytes(t.stateReadBytes)} read, ${formatBytes(t.stateWriteBytes)} written`) : null}
      ${card('Scratchpad', formatBytes(t.scratchpadPeakBytes), 'at its fullest')}
      ${t.hostOps > 0 ? card('Host', formatSi(t.hostSeconds, 's'), `${formatCount(t.hostOps)} operations`) : card('Area', t.areaMm2 > 0 ? `${formatRate(t.areaMm2)} mm²` : '–', 'of the parts with a known area')}
    </div>
    <div class="verdict">
      <p>${verdict(result)}</p>
      <div class="stack" role="img" aria-label="${shares.map((s) => `${describeLimit(s.limit)}: ${formatShare(s.share)}`).join('; ')}">
        ${shares.map((s) => html`<span class="${limitClass(s.limit)}" style="flex-grow:${(s.share * 1000).toFixed(0)}" title="${s.limit} ${formatShare(s.share)}"></span>`)}
      </div>
      <ul class="legend">
        ${shares.map((s) => html`<li><i class="${limitClass(s.limit)}"></i>${s.limit} <b>${formatShare(s.share)}</b></li>`)}
      </ul>
    </div>
  </section>`;
}

function card(name: string, figure: string, more: string, fraction?: number): Html {
  return html`<div class="card">
    <h3>${name}</h3>
    <p class="figure">${figure}</p>
    ${fraction === undefined ? null : html`<div class="meter" aria-hidden="true"><span style="width:${(Math.min(1, Math.max(0, fraction)) * 100).toFixed(1)}%"></span></div>`}
    <p class="more">${more}</p>
  </div>`;
}

/** The style class that colours a limit, the same on the whole page. */
export function limitClass(limit: string): string {
  return `limit-${limit.split(':')[0] ?? 'other'}`;
}
