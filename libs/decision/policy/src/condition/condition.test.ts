import { describe, expect, it } from 'vitest';
import { compileExpression } from './expression.js';
import { compileGlob } from './glob.js';
import { compileHours } from './hours.js';
import { isMultiFactor } from './multi-factor.js';
import { compileSourceNetwork } from './source-network.js';

describe('a glob', () => {
  it.each([
    ['get_*', 'get_issue', true],
    ['get_*', 'forget_issue', false],
    ['*_issue', 'get_issue', true],
    ['get_*_x*', 'get_a_x', true],
    ['get_*_x*', 'get_ax', false],
    ['*', '', true],
    ['get', 'get', true],
    ['get', 'GET', false],
    ['a.c', 'abc', false],
    ['a*a*b', 'aaab', true],
  ])('without a separator, %s on %j is %s (R31)', (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });

  it.each([
    ['repo://*/readme', 'repo://acme/readme', true],
    ['repo://*/readme', 'repo://acme/x/readme', false],
    ['repo://**', 'repo://acme/x/readme', true],
    ['repo://**/readme', 'repo://acme/x/readme', true],
    ['repo://*', 'repo://acme', true],
    ['repo://*', 'repo://acme/x', false],
    ['repo://a?b', 'repo://a?b', true],
    ['repo://a?b', 'repo://axb', false],
  ])('with a separator, %s on %j is %s (S13)', (pattern, text, expected) => {
    expect(compileGlob(pattern, '/')(text)).toBe(expected);
  });

  it('answers a pattern made to backtrack in bounded time (S29)', () => {
    const started = performance.now();
    expect(compileGlob(`${'a*'.repeat(100)}b`)('a'.repeat(2_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('a source network', () => {
  const network = (...cidrs: string[]) => {
    const compiled = compileSourceNetwork(cidrs);
    if (typeof compiled !== 'function') throw new Error(`refused ${compiled.invalid}`);
    return compiled;
  };
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['10.0.0.0/8', 'no address', false],
  ])('%s on %s is %s (R25)', (cidr, ip, expected) => {
    expect(network(cidr)(ip)).toBe(expected);
  });
  it.each([
    '10.0.0.0/33',
    '10.0.0/8',
    '2001:db8::/129',
    '10.0.0.0/',
    'example.com',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '',
  ])('%j is refused', (cidr) => {
    expect(compileSourceNetwork(['10.0.0.0/8', cidr])).toEqual({ invalid: cidr });
  });
});

describe('hours', () => {
  const at = (text: string, iso: string) => {
    const hours = compileHours(text);
    if (typeof hours !== 'function') throw new Error(hours.invalid);
    return hours(Date.parse(iso));
  };
  it.each([
    ['Mon-Fri 07:00-20:00 Europe/Berlin', '2026-07-06T05:00:00Z', true], // Monday 07:00 in summer
    ['Mon-Fri 07:00-20:00 Europe/Berlin', '2026-07-06T04:59:59Z', false],
    ['Mon-Fri 07:00-20:00 Europe/Berlin', '2026-01-05T05:00:00Z', false], // 06:00 in winter
    ['Mon-Fri 07:00-20:00 Europe/Berlin', '2026-07-06T18:00:00Z', false], // the end is excluded
    ['Mon-Fri 07:00-20:00 Europe/Berlin', '2026-07-05T10:00:00Z', false], // Sunday
    ['Sat-Mon 00:00-24:00 UTC', '2026-07-05T23:59:00Z', true],
    ['Sat-Mon 00:00-24:00 UTC', '2026-07-07T00:00:00Z', false],
    ['Mon,Wed 09:00-10:00 UTC', '2026-07-08T09:30:00Z', true],
    ['Fri 22:00-06:00 UTC', '2026-07-04T05:59:00Z', true], // Friday night runs into Saturday
    ['Fri 22:00-06:00 UTC', '2026-07-03T05:59:00Z', false],
  ])('%s at %s is %s (R25)', (text, iso, expected) => {
    expect(at(text, iso)).toBe(expected);
  });
  it.each([
    '',
    'Mon-Fri',
    '07:00-20:00 UTC',
    'Mon 7:00-20:00 UTC',
    'Mon 07:00-25:00 UTC',
    'Mon 07:60-20:00 UTC',
    'Mon 08:00-08:00 UTC',
    'Montag 07:00-20:00 UTC',
    'Mon 07:00-20:00 Mars/Olympus',
    'Mon-Tue-Wed 07:00-20:00 UTC',
  ])('%j is refused', (text) => {
    expect(compileHours(text)).toHaveProperty('invalid');
  });
});

describe('multi-factor', () => {
  it.each<[string[], boolean]>([
    [['mfa'], true],
    [['pwd', 'otp'], true],
    [['pwd', 'pin'], false],
    [['pwd'], false],
    [['face', 'hwk'], true],
    [[], false],
  ])('%j is %s (R25)', (amr, expected) => {
    expect(isMultiFactor(amr)).toBe(expected);
  });
});

describe('an expression', () => {
  const variables = {
    user: { id: 'usr_a', roles: ['developer'], groups: ['engineering'] },
    agent: { clientId: 'agent-1' },
    tool: {
      name: 'get_issue',
      annotations: { readOnlyHint: true },
      arguments: { owner: 'acme', count: 5, labels: ['a', 'b'] },
    },
    request: { server: 'github', time: new Date('2026-07-06T05:00:00Z') },
  };
  it.each([
    ['tool.annotations.readOnlyHint || "release-manager" in user.roles', 'true'],
    ['"release-manager" in user.roles', 'false'],
    ['tool.arguments.owner == "acme" && tool.arguments.count < 10', 'true'],
    ['tool.arguments.owner.glob("ac*")', 'true'],
    ['tool.arguments.labels.exists(label, label == "b")', 'true'],
    ['request.time.getHours("Europe/Berlin") == 7', 'true'],
    ['tool.arguments.missing == 1', 'failed'],
    ['has(tool.arguments.missing)', 'false'],
    ['tool.arguments.owner', 'failed'],
    ['tool.constructor == tool.constructor', 'failed'],
    ['tool.arguments.count.size() > 1', 'failed'],
  ])('%s is %s (R25)', (source, expected) => {
    const expression = compileExpression(source);
    if ('invalid' in expression) throw new Error(expression.invalid);
    expect(expression.evaluate(variables)).toBe(expected);
  });

  it.each([
    '',
    'tool.',
    'nobody.knows',
    '1 + 1',
    '"text"',
    'user.roles.exists(a, user.roles.exists(b, a == b))',
    'tool.name.matches("(a+)+$")',
    `${'true && '.repeat(600)}true`,
    `${'('.repeat(100)}true${')'.repeat(100)}`,
  ])('%j is refused (S29)', (source) => {
    expect(compileExpression(source)).toHaveProperty('invalid');
  });

  it.each([
    ['"a" in user.roles', { tool: false, toolArguments: false, request: false }],
    ['tool.annotations.readOnlyHint', { tool: true, toolArguments: false, request: false }],
    ['user.roles.exists(r, r == tool.arguments.role)', { tool: true, toolArguments: true, request: false }],
    ['tool["arguments"].x == 1', { tool: true, toolArguments: true, request: false }],
    ['request.sourceIp == "x"', { tool: false, toolArguments: false, request: true }],
  ])('%s says what it reads', (source, reads) => {
    expect(compileExpression(source)).toMatchObject({ reads });
  });
});
