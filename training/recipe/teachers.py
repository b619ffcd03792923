"""Large teachers: fine-tuned for accuracy alone, they say what every training utterance is."""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from tqdm import tqdm

from .data import UNLABELLED, crop, in_batches, token_ids


class Teacher(nn.Module):
    def __init__(self, folder, outputs):
        super().__init__()
        from transformers import AutoModel

        self.body = AutoModel.from_pretrained(folder).float()
        size = self.body.config.hidden_size
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(size, size), nn.GELU(), nn.Dropout(0.1), nn.Linear(size, outputs))

    def forward(self, ids, real):
        states = self.body(input_ids=ids, attention_mask=real.long()).last_hidden_state
        weight = real.unsqueeze(-1).to(states.dtype)
        return self.head((states * weight).sum(1) / weight.sum(1))


def train_teacher(folder, corpus, device, seed, epochs=8, batch=64, rate=4e-5, consistency=1.0, progress=True):
    """Fine-tunes one teacher and returns its logits of every corpus and validation utterance.

    `consistency` weighs R-Drop (Liang et al. 2021): two dropout passes of one utterance must agree.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    pad = json.loads((Path(folder) / "config.json").read_text()).get("pad_token_id", 0) or 0
    # 0 marks padding in the recipe's own arrays: shift ids by one, and back where the model reads them.
    every = corpus.texts + list(corpus.validation) + list(corpus.validation_outside)
    ids = token_ids(tokenizer, every)
    lengths = torch.tensor([len(e.ids) for e in tokenizer.encode_batch(every)])
    real = torch.arange(ids.shape[1])[None] < lengths[:, None]
    ids = torch.where(real, ids + 1, 0).to(device)
    labels = torch.from_numpy(corpus.labels).to(device)
    model = Teacher(folder, len(corpus.intents) + 1).to(device)
    labelled = np.flatnonzero(corpus.labels != UNLABELLED)
    steps = epochs * (len(labelled) // batch)
    optimizer = torch.optim.AdamW(
        [{"params": model.body.parameters(), "lr": rate}, {"params": model.head.parameters(), "lr": 10 * rate}],
        weight_decay=0.01, fused=device.type == "cuda",
    )  # fmt: skip
    warm = max(1, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(s / warm, 0.5 * (1 + math.cos(math.pi * min(1, s / max(1, steps)))))
    )
    read = lambda part: (torch.where(part > 0, part - 1, pad).long(), part > 0)
    cast = lambda: torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    model.train()
    bar = tqdm(total=steps, desc=f"teacher {seed}", disable=not progress)
    for _ in range(epochs):
        order = rng.permutation(labelled)[: len(labelled) // batch * batch].reshape(-1, batch)
        for rows in torch.from_numpy(order).to(device):
            part, target = crop(ids[rows]), labels[rows].repeat(2)
            with cast():
                logits = model(*read(part.repeat(2, 1))).float()
            one, two = logits.log_softmax(-1).chunk(2)
            agree = (F.kl_div(one, two, log_target=True, reduction="batchmean")
                     + F.kl_div(two, one, log_target=True, reduction="batchmean")) / 2  # fmt: skip
            loss = F.cross_entropy(logits, target, label_smoothing=0.05) + consistency * agree
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            bar.update()
    bar.close()
    model.eval()
    logits = torch.empty(len(ids), len(corpus.intents) + 1)
    with torch.no_grad(), cast():
        for rows, part in in_batches(ids, 512):
            logits[rows.cpu()] = model(*read(part)).float().cpu()
    return logits.numpy()
