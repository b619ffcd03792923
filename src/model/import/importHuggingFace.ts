import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { IntentdError, parseWith } from '../../base/index.js';
import { manifestSchema, parseTokenizer, writeBundle, type BundleParts } from '../bundle/index.js';
import { openHuggingFace, type Checkpoint } from '../checkpoint/index.js';
import { compress, plainMultiply, type Compression } from '../posttraining/index.js';
import { answersOf, type Answers } from './answers.js';
import { chooseDecision, type ChosenDecision } from './chosenDecision.js';
import { chooseGolden, type ChosenGolden } from './golden.js';
import { nameIntents, type IntentHead } from './intentHead.js';
import { modelCard } from './modelCard.js';
import { observeAndPlan, type Planned } from './observing.js';
import type { ImportOptions, ImportProgress, ImportReport, StageFigures } from './options.js';
import { stageFigures } from './stageFigures.js';

/** The first version of intentd that reads bundles of format 1. */
const minAgent = '0.1.0';

/**
 * Makes a bundle of a Hugging Face BERT classification checkpoint without training: prunes it by plan,
 * quantizes it to INT8 on the given utterances, measures what that cost, and writes it.
 *
 * A layer's floating-point weights are in memory at a time; what grows with the model is its INT8 form.
 *
 * @throws IntentdError naming the file and field that is wrong, or `exists` if `options.out` holds
 *   something; nothing is written then.
 */
export async function importHuggingFace(
  folder: string,
  options: ImportOptions,
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<ImportReport> {
  const identity = identityOf(folder, options);
  await checkOut(options.out);
  const checkpoint = await openHuggingFace(folder);
  try {
    const intents = nameIntents(checkpoint, options.labels);
    checkIntents(options, intents);
    const planned = await observeAndPlan(checkpoint, options, onProgress);
    const made = await make(checkpoint, planned, intents, options, onProgress);
    onProgress({ stage: 'writing', done: 0, total: 1 });
    const report = reportOf(options.out, identity.id, planned, made);
    await writeBundle(options.out, partsOf(checkpoint, identity, planned, intents, made, report));
    onProgress({ stage: 'writing', done: 1, total: 1 });
    return report;
  } finally {
    await checkpoint.close();
  }
}

type Identity = Pick<BundleParts, 'id' | 'version'>;

interface Made {
  readonly compression: Compression;
  readonly stages: readonly StageFigures[];
  readonly chosen: ChosenDecision;
  readonly golden: ChosenGolden;
}

async function make(
  checkpoint: Checkpoint,
  { selection, observation, plan }: Planned,
  intents: IntentHead,
  { multiply = plainMultiply, fits }: ImportOptions,
  onProgress: (progress: ImportProgress) => void,
): Promise<Made> {
  const { architecture } = checkpoint;
  const compression = await compress(checkpoint, plan, observation, selection, multiply, (done) => {
    onProgress({ stage: 'compressing', done, total: architecture.layers });
  });
  onProgress({ stage: 'measuring', done: 0, total: 1 });
  const answers = (states: Float32Array): Promise<Answers> =>
    answersOf(states, selection.rows, architecture, intents.head, multiply);
  const dense = await answers(observation.states);
  const int8 = await answers(compression.int8States);
  const stages = [
    stageFigures('dense', dense, dense, selection, intents),
    stageFigures('pruned', await answers(compression.prunedStates), dense, selection, intents),
    stageFigures('int8', int8, dense, selection, intents),
  ];
  const chosen = chooseDecision(int8, selection, intents, fits);
  const golden = chooseGolden(int8, selection, intents, chosen.decision);
  onProgress({ stage: 'measuring', done: 1, total: 1 });
  return { compression, stages, chosen, golden };
}

function reportOf(
  out: string,
  id: string,
  { plan, sensitivities, selection }: Planned,
  made: Made,
): ImportReport {
  const { source, utterances, calibration } = selection;
  const { golden, source: goldenSource, accuracy } = made.golden;
  return {
    out,
    id,
    plan,
    sensitivities,
    utterances: {
      source,
      calibration,
      heldOut: utterances.length - calibration,
      labelled: utterances.some(({ intent }) => intent !== undefined),
    },
    stages: made.stages,
    activations: made.compression.sites,
    golden: { utterances: golden.length, source: goldenSource, accuracy },
    notes: [...notesOn(source, goldenSource), ...made.chosen.notes],
  };
}

function notesOn(source: 'given' | 'built-in', golden: ChosenGolden['source']): string[] {
  return [
    ...(source === 'given'
      ? []
      : ['Calibrated on built-in neutral utterances: your own, some hundreds, lose less accuracy.']),
    ...(golden === 'labels'
      ? []
      : [
          'The golden utterances expect the INT8 model’s own answers: they show that an engine computes them.',
        ]),
    'INT8 figures have every activation site quantized, as TensorRT computes; the CPU engine rounds less.',
  ];
}

function partsOf(
  checkpoint: Checkpoint,
  identity: Identity,
  { plan }: Planned,
  { head, labels }: IntentHead,
  made: Made,
  report: ImportReport,
): BundleParts {
  const { vocabulary } = checkpoint.architecture;
  const { hidden, output, intents, background } = head;
  const { stages, utterances, golden } = report;
  return {
    ...identity,
    minAgent,
    encoder: made.compression.encoder,
    head: { ...(hidden && { hidden }), output, intents, background },
    labels,
    tokenizerJson: parseTokenizer(
      checkpoint.tokenizerFile,
      vocabulary,
      join(checkpoint.folder, 'tokenizer.json'),
    ),
    golden: made.golden.golden,
    sparsityTarget: plan.target,
    quantizationMethod: 'ptq',
    decision: made.chosen.decision,
    evaluation: {
      command: 'intentd model import',
      utterances: { ...utterances },
      stages: stages.map((stage) => ({ ...stage })),
      golden: { ...golden },
    },
    readme: modelCard(identity.id, checkpoint, report),
  };
}

function identityOf(folder: string, options: ImportOptions): Identity {
  const fromName = basename(resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .slice(0, 64)
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  const id = options.id ?? (fromName === '' ? 'imported' : fromName);
  const version = options.version ?? '1.0.0';
  return parseWith(manifestSchema.pick({ id: true, version: true }), { id, version }, 'bundle', 'bad_bundle');
}

/** Minutes of work should not end at a folder that was never free. */
async function checkOut(out: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(out);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return;
    throw new IntentdError('exists', `${out} is there and no folder: choose another one.`, { cause });
  }
  if (names.length > 0) {
    throw new IntentdError('exists', `${out} is not empty: choose another folder or remove it.`);
  }
}

function checkIntents({ utterances = [] }: ImportOptions, { labels }: IntentHead): void {
  const known = new Set<string>(labels);
  const stranger = utterances.find(({ intent }) => typeof intent === 'string' && !known.has(intent));
  if (stranger !== undefined) {
    throw new IntentdError(
      'bad_utterances',
      `The utterance ${JSON.stringify(stranger.text)} has the intent ${JSON.stringify(stranger.intent)}, which is none of the classifier's ${labels.length}.`,
    );
  }
}
