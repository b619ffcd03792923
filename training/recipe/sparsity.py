"""Which layers become 2:4, and the masks. The rule is the product's own (`intentd model plan`)."""

import torch

#: Groups in the order they are taken; query and key stay dense.
ORDER = (("intermediate", "output"), ("attention.output",), ("attention.value",))


def plan(sizes, sensitivities, target=0.40, tolerance=0.005):
    """Layer names to prune so that `target` of all weights in `sizes` (name → weights) are zero.

    Groups come in ORDER, the least sensitive first within one; the count nearest the target wins.
    """
    total = sum(sizes.values())
    queue = []
    for kinds in ORDER:
        group = [n for n in sizes if n.split(".", 2)[2] in kinds]
        queue += sorted(group, key=lambda n: (sensitivities[n], n))
    zeros, best = 0.0, (abs(target), 0, 0.0)
    for count, name in enumerate(queue, 1):
        zeros += sizes[name] / 2 / total
        best = min(best, (abs(zeros - target), count, zeros))
    if best[0] > tolerance:
        raise SystemExit(f"no plan lands within {tolerance} of {target}: the nearest is {best[2]:.4f}")
    return sorted(queue[: best[1]]), best[2]


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
