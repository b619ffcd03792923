import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const data = '../shared/data/clinc150/train_val.json';
const isText = (file: string) => /\.(ts|mjs|js|py|md|json|jsonl|txt|yml|yaml|sh)$/.test(file) && !/(package-lock|tokenizer)\.json$/.test(file);

/** Lower case, without punctuation, white space folded. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Every line of a file, and everything in quotes; of JSON lines, every text. */
function sentencesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.jsonl')) {
    const rows = text.trim().split('\n');
    return rows.map((row) => (JSON.parse(row) as { text: string }).text);
  }
  return [...text.split('\n'), ...[...text.matchAll(/(['"`])([^'"`\n]{6,160})\1/g)].map((match) => match[2]!)];
}

describe('the project', () => {
  it.skipIf(!existsSync(data) || !existsSync('.git'))(
    `holds no sentence of the data set, in no file (skipped without ${data} or outside a checkout)`,
    () => {
      const splits = JSON.parse(readFileSync(data, 'utf8')) as Record<string, [string, string][]>;
      // A single word is anybody's.
      const theirs = new Set(
        Object.values(splits)
          .flatMap((rows) => rows.map(([text]) => plain(text)))
          .filter((text) => text.includes(' ')),
      );
      expect(theirs.size).toBeGreaterThan(17_000);
      const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(isText);
      expect(files.length).toBeGreaterThan(100);
      const found = files.flatMap((file) =>
        sentencesOf(file)
          .filter((sentence) => theirs.has(plain(sentence)))
          .map((sentence) => `${file}: ${sentence}`),
      );
      expect(found).toEqual([]);
    },
  );
});
