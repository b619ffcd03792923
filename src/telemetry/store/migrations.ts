/**
 * The schema, one step a version: `PRAGMA user_version` counts the steps that were done. A step that was
 * released is never changed.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS request (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, requestId TEXT NOT NULL, dialect TEXT NOT NULL,
    model TEXT, version TEXT, engine TEXT, intent TEXT, confidence REAL, outOfScope INTEGER NOT NULL,
    tokens INTEGER NOT NULL, batchSize INTEGER NOT NULL, queueUs INTEGER NOT NULL,
    tokenizeUs INTEGER NOT NULL, inferUs INTEGER NOT NULL, totalUs INTEGER NOT NULL, energyMj REAL,
    error TEXT, text TEXT) STRICT;
  CREATE INDEX IF NOT EXISTS request_time ON request (time);`,

  `ALTER TABLE request ADD COLUMN bucket INTEGER;
  ALTER TABLE request ADD COLUMN gpuUs INTEGER;
  ALTER TABLE request ADD COLUMN aboveIdleMj REAL;
  ALTER TABLE request ADD COLUMN energyHow TEXT;
  ALTER TABLE request ADD COLUMN meter TEXT;
  ALTER TABLE request ADD COLUMN sampleMs REAL;

  CREATE TABLE meter (
    kind TEXT PRIMARY KEY, device TEXT NOT NULL, covers TEXT NOT NULL, total TEXT NOT NULL,
    rails TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE rollup (
    dimension TEXT NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL, name TEXT NOT NULL,
    count INTEGER NOT NULL, errors INTEGER NOT NULL, outOfScope INTEGER NOT NULL, tokens INTEGER NOT NULL,
    queueUs INTEGER NOT NULL, inferUs INTEGER NOT NULL, totalUs INTEGER NOT NULL, maxUs INTEGER NOT NULL,
    measured INTEGER NOT NULL, energyMj REAL NOT NULL,
    measuredAbove INTEGER NOT NULL, aboveIdleMj REAL NOT NULL, latency BLOB NOT NULL,
    PRIMARY KEY (dimension, level, start, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE rollup_since (time INTEGER NOT NULL) STRICT;

  CREATE TABLE power (
    time INTEGER NOT NULL, rail TEXT NOT NULL, meanMw REAL NOT NULL, maxMw REAL NOT NULL,
    PRIMARY KEY (time, rail)) STRICT, WITHOUT ROWID;
  CREATE TABLE power_rollup (
    level INTEGER NOT NULL, start INTEGER NOT NULL, rail TEXT NOT NULL, seconds INTEGER NOT NULL,
    meanMw REAL NOT NULL, maxMw REAL NOT NULL, PRIMARY KEY (level, start, rail)) STRICT, WITHOUT ROWID;
  CREATE TABLE power_state (
    time INTEGER PRIMARY KEY, cpuMhz INTEGER, gpuMhz INTEGER, temperatureC REAL, throttled INTEGER,
    throttleEvents INTEGER, powerMode TEXT) STRICT;

  CREATE TABLE engine_build (
    time INTEGER NOT NULL, engine TEXT NOT NULL, outcome TEXT NOT NULL, seconds REAL, detail TEXT) STRICT;
  CREATE TABLE update_event (
    time INTEGER NOT NULL, phase TEXT NOT NULL, version TEXT, detail TEXT) STRICT;
  CREATE TABLE event (time INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT) STRICT;
  CREATE INDEX event_time ON event (time);

  CREATE VIEW v_requests AS
    SELECT r.id, datetime(r.time / 1000.0, 'unixepoch', 'subsec') AS utc, r.requestId, r.dialect, r.model,
      r.version, r.engine, r.intent, r.confidence, r.outOfScope, r.error, r.tokens, r.bucket, r.batchSize,
      r.queueUs / 1000.0 AS queueMs, r.tokenizeUs / 1000.0 AS tokenizeMs, r.inferUs / 1000.0 AS inferMs,
      r.gpuUs / 1000.0 AS gpuMs, r.totalUs / 1000.0 AS totalMs, r.energyMj, r.aboveIdleMj, r.energyHow,
      r.meter, m.covers AS meterCovers, m.total AS meterTotal, r.sampleMs, r.text
    FROM request r LEFT JOIN meter m ON m.kind = r.meter;
  CREATE VIEW v_energy_by_intent AS
    SELECT name AS intent, SUM(count) AS requests, SUM(measured) AS measured,
      SUM(energyMj) / 1000.0 AS joules, SUM(energyMj) / NULLIF(SUM(measured), 0) AS mjPerRequest,
      SUM(aboveIdleMj) / NULLIF(SUM(measuredAbove), 0) AS aboveIdleMjPerRequest
    FROM rollup WHERE dimension = 'intent' AND level = 86400 GROUP BY name;
  CREATE VIEW v_requests_by_hour AS
    SELECT datetime(start / 1000, 'unixepoch') AS utc, count, errors, outOfScope,
      totalUs / 1000.0 / NULLIF(count - errors, 0) AS meanMs, maxUs / 1000.0 AS maxMs,
      energyMj / 1000.0 AS joules, energyMj / 1000.0 / 3600 AS meanW
    FROM rollup WHERE dimension = 'all' AND level = 3600;
  CREATE VIEW v_power AS
    SELECT datetime(time / 1000, 'unixepoch') AS utc, rail, meanMw / 1000.0 AS meanW, maxMw / 1000.0 AS maxW
    FROM power;`,

  // Before SQLite 3.42, which many people's own sqlite3 is, datetime() knows no 'subsec' and gives NULL.
  `ALTER TABLE meter ADD COLUMN sampleMs REAL;
  CREATE INDEX engine_build_time ON engine_build (time);
  CREATE INDEX update_event_time ON update_event (time);

  DROP VIEW v_requests;
  CREATE VIEW v_requests AS
    SELECT r.id, strftime('%Y-%m-%d %H:%M:%f', r.time / 1000.0, 'unixepoch') AS utc, r.requestId, r.dialect,
      r.model, r.version, r.engine, r.intent, r.confidence, r.outOfScope, r.error, r.tokens, r.bucket,
      r.batchSize, r.queueUs / 1000.0 AS queueMs, r.tokenizeUs / 1000.0 AS tokenizeMs,
      r.inferUs / 1000.0 AS inferMs, r.gpuUs / 1000.0 AS gpuMs, r.totalUs / 1000.0 AS totalMs, r.energyMj,
      r.aboveIdleMj, r.energyHow, r.meter, m.covers AS meterCovers, m.total AS meterTotal, r.sampleMs, r.text
    FROM request r LEFT JOIN meter m ON m.kind = r.meter;
  CREATE VIEW v_energy_by_model AS
    SELECT name AS model, SUM(count) AS requests, SUM(measured) AS measured,
      SUM(energyMj) / 1000.0 AS joules, SUM(energyMj) / NULLIF(SUM(measured), 0) AS mjPerRequest,
      SUM(aboveIdleMj) / NULLIF(SUM(measuredAbove), 0) AS aboveIdleMjPerRequest
    FROM rollup WHERE dimension = 'model' AND level = 86400 GROUP BY name;
  CREATE VIEW v_energy_by_engine AS
    SELECT name AS engine, SUM(count) AS requests, SUM(measured) AS measured,
      SUM(energyMj) / 1000.0 AS joules, SUM(energyMj) / NULLIF(SUM(measured), 0) AS mjPerRequest,
      SUM(aboveIdleMj) / NULLIF(SUM(measuredAbove), 0) AS aboveIdleMjPerRequest
    FROM rollup WHERE dimension = 'engine' AND level = 86400 GROUP BY name;
  CREATE VIEW v_power_by_hour AS
    SELECT datetime(start / 1000, 'unixepoch') AS utc, rail, seconds, meanMw / 1000.0 AS meanW,
      maxMw / 1000.0 AS maxW, meanMw * seconds / 1e6 AS kilojoules
    FROM power_rollup WHERE level = 3600;
  CREATE VIEW v_power_state AS
    SELECT datetime(time / 1000, 'unixepoch') AS utc, cpuMhz, gpuMhz, temperatureC, throttled,
      throttleEvents, powerMode
    FROM power_state;
  CREATE VIEW v_engine_builds AS
    SELECT datetime(time / 1000, 'unixepoch') AS utc, engine, outcome, seconds, detail FROM engine_build;
  CREATE VIEW v_updates AS
    SELECT datetime(time / 1000, 'unixepoch') AS utc, phase, version, detail FROM update_event;
  CREATE VIEW v_events AS
    SELECT datetime(time / 1000, 'unixepoch') AS utc, kind, detail FROM event;`,

  `CREATE TABLE energy (
    time INTEGER PRIMARY KEY, meterMj REAL NOT NULL, attributedMj REAL NOT NULL, idleMj REAL NOT NULL,
    unmeasuredMs REAL NOT NULL) STRICT;
  CREATE TABLE energy_rollup (
    level INTEGER NOT NULL, start INTEGER NOT NULL, seconds INTEGER NOT NULL, meterMj REAL NOT NULL,
    attributedMj REAL NOT NULL, idleMj REAL NOT NULL, unmeasuredMs REAL NOT NULL,
    PRIMARY KEY (level, start)) STRICT, WITHOUT ROWID;

  CREATE VIEW v_energy_by_hour AS
    SELECT datetime(start / 1000, 'unixepoch') AS utc, seconds, meterMj / 1000.0 AS meterJoules,
      attributedMj / 1000.0 AS attributedJoules, idleMj / 1000.0 AS idleJoules,
      unmeasuredMs / 1000.0 AS unmeasuredSeconds
    FROM energy_rollup WHERE level = 3600;`,
];
