import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Mosquitto, haveMosquitto } from './mosquitto.js';

/** A broker that can be killed and started again on the same port. */
export interface BrokerProcess {
  readonly url: string;
  start(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

/** Debian's mosquitto, where it is installed, and aedes in a process of its own. */
export const brokerProcesses: readonly (readonly [string, (port: number) => BrokerProcess])[] = [
  ...(haveMosquitto ? [['mosquitto', (port: number) => new Mosquitto(port)] as const] : []),
  ['aedes', (port) => new AedesProcess(port)],
];

const script = `
  import { createServer } from 'node:net';
  import { Aedes } from 'aedes';
  const aedes = await Aedes.createBroker();
  createServer({ noDelay: true }, aedes.handle).listen(Number(process.argv[1]), '127.0.0.1', () => console.log('up'));
`;

class AedesProcess implements BrokerProcess {
  readonly url: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  constructor(port: number) {
    this.#port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const args = ['--input-type=module', '-e', script, String(this.#port)];
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    this.#child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(this.#child.stdout!, 'data');
  }

  async kill(): Promise<void> {
    if (this.#child === undefined || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
