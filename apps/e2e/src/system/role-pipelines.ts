import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdministratorRole } from '@sallyport/configuration';
import type { System } from './system.js';

/** A pipeline for each role of administrators: a machine agent that has this role and no other. */
export class RolePipelines {
  /** The documents that say so. */
  readonly documents: string;
  readonly #secret = randomBytes(32).toString('hex');

  /** @param folder where the pipelines' secret is kept */
  constructor(folder: string) {
    const secretFile = join(folder, 'pipelines-secret');
    writeFileSync(secretFile, this.#secret, { mode: 0o600 });
    this.documents = AdministratorRole.options.map((role) => documentsOf(role, secretFile)).join('');
  }

  /** A token for the API of the pipeline that has the role. */
  async tokenOf(role: AdministratorRole, { issuer, controlPlaneUrl }: System): Promise<string> {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`as-${role}:${this.#secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: `${controlPlaneUrl}/v1` }),
    });
    if (response.status !== 200)
      throw new Error(`no token for as-${role}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { access_token: string }).access_token;
  }

  /** A token for each role. */
  async tokens(system: System): Promise<ReadonlyMap<AdministratorRole, string>> {
    const all = AdministratorRole.options.map(async (role) => [role, await this.tokenOf(role, system)] as const);
    return new Map(await Promise.all(all));
  }
}

const documentsOf = (role: AdministratorRole, secretFile: string) => `kind: Agent
name: as-${role}
spec:
  displayName: A pipeline that is ${role}
  machine: { roles: [] }
  authentication: { method: client_secret, clientSecret: { file: ${secretFile} } }
---
kind: Administrators
name: ${role}-pipeline
spec: { role: ${role}, agents: [as-${role}] }
---
`;
