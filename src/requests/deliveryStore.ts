import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { isBrokenDatabase, setDatabaseAside } from '../base/index.js';

/** A message that carries an answer, as it will be published. */
export interface AnswerMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly correlationData?: Buffer;
}

/** An answered request, as it is kept. */
export interface Delivery {
  /** Absent where nothing tells repeats of the request. */
  readonly key: string | undefined;
  readonly messages: readonly AnswerMessage[];
  /** Whether the broker still has to take them. */
  readonly undelivered: boolean;
}

/** Answers that are written together, under a number that grows. */
export interface DeliveryGroup {
  readonly id: number;
  /** Milliseconds since 1970 until which a repeat of one of the requests gets the same messages. */
  readonly expires: number;
  readonly deliveries: readonly Delivery[];
}

interface Row {
  id: number;
  expires: number;
  /** 0 where the broker has all of them, whatever each says. */
  undelivered: 0 | 1;
  deliveries: string;
}

/**
 * `delivery.db`: answers that must reach the broker, and that a repeated request gets again. One row holds
 * what was answered together, and rows only go to the end: a commit writes two or three pages, however
 * many answers are kept. Which row holds an answer is known to who wrote it.
 */
export class DeliveryStore {
  readonly #path: string;
  readonly #database: Database.Database;
  readonly #put: Database.Statement;
  readonly #get: Database.Statement;
  readonly #delivered: Database.Statement;
  readonly #prune: Database.Statement;

  /**
   * Opens the file, made if it is not there; its folder must exist. One that is damaged is set aside as
   * `….corrupt`, and a new one is begun.
   */
  static open(path: string): DeliveryStore {
    try {
      return new DeliveryStore(path);
    } catch (error) {
      if (!isBrokenDatabase(error)) throw error;
      setDatabaseAside(path, 'corrupt');
      return new DeliveryStore(path);
    }
  }

  private constructor(path: string) {
    this.#path = path;
    this.#database = openDatabase(path);
    this.#put = this.#database.prepare('INSERT OR REPLACE INTO answered VALUES (?, ?, ?, ?)');
    this.#get = this.#database.prepare('SELECT * FROM answered WHERE id = ? AND expires > ?');
    this.#delivered = this.#database.prepare(
      'UPDATE answered SET undelivered = 0 WHERE id BETWEEN ? AND ? AND undelivered = 1',
    );
    this.#prune = this.#database.prepare('DELETE FROM answered WHERE id BETWEEN ? AND ? AND undelivered = 0');
  }

  /** Writes groups, anew where they are there, and notes which the broker has, in one transaction. */
  commit(groups: readonly DeliveryGroup[], delivered: readonly number[]): void {
    this.#database.transaction(() => {
      for (const group of groups) {
        const undelivered = group.deliveries.some((delivery) => delivery.undelivered);
        this.#put.run(group.id, group.expires, undelivered ? 1 : 0, encode(group.deliveries));
      }
      for (const [first, last] of rangesOf(delivered)) this.#delivered.run(first, last);
    })();
  }

  /** The messages that answered the request of `key`, if they are in that group and it is within its time. */
  find(id: number, key: string, now: number): readonly AnswerMessage[] | undefined {
    const row = this.#get.get(id, now) as Row | undefined;
    if (row === undefined) return undefined;
    return decode(row.deliveries).find((delivery) => delivery.key === key)?.messages;
  }

  /** What is kept, oldest first; what is past its time and needs no delivery is deleted before. */
  *kept(now: number, graceMs: number): Generator<DeliveryGroup> {
    this.#database
      .prepare('DELETE FROM answered WHERE expires <= ? AND (undelivered = 0 OR expires <= ?)')
      .run(now, now - graceMs);
    const rows = this.#database.prepare('SELECT * FROM answered ORDER BY id').iterate();
    for (const { id, expires, undelivered, deliveries } of rows as IterableIterator<Row>) {
      const decoded = decode(deliveries);
      if (undelivered === 1) yield { id, expires, deliveries: decoded };
      else yield { id, expires, deliveries: decoded.map((one) => ({ ...one, undelivered: false })) };
    }
  }

  /** Notes that the broker has the answers of these places in a group, and not the others. */
  markDelivered(id: number, places: ReadonlySet<number>): void {
    const row = this.#get.get(id, -Infinity) as Row | undefined;
    if (row === undefined) return;
    const deliveries = decode(row.deliveries).map((delivery, place) =>
      places.has(place) ? { ...delivery, undelivered: false } : delivery,
    );
    this.commit([{ id, expires: row.expires, deliveries }], []);
  }

  /** Deletes what expired before `before` and the broker never took. */
  giveUp(before: number): void {
    this.#database.prepare('DELETE FROM answered WHERE undelivered = 1 AND expires <= ?').run(before);
  }

  /** Deletes the groups from `first` to `last`, unless the broker still has to take them. */
  prune(first: number, last: number): void {
    this.#prune.run(first, last);
  }

  /** Whether nobody deleted the file, or put another in its place. */
  get isThere(): boolean {
    return existsSync(this.#path);
  }

  /** Sets the file aside, where it is still there, and gives an empty store in its place. */
  beginAnew(): DeliveryStore {
    this.close();
    if (this.isThere) setDatabaseAside(this.#path, 'corrupt');
    return new DeliveryStore(this.#path);
  }

  close(): void {
    this.#database.close();
  }
}

function openDatabase(path: string): Database.Database {
  const database = new Database(path, { timeout: 0 });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('cache_size = -256');
    database.exec(
      `CREATE TABLE IF NOT EXISTS answered (
         id INTEGER PRIMARY KEY, expires REAL NOT NULL, undelivered INTEGER NOT NULL, deliveries TEXT NOT NULL
       ) STRICT`,
    );
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Numbers that follow one another, as first and last. */
function rangesOf(ids: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && id <= last[1] + 1) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges;
}

type Encoded = [key: string | null, undelivered: 0 | 1, messages: [string, string, 0 | 1, string?][]];

function encode(deliveries: readonly Delivery[]): string {
  return JSON.stringify(
    deliveries.map(({ key, undelivered, messages }): Encoded => [
      key ?? null,
      undelivered ? 1 : 0,
      messages.map(({ topic, payload, qos, correlationData }) =>
        correlationData === undefined
          ? [topic, payload, qos]
          : [topic, payload, qos, correlationData.toString('base64')],
      ),
    ]),
  );
}

function decode(text: string): Delivery[] {
  return (JSON.parse(text) as Encoded[]).map(([key, undelivered, messages]) => ({
    key: key ?? undefined,
    undelivered: undelivered === 1,
    messages: messages.map(([topic, payload, qos, correlation]) => ({
      topic,
      payload,
      qos,
      ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, 'base64') }),
    })),
  }));
}
