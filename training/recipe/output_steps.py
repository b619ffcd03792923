"""The steps that only TensorRT's form uses, fitted to what the CPU engine answers.

A feed-forward output of BERT holds a few values a hundred times larger than all others. A step that spans them
leaves the others a handful of levels, and a learned step of that size moves too slowly to leave it. Clipped, they cost
almost nothing behind the LayerNorm that follows. So each step is searched by what it does to the embedding.
"""

import torch
import torch.nn.functional as F

from .data import in_batches
from .encoder import CPU, OUTPUT_SITES, TENSORRT

#: Factors by which a step is tried; below the last one a change is not looked for.
FACTORS = (0.5, 0.8, 0.93)


@torch.no_grad()
def fit_output_steps(encoder, ids, say=lambda text: None, batch=256):
    """Sets the steps of `OUTPUT_SITES` so that embeddings are nearest those of the CPU engine's form.

    `ids` `[N, S]`, 0 is padding. Every other number of the encoder stays as it is, so the CPU engine's answers do too.
    Returns (before, after): the mean of 1 − cosine between the two forms.
    """
    encoder.eval()
    parts = [part for _, part in in_batches(ids, batch)]
    wanted = [encoder(part, CPU) for part in parts]

    def distance():
        apart = [1 - F.cosine_similarity(encoder(part, TENSORRT), was, dim=-1) for part, was in zip(parts, wanted)]
        return torch.cat(apart).mean().item()

    before = least = distance()
    for factor in FACTORS:
        for n, layer in enumerate(encoder.layers):
            for site in OUTPUT_SITES:
                least = _search(layer.step[site], factor, least, distance)
            say(f"output steps, factor {factor}, layer {n}: 1 - cosine {least:.5f}")
    return before, least


def _search(step, factor, least, distance):
    """Multiplies or divides the step by the factor for as long as that brings the embeddings nearer."""
    for change in (factor, 1 / factor):
        kept = step.log_step.detach().clone()
        while True:
            step.log_step.copy_((step.step * change).log())
            found = distance()
            if found >= least:
                break
            kept, least = step.log_step.detach().clone(), found
        step.log_step.copy_(kept)
    return least
