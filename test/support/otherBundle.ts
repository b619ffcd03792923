import { cpSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../src/base/index.js';

export const shippedBundle = join(import.meta.dirname, '../../models/clinc150-minilm-l6');

interface Changes {
  readonly version?: string;
  readonly id?: string;
  /** Another intent for each utterance of the golden set. */
  readonly golden?: (intent: string | null, intents: readonly string[]) => string | null;
  readonly noFigures?: true;
  /** Another graph of the same weights, so that it needs a worker of its own. */
  readonly windowEachSide?: number;
  /** Another head: the last of its weights in the last bit. */
  readonly head?: true;
  /** Further files of 1 GiB of zeros that take no room, so that copying it takes long. */
  readonly ballast?: number;
}

const gigabyte = 1 << 30;
const digestOfZeros = '49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14';

/** A copy of the shipped bundle that says something else of itself, and is as whole. */
export function otherBundle(changes: Changes): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'intentd-other-')), 'bundle');
  cpSync(shippedBundle, folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as {
    id: string;
    version: string;
    evaluation: object;
    attention: { windowEachSide: number };
    files: Record<string, { sha256: string; bytes: number }>;
  };
  manifest.id = changes.id ?? manifest.id;
  manifest.version = changes.version ?? manifest.version;
  manifest.attention.windowEachSide = changes.windowEachSide ?? manifest.attention.windowEachSide;
  if (changes.noFigures) manifest.evaluation = {};
  if (changes.golden) {
    const text = goldenWith(folder, changes.golden);
    writeFileSync(join(folder, 'golden.jsonl'), text);
    manifest.files['golden.jsonl'] = { sha256: sha256(text), bytes: Buffer.byteLength(text) };
  }
  if (changes.head) {
    const head = readFileSync(join(folder, 'head.safetensors'));
    head[head.length - 2]! ^= 1;
    writeFileSync(join(folder, 'head.safetensors'), head);
    manifest.files['head.safetensors'] = { sha256: sha256(head), bytes: head.length };
  }
  for (let at = 0; at < (changes.ballast ?? 0); at++) {
    writeFileSync(join(folder, `ballast-${at}`), '');
    truncateSync(join(folder, `ballast-${at}`), gigabyte);
    manifest.files[`ballast-${at}`] = { sha256: digestOfZeros, bytes: gigabyte };
  }
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

function goldenWith(folder: string, change: NonNullable<Changes['golden']>): string {
  const { intents } = JSON.parse(readFileSync(join(folder, 'labels.json'), 'utf8')) as { intents: string[] };
  const lines = readFileSync(join(folder, 'golden.jsonl'), 'utf8').trimEnd().split('\n');
  return lines
    .map((line) => JSON.parse(line) as { text: string; intent: string | null })
    .map(({ text, intent }) => `${JSON.stringify({ text, intent: change(intent, intents) })}\n`)
    .join('');
}
