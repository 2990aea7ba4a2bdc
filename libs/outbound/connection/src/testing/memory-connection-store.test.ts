import { describe, test } from 'vitest';
import { connectionStoreContract } from './connection-store.contract.js';
import { MemoryConnectionStore } from './memory-connection-store.js';

describe('a connection store in memory', () => {
  test.each(connectionStoreContract)('$title', ({ check }) => check(new MemoryConnectionStore()));
});
