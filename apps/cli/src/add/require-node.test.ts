import { expect, test } from 'vitest';
import { requireNode } from './require-node.js';

test.each(['22.19.0', '22.20.1', '24.0.0', '24.21.0'])('Node %s can ask a server', (version) => {
  expect(() => requireNode(version)).not.toThrow();
});

test.each(['20.20.2', '22.18.9', '21.99.0'])('Node %s is told that it cannot, and what to do', (version) => {
  expect(() => requireNode(version)).toThrow(`needs Node 22.19 or newer, and this is ${version}`);
});
