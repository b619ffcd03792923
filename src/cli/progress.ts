import type { Io } from './io.js';

const barCells = 24;

/** Shows how far long work has come, on a terminal, at most ten times a second. */
export interface Progress {
  update(done: number, total: number, label?: string): void;
  end(): void;
}

/** @param now milliseconds of any clock that only goes forward */
export function progressOn(io: Pick<Io, 'status'>, label: string, now = () => performance.now()): Progress {
  let shownAt = -Infinity;
  let shownLabel = '';
  return {
    update(done, total, step = label) {
      const isLast = done >= total;
      if (now() - shownAt < 100 && !isLast && step === shownLabel) return;
      shownAt = now();
      shownLabel = step;
      const share = total === 0 ? 1 : Math.min(1, done / total);
      const filled = Math.round(share * barCells);
      const bar = '█'.repeat(filled) + '░'.repeat(barCells - filled);
      io.status(`${step} ${bar} ${Math.floor(share * 100)} % (${done} of ${total})`);
    },
    end() {
      io.status('');
    },
  };
}
