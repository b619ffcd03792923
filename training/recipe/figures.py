"""Figures as `intentd model evaluate` defines them; out of scope is the positive class."""

import numpy as np


def scores(logits, background, embeddings=None, centroids=None, temperature=1.0):
    """Every out-of-scope score of docs/bundle-format.md, higher for utterances in scope."""
    intents = logits[:, : logits.shape[1] - background]
    lse = lambda z: np.log(np.exp(z - z.max(1, keepdims=True)).sum(1)) + z.max(1)
    scaled = intents / temperature
    result = {
        "maxProbability": np.exp(scaled.max(1) - lse(scaled)),
        "maxLogit": intents.max(1),
        "energy": lse(intents),
    }
    if background:
        result["background"] = lse(intents) - lse(logits[:, -background:])
    if centroids is not None:
        result["centroid"] = (embeddings @ centroids.T).max(1)
    return result


def auroc(inside, outside):
    """Area under the ROC curve by ranks, ties counted half."""
    values = np.concatenate([inside, outside])
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    _, inverse, counts = np.unique(values[order], return_inverse=True, return_counts=True)
    ranks[order] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return (ranks[: len(inside)].sum() - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside))


def bootstrap_auroc(inside, outside, rounds=1000, seed=0):
    rng = np.random.default_rng(seed)
    areas = [auroc(rng.choice(inside, len(inside)), rng.choice(outside, len(outside))) for _ in range(rounds)]
    return [float(np.quantile(areas, q)) for q in (0.025, 0.975)]


def recall_at(inside, outside, rejected=0.05):
    return float((outside < np.quantile(inside, rejected)).mean())


def calibration_error(probabilities, correct, bins=15):
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    return float(sum(abs((probabilities[index == b] - correct[index == b]).sum()) for b in range(bins)) / len(correct))


def fit_temperature(intents, labels):
    """The temperature of least negative log likelihood, by golden section over log T."""
    def loss(log_t):
        z = intents / np.exp(log_t)
        z = z - z.max(1, keepdims=True)
        return (np.log(np.exp(z).sum(1)) - z[np.arange(len(labels)), labels]).mean()

    low, high, ratio = -3.0, 3.0, (np.sqrt(5) - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return float(np.exp((low + high) / 2))


def fit_threshold(inside, correct, outside):
    """The threshold with the best mean of in-scope accuracy (rejected counts as wrong) and recall."""
    candidates = np.unique(np.concatenate([inside, outside]))
    gain = [((inside >= t) & correct).mean() + (outside < t).mean() for t in candidates]
    best = int(np.argmax(gain))
    below = candidates[best - 1] if best else candidates[best] - 1
    return float((below + candidates[best]) / 2)


def report(logits, labels, outside_logits, background, score="background", temperature=1.0, threshold=None, **extra):
    intents = logits[:, : logits.shape[1] - background]
    correct = intents.argmax(1) == labels
    inside = scores(logits, background, temperature=temperature, **{k: v[0] for k, v in extra.items()})
    outside = scores(outside_logits, background, temperature=temperature, **{k: v[1] for k, v in extra.items()})
    z = intents / temperature
    probability = np.exp(z - z.max(1, keepdims=True))
    result = {
        "inScopeAccuracy": float(correct.mean()),
        "oosAuroc": float(auroc(inside[score], outside[score])),
        "oosRecallAt5": recall_at(inside[score], outside[score]),
        "ece": calibration_error(probability.max(1) / probability.sum(1), correct),
        "oosAurocByScore": {k: float(auroc(inside[k], outside[k])) for k in inside},
    }
    if threshold is not None:
        kept = inside[score] >= threshold
        result["atThreshold"] = {
            "inScopeAccuracy": float((kept & correct).mean()),
            "oosRecall": float((outside[score] < threshold).mean()),
            "falseRejection": float((~kept).mean()),
        }
    return result
