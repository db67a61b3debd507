import { drawEnergy, drawMemories } from './bars.js';
import { drawRoofline } from './roofline.js';
import { drawScatter } from './scatter.js';
import { sortableTable } from './table.js';
import { drawTimeline } from './timeline.js';

const data = JSON.parse(document.getElementById('data').textContent);
if (data.kind === 'report') {
  drawRoofline(data.roofline);
  if (data.timeline !== null) drawTimeline(data.timeline, data.cycles, data.seconds);
  sortableTable('kernels');
  drawEnergy(data.energy);
  drawMemories(data.memories);
} else {
  drawScatter(data);
  sortableTable('points');
}
