import { spawnSync } from 'node:child_process';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { IntentdError, silentLogger } from '../../src/base/index.js';
import { ControlServer, callAgent, controlSockets, type ControlHandlers } from '../../src/service/index.js';

const servers: ControlServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const change = { name: 'a', id: 'a', version: '1.0.0', digest: 'd', changed: true, previous: null };

async function listening(handlers: Partial<ControlHandlers> = {}, path?: string): Promise<string> {
  const at = path ?? join(mkdtempSync(join(tmpdir(), 'i-')), 'control.sock');
  const none = () => Promise.reject(new IntentdError('unexpected', 'Not asked here.'));
  const server = new ControlServer(
    {
      'engine.status': none,
      'engine.build': none,
      'model.list': () => Promise.resolve({ models: [] }),
      'model.load': none,
      'model.drop': none,
      'model.rollback': none,
      'update.status': none,
      'update.check': none,
      'update.install': none,
      'update.rollback': none,
      'update.history': none,
      ...handlers,
    },
    silentLogger,
  );
  await server.start([at]);
  servers.push(server);
  return at;
}

/** What comes back for bytes, until the agent has sent `lines` lines or ended the connection. */
function raw(path: string, bytes: string | Buffer, lines = 1): Promise<Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    const finish = (): void => {
      socket.destroy();
      resolve(
        text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      );
    };
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.split('\n').length > lines) finish();
    });
    socket.on('end', finish);
    socket.on('error', reject);
    socket.write(bytes);
  });
}

describe('the control channel', () => {
  it('answers a command once, after its progress', async () => {
    const path = await listening({
      'model.load': ({ folder, name }, progress) => {
        progress({ step: 'copying' });
        progress({ step: 'asking', done: 1, of: 2 });
        return Promise.resolve({ ...change, name: name ?? folder });
      },
    });
    const steps: unknown[] = [];
    const options = { onProgress: (step: unknown) => steps.push(step) };
    expect(await callAgent([path], 'model.load', { folder: '/x' }, options)).toEqual({
      ...change,
      name: '/x',
    });
    expect(steps).toEqual([{ step: 'copying' }, { step: 'asking', done: 1, of: 2 }]);
  });

  it('gives the reason and the code of what failed', async () => {
    const path = await listening({
      'model.drop': () => Promise.reject(new IntentdError('unknown_model', 'No model x.')),
    });
    await expect(callAgent([path], 'model.drop', { name: 'x' })).rejects.toMatchObject({
      code: 'unknown_model',
      message: 'No model x.',
    });
  });

  it('answers several requests of one connection in their order', async () => {
    const delays = [30, 0];
    const path = await listening({
      'model.rollback': async ({ name }) => {
        await new Promise((resolve) => setTimeout(resolve, delays.shift()));
        return { ...change, name };
      },
    });
    const line = (name: string) => `{"v":1,"command":"model.rollback","arguments":{"name":"${name}"}}\n`;
    const answers = await raw(path, line('one') + line('two'), 2);
    expect(answers.map(({ result }) => (result as { name: string }).name)).toEqual(['one', 'two']);
  });

  it.each([
    ['what is no JSON', 'hello\n', 'bad_json', 'not valid JSON'],
    ['invalid UTF-8', Buffer.of(0xff, 0x0a), 'bad_json', 'UTF-8'],
    ['a request of another version', '{"v":2,"command":"model.list"}\n', 'bad_request', 'v must be 1'],
    ['an unknown command', '{"v":1,"command":"reboot"}\n', 'bad_request', 'command must be'],
    ['an unknown argument', '{"v":1,"command":"model.list","arguments":{"a":1}}\n', 'bad_request', '"a"'],
    [
      'a name that is none',
      '{"v":1,"command":"model.drop","arguments":{"name":"../x"}}\n',
      'bad_request',
      'name',
    ],
    ['a line without end', Buffer.alloc(70_000, 'x'), 'too_large', '65536 bytes'],
  ])('says what is wrong with %s, and serves on', async (_, bytes, code, text) => {
    const path = await listening();
    const [answer] = await raw(path, bytes);
    expect(answer).toMatchObject({ v: 1, kind: 'error', error: { code } });
    expect((answer!['error'] as { message: string }).message).toContain(text);
    expect(await callAgent([path], 'model.list', {})).toEqual({ models: [] });
  });

  it('is for the user and the group of the agent alone', async () => {
    expect(statSync(await listening()).mode & 0o777).toBe(0o660);
  });

  it('takes the place of an agent that was killed, not of one that runs', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'i-')), 'control.sock');
    const killed = `require('net').createServer().listen('${path}', () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', killed]);
    expect(statSync(path).isSocket()).toBe(true);
    await listening({}, path);
    await expect(listening({}, path)).rejects.toMatchObject({ code: 'already_running' });
    expect(await callAgent([path], 'model.list', {})).toEqual({ models: [] });
  });

  it('leaves alone what is no socket', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'i-')), 'control.sock');
    writeFileSync(path, 'mine');
    await expect(listening({}, path)).rejects.toMatchObject({ code: 'bad_socket' });
  });

  it('that nobody serves is said with what to do', async () => {
    await expect(callAgent(['/nowhere/control.sock'], 'model.list', {})).rejects.toMatchObject({
      code: 'no_agent',
      message: expect.stringContaining('intentd run') as string,
    });
  });
});

describe('the socket of an agent', () => {
  const env = { STATE_DIRECTORY: '/var/lib/intentd' };

  it('is in the runtime folder for the service, and with the state of any other', () => {
    const none = {};
    expect(controlSockets({ control: none, stateDir: '/var/lib/intentd' }, env)).toEqual([
      '/run/intentd/control.sock',
      '/var/lib/intentd/control.sock',
    ]);
    expect(controlSockets({ control: none, stateDir: '/tmp/x' }, env)).toEqual(['/tmp/x/control.sock']);
    expect(controlSockets({ control: { socket: '/tmp/c' }, stateDir: '/tmp/x' }, env)).toEqual(['/tmp/c']);
  });
});
