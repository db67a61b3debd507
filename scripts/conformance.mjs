/** Runs the conformance tests with the packs (test/conformance/main.ts), built with the sources as they are. */
import { buildTests, runBuilt } from './test-build.mjs';

process.exit(runBuilt(buildTests('conformance'), 'conformance/main.js'));
