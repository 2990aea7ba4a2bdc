import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The licences of packages, for whoever gets their code from us, and the notices that their authors want passed on
 * (Apache-2.0, section 4d).
 * @param {readonly string[]} folders @throws when a package comes without its licence
 */
export function licencesOf(folders) {
  const sections = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    /** @param {RegExp} wanted */
    const texts = (wanted) =>
      readdirSync(folder)
        .filter((file) => wanted.test(file))
        .map((file) => readFileSync(join(folder, file), 'utf8').trim());
    const licences = texts(/^licen[cs]e/i);
    if (licences.length === 0) licences.push(...texts(/^readme/i).flatMap(licenceIn));
    const holder = saysNoMoreThanMit.get(name);
    if (licences.length === 0 && license === 'MIT' && holder !== undefined) licences.push(mitLicence(holder));
    if (licences.length === 0) throw new Error(`${folder} has no licence text: do not pass it on`);
    return `${name} ${version} (${license})\n\n${[...licences, ...texts(/^notice/i)].join('\n\n')}\n`;
  });
  return sections.join(`\n${'-'.repeat(80)}\n\n`);
}

/** The section that has the words of the licence. @param {string} readme @returns {string[]} */
const licenceIn = (readme) =>
  readme
    .split(/^#+ *licen[cs]e *$/im)
    .slice(1)
    .filter((section) => section.includes('Permission is hereby granted'));

/** Their authors say so and have the text not in the package. By name, who they are. */
const saysNoMoreThanMit = new Map([
  ['abstract-logging', 'James Sumners <james.sumners@gmail.com>'],
  ['koa-compose', 'Koa contributors'],
]);

/** @param {string} holder */
const mitLicence = (holder) => `The MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
