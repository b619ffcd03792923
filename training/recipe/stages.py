"""Training the small encoder: dense, then pruned, then quantized; each stage learns from the one before."""

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from .data import UNLABELLED, crop, in_batches
from .encoder import FLOAT, Mode


@dataclass
class Lessons:
    """What a stage learns from, a row an utterance: `[N, S]` ids, labels, teachers' logits, embeddings."""

    ids: torch.Tensor
    labels: torch.Tensor
    teacher: torch.Tensor
    published: torch.Tensor
    written: int


@dataclass
class Settings:
    epochs: int = 20
    batch: int = 256
    rate: float = 1.5e-4
    head_rate: float = 1e-3
    dropout: float = 0.1
    #: Weight of the teachers' word against the label's, and its temperature.
    distill: float = 0.8
    temperature: float = 2.0
    #: How near the embedding stays to the published encoder's.
    hold: float = 1.0
    #: How near the embedding and the logits stay to the stage before, where there is one.
    follow: float = 1.0
    decay: float = 0.998
    seed: int = 0


class Average:
    """An exponential moving average of the parameters: what a stage hands on."""

    def __init__(self, modules, decay):
        self.modules, self.decay, self.steps = modules, decay, 0
        self.copies = [copy.deepcopy(m).requires_grad_(False) for m in modules]

    @torch.no_grad()
    def update(self):
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        ours = [p for m in self.copies for p in m.parameters()]
        theirs = [p for m in self.modules for p in m.parameters()]
        torch._foreach_lerp_(ours, theirs, 1 - decay)


def train(encoder, head, lessons, settings, name, mode=FLOAT, before=None, each_epoch=None, progress=True):
    """Trains both and returns their averaged copies; `mode` may be quantized.

    `before` is the (encoder, head) of the stage before, run without dropout on the same batch.
    Output sites are quantized in every second step, so that the CPU engine, which leaves them in
    floating point, and TensorRT, which does not, both meet what was trained.
    """
    s, device = settings, lessons.ids.device
    torch.manual_seed(s.seed)
    rng = np.random.default_rng(s.seed)
    written, total = lessons.written, len(lessons.ids)
    half = s.batch // 2
    steps_an_epoch = written // half
    steps = s.epochs * steps_an_epoch
    encoder.requires_grad_(True), head.requires_grad_(True)
    steps_p = set(map(id, encoder.step_parameters()))
    body = [p for p in encoder.parameters() if id(p) not in steps_p]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "lr": s.rate, "weight_decay": 0.01},
        {"params": [p for p in body if p.ndim <= 1], "lr": s.rate, "weight_decay": 0.0},
        {"params": list(head.parameters()), "lr": s.head_rate, "weight_decay": 0.01},
    ]
    if mode.quantized:
        groups.append({"params": encoder.step_parameters(), "lr": 10 * s.rate, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, fused=device.type == "cuda")
    warm = max(1, steps // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min(n / warm, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, n / max(1, steps)))))
    )
    encoder.dropout = head.dropout = s.dropout
    average = Average([encoder, head], s.decay)
    bar = tqdm(total=steps, desc=name, disable=not progress)
    for epoch in range(s.epochs):
        encoder.train(), head.train()
        order = rng.permutation(written)[: steps_an_epoch * half].reshape(-1, half)
        noisy = rng.integers(written, total, order.shape) if total > written else rng.integers(0, total, order.shape)
        for n, rows in enumerate(torch.from_numpy(np.concatenate([order, noisy], 1)).to(device)):
            now = Mode(True, outputs=n % 2 == 0) if mode.quantized else FLOAT
            loss = _loss(encoder, head, lessons, rows, now, s, before)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(body, 1.0)
            optimizer.step()
            schedule.step()
            average.update()
            bar.update()
        if each_epoch and (epoch + 1) % 4 == 0:
            each_epoch(name, epoch + 1, *average.copies)
    bar.close()
    return tuple(m.eval() for m in average.copies)


def _loss(encoder, head, lessons, rows, mode, s, before):
    ids, labels = crop(lessons.ids[rows]).long(), lessons.labels[rows]
    embedding = encoder(ids, mode)
    logits = head(embedding)
    soft = lambda z: (z / s.temperature).log_softmax(-1)
    distance = lambda z, y: F.kl_div(soft(z), soft(y), log_target=True, reduction="batchmean") * s.temperature**2
    target = lessons.teacher[rows].float()
    loss = s.distill * distance(logits, target)
    if (labels != UNLABELLED).any():
        share = (labels != UNLABELLED).float().mean()
        loss = loss + (1 - s.distill) * share * F.cross_entropy(logits, labels, ignore_index=UNLABELLED, label_smoothing=0.05)
    if s.hold:
        loss = loss + s.hold * near(embedding, lessons.published[rows].float())
    if before is not None and s.follow:
        with torch.no_grad():
            was = before[0](ids)
            said = before[1](was)
        loss = loss + s.follow * (distance(logits, said) + 10 * (1 - F.cosine_similarity(embedding, was)).mean())
    return loss


def near(embedding, published):
    """1 − cosine, and the difference of the batch's own similarity matrices, in tenths."""
    e, p = F.normalize(embedding, dim=-1), F.normalize(published, dim=-1)
    return (1 - (e * p).sum(-1)).mean() + 10 * F.mse_loss(e @ e.T, p @ p.T)


@torch.no_grad()
def run(encoder, head, ids, mode=FLOAT, batch=256):
    """Logits and embeddings of all utterances, as float32 arrays."""
    encoder.eval()
    embeddings = torch.empty(len(ids), encoder.architecture["hidden"], device=ids.device)
    for rows, part in in_batches(ids, batch):
        embeddings[rows] = encoder(part, mode)
    logits = head.eval()(embeddings) if head is not None else None
    return (None if logits is None else logits.cpu().numpy()), embeddings.cpu().numpy()


@torch.no_grad()
def calibrate(encoder, ids, batch=256):
    """Sets every activation step from what the utterances make pass through it."""
    encoder.eval()
    for _, part in in_batches(ids, batch):
        encoder(part, Mode(observe=True))
    for layer in encoder.layers:
        for step in layer.step.values():
            step.calibrate()
