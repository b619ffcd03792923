// An agent whose update host is called by the process that forked it, in place of the state machine:
//   { n, call, args } → { n, value } or { n, error }; { abort: n } ends a call. Settings are its one argument, as JSON.
// Beside the host's calls there is `memory` with whether to collect before: what `process.memoryUsage` says, in bytes;
// and `snapshot` with the path of a heap snapshot to write.
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLogger } from '../../dist/base/index.js';
import { loadConfig } from '../../dist/config/index.js';
import { giveMemoryBack, keepHeapSmall } from '../../dist/cli/runMemory.js';
import { Daemon } from '../../dist/daemon.js';

keepHeapSmall();
const { config } = await loadConfig({ env: {}, flags: JSON.parse(process.argv[2]) });
const log = await createLogger({ level: config.log.level, format: 'json' });
const daemon = new Daemon({ config, env: process.env, version: '0.1.0', log });
const running = new Map();

const own = {
  memory(collected) {
    if (collected) {
      setFlagsFromString('--expose-gc');
      runInNewContext('gc')({ type: 'major', flavor: 'last-resort' });
    }
    return process.memoryUsage();
  },
  snapshot: (path) => writeHeapSnapshot(path),
};

async function answer({ n, call, args }) {
  const ending = new AbortController();
  running.set(n, ending);
  const more = {
    build: [() => undefined, ending.signal],
    stage: [ending.signal],
    shadow: [ending.signal],
    probation: [ending.signal],
  };
  try {
    const value = await (call in own
      ? own[call](...args)
      : daemon.updateHost[call](...args, ...(more[call] ?? [])));
    process.send({ n, value: value ?? null });
  } catch (error) {
    process.send({ n, error: { code: error.code ?? 'internal', message: error.message } });
  } finally {
    running.delete(n);
  }
}

process.on('message', (message) => {
  if ('abort' in message) running.get(message.abort)?.abort(new Error('aborted'));
  else void answer(message);
});
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => void daemon.stop().then(() => process.exit(0)));
await daemon.start();
giveMemoryBack();
process.send({ ready: { broker: daemon.brokerUrl, device: config.device } });
