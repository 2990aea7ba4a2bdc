import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JsonFile } from './json-file.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'json-file-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a JSON file', () => {
  it('holds what was there when the save was asked for, or something later', async () => {
    const path = join(directory, 'deep', 'state.json');
    let state = 0;
    const file = new JsonFile(path, () => state);
    const saves: Promise<number>[] = [];
    for (let wanted = 1; wanted <= 50; wanted++) {
      state = wanted;
      saves.push(file.save().then(async () => Number(await readFile(path, 'utf8'))));
      if (wanted % 7 === 0)
        await new Promise((resolve) => {
          setTimeout(resolve, 1);
        });
    }
    const seen = await Promise.all(saves);
    seen.forEach((value, index) => expect(value).toBeGreaterThanOrEqual(index + 1));
    expect(await readdir(join(directory, 'deep'))).toEqual(['state.json']);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('goes on saving after a save failed', async () => {
    await writeFile(join(directory, 'blocked'), '');
    const file = new JsonFile(join(directory, 'blocked', 'state.json'), () => 1);
    await expect(file.save()).rejects.toMatchObject({ code: 'EEXIST' });
    await rm(join(directory, 'blocked'));
    await file.save();
    expect(await JsonFile.read(join(directory, 'blocked', 'state.json'), z.number())).toBe(1);
  });

  it('is undefined when it is not there, and an error when it is not what it should be', async () => {
    const path = join(directory, 'state.json');
    expect(await JsonFile.read(path, z.number())).toBeUndefined();
    await writeFile(path, '"text"');
    await expect(JsonFile.read(path, z.number())).rejects.toMatchObject({ code: 'demo_data_unreadable' });
  });
});
