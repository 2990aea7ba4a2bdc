/**
 * Writes the part of OCSF's schema that the audit library's tests check against:
 * `node tools/ocsf/main.mjs CHECKOUT COMMIT VERSION`, where CHECKOUT is a work tree of github.com/ocsf/ocsf-schema at COMMIT, and
 * VERSION is what the configuration calls it (`1.8.0`, `1.9.0`).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileSchema, readSource } from './compile-schema.mjs';

const CLASSES = [
  'api_activity',
  'authentication',
  'authorize_session',
  'user_access',
  'entity_management',
  'detection_finding',
];
const PROFILES = ['ai_operation', 'security_control', 'trace'];

const [checkout, commit, version] = process.argv.slice(2);
if (checkout === undefined || commit === undefined || version === undefined)
  throw new Error('usage: node tools/ocsf/main.mjs CHECKOUT COMMIT VERSION');

const source = readSource(checkout);
const $comment = `OCSF ${source.version}, github.com/ocsf/ocsf-schema at ${commit}, Apache-2.0, Copyright OCSF a Series of LF Projects, LLC, includes the ICD Schema developed by Symantec, a division of Broadcom; changed: compiled to JSON Schema by tools/ocsf, in part, without descriptions`;
const folder = join(import.meta.dirname, '..', '..', 'libs', 'background', 'audit', 'src', 'ocsf', 'testing');
const file = join(folder, `ocsf-${version}.schema.json`);
writeFileSync(file, `${JSON.stringify({ $comment, ...compileSchema(source, CLASSES, PROFILES) })}\n`);
console.log(file);
