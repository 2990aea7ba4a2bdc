import { expect, test } from 'vitest';
import { imageArguments } from './image-arguments.js';

test('a gateway is measured with the heap that its image gives it', () => {
  expect(imageArguments()).toContain('--max-semi-space-size=32');
});
