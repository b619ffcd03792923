import { connectAsync } from 'mqtt';
import { expect, it } from 'vitest';
import { SelfReport, type SelfReportParts } from '../../src/daemon/selfReport.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { until } from '../support/until.js';

it('a worker that is well again leaves what was told last of a build, with its report', async () => {
  const { broker, up } = brokerRoom({});
  await broker.start();
  await up;
  const mqtt = await connectAsync(broker.url);
  const heard: unknown[] = [];
  mqtt.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString())));
  await mqtt.subscribeAsync('intentd/dev/engine', { qos: 1 });
  // Health and builds are told with the broker alone.
  const report = new SelfReport({ broker } as SelfReportParts);
  const news = [
    { phase: 'building', percent: 30, step: 'building int8-sparse', etaSeconds: 60 },
    { phase: 'ready', percent: 100, step: 'serving', report: { key: 'k', engine: 'int8-sparse' } },
  ] as const;
  for (const one of news) {
    heard.splice(0);
    report.publishEngine(one);
    report.publishHealth('failing');
    report.publishHealth('well');
    await until(() => heard.length === 3);
    expect(heard).toEqual([one, expect.objectContaining({ phase: 'failed' }), one]);
  }
  await mqtt.endAsync(true);
  await broker.stop(500);
});
