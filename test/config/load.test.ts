import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  defaultDeviceId,
  loadConfig,
  printConfig,
  readSecret,
  stateDirOf,
  variableOf,
} from '../../src/config/index.js';

const folder = mkdtempSync(join(tmpdir(), 'intentd-config-'));

function file(text: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
  writeFileSync(path, text);
  return path;
}

describe('the configuration', () => {
  it('works with nothing given', async () => {
    const { config, origins } = await loadConfig({ env: {}, file: file('') });
    expect(config.requests.deadlineMs).toBe(100);
    expect(config.broker.url).toBeUndefined();
    expect(config.log.text).toBe('none');
    expect(new Set(origins.values())).toEqual(new Set(['default']));
  });

  it('lets the environment win over the file, and flags over both, and says so', async () => {
    const path = file('requests:\n  deadlineMs: 50\n  queue: 9\n  maxBatch: 4\n');
    const { config, origins } = await loadConfig({
      env: { INTENTD_REQUESTS_DEADLINE_MS: '60', INTENTD_REQUESTS_QUEUE: '10' },
      file: path,
      flags: { 'requests.queue': '11' },
    });
    expect(config.requests).toMatchObject({ deadlineMs: 60, queue: 11, maxBatch: 4 });
    expect(origins.get('requests.deadlineMs')).toBe('INTENTD_REQUESTS_DEADLINE_MS');
    expect(origins.get('requests.queue')).toBe('--set requests.queue');
    expect(origins.get('requests.maxBatch')).toBe(`${path}:4`);
  });

  it('is frozen all the way down', async () => {
    const { config } = await loadConfig({ env: {}, file: file('') });
    expect(Object.isFrozen(config.broker.hermes.siteIds)).toBe(true);
  });

  it('reads lists from the environment, and text that looks like a number as text', async () => {
    const { config } = await loadConfig({
      env: { INTENTD_BROKER_POOLS: 'a, b', INTENTD_DEVICE: '007', INTENTD_BROKER_PROTOCOL: '5' },
      file: file(''),
    });
    expect(config.broker.pools).toEqual(['a', 'b']);
    expect(config.device).toBe('007');
    expect(config.broker.protocol).toBe('5');
  });

  it.each([
    [
      'log:\n  level: info\n  colour: red\n',
      ':3: log.colour: unknown setting; allowed under log are level, text',
    ],
    ['requests:\n  deadlineMs: soon\n', ':2: requests.deadlineMs must be of type number, not "soon"'],
    ['log:\n  level: loud\n', ':2: log.level must be "debug" or "info"'],
    ['broker:\n  pools: [ok, "not ok"]\n', ':2: broker.pools.1: expected 1 to 64 of the characters'],
    ['broker:\n  url: mqtt://me:pw@host\n', ':2: broker.url: expected mqtt://HOST'],
    ['homeAssistant:\n  prefix: home/#\n', ':2: homeAssistant.prefix: expected a topic without +, #'],
    ['homeAssistant:\n  statusTopic: +/status\n', ':2: homeAssistant.statusTopic: expected a topic without'],
    ['homeAssistant:\n  enabled: maybe\n', ':2: homeAssistant.enabled must be of type boolean, not "maybe"'],
    [
      'homeAssistant:\n  enable: true\n',
      ':2: homeAssistant.enable: unknown setting; allowed under homeAssistant',
    ],
    ['broker:\n  password: hunter2\n', ':2: broker.password: unknown setting'],
    ['a: [\n', ':2: '],
    ['- a\n', ':1: expected a mapping'],
    ['__proto__:\n  x: 1\n', ':1: __proto__: unknown setting'],
  ])('refuses %j with its line and what is allowed', async (text, message) => {
    const path = file(text);
    await expect(loadConfig({ env: {}, file: path })).rejects.toThrow(`${path}${message}`);
  });

  it('refuses unknown variables and wrong values in them by name', async () => {
    await expect(loadConfig({ env: { INTENTD_QUEUE: '1' }, file: file('') })).rejects.toThrow(
      'INTENTD_QUEUE: no such setting (intentd run --print-config shows them all)',
    );
    await expect(loadConfig({ env: { INTENTD_REQUESTS_QUEUE: '0' }, file: file('') })).rejects.toThrow(
      'INTENTD_REQUESTS_QUEUE: requests.queue must be at least 1, not 0',
    );
    await expect(loadConfig({ env: {}, file: file(''), flags: { queue: '1' } })).rejects.toThrow(
      '--set queue: no such setting',
    );
    await expect(loadConfig({ env: { INTENTD_BROKER_URLL: 'x' }, file: file('') })).rejects.toThrow(
      'INTENTD_BROKER_URLL: no such setting; did you mean INTENTD_BROKER_URL?',
    );
    await expect(
      loadConfig({ env: {}, file: file(''), flags: { 'requests.deadline': '1' } }),
    ).rejects.toThrow('did you mean requests.deadlineMs?');
  });

  it('says which file cannot be read', async () => {
    await expect(loadConfig({ env: {}, file: '/nowhere/intentd.yaml' })).rejects.toThrow(
      'The configuration /nowhere/intentd.yaml cannot be read',
    );
  });

  it('prints every setting with its origin, and reads its own print back as the same', async () => {
    const loaded = await loadConfig({ env: { INTENTD_BROKER_URL: 'mqtt://h' }, file: file('device: me\n') });
    const printed = await printConfig(loaded);
    expect(printed).toContain('(INTENTD_BROKER_URL)\n  url: mqtt://h\n');
    for (const path of loaded.origins.keys()) expect(printed).toContain(`${path.split('.').at(-1)!}: `);
    expect((await loadConfig({ env: {}, file: file(printed) })).config).toEqual(loaded.config);
  });

  it('gives every setting a variable of its own', async () => {
    expect(variableOf('broker.tls.caFile')).toBe('INTENTD_BROKER_TLS_CA_FILE');
    const paths = [...(await loadConfig({ env: {}, file: file('') })).origins.keys()];
    expect(new Set(paths.map(variableOf)).size).toBe(paths.length);
  });
});

