import { IntentdError, parseJson, readRegularFile } from '../../base/index.js';

const maxBytes = 256 << 20;
const outOfScopeLabel = 'oos';

/** An utterance whose intent is known. */
export interface LabelledUtterance {
  readonly text: string;
  /** `null` is out of scope. */
  readonly intent: string | null;
}

/**
 * One split of a file of the CLINC150 form, `{"val": [[text, intent], …], "oos_val": [[text, "oos"], …]}`.
 * A split need not have out-of-scope utterances.
 *
 * @param intents the intents that a model knows: every utterance of the split must have one of them
 * @throws IntentdError `bad_data`, `bad_json` or `bad_file`, naming the place
 */
export async function readSplit(
  path: string,
  split: string,
  intents: ReadonlySet<string>,
): Promise<LabelledUtterance[]> {
  const data = parseJson(await readRegularFile(path, { maxBytes }), { name: path, maxDepth: 3 });
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw bad(`${path} must be an object of splits, each a list of [text, intent]`);
  }
  if (!Object.hasOwn(data, split)) {
    const known = Object.keys(data).map((name) => JSON.stringify(name));
    throw bad(`${path} has no split ${JSON.stringify(split)}, it has ${known.join(', ') || 'none'}`);
  }
  const inScope = readPairs(data[split], `${path}: ${split}`).map(({ text, intent, place }) => {
    if (!intents.has(intent))
      throw bad(`${place} has the intent ${JSON.stringify(intent)}, which the bundle does not know`);
    return { text, intent };
  });
  if (inScope.length === 0) throw bad(`${path}: ${split} is empty: expected at least one [text, intent]`);
  const outside = `${outOfScopeLabel}_${split}`;
  const outOfScope = readPairs(data[outside] ?? [], `${path}: ${outside}`).map(({ text, intent, place }) => {
    if (intent !== outOfScopeLabel)
      throw bad(`${place} has the intent ${JSON.stringify(intent)}: expected "${outOfScopeLabel}"`);
    return { text, intent: null };
  });
  return [...inScope, ...outOfScope];
}

function readPairs(value: unknown, name: string): { text: string; intent: string; place: string }[] {
  if (!Array.isArray(value)) throw bad(`${name} must be a list of [text, intent]`);
  return value.map((pair: unknown, at) => {
    const place = `${name}[${at}]`;
    if (!Array.isArray(pair) || pair.length !== 2) throw bad(`${place} must be [text, intent]`);
    const [text, intent] = pair as unknown[];
    if (typeof text !== 'string' || typeof intent !== 'string') {
      throw bad(`${place} must be two strings, [text, intent]`);
    }
    return { text, intent, place };
  });
}

function bad(problem: string): IntentdError {
  return new IntentdError('bad_data', `${problem}.`);
}
