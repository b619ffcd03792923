"""What turns logits into answers, fitted on validation, and the golden set for the bundle."""

import json
from pathlib import Path

from . import figures


def fit_decision(inside, labels, outside, background, centroids):
    """(the manifest's `decision`, figures on the same utterances).

    `inside` and `outside` are (logits, embeddings) of the in-scope and the out-of-scope utterances. The
    out-of-scope score is the one with the largest area under the ROC.
    """
    (logits, embeddings), (logits_out, embeddings_out) = inside, outside
    intents = logits[:, : logits.shape[1] - background]
    temperature = figures.fit_temperature(intents, labels)
    by_score = lambda z, e: figures.scores(z, background, e, centroids, temperature)
    kept, rejected = by_score(logits, embeddings), by_score(logits_out, embeddings_out)
    score = max(kept, key=lambda k: figures.auroc(kept[k], rejected[k]))
    threshold = figures.fit_threshold(kept[score], intents.argmax(1) == labels, rejected[score])
    evaluation = figures.report(
        logits, labels, logits_out, background, score, temperature, threshold,
        embeddings=(embeddings, embeddings_out), centroids=(centroids, centroids),
    )  # fmt: skip
    evaluation["oosAurocInterval"] = figures.bootstrap_auroc(kept[score], rejected[score])
    decision = {"temperature": temperature, "outOfScope": {"score": score, "threshold": threshold}, "ambiguityMargin": 0.1}
    return decision, evaluation


def golden_rows(file, intents):
    """The golden utterances of intents that the model knows, and those out of scope; none without the file."""
    lines = Path(file).read_text().splitlines() if Path(file).exists() else []
    rows = [json.loads(line) for line in lines if line]
    return [row for row in rows if row["intent"] is None or row["intent"] in intents]
