import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import type { Architecture } from '../encoder.js';

/** What `config.json` says of a checkpoint. */
export interface CheckpointConfig {
  /** Pooling is not in it: that follows from the head, or from the folder's modules. */
  readonly encoder: Omit<Architecture, 'pooling' | 'normalize'>;
  /** Class names such as `BertForSequenceClassification`; empty if it names none. */
  readonly classes: readonly string[];
  /** From `id2label`, in the order of the classifier's rows; absent if it names none. */
  readonly labels?: readonly string[];
}

const size = z.int().min(1);
const schema = z.object({
  model_type: z.literal('bert'),
  num_hidden_layers: size.max(64),
  hidden_size: size.multipleOf(8).max(8192),
  num_attention_heads: size.max(128),
  intermediate_size: size.multipleOf(8).max(32768),
  vocab_size: size.max(1_000_000),
  max_position_embeddings: size.min(2).max(8192),
  type_vocab_size: size.max(16).default(2),
  hidden_act: z.enum(['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu']).default('gelu'),
  layer_norm_eps: z.number().positive().max(0.1).default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
  pruned_heads: z.record(z.string(), z.never()).default({}),
  problem_type: z.literal('single_label_classification').nullish(),
  architectures: z.array(z.string()).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
});

/**
 * Reads a Hugging Face `config.json` of type `bert`.
 *
 * @param file what error messages call the file
 * @throws IntentdError `bad_checkpoint` or `bad_json`, naming the field and what was expected.
 */
export function parseConfig(bytes: Uint8Array, file: string): CheckpointConfig {
  const config = parseWith(schema, parseJson(bytes, { name: file }), file, 'bad_checkpoint');
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new IntentdError(
      'bad_checkpoint',
      `${file}: hidden_size ${config.hidden_size} must be a multiple of num_attention_heads ${config.num_attention_heads}.`,
    );
  }
  return {
    encoder: {
      type: 'bert',
      layers: config.num_hidden_layers,
      hidden: config.hidden_size,
      heads: config.num_attention_heads,
      feedForward: config.intermediate_size,
      vocabulary: config.vocab_size,
      positions: config.max_position_embeddings,
      tokenTypes: config.type_vocab_size,
      // One function under two names.
      activation: config.hidden_act === 'gelu_pytorch_tanh' ? 'gelu_new' : config.hidden_act,
      layerNormEpsilon: config.layer_norm_eps,
    },
    classes: config.architectures ?? [],
    ...(config.id2label ? { labels: inOrder(config.id2label, file) } : {}),
  };
}

function inOrder(labels: Readonly<Record<string, string>>, file: string): string[] {
  const count = Object.keys(labels).length;
  return Array.from({ length: count }, (_, index) => {
    const label = labels[String(index)];
    if (label === undefined) {
      throw new IntentdError(
        'bad_checkpoint',
        `${file}: id2label has ${count} names but none for ${index}; it must count from 0 without a gap.`,
      );
    }
    return label;
  });
}