describe('the state directory alone', () => {
  it('is the one of the whole configuration, wherever it is given', async () => {
    const inputs = [
      { env: {}, file: file('') },
      { env: { STATE_DIRECTORY: '/from/systemd' }, file: file('') },
      { env: {}, file: file('stateDir: /from/file\n') },
      { env: { INTENTD_STATE_DIR: '/from/variable' }, file: file('stateDir: /from/file\n') },
      { env: { INTENTD_STATE_DIR: '/from/variable' }, file: file(''), flags: { stateDir: '/from/flag' } },
      { env: {}, file: file(''), flags: { stateDir: '/from/flag', 'log.level': 'warn' } },
    ];
    for (const given of inputs) {
      expect(await stateDirOf(given)).toBe((await loadConfig(given)).config.stateDir);
    }
  });

  it('is refused where it is no path, and with it whatever else is wrong on the command line', async () => {
    const path = file('stateDir: 7\n');
    await expect(stateDirOf({ env: {}, file: path })).rejects.toThrow(
      `${path}:1: stateDir must be of type string, not 7`,
    );
    const flags = { stateDir: '/x', queue: '1' };
    await expect(stateDirOf({ env: {}, file: file(''), flags })).rejects.toThrow('no such setting');
  });
});

describe('secrets', () => {
  it('come from a file, without its newline', () => {
    expect(readSecret({ file: file('hunter2\n'), credential: undefined }, {})).toBe('hunter2');
  });

  it('come from a systemd credential', () => {
    writeFileSync(join(folder, 'broker'), 'hunter3');
    expect(readSecret({ file: undefined, credential: 'broker' }, { CREDENTIALS_DIRECTORY: folder })).toBe(
      'hunter3',
    );
    expect(() => readSecret({ file: undefined, credential: 'broker' }, {})).toThrow(
      'LoadCredential=broker:FILE',
    );
  });

  it('are not taken empty', () => {
    expect(() => readSecret({ file: file('\n'), credential: undefined }, {})).toThrow('is empty');
  });
});

describe('the device id', () => {
  it('is safe for topics, stable, and differs between machines of one name', () => {
    expect(defaultDeviceId('küche.local', 'a')).toMatch(/^k-che-local-[0-9a-f]{6}$/);
    expect(defaultDeviceId('orin', 'a')).toBe(defaultDeviceId('orin', 'a'));
    expect(defaultDeviceId('orin', 'a')).not.toBe(defaultDeviceId('orin', 'b'));
    expect(defaultDeviceId('x'.repeat(200), 'a').length).toBeLessThanOrEqual(64);
  });
});
