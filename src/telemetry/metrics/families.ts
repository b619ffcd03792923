import type { Telemetry } from '../telemetry.js';
import type { AgentCounters, AgentView } from '../web/agentView.js';
import { counter, gauge, histogram, type MetricFamily } from './family.js';
import type { RequestMeters } from './requestMeters.js';

/** What the metrics are read from. */
export interface Measured {
  readonly agent: AgentView;
  readonly counters: AgentCounters;
  readonly requests: RequestMeters;
  readonly telemetry: Pick<Telemetry, 'energy' | 'railsMw' | 'powerState' | 'requestLog'>;
  /** Energy of requests so far, in mJ, which never falls as that of the telemetry may. */
  readonly requestsMj: number;
}

/** All metrics of the agent, with Prometheus' names: base units, `_total` for what only grows. */
export function families(measured: Measured): MetricFamily[] {
  return [
    ...requestFamilies(measured.requests),
    ...energyFamilies(measured),
    ...queueFamilies(measured),
    ...agentFamilies(measured.agent),
  ];
}

function requestFamilies(requests: RequestMeters): MetricFamily[] {
  const dialects = [...requests.dialects];
  return [
    counter(
      'intentd_requests_total',
      'Requests by dialect and outcome: answered, out_of_scope, or the code of the error.',
      dialects.flatMap(([dialect, { outcomes }]) =>
        [...outcomes].map(([outcome, count]) => [{ dialect, outcome }, count] as const),
      ),
    ),
    histogram(
      'intentd_request_duration_seconds',
      'Time from the arrival of a request to its answer, of the answered ones.',
      dialects.map(([dialect, { duration }]) => [{ dialect }, duration]),
    ),
    histogram(
      'intentd_stage_duration_seconds',
      'Time that answered requests spent waiting, being tokenized and being inferred.',
      Object.entries(requests.stages).map(([stage, distribution]) => [{ stage }, distribution]),
    ),
    counter(
      'intentd_intents_total',
      'Answers by model and intent.',
      [...requests.intents].flatMap(([model, intents]) =>
        [...intents].map(([intent, count]) => [{ model, intent }, count] as const),
      ),
    ),
    counter('intentd_tokens_total', 'Tokens of all requests.', requests.tokens),
    counter(
      'intentd_requests_measured_total',
      'Requests whose energy was measured: what intentd_energy_joules_total of use requests went to.',
      requests.measured,
    ),
  ];
}

function energyFamilies({ telemetry, agent, requestsMj }: Measured): MetricFamily[] {
  const { meter } = agent.meter;
  const present = meter !== null;
  const { idleMj, unmeasuredMs, idleFloorMw } = telemetry.energy;
  const rails = [...telemetry.railsMw].filter(([rail]) => rail !== 'total');
  const totalMw = telemetry.railsMw.get('total');
  const state = telemetry.powerState;
  return [
    gauge(
      'intentd_meter_info',
      'What measures energy here; its value is 1.',
      present
        ? [[{ kind: meter.kind, device: meter.device, covers: meter.covers, total: meter.total }, 1]]
        : null,
    ),
    gauge(
      'intentd_meter_up',
      'Whether energy is measured at present.',
      present && agent.meter.fault === null ? 1 : 0,
    ),
    counter(
      'intentd_energy_joules_total',
      'Energy that the meter saw: what requests cost, and what was idle. Both together are the meter’s.',
      present
        ? [
            [{ use: 'requests' }, requestsMj / 1000],
            [{ use: 'idle' }, idleMj / 1000],
          ]
        : null,
    ),
    counter(
      'intentd_energy_unmeasured_seconds_total',
      'Time in which the meter said nothing.',
      present ? unmeasuredMs / 1000 : null,
    ),
    gauge(
      'intentd_idle_power_watts',
      'Power while nothing runs, as learned since the start.',
      idleFloorMw === undefined ? null : idleFloorMw / 1000,
    ),
    gauge(
      'intentd_power_watts',
      'Mean power of the last second by rail. Rails may hold one another: intentd_power_total_watts is the sum.',
      rails.map(([rail, powerMw]) => [{ rail }, powerMw / 1000]),
    ),
    gauge(
      'intentd_power_total_watts',
      'Mean power of the last second of all that the meter covers.',
      totalMw === undefined ? null : totalMw / 1000,
    ),
    gauge('intentd_temperature_celsius', 'The hottest thermal zone.', state?.temperatureC),
    gauge(
      'intentd_throttled',
      'Whether heat or current holds a processor back.',
      state?.throttled === null || state === null ? null : Number(state.throttled),
    ),
    gauge('intentd_clock_hertz', 'Clock rate.', [
      [{ processor: 'cpu' }, hertz(state?.cpuMhz)],
      [{ processor: 'gpu' }, hertz(state?.gpuMhz)],
    ]),
  ];
}

