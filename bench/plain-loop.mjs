/**
 * What anybody would write first: one loop inside the other, sums in the output. Imported once per element type under a name of its own
 * (`plain-loop.mjs?int8`): a loop that has seen two kinds of array compiles to neither.
 */
export function plainLoop(c, x, w, sums) {
  sums.fill(0);
  if (c.groups === undefined) {
    const [[m, k], n] = [c.x, c.w[1]];
    for (let i = 0; i < m; i++)
      for (let l = 0; l < k; l++) {
        const a = x[i * k + l];
        for (let j = 0; j < n; j++) sums[i * n + j] += a * w[l * n + j];
      }
    return;
  }
  const [, channels, height, width] = c.x;
  const [outChannels, depth, kernel] = c.w;
  const perGroup = outChannels / c.groups;
  for (let o = 0; o < outChannels; o++) {
    const first = Math.floor(o / perGroup) * (channels / c.groups);
    for (let channel = 0; channel < depth; channel++)
      for (let r = 0; r < kernel; r++)
        for (let s = 0; s < kernel; s++) {
          const weight = w[((o * depth + channel) * kernel + r) * kernel + s];
          const from = Math.max(0, c.pad - s);
          const end = Math.min(width, width + c.pad - s);
          for (let i = Math.max(0, c.pad - r); i < Math.min(height, height + c.pad - r); i++) {
            const source = ((first + channel) * height + i + r - c.pad) * width + s - c.pad;
            const to = (o * height + i) * width;
            for (let j = from; j < end; j++) sums[to + j] += weight * x[source + j];
          }
        }
  }
}
