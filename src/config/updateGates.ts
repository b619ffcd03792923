import { z } from 'zod';

const share = z.number().min(0).max(1);
const ratio = z.number().min(0.1).max(1000);

const shadow = z.strictObject({
  seconds: z
    .number()
    .min(0)
    .max(7 * 86_400)
    .default(300)
    .describe('how long a new engine is given a copy of the traffic; its answers do not go out'),
  requests: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(500)
    .describe('copied requests after which that is enough, before the time is up'),
  minRequests: z
    .int()
    .min(0)
    .max(100_000)
    .default(50)
    .describe('where fewer came, golden utterances are asked in their place'),
  errors: share.default(0.01).describe('greatest share of copied requests that the new engine may fail'),
  latencyRatio: ratio.default(2).describe('how much slower it may be than what serves, at the median'),
  outOfScope: share
    .default(0.15)
    .describe('greatest difference between the shares that both call out of scope'),
  agreement: share.default(0.7).describe('least share of requests that both answer alike'),
});

const probation = z.strictObject({
  seconds: z
    .number()
    .min(0)
    .max(7 * 86_400)
    .default(1800)
    .describe('how long a new model serves with the one before at hand, to be taken back'),
  minRequests: z
    .int()
    .min(1)
    .max(100_000)
    .default(50)
    .describe('requests before anything but a crash is held against it'),
  errors: share.default(0.05).describe('how much larger the share of failed requests may be than before'),
  p99Ratio: ratio
    .default(3)
    .describe('how much longer an utterance may keep the engine than before, at the 99th percentile'),
  outOfScope: share
    .default(0.2)
    .describe('greatest difference between the shares out of scope before and since'),
  crashes: z.int().min(0).max(1000).default(0).describe('crashes of its engine that are put up with'),
});

/** What a new bundle is held to before it serves and while it does so on trial. */
export const updateGates = z.strictObject({
  load: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.3)
    .describe('share of the time that the gates may keep a new engine busy beside the one that serves'),
  reserveMib: z
    .int()
    .min(0)
    .max(65_536)
    .default(64)
    .describe('memory to be left over when a second engine is loaded, in MiB'),
  accuracyPoints: z
    .number()
    .min(0)
    .max(100)
    .default(1)
    .describe('how far the golden accuracy may be under the bundle’s own figure, in points'),
  utterances: z
    .int()
    .min(10)
    .max(100_000)
    .default(200)
    .describe('golden utterances that a new engine and the one that serves are both timed with'),
  latencyP50Ratio: ratio
    .default(1.5)
    .describe('how much slower than what serves a new engine may be, at the median'),
  latencyP99Ratio: ratio.default(3).describe('the same at the 99th percentile'),
  energyRatio: ratio
    .default(1.5)
    .describe('how much more energy an utterance may take than with what serves'),
  agreement: share
    .default(0.98)
    .describe('least share of golden utterances that a TensorRT engine must answer as the CPU engine does'),
  shadow: shadow.prefault({}),
  probation: probation.prefault({}),
});
