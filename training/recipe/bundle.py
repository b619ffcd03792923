"""Writes the bundle of docs/bundle-format.md."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from .encoder import SITES, Encoder, Head
from .quantization import LIMIT, row_scale


def quantized(weight):
    """INT8 values and FP32 scales of a weight matrix, exactly what training simulated."""
    scale = row_scale(weight)
    values = (weight.detach() / scale).round().clamp(-LIMIT, LIMIT).to(torch.int8)
    return values.cpu().numpy(), scale.squeeze(-1).float().cpu().numpy()


def pack24(values):
    """`[out, in]` int8 with at most two non-zeros in four → values `[out, in/2]`, positions `[out, in/8]`."""
    rows, columns = values.shape
    groups = values.reshape(rows, columns // 4, 4)
    if (np.count_nonzero(groups, axis=-1) > 2).any():
        raise ValueError("more than two non-zeros in a group of four")
    order = np.argsort(groups == 0, axis=-1, kind="stable")[..., :2]
    order.sort(axis=-1)
    kept = np.take_along_axis(groups, order, -1).reshape(rows, columns // 2)
    nibble = (order[..., 0] | order[..., 1] << 2).astype(np.uint8).reshape(rows, -1, 2)
    return np.ascontiguousarray(kept), nibble[..., 0] | nibble[..., 1] << 4


def encoder_tensors(encoder, sparse):
    array = lambda t: t.detach().float().cpu().numpy()
    tensors = {"embeddings.tokenType.weight": array(encoder.token_type)}
    for name, table in (("word", encoder.word), ("position", encoder.position)):
        tensors[f"embeddings.{name}.weight"], tensors[f"embeddings.{name}.scale"] = quantized(table.weight)
    norms = {"embeddings.norm": encoder.norm}
    for n, layer in enumerate(encoder.layers):
        norms[f"layer.{n}.attention.norm"] = layer.attention_norm
        norms[f"layer.{n}.output.norm"] = layer.output_norm
        for site in SITES:
            tensors[f"layer.{n}.activation.{site}"] = array(layer.step[site].step).reshape(1)
    for name, norm in norms.items():
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = array(norm.weight), array(norm.bias)
    for name, linear in encoder.linears():
        values, tensors[f"{name}.scale"] = quantized(linear.effective_weight(False))
        tensors[f"{name}.bias"] = array(linear.bias)
        if name in sparse:
            tensors[f"{name}.values"], tensors[f"{name}.positions"] = pack24(values)
        else:
            tensors[f"{name}.weight"] = values
    return tensors


def head_tensors(head, centroids, dtype="float16"):
    half = lambda t: t.detach().float().cpu().numpy().astype(dtype)
    return {
        "hidden.weight": half(head.hidden.weight * head.gain), "hidden.bias": half(head.hidden.bias),
        "output.weight": half(head.output.weight), "output.bias": half(head.output.bias),
        **({} if centroids is None else {"centroids": centroids.astype(dtype)}),
    }  # fmt: skip


def write_bundle(folder, encoder, head, intents, tokenizer, manifest, golden, centroids=None):
    """`manifest` holds everything but `files`; `golden` is a list of {text, intent}; returns the bytes in all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sparse = set(manifest["sparsity"]["layers"])
    save_file(encoder_tensors(encoder, sparse), folder / "encoder.safetensors")
    digest = hashlib.sha256((folder / "encoder.safetensors").read_bytes()).hexdigest()
    save_file(head_tensors(head, centroids), folder / "head.safetensors", metadata={"encoder": digest})
    (folder / "labels.json").write_text(json.dumps({"intents": intents}, indent=1) + "\n")
    for name in ("encoder.safetensors", "head.safetensors"):
        (folder / name).chmod(0o644)
    tokenizer = {**tokenizer, "truncation": None, "padding": None}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))
    (folder / "golden.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in golden))
    return seal(folder, manifest)


def seal(folder, manifest):
    """Writes `manifest.json` over the files as they lie there; returns the bundle's bytes in all."""
    names = ["encoder.safetensors", "head.safetensors", "labels.json", "tokenizer.json", "golden.jsonl"]
    names += ["README.md"] if (folder / "README.md").exists() else []
    files = {}
    for name in names:
        data = (folder / name).read_bytes()
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": files}, indent=2) + "\n")
    return sum(f["bytes"] for f in files.values()) + (folder / "manifest.json").stat().st_size


def read_bundle(folder):
    """(encoder, head, intents, manifest): the bundle's numbers in the recipe's own model, to check it by."""
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    intents = json.loads((folder / "labels.json").read_text())["intents"]
    tensors = load_file(folder / "encoder.safetensors")
    encoder = Encoder(manifest["architecture"], manifest["attention"])
    put = lambda parameter, value: parameter.data.copy_(torch.from_numpy(np.array(value, np.float32)).view_as(parameter))
    put(encoder.token_type, tensors["embeddings.tokenType.weight"])
    for name, table in (("word", encoder.word), ("position", encoder.position)):
        put(table.weight, tensors[f"embeddings.{name}.weight"] * tensors[f"embeddings.{name}.scale"][:, None])
    norms = {"embeddings.norm": encoder.norm}
    for n, layer in enumerate(encoder.layers):
        norms |= {f"layer.{n}.attention.norm": layer.attention_norm, f"layer.{n}.output.norm": layer.output_norm}
        for site in SITES:
            put(layer.step[site].log_step, np.log(tensors[f"layer.{n}.activation.{site}"]))
    for name, norm in norms.items():
        put(norm.weight, tensors[f"{name}.weight"]), put(norm.bias, tensors[f"{name}.bias"])
    for name, linear in encoder.linears():
        packed = f"{name}.values" in tensors
        values = unpack24(tensors[f"{name}.values"], tensors[f"{name}.positions"]) if packed else tensors[f"{name}.weight"]
        put(linear.weight, values * tensors[f"{name}.scale"][:, None]), put(linear.bias, tensors[f"{name}.bias"])
    head = load_head(folder / "head.safetensors", len(intents), manifest["head"]["background"])
    return encoder.eval(), head, intents, manifest


def load_head(file, intents, background):
    """The head of a `head.safetensors` with a hidden layer."""
    rows = load_file(file)
    hidden, inputs = rows["hidden.weight"].shape
    head = Head(inputs, hidden, intents, background)
    put = lambda parameter, value: parameter.data.copy_(torch.from_numpy(value.astype(np.float32)))
    put(head.hidden.weight, rows["hidden.weight"].astype(np.float32) / head.gain), put(head.hidden.bias, rows["hidden.bias"])
    put(head.output.weight, rows["output.weight"]), put(head.output.bias, rows["output.bias"])
    return head.eval()


def unpack24(values, positions):
    """What pack24 packed: `[out, in]` int8."""
    rows, half = values.shape
    nibble = np.stack([positions & 15, positions >> 4], -1).reshape(rows, half // 2)
    dense = np.zeros((rows, half // 2, 4), np.int8)
    at = np.stack([nibble & 3, nibble >> 2], -1).astype(np.int64)
    np.put_along_axis(dense, at, values.reshape(rows, half // 2, 2), -1)
    return dense.reshape(rows, half * 2)
