import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.js';
import { Notifier, Watchdog } from '../../src/service/index.js';

const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    message = s.recv(4096).decode().strip().replace("\\n", "|")
    if message not in ("", "BARRIER=1"):
        print(message, flush=True)
`;

const canListen =
  spawnSync('python3', ['-c', '']).status === 0 && spawnSync('systemd-notify', ['--version']).status === 0;

async function heard(count: number, tell: (socket: string) => Promise<unknown>): Promise<string[]> {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-notify-')), 'notify');
  const python = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const patience = setTimeout(() => {
        reject(new Error(`heard only ${JSON.stringify(lines)}`));
      }, 10_000);
      python.stdout.on('data', (chunk: Buffer) => {
        const first = lines.length === 0;
        lines.push(...chunk.toString().split('\n').filter(Boolean));
        if (first) void tell(path);
        if (lines.length > count) {
          clearTimeout(patience);
          resolve();
        }
      });
    });
  } finally {
    python.kill();
  }
  return lines.slice(1);
}

describe('systemd', () => {
  it.skipIf(!canListen)('is told in order that the service is ready, alive and stopping', async () => {
    const lines = await heard(3, (socket) => {
      const notifier = new Notifier({ ...process.env, NOTIFY_SOCKET: socket }, silentLogger);
      void notifier.ready('serving tiny 1.0.0');
      void notifier.watchdog();
      return notifier.stopping();
    });
    expect(lines).toEqual(['READY=1|STATUS=serving tiny 1.0.0', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('is left alone where it did not start the service', async () => {
    const notifier = new Notifier({}, silentLogger);
    expect(notifier.active).toBe(false);
    expect(notifier.watchdogMs).toBeUndefined();
    await notifier.ready('x');
  });

  it('wants its watchdog fed within a third of its time', () => {
    const env = { NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000' };
    expect(new Notifier(env, silentLogger).watchdogMs).toBe(10_000);
  });
});

describe('fault 30: the watchdog', () => {
  async function feedings(probe: () => Promise<void>, during: (watchdog: Watchdog) => void) {
    let fed = 0;
    let probed = 0;
    const watchdog = new Watchdog(
      {
        everyMs: 20,
        feed: () => (fed += 1),
        probe: () => {
          probed += 1;
          return probe();
        },
      },
      { now: () => performance.now(), wall: Date.now },
    );
    watchdog.start();
    const steps = setInterval(() => {
      during(watchdog);
    }, 5);
    await new Promise((resolve) => setTimeout(resolve, 150));
    clearInterval(steps);
    watchdog.stop();
    return { fed, probed };
  }

  it('is fed while requests are answered, without a probe', async () => {
    const { fed, probed } = await feedings(
      () => Promise.resolve(),
      (watchdog) => {
        watchdog.succeeded();
      },
    );
    expect(fed).toBeGreaterThan(3);
    expect(probed).toBeLessThanOrEqual(1);
  });

  it('is fed by probes while nothing is asked', async () => {
    expect(
      (
        await feedings(
          () => Promise.resolve(),
          () => undefined,
        )
      ).fed,
    ).toBeGreaterThan(2);
  });

  it('is not fed while inferences fail', async () => {
    const { fed, probed } = await feedings(
      () => Promise.reject(new Error('no')),
      () => undefined,
    );
    expect(fed).toBe(0);
    expect(probed).toBeGreaterThan(2);
  });
});
