import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { decodeJwt } from 'jose';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { freePort, makeScratch, removeScratch } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { Person } from '../agents/person.js';
import type { System } from '../system/system.js';

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'foreign', version: '1.0.0' } },
};
const asMcp = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/** OAuth clients others wrote, as they come from npm, with nothing told to them but where the gateway is. */
export function describeForeignClients(system: () => System): void {
  const signIn = async (url: URL): Promise<URL> => {
    const landing = await new Person('alice', { agentRedirectUri: system().redirectUri }).visit(url);
    if (landing.type !== 'stopped')
      throw new Error(`The sign-in ended on the page "${landing.page.title}": ${landing.page.text}`);
    return landing.url;
  };

  describe('a foreign client', () => {
    test('oauth4webapi: discovers, registers, signs in, refreshes and revokes, checking every answer (R21, R48)', async () => {
      const { gatewayUrl, redirectUri } = system();
      const insecure = { [oauth.allowInsecureRequests]: true } as const;
      const resource = new URL(`${gatewayUrl}/mcp`);
      const protectedResource = await oauth.processResourceDiscoveryResponse(
        resource,
        await oauth.resourceDiscoveryRequest(resource, insecure),
      );
      const issuer = new URL(protectedResource.authorization_servers?.[0] ?? '');
      const server = await oauth.processDiscoveryResponse(
        issuer,
        await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' }),
      );
      const metadata = {
        client_name: 'oauth4webapi',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'none',
      };
      const client = await oauth.processDynamicClientRegistrationResponse(
        await oauth.dynamicClientRegistrationRequest(server, metadata, insecure),
      );

      const codeVerifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const url = new URL(server.authorization_endpoint ?? '');
      url.search = String(
        new URLSearchParams({
          client_id: client.client_id,
          redirect_uri: redirectUri,
          response_type: 'code',
          state,
          resource: resource.href,
          code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          scope: 'notes.read whoami.read',
        }),
      );
      const callback = oauth.validateAuthResponse(server, client, await signIn(url), state);
      const tokens = await oauth.processAuthorizationCodeResponse(
        server,
        client,
        await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), callback, redirectUri, codeVerifier, {
          ...insecure,
          additionalParameters: { resource: resource.href },
        }),
      );
      const answer = await oauth.protectedResourceRequest(
        tokens.access_token,
        'POST',
        resource,
        new Headers(asMcp),
        JSON.stringify(initialize),
        insecure,
      );
      expect(answer.status).toBe(200);

      const refreshed = await oauth.processRefreshTokenResponse(
        server,
        client,
        await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token ?? '', {
          ...insecure,
          additionalParameters: { resource: resource.href },
        }),
      );
      expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
      expect(decodeJwt(refreshed.access_token)['sid']).toBe(decodeJwt(tokens.access_token)['sid']);
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, client, oauth.None(), refreshed.refresh_token ?? '', insecure),
      );
      const afterwards = await oauth.refreshTokenGrantRequest(
        server,
        client,
        oauth.None(),
        refreshed.refresh_token ?? '',
        insecure,
      );
      await expect(oauth.processRefreshTokenResponse(server, client, afterwards)).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    });

    test('openid-client: registers with a secret, pushes its request, signs in and refreshes (R17, R48)', async () => {
      const { issuer, gatewayUrl, redirectUri } = system();
      const resource = `${gatewayUrl}/mcp`;
      const config = await openid.dynamicClientRegistration(
        new URL(issuer),
        {
          client_name: 'openid-client',
          redirect_uris: [redirectUri],
          token_endpoint_auth_method: 'client_secret_basic',
        },
        undefined,
        { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
      );
      const codeVerifier = openid.randomPKCECodeVerifier();
      const state = openid.randomState();
      const url = await openid.buildAuthorizationUrlWithPAR(config, {
        redirect_uri: redirectUri,
        scope: 'notes.read',
        state,
        resource,
        code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      });
      expect(url.searchParams.get('request_uri')).toMatch(/^urn:ietf:params:oauth:request_uri:/);
      const tokens = await openid.authorizationCodeGrant(
        config,
        await signIn(url),
        { pkceCodeVerifier: codeVerifier, expectedState: state },
        { resource },
      );
      expect(
        (
          await openid.fetchProtectedResource(
            config,
            tokens.access_token,
            new URL(resource),
            'POST',
            JSON.stringify(initialize),
            new Headers(asMcp),
          )
        ).status,
      ).toBe(200);
      const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '', { resource });
      expect(decodeJwt(refreshed.access_token)).toMatchObject({
        aud: resource,
        scope: 'notes.read',
        sid: decodeJwt(tokens.access_token)['sid'],
      });
    });

    test('oauth4webapi with a key of its own: its tokens are good with a proof of it, once each, and as bearer tokens for nobody (S7, B7)', async () => {
      const { issuer, gatewayUrl, redirectUri } = system();
      const insecure = { [oauth.allowInsecureRequests]: true } as const;
      const resource = new URL(`${gatewayUrl}/mcp`);
      const server = await oauth.processDiscoveryResponse(
        new URL(issuer),
        await oauth.discoveryRequest(new URL(issuer), { ...insecure, algorithm: 'oauth2' }),
      );
      const client = await oauth.processDynamicClientRegistrationResponse(
        await oauth.dynamicClientRegistrationRequest(
          server,
          { client_name: 'oauth4webapi with a key', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' },
          insecure,
        ),
      );
      const DPoP = oauth.DPoP({}, await oauth.generateKeyPair('ES256'));
      const codeVerifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const url = new URL(server.authorization_endpoint ?? '');
      url.search = String(
        new URLSearchParams({
          client_id: client.client_id,
          redirect_uri: redirectUri,
          response_type: 'code',
          state,
          resource: resource.href,
          code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
          scope: 'whoami.read',
          dpop_jkt: await DPoP.calculateThumbprint(),
        }),
      );
      const callback = oauth.validateAuthResponse(server, client, await signIn(url), state);
      const tokens = await oauth.processAuthorizationCodeResponse(
        server,
        client,
        await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), callback, redirectUri, codeVerifier, {
          ...insecure,
          DPoP,
          additionalParameters: { resource: resource.href },
        }),
      );
      expect([tokens.token_type, decodeJwt(tokens.access_token)['cnf']]).toEqual([
        'dpop',
        { jkt: await DPoP.calculateThumbprint() },
      ]);

      const call = {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name: 'whoami__whoami',
          arguments: {},
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
            'io.modelcontextprotocol/clientInfo': { name: 'foreign', version: '1.0.0' },
          },
        },
      };
      const headers = {
        ...asMcp,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'whoami__whoami',
      };
      let sent = new Headers();
      const answer = await oauth.protectedResourceRequest(
        tokens.access_token,
        'POST',
        resource,
        new Headers(headers),
        JSON.stringify(call),
        {
          ...insecure,
          DPoP,
          [oauth.customFetch]: (url, { headers }) => {
            sent = new Headers(headers);
            return fetch(url, { method: 'POST', headers, body: JSON.stringify(call) });
          },
        },
      );
      expect(JSON.stringify(await answer.json())).toContain(system().demo.urls.whoami);

      const shown = (more: Record<string, string>) =>
        fetch(resource, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(call) });
      const stolen = [
        await shown({ authorization: `Bearer ${tokens.access_token}` }),
        await shown({ authorization: `DPoP ${tokens.access_token}` }),
        await shown({ authorization: sent.get('authorization') ?? '', dpop: sent.get('dpop') ?? '' }),
      ];
      expect(stolen.map(({ status }) => status)).toEqual([401, 401, 401]);
      expect(
        stolen.map((refused) => /^DPoP error="(\w+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1]),
      ).toEqual(['invalid_token', 'invalid_dpop_proof', 'invalid_dpop_proof']);

      const refresh = (options: object) =>
        oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token ?? '', {
          ...insecure,
          ...options,
          additionalParameters: { resource: resource.href },
        });
      expect((await refresh({})).status).toBe(400);
      const refreshed = await oauth.processRefreshTokenResponse(server, client, await refresh({ DPoP }));
      expect(
        (
          await oauth.protectedResourceRequest(
            refreshed.access_token,
            'POST',
            resource,
            new Headers(headers),
            JSON.stringify(call),
            { ...insecure, DPoP },
          )
        ).status,
      ).toBe(200);
    });

    test('openid-client pushes its request with a proof: the code is bound before anybody signs in (S7, B7)', async () => {
      const { issuer, gatewayUrl, redirectUri } = system();
      const resource = `${gatewayUrl}/mcp`;
      const config = await openid.dynamicClientRegistration(
        new URL(issuer),
        {
          client_name: 'openid-client with a key',
          redirect_uris: [redirectUri],
          token_endpoint_auth_method: 'client_secret_basic',
        },
        undefined,
        { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] },
      );
      const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
      const codeVerifier = openid.randomPKCECodeVerifier();
      const state = openid.randomState();
      const url = await openid.buildAuthorizationUrlWithPAR(
        config,
        {
          redirect_uri: redirectUri,
          scope: 'notes.read',
          state,
          resource,
          code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
          code_challenge_method: 'S256',
        },
        { DPoP },
      );
      const tokens = await openid.authorizationCodeGrant(
        config,
        await signIn(url),
        { pkceCodeVerifier: codeVerifier, expectedState: state },
        { resource },
        { DPoP },
      );
      expect(
        (
          await openid.fetchProtectedResource(
            config,
            tokens.access_token,
            new URL(resource),
            'POST',
            JSON.stringify(initialize),
            new Headers(asMcp),
            { DPoP },
          )
        ).status,
      ).toBe(200);
      expect(
        (
          await fetch(resource, {
            method: 'POST',
            headers: { ...asMcp, authorization: `Bearer ${tokens.access_token}` },
            body: JSON.stringify(initialize),
          })
        ).status,
      ).toBe(401);
    });

    test('mcp-remote: a program that speaks only stdio reaches the gateway through it, with its own callback listener (R20, R59)', async () => {
      const home = makeScratch('mcp-remote');
      const program = join(
        dirname(createRequire(import.meta.url).resolve('mcp-remote/package.json')),
        'dist',
        'proxy.js',
      );
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [program, `${system().gatewayUrl}/mcp`, String(await freePort())],
        // it finds no browser, so it prints the link
        env: { PATH: '/nonexistent', HOME: home, MCP_REMOTE_CONFIG_DIR: home },
        stderr: 'pipe',
      });
      const client = new Client({ name: 'stdio-program', version: '1.0.0' });
      try {
        let printed = '';
        const link = new Promise<string>((resolve) => {
          transport.stderr?.on('data', (chunk: Buffer) => {
            printed += chunk.toString();
            const url = /authorize this client by visiting:\s+(http\S+)/.exec(printed)?.[1];
            if (url !== undefined) resolve(url);
          });
        });
        const connected = client.connect(transport, { timeout: 45_000 });
        const landing = await Promise.race([
          link.then((url) => new Person('alice', { agentRedirectUri: 'urn:nobody' }).visit(url)),
          connected,
        ]);
        if (landing?.type !== 'page' || landing.page.status !== 200)
          throw new Error(`mcp-remote did not take the answer:\n${printed}`);
        await connected;
        expect((await client.listTools()).tools.map(({ name }) => name)).toContain('whoami__whoami');
        expect(JSON.stringify(await client.callTool({ name: 'whoami__whoami', arguments: {} }))).toContain(
          system().demo.urls.whoami,
        );
      } finally {
        await client.close();
        removeScratch(home);
      }
    });
  });
}
