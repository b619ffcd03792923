import type { Telemetry } from '../telemetry/index.js';
import type { EngineNews } from './engineBuilds.js';

/** Keeps how the build of an engine ended; how far it has come is not history. */
export function keepEngineNews(telemetry: Pick<Telemetry, 'noteBuild'>, news: EngineNews): void {
  if (news.phase === 'failed') {
    telemetry.noteBuild({ engine: 'tensorrt', outcome: 'failed', seconds: null, detail: news.step });
  } else if (news.phase === 'ready') {
    const { engine, seconds } = (news.report ?? {}) as { engine?: string; seconds?: number };
    telemetry.noteBuild({
      engine: engine ?? 'tensorrt',
      outcome: 'built',
      seconds: seconds ?? null,
      detail: news.report,
    });
  }
}
