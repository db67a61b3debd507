import type { KernelResult, Result } from '../../../simulator/result.ts';
import { formatBytes, formatCount, formatShare, formatSi, share } from '../../format.ts';
import { kernelsByCost } from '../../insight.ts';
import { breakable, html, type Html } from '../html.ts';
import { limitClass } from './cards.ts';

interface Column {
  readonly title: string;
  readonly key: string;
  readonly numeric: boolean;
  /** Shown from this width of the table on; narrow screens keep what matters. */
  readonly from: 'always' | 'medium' | 'wide';
}

const columns: readonly Column[] = [
  { title: 'Kernel', key: 'name', numeric: false, from: 'always' },
  { title: 'Time', key: 'cycles', numeric: true, from: 'always' },
  { title: 'Limit', key: 'limit', numeric: false, from: 'medium' },
  { title: 'MAC use', key: 'use', numeric: true, from: 'medium' },
  { title: 'MACs', key: 'macs', numeric: true, from: 'wide' },
  { title: 'Traffic', key: 'bytes', numeric: true, from: 'wide' },
  { title: 'Energy', key: 'energy', numeric: true, from: 'wide' },
  { title: 'Mapping', key: 'mapping', numeric: false, from: 'wide' },
];

/** All kernels, the costliest first; a click on a heading sorts. */
export function kernelTable(result: Result): Html {
  const kernels = kernelsByCost(result);
  const worst = kernels[0]?.attributedCycles ?? 0;
  return html`<section aria-labelledby="h-kernels">
    <h2 id="h-kernels">Kernels</h2>
    <p class="hint">${result.kernels.length} kernels. Time is what the run waited for each; the parts add up to the whole.</p>
    <div class="table">
      <table id="kernels">
        <thead>
          <tr>
            ${columns.map((c) => html`<th scope="col" class="${c.from}${c.numeric ? ' n' : ''}" ${c.key === 'cycles' ? html` aria-sort="descending"` : null}><button type="button" data-key="${c.key}">${c.title}</button></th>`)}
          </tr>
        </thead>
        <tbody>
          ${kernels.map((kernel) => row(kernel, result, worst))}
        </tbody>
      </table>
    </div>
    <button type="button" class="more-rows" id="kernels-more" hidden>Show all ${result.kernels.length} kernels</button>
  </section>`;
}

function row(kernel: KernelResult, result: Result, worst: number): Html {
  const bytes = Object.values(kernel.traffic)
    .flatMap((operands) => Object.values(operands))
    .reduce((sum, t) => sum + t.readBytes + t.writeBytes, 0);
  const origin = kernel.origin.filter((name) => name !== kernel.name);
  return html`<tr>
    <th scope="row" data-v="${kernel.name}">
      <span class="kname">${breakable(kernel.name)}</span
      ><small
        >${kernel.class}${origin.length > 0 ? html`<span class="medium"> · ${origin.slice(0, 4).join(', ')}${origin.length > 4 ? ` and ${origin.length - 4} more` : ''}</span>` : null}</small
      >
    </th>
    <td class="n time" data-v="${kernel.attributedCycles}">
      <b>${formatShare(share(kernel.attributedCycles, result.totals.cycles))}</b><small>${formatCount(kernel.attributedCycles)}</small
      ><span class="bar ${limitClass(kernel.limit)}" style="width:${(share(kernel.attributedCycles, worst) * 100).toFixed(1)}%"></span>
    </td>
    <td class="medium" data-v="${kernel.limit}"><span class="pill ${limitClass(kernel.limit)}">${kernel.limit}</span></td>
    <td class="n medium" data-v="${kernel.macUtilization}">${kernel.macs > 0 ? formatShare(kernel.macUtilization) : '–'}</td>
    <td class="n wide" data-v="${kernel.macs}">${kernel.macs > 0 ? formatSi(kernel.macs, '') : '–'}</td>
    <td class="n wide" data-v="${bytes}">${formatBytes(bytes)}</td>
    <td class="n wide" data-v="${kernel.energyJoules}">${formatSi(kernel.energyJoules, 'J')}</td>
    <td class="wide map" data-v="${kernel.mapping}">${kernel.mapping}</td>
  </tr>`;
}
