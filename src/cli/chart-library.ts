/** The text of ECharts that pages carry inside: lines, bars and scatter plots, 0.7 MB. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

export async function readChartLibrary(): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8');
}
