/** Chance: numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

const interesting: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    2,
    1.5,
    -0,
    255,
    65_536,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    2 ** 63,
    1e308,
    -1e308,
  ],
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e9',
    'x'.repeat(5000),
    '../../etc/passwd',
    '/etc/passwd',
    'a\0b',
    '\ud800',
    '__proto__',
  ],
  ...[
    'constructor',
    'toString',
    'targets',
    'root',
    'timestamp.json',
    'I8',
    'F32',
    '2:4',
    '1.0.0',
    '99999.0.0',
  ],
  ...[
    '*',
    '*'.repeat(300),
    '?'.repeat(300),
    '[',
    '[!',
    '(',
    '+(a|aa)+(a|aa)+',
    '{1..9999999}',
    '{a,b}'.repeat(12),
  ],
  ...[
    '**/'.repeat(100),
    '!(*)',
    '\\',
    '2020-13-45T99:99:99Z',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    'é',
  ],
  ...['a'.repeat(64), 'f'.repeat(64), '0'.repeat(128), [], {}, [[]], [null], { '': {} }],
];

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** One to a few changes anywhere in a value of JSON; the value itself is not touched. */
export function mutateJson(value: unknown, random: Random): unknown {
  const copy = structuredClone(value);
  const times = 1 + Math.floor(random() ** 3 * 6);
  let root = copy;
  for (let at = 0; at < times; at++) root = mutateOnce(root, random);
  return root;
}

function mutateOnce(root: unknown, random: Random): unknown {
  const places = placesIn(root);
  if (places.length === 0) return pick(random, interesting);
  const { parent, key } = pick(random, places);
  const kind = Math.floor(random() * 8);
  if (kind <= 2) parent[key] = structuredClone(pick(random, interesting));
  else if (kind === 3) remove(parent, key);
  else if (kind === 4) parent[key] = structuredClone(other(places, random));
  else if (kind === 5) parent[key] = nudged(parent[key], random);
  else if (kind === 6 && !Array.isArray(parent)) parent[String(pick(random, interesting))] = parent[key];
  else if (Array.isArray(parent))
    (parent as unknown[]).push(...Array<unknown>(Math.floor(random() * 50)).fill(parent[Number(key)]));
  else parent[key] = nested(Math.floor(random() * 100), parent[key]);
  return root;
}

interface Place {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

function placesIn(root: unknown): Place[] {
  const places: Place[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > 12) return;
    for (const key of Object.keys(value).slice(0, 200)) {
      places.push({ parent: value as Record<string, unknown>, key });
      walk((value as Record<string, unknown>)[key], depth + 1);
    }
  };
  walk(root, 0);
  return places;
}

function other(places: readonly Place[], random: Random): unknown {
  const { parent, key } = pick(random, places);
  return parent[key];
}

function remove(parent: Record<string, unknown>, key: string): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent, key);
}

function nudged(value: unknown, random: Random): unknown {
  if (typeof value === 'number') return value + pick(random, [-1, 1, 0.5, 1e9, -value, value]);
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return value;
  const at = Math.floor(random() * (value.length + 1));
  const insert = pick(random, ['', '/', '..', '\0', '"', 'A', '%2e', '\u202e', '-', '.']);
  return value.slice(0, at) + insert + value.slice(at + Math.floor(random() * 2));
}

function nested(depth: number, value: unknown): unknown {
  let result = value;
  for (let at = 0; at < depth; at++) result = at % 2 === 0 ? [result] : { x: result };
  return result;
}

/** The text of a value; empty for what JSON cannot say. */
export function jsonOf(value: unknown): Buffer {
  return Buffer.from((JSON.stringify(value) as string | undefined) ?? '');
}

/** Changes of bytes: flipped, replaced, inserted, removed, repeated, cut, spliced with another example. */
export function mutateBytes(bytes: Uint8Array, others: readonly Uint8Array[], random: Random): Uint8Array {
  let data = Buffer.from(bytes);
  const times = 1 + Math.floor(random() ** 3 * 12);
  for (let time = 0; time < times; time++) {
    const at = Math.floor(random() * data.length);
    const length = Math.floor(random() ** 4 * (data.length - at));
    const kind = Math.floor(random() * 8);
    if (data.length === 0) return data;
    if (kind === 0) data[at]! ^= 1 << Math.floor(random() * 8);
    else if (kind === 1) data[at] = Math.floor(random() * 256);
    else if (kind === 2) data = Buffer.concat([data.subarray(0, at), data.subarray(at + length)]);
    else if (kind === 3) data = Buffer.concat([data.subarray(0, at + length), data.subarray(at)]);
    else if (kind === 4) data = data.subarray(0, at);
    else if (kind === 5) data = Buffer.concat([data.subarray(0, at), token(random), data.subarray(at)]);
    else if (kind === 6) data = Buffer.concat([data.subarray(0, at), pick(random, others).subarray(at)]);
    else data.fill(Math.floor(random() * 256), at, at + Math.min(length, 64));
    if (data.length > 1 << 20) data = data.subarray(0, 1 << 20);
  }
  return data;
}

function token(random: Random): Buffer {
  const text = pick(random, [
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    '\\u0000',
    '\ufeff',
    '1e999',
    '-',
    'null',
    '//',
    '"__proto__":',
  ]);
  return Buffer.from(random() < 0.1 ? text.repeat(10_000) : text);
}
