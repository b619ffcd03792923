"""Which layers become 2:4, and the masks. The rule is the product's own (`intentd model plan`)."""

import torch

from .quantization import row_scale

#: Groups in the order they are taken; query and key stay dense.
ORDER = (("intermediate", "output"), ("attention.output",), ("attention.value",))


def plan(layers, sensitivities, target=0.40, tolerance=0.005):
    """Names of the layers to prune, the share of weights in their 2:4 zeros, and the share of all zeros.

    `layers` maps a name to its weights and to how many are zero in INT8 dense and pruned. Groups come in
    ORDER, the least sensitive first within one; of the counts whose 2:4 zeros lie within `tolerance` of
    the target, the one wins whose zeros altogether (INT8 rounds some weights to zero) lie nearest.
    """
    total = sum(weights for weights, _, _ in layers.values())
    queue = []
    for kinds in ORDER:
        group = [n for n in layers if n.split(".", 2)[2] in kinds]
        queue += sorted(group, key=lambda n: (sensitivities[n], n))
    structural, zeros = 0.0, sum(dense for _, dense, _ in layers.values()) / total
    reached = [(0.0, zeros)]
    for name in queue:
        weights, dense, pruned = layers[name]
        structural, zeros = structural + weights / 2 / total, zeros + (pruned - dense) / total
        reached.append((structural, zeros))
    within = [n for n, (share, _) in enumerate(reached) if abs(share - target) <= tolerance + 1e-9]
    if not within:
        nearest = min(reached, key=lambda r: abs(r[0] - target))[0]
        raise SystemExit(f"no plan lands within {tolerance} of {target}: the nearest is {nearest:.4f}")
    count = min(within, key=lambda n: abs(reached[n][1] - target))
    return sorted(queue[:count]), *reached[count]


@torch.no_grad()
def zeros_by_layer(encoder):
    """For `plan`: name → (weights, zeros in INT8 dense, zeros in INT8 pruned)."""
    count = lambda w: int(((w / row_scale(w)).round() == 0).sum())
    return {n: (m.weight.numel(), count(m.weight), count(m.weight * mask24(m.weight))) for n, m in encoder.linears()}


def mask24(weight):
    """1 for the two largest magnitudes of every four inputs of `[out, in]`, else 0."""
    rows, columns = weight.shape
    groups = weight.detach().abs().view(rows, columns // 4, 4)
    keep = torch.zeros_like(groups).scatter_(-1, groups.topk(2, dim=-1).indices, 1.0)
    return keep.view(rows, columns)


@torch.no_grad()
def sensitivities(encoder, head, batches):
    """For each prunable layer: mean KL divergence of the intents when it alone is pruned."""
    kinds = {kind for group in ORDER for kind in group}
    reference = [head(encoder(ids)).log_softmax(-1) for ids in batches]
    result = {}
    for name, linear in encoder.linears():
        if name.split(".", 2)[2] not in kinds:
            continue
        linear.mask = mask24(linear.weight)
        pruned = [head(encoder(ids)).log_softmax(-1) for ids in batches]
        linear.mask = None
        kl = [(r.exp() * (r - p)).sum(-1) for r, p in zip(reference, pruned)]
        result[name] = torch.cat(kl).mean().item()
    return result


def apply(encoder, layers):
    for name, linear in encoder.linears():
        linear.mask = mask24(linear.weight) if name in layers else None
