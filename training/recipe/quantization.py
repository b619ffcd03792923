"""Symmetric INT8 as the engines compute it, with gradients passed straight through the rounding."""

import torch
from torch import nn

LIMIT = 127


def _round(x):
    return x + (x.round() - x).detach()


def _half(x):
    """Scales are FP16 numbers, so that the FP16 and FP32 engines hold the same ones."""
    return x + (x.half().float() - x).detach()


def row_scale(weight):
    """One scale a row: the row's largest magnitude falls on 127."""
    return _half((weight.detach().abs().amax(-1, keepdim=True) / LIMIT).clamp(min=2.0**-14))


def quantize_rows(weight):
    scale = row_scale(weight)
    return _round(weight / scale).clamp(-LIMIT, LIMIT) * scale


class ActivationStep(nn.Module):
    """One learned quantization step (Esser et al., Learned Step Size Quantization), kept as its logarithm.

    In `observe` mode it only collects magnitudes; `calibrate` then takes the step with the least
    squared error over what was seen.
    """

    def __init__(self):
        super().__init__()
        self.log_step = nn.Parameter(torch.zeros(()))
        self.seen = []

    @property
    def step(self):
        return _half(self.log_step.exp().clamp(min=2.0**-14))

    def forward(self, x, mode):
        if mode.observe:
            flat = x.detach().flatten()
            self.seen.append(flat[torch.randint(flat.numel(), (min(flat.numel(), 20_000),), device=flat.device)])
            return x
        step = self.step
        return _round((x / step).clamp(-LIMIT, LIMIT)) * step

    def calibrate(self):
        values = torch.cat(self.seen)
        self.seen = []
        top = values.abs().amax().clamp(min=1e-3)
        steps = torch.stack([top * share / LIMIT for share in torch.linspace(0.1, 1, 46).tolist()])
        errors = torch.stack([((values / s).round().clamp(-LIMIT, LIMIT) * s - values).square().mean() for s in steps])
        with torch.no_grad():
            self.log_step.copy_(steps[errors.argmin()].log())
