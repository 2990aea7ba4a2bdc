import { runStandalone } from './run-standalone.js';

await runStandalone(process.env, { demo: 'npm run demo', verify: 'npm run -s cli -- verify' });
