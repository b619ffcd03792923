import type { BuildProgress } from '../tensorrt/addon.js';

/** How far TensorRT is with one build, 0…1, from the phases that it tells; it never goes back. */
export class BuildShare {
  readonly #open: { readonly step: number; readonly steps: number }[] = [];
  #share = 0;

  note({ step, steps, depth }: BuildProgress): number {
    this.#open.length = Math.min(this.#open.length, depth);
    this.#open[depth] = { step, steps };
    // The step of a phase that is under way is as far as the phase within it.
    const share = this.#open.reduceRight(
      (inner, one) => (one.steps > 0 ? Math.min(1, (one.step + inner) / one.steps) : inner),
      0,
    );
    this.#share = Math.max(this.#share, share);
    return this.#share;
  }
}
