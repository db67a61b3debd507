/** Random graphs × machines × mappings: 2,000 in four files. */
import { runShard } from './shard.ts';

runShard(0);
