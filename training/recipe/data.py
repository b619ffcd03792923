"""Utterances: the labelled ones, those written for this project, and noisy copies of both."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

UNLABELLED = -100


@dataclass
class Corpus:
    """Training utterances; `labels` index `intents`, `len(intents)` is out of scope, UNLABELLED has none."""

    intents: list
    texts: list
    labels: np.ndarray
    #: How many of the first texts are as written; the rest are noisy copies.
    written: int
    validation: list = field(default_factory=list)
    validation_labels: np.ndarray = None
    validation_outside: list = field(default_factory=list)


def load_corpus(data, own, domains=(), leave_out=(), copies=2, seed=0, limit=None):
    """Reads a file of the CLINC150 form and the project's own utterances.

    `leave_out` names domains of the file `domains` whose intents nothing here may see.
    """
    file = json.loads(Path(data).read_text())
    hidden = _intents_of(domains, leave_out)
    inside = [(t, i) for t, i in file["train"] if i not in hidden]
    outside = [t for t, _ in file["oos_train"]]
    intents = sorted({i for _, i in inside})
    if limit:
        intents = intents[: max(2, limit // 20)]
        inside = [(t, i) for t, i in inside if i in intents][:limit]
        outside = outside[: max(4, limit // 10)]
    for path in sorted(Path(own).glob("in_scope*.jsonl")) if own else []:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line]
        # Very short ones ("morning") are anybody's words and could stand in the data's test part as well.
        inside += [(r["text"], r["intent"]) for r in rows if r["intent"] in intents and len(r["text"].split()) > 3]
    if own and (Path(own) / "out_of_scope.txt").exists() and not limit:
        outside += [line for line in (Path(own) / "out_of_scope.txt").read_text().splitlines() if line]
    index = {intent: n for n, intent in enumerate(intents)}
    texts = [t for t, _ in inside] + outside
    labels = [index[i] for _, i in inside] + [len(intents)] * len(outside)
    noisy = list(noisy_copies(texts, labels, copies, random.Random(seed)))
    validation = [(t, i) for t, i in file["val"] if i in index]
    return Corpus(
        intents, texts + noisy, np.array(labels + [UNLABELLED] * len(noisy)), len(texts),
        [t for t, _ in validation], np.array([index[i] for _, i in validation]), [t for t, _ in file["oos_val"]],
    )  # fmt: skip


def _intents_of(domains, names):
    if not names:
        return set()
    table = json.loads(Path(domains).read_text())
    return {intent for name in names for intent in table[name]}


def noisy_copies(texts, labels, copies, rng):
    """Copies with words dropped, swapped, mistyped, or spliced with another utterance.

    Their meaning may have changed, so they carry no label: the teachers say what they are.
    """
    by_label = {}
    for text, label in zip(texts, labels):
        by_label.setdefault(label, []).append(text)
    for _ in range(copies):
        for text, label in zip(texts, labels):
            words = text.split()
            kind = rng.random()
            if kind < 0.35 and len(words) > 2:
                words = [w for w in words if rng.random() > 0.15] or words
            elif kind < 0.5 and len(words) > 2:
                at = rng.randrange(len(words) - 1)
                words[at], words[at + 1] = words[at + 1], words[at]
            elif kind < 0.65:
                at = rng.randrange(len(words))
                words[at] = _mistype(words[at], rng)
            else:
                other = rng.choice(by_label[label] if kind < 0.85 else texts).split()
                words = words[: rng.randint(1, len(words))] + other[rng.randrange(len(other)) :]
            yield " ".join(words[:32])


def _mistype(word, rng):
    if len(word) < 4:
        return word
    at = rng.randrange(len(word) - 1)
    if rng.random() < 0.5:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :]


def token_ids(tokenizer, texts, positions=64):
    """Padded token ids, `[N, longest]` int32; 0 is padding."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(positions)
    rows = [e.ids for e in tokenizer.encode_batch(list(texts))]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = row
    return torch.from_numpy(ids)


def crop(ids):
    """Drops the columns that are padding in every row."""
    return ids[:, : int((ids != 0).sum(1).max())]


def in_batches(ids, size):
    """Yields (rows, cropped ids), similar lengths together."""
    order = (ids != 0).sum(1).argsort()
    for start in range(0, len(ids), size):
        rows = order[start : start + size]
        yield rows, crop(ids[rows]).long()
