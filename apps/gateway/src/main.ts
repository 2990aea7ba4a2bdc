import { holdYoungGeneration } from '@sallyport/process/young-generation';

const release = holdYoungGeneration();
const { runGateway } = await import('./run-gateway.js');
await runGateway(process.env);
release();
