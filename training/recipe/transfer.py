"""What an encoder is worth for intents it never met: a linear head on few examples of each."""

import json
from pathlib import Path

import numpy as np

from . import data, stages


def few_shot_accuracy(train, labels, test, test_labels, examples, draws=5, penalty=10.0):
    """Mean accuracy of logistic regression on `examples` embeddings of each label, over random draws."""
    from sklearn.linear_model import LogisticRegression

    result = []
    for draw in range(draws):
        rng = np.random.default_rng(draw)
        rows = np.concatenate([rng.permutation(np.flatnonzero(labels == n))[:examples] for n in np.unique(labels)])
        head = LogisticRegression(C=penalty, max_iter=2000).fit(train[rows], labels[rows])
        result.append(float((head.predict(test) == test_labels).mean()))
    return float(np.mean(result))


def compare(recipe, encoder, published, mode, domains):
    """Accuracy on the validation utterances of `domains` for this encoder and the published one."""
    file = json.loads(Path(recipe.o.data).read_text())
    table = json.loads(Path(recipe.o.domains).read_text())
    result = {}
    for domain in [[d] for d in domains] + [domains]:
        intents = sorted(i for d in domain for i in table[d])
        pick = lambda split: [(t, intents.index(i)) for t, i in file[split] if i in intents]
        train, test = pick("train"), pick("val")
        ids = [data.token_ids(recipe.tokenizer, [t for t, _ in part]).to(recipe.device) for part in (train, test)]
        labels = [np.array([n for _, n in part]) for part in (train, test)]
        for name, model, how in (("tuned", encoder, mode), ("published", published, stages.FLOAT)):
            e = [stages.run(model, None, part, how)[1] for part in ids]
            for count in (10, 100):
                draws = 5 if count == 10 else 1
                result[f"{'+'.join(domain)}-{name}-{count}"] = few_shot_accuracy(e[0], labels[0], e[1], labels[1], count, draws)
    return result
