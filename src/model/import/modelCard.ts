import type { Checkpoint } from '../checkpoint/index.js';
import type { ImportReport } from './options.js';

/** The README.md of an imported bundle. */
export function modelCard(id: string, { architecture }: Checkpoint, report: ImportReport): string {
  const { layers, hidden, heads } = architecture;
  const { plan, utterances, stages, golden, notes } = report;
  const percent = (share: number | undefined): string =>
    share === undefined ? '–' : `${(share * 100).toFixed(2)} %`;
  return `# ${id}

A BERT classifier with ${layers} layers of ${hidden} and ${heads} heads, made from a Hugging Face checkpoint by
\`intentd model import\` without training: ${percent(plan.achieved)} of the encoder's linear weights are zero in
the 2:4 pattern, and it computes in INT8. Its licence and intended use are those of the checkpoint.

## What it lost

On ${utterances.heldOut} utterances that nothing was fitted on (${utterances.calibration} others were calibrated
on, ${utterances.source}), by \`intentd model import\`:

| stage | embedding cosine to dense | same answer as dense | accuracy |
| --- | --- | --- | --- |
${stages
  .map(
    ({ stage, embeddingCosine, agreement, accuracy }) =>
      `| ${stage} | ${embeddingCosine.toFixed(4)} | ${percent(agreement)} | ${percent(accuracy)} |`,
  )
  .join('\n')}

Golden utterances: ${golden.utterances}, expected intents from ${golden.source}, of which the INT8 model gives
${percent(golden.accuracy)}.

## Notes

${notes.map((note) => `- ${note}`).join('\n')}
`;
}
