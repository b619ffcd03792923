import type { ImportProgress } from '../../model/index.js';
import type { Io } from '../io.js';
import { progressOn } from '../progress.js';

/** Shows the stages of a plan or an import, one after the other. */
export function stageProgress(io: Io): {
  readonly update: (progress: ImportProgress) => void;
  readonly end: () => void;
} {
  const progress = progressOn(io, 'reading');
  return {
    update: ({ stage, done, total }) => {
      progress.update(done, total, stage);
    },
    end: () => {
      progress.end();
    },
  };
}
