import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto'].find(
  (path) => spawnSync(path, ['-h']).error === undefined,
);

/** Whether Debian's mosquitto is installed; tests that need it skip without. */
export const haveMosquitto = binary !== undefined;

/** A port that nothing listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A mosquitto on loopback, with further lines of configuration. */
export class Mosquitto {
  #child: ChildProcess | undefined;

  constructor(
    readonly port: number,
    readonly lines: readonly string[] = ['allow_anonymous true'],
  ) {}

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'intentd-mosquitto-'));
    const file = join(folder, 'mosquitto.conf');
    const config = [`listener ${this.port} 127.0.0.1`, 'set_tcp_nodelay true', 'user root', ...this.lines];
    writeFileSync(file, `${config.join('\n')}\n`);
    this.#child = spawn(binary!, ['-c', file], { stdio: 'ignore' });
    for (let tries = 0; tries < 200; tries++) {
      if (await listens(this.port)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('mosquitto did not start');
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
