import { isIPv4 } from 'node:net';
import { IntentdError, type Clock, type Logger } from '../base/index.js';
import { decodeNative, ResponseTopicRule, type Broker } from '../broker/index.js';
import { readSecret, type Config } from '../config/index.js';
import type { Requests } from '../requests/index.js';
import {
  requestLogPath,
  Web,
  type AgentCounters,
  type AgentView,
  type Answered,
  type Telemetry,
  type UpdateView,
  type SiteOptions,
} from '../telemetry/index.js';
import type { Answering } from './answering.js';
import { engineStatus } from './controlHandlers.js';
import type { Engines } from './engines.js';
import type { Models } from './models.js';
import type { UpdateState } from './updates/mqttUpdates.js';

export interface WebParts {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly models: Models;
  readonly engines: Engines;
  readonly requests: Requests;
  readonly telemetry: Telemetry;
  readonly answering: Answering;
  readonly broker: Broker;
  /** How updates are. */
  readonly update: () => UpdateState;
}

/** How requests of the dashboard stand in the log. */
const way = 'dashboard';
const leastTokenCharacters = 16;

/**
 * The dashboard and metrics of this agent.
 *
 * @throws IntentdError `bad_config` where others than this machine could reach it without a token
 */
export function makeWeb(parts: WebParts, clock: Clock, log: Logger): Web {
  const sources = {
    telemetry: parts.telemetry,
    agent: () => agentView(parts),
    counters: () => countersOf(parts),
    ask: (payload: Buffer) => ask(parts, payload),
  };
  return new Web(siteOptions(parts.config, parts.env), sources, clock, log);
}

/** @returns nothing where it is switched off */
function siteOptions({ web, stateDir }: Config, env: NodeJS.ProcessEnv): SiteOptions | undefined {
  const { enabled, host, port, names, tokenFile, tokenCredential } = web;
  if (!enabled) return undefined;
  const token = readSecret({ file: tokenFile, credential: tokenCredential }, env);
  if (token === undefined && !isLoopback(host)) {
    throw new IntentdError(
      'bad_config',
      `web.host: ${host} can be reached from elsewhere, which demands a token: set web.tokenFile or web.tokenCredential.`,
    );
  }
  if (token !== undefined && token.length < leastTokenCharacters) {
    throw new IntentdError(
      'bad_config',
      `The token of web has ${token.length} characters; expected at least ${leastTokenCharacters}.`,
    );
  }
  return { host, port, names, token, logPath: requestLogPath(stateDir) };
}

function isLoopback(host: string): boolean {
  return isIPv4(host) ? host.startsWith('127.') : host === '::1';
}

/** The request path of intentd's own dialect, without the broker. */
async function ask({ answering, config }: WebParts, payload: Buffer): Promise<Answered> {
  const decoded = decodeNative(
    { topic: way, payload, qos: 0, retain: false },
    { device: config.device, responseTopic: way, allowed: new ResponseTopicRule([], []) },
  );
  if (decoded.kind === 'ignored') throw new Error('no request of the dashboard is ignored');
  if (decoded.kind === 'refused') {
    answering.refused(way, decoded.code);
    return { error: decoded.code, payload: decoded.messages[0]!.payload };
  }
  const { utterance, encode } = decoded.request;
  const outcome = await answering.ask(utterance, way);
  return { error: outcome.ok ? undefined : outcome.error.code, payload: encode(outcome)[0]!.payload };
}

function agentView({
  broker,
  config,
  engines,
  models,
  requests,
  telemetry,
  update,
  version,
}: WebParts): AgentView {
  const inFlight = (engine: Parameters<Requests['loadOf']>[0]): number => requests.loadOf(engine);
  const status = engineStatus({ agent: version, models, engines, inFlight });
  return {
    version,
    device: config.device,
    state: status.state,
    broker: { url: broker.url, up: broker.up },
    engines: status.engines.map((engine) => {
      const { kind, version: of, precision, form, encoder, state, restarts, residentMib } = engine;
      return { kind, version: of, precision, form, encoder, state, restarts, residentMib };
    }),
    models: models.loaded.map(({ name, identity, served, slot }) => ({
      name,
      version: served.version,
      digest: identity.digest,
      engine: slot.info.kind,
      default: models.default === name,
    })),
    building:
      status.building === null ? null : { step: status.building.step, percent: status.building.percent },
    update: toldOf(update()),
    meter: telemetry.meter,
  };
}

function toldOf({ phase, installed, available, percent, error }: UpdateState): UpdateView {
  return { phase, installed: installed ?? undefined, available, percent, error: error?.message };
}

function countersOf({ answering, broker, requests }: WebParts): AgentCounters {
  const { dropped, waiting, received, refused, retained, otherSite } = broker.counters;
  return {
    queued: requests.waiting,
    outbox: waiting,
    outboxDropped: dropped,
    repeated: answering.counters.repeated,
    received,
    refused,
    retained,
    otherSite,
  };
}
