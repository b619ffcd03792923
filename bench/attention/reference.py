"""The attention by its definition, in double precision: with PyTorch on the GPU, and plainly on the CPU."""

import math

import torch


def visible(case, lengths, rows=None):
    """[batch, rows, sequence]: query i sees key j; `rows` are the queries asked for."""
    i = torch.arange(case.sequence, device=lengths.device) if rows is None else rows
    j = torch.arange(case.sequence, device=lengths.device)
    window = case.sequence if case.window < 0 else case.window
    pattern = ((i[:, None] - j[None, :]).abs() <= window) | (i[:, None] < case.globals) | (j[None, :] < case.globals)
    inside = (i[None, :, None] < lengths[:, None, None]) & (j[None, None, :] < lengths[:, None, None])
    return pattern[None] & inside


def reference(data):
    """[batch, sequence, hidden] in float64, zero past the lengths. Takes queries in parts, to bound memory."""
    case = data.case
    query, key, value = (x.masked_fill(data.past[:, None, :, None], 0) for x in data.heads_of(torch.float64))
    parts = []
    step = max(1, (1 << 26) // (case.batch * case.heads * case.sequence))
    for rows in torch.arange(case.sequence, device="cuda").split(step):
        seen = visible(case, data.lengths, rows)[:, None]
        scores = (query[:, :, rows] @ key.transpose(2, 3)) * case.scale
        weights = scores.masked_fill(~seen, float("-inf")).softmax(dim=-1).nan_to_num(0)
        parts.append(weights @ value)
    out = torch.cat(parts, dim=2).transpose(1, 2).reshape(case.batch, case.sequence, case.hidden)
    return out.masked_fill(data.past[:, :, None], 0)


def plain_reference(data):
    """The same with Python's floats, loop by loop: what the tensor version is itself held against."""
    case = data.case
    query, key, value = (x.cpu().tolist() for x in data.heads_of(torch.float64))
    out = torch.zeros(case.batch, case.sequence, case.hidden, dtype=torch.float64)
    window = case.sequence if case.window < 0 else case.window
    for b, length in enumerate(case.row_lengths()):
        for h in range(case.heads):
            for i in range(length):
                seen = [j for j in range(length) if abs(i - j) <= window or i < case.globals or j < case.globals]
                scores = [case.scale * sum(x * y for x, y in zip(query[b][h][i], key[b][h][j])) for j in seen]
                top = max(scores)
                weights = [math.exp(s - top) for s in scores]
                for d in range(case.head_size):
                    mean = sum(w * value[b][h][j][d] for w, j in zip(weights, seen)) / sum(weights)
                    out[b, i, h * case.head_size + d] = mean
    return out