function queueFamilies({ counters, telemetry }: Measured): MetricFamily[] {
  const log = telemetry.requestLog.counters;
  return [
    gauge('intentd_queue_requests', 'Requests that wait for an engine.', counters.queued),
    gauge('intentd_outbox_messages', 'Answers that wait for the broker.', counters.outbox),
    counter('intentd_dropped_total', 'What was dropped because too much waited: answers, rows of the log.', [
      [{ what: 'answer' }, counters.outboxDropped],
      [{ what: 'log_row' }, log.dropped],
    ]),
    counter(
      'intentd_repeated_requests_total',
      'Requests that came again and were not inferred again.',
      counters.repeated,
    ),
    counter('intentd_messages_total', 'Messages from the broker, by what was done with them.', [
      [{ taken: 'request' }, counters.received - counters.refused - counters.retained - counters.otherSite],
      [{ taken: 'refused' }, counters.refused],
      [{ taken: 'retained_ignored' }, counters.retained],
      [{ taken: 'other_site_ignored' }, counters.otherSite],
    ]),
    counter('intentd_log_rows_total', 'Rows written to the request log.', log.written),
    gauge('intentd_log_pending_rows', 'Rows that wait to be written to the request log.', log.pending),
    counter('intentd_log_failures_total', 'Commits of the request log that failed.', log.failures),
  ];
}

function agentFamilies({
  version,
  device,
  state,
  broker,
  engines,
  models,
  building,
}: AgentView): MetricFamily[] {
  const named = engines.map((engine, at) => ({ ...engine, engine: engineName(engines, at) }));
  return [
    gauge('intentd_build_info', 'The agent; its value is 1.', [
      [{ version, device, node: process.versions.node }, 1],
    ]),
    gauge(
      'intentd_state',
      'Which of its states the agent is in.',
      (['starting', 'online', 'degraded'] as const).map((one) => [{ state: one }, one === state ? 1 : 0]),
    ),
    gauge('intentd_broker_up', 'Whether the broker is connected.', broker.up ? 1 : 0),
    gauge(
      'intentd_engine_info',
      'The engines that serve; the value is 1.',
      named.map(({ engine, kind, precision, form, ...one }) => [
        { engine, kind, version: one.version, precision, form, state: one.state },
        1,
      ]),
    ),
    counter(
      'intentd_engine_restarts_total',
      'Workers that were replaced, by engine.',
      named.map(({ engine, restarts }) => [{ engine }, restarts]),
    ),
    gauge(
      'intentd_engine_resident_memory_bytes',
      'Resident memory of the worker, by engine.',
      named.map(({ engine, residentMib }) => [
        { engine },
        residentMib === null ? null : residentMib * 2 ** 20,
      ]),
    ),
    gauge(
      'intentd_model_info',
      'The bundles that serve; the value is 1.',
      models.map(({ name, digest, engine, ...model }) => [
        {
          model: name,
          version: model.version,
          digest: digest.slice(0, 12),
          engine,
          default: String(model.default),
        },
        1,
      ]),
    ),
    gauge(
      'intentd_engine_build_ratio',
      'How far the engine is that is being built, 0 to 1.',
      building === null ? null : building.percent / 100,
    ),
  ];
}

/** The beginning of its encoder's digest, made different where two engines have the same weights. */
function engineName(engines: AgentView['engines'], at: number): string {
  const { encoder } = engines[at]!;
  const before = engines.slice(0, at).filter((one) => one.encoder === encoder).length;
  return before === 0 ? encoder.slice(0, 12) : `${encoder.slice(0, 12)}-${before + 1}`;
}

function hertz(mhz: number | null | undefined): number | null {
  return mhz === null || mhz === undefined ? null : mhz * 1e6;
}
