import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';

const agent = new Agent();

beforeAll(async () => {
  await agent.start('--set', 'broker.prefix=bench');
}, 120_000);

afterAll(async () => {
  await agent.end('SIGKILL');
});

interface Printed {
  readonly measured: { readonly cores: number; readonly date: string };
  readonly figures: {
    readonly model: string;
    readonly latency: readonly { readonly qos: number; readonly requests: number; readonly p50Ms: number }[];
    readonly overload: {
      readonly sent: number;
      readonly answered: number;
      readonly refused: Record<string, number>;
      readonly silent: number;
    };
    readonly startMs?: number;
  };
  readonly lines: readonly { readonly what: string; readonly figure: string; readonly met: boolean | null }[];
}

describe('intentd bench daemon', () => {
  it('measures a running agent, counts what became of every request, and says what it could not measure', async () => {
    const running = ['--broker', agent.url, '--device', agent.device, '--prefix', 'bench'];
    const brief = ['--seconds', '1', '--pid', String(agent.pid), '--json'];
    const { status, out, err } = await intentd('bench', 'daemon', ...running, ...brief);
    expect([status, err]).toEqual([0, '']);
    const { figures, lines, measured } = JSON.parse(out) as Printed;
    expect(Date.now() - Date.parse(measured.date)).toBeLessThan(60_000);
    expect(figures.model).toBe('clinc150-minilm-l6 1.0.0');
    expect(figures.latency.map(({ qos }) => qos)).toEqual([0, 1]);
    for (const { requests, p50Ms } of figures.latency) {
      // One at a time: more would have been open together.
      expect(requests).toBeGreaterThan(10);
      expect(requests * p50Ms).toBeLessThan(2500);
    }
    const { answered, refused, sent, silent } = figures.overload;
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    expect([answered + refusals, silent]).toEqual([sent, 0]);
    const idle = /^(\d+) MB$/.exec(lines.find(({ what }) => what === 'daemon when idle')!.figure);
    // With V8's own young generation it would be 120.
    expect(Number(idle![1])).toBeLessThan(112);
    for (const what of ['start to first answer', 'admission, no inference']) {
      expect(lines.find((line) => line.what === what)).toMatchObject({ figure: 'not measured', met: null });
    }
  }, 60_000);

  it('says so where no agent can be reached', async () => {
    const { status, err } = await intentd('bench', 'daemon', '--broker', 'mqtt://127.0.0.1:1');
    expect(status).toBe(1);
    expect(err).toContain('No broker answers at 127.0.0.1:1');
  });
});
