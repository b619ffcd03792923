"""A BERT encoder that can train dense, pruned 2:4 and quantized, with the pattern it serves."""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from .quantization import ActivationStep, quantize_rows

SITES = ("input", "qkv", "context", "attentionOutput", "feedForwardInput", "intermediate", "feedForwardOutput")
#: Sites that quantize a projection's output: TensorRT runs them, the CPU engine does not.
OUTPUT_SITES = ("qkv", "attentionOutput", "feedForwardOutput")
LINEARS = ("attention.query", "attention.key", "attention.value", "attention.output", "intermediate", "output")


class MaskedLinear(nn.Linear):
    """`y = x Wᵀ + b` with a 2:4 mask on W `[out, in]` and, when asked, W as INT8 would hold it."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.register_buffer("mask", None)

    def effective_weight(self, quantized):
        weight = self.weight if self.mask is None else self.weight * self.mask
        return quantize_rows(weight) if quantized else weight

    def forward(self, x, quantized=False):
        return F.linear(x, self.effective_weight(quantized), self.bias)


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, f = c["hidden"], c["feedForward"]
        self.heads = c["heads"]
        self.linear = nn.ModuleDict(
            {
                name.replace(".", "_"): MaskedLinear(f if name == "output" else h, f if name == "intermediate" else h)
                for name in LINEARS
            }
        )
        self.attention_norm = nn.LayerNorm(h, eps=c["layerNormEpsilon"])
        self.output_norm = nn.LayerNorm(h, eps=c["layerNormEpsilon"])
        self.step = nn.ModuleDict({site: ActivationStep() for site in SITES})
        self.activation = {"gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh"), "relu": F.relu}[c["activation"]]

    def forward(self, x, seen, mode, dropout):
        lin, q = self.linear, mode.quantized
        at = lambda site, y: self.step[site](y, mode) if mode.uses(site) else y
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        drop = lambda y: F.dropout(y, dropout, self.training)
        xq = at("input", x)
        query, key, value = (split(at("qkv", lin[f"attention_{n}"](xq, q))) for n in ("query", "key", "value"))
        context = F.scaled_dot_product_attention(query, key, value, seen, dropout_p=dropout if self.training else 0.0)
        context = at("context", context.transpose(1, 2).flatten(2))
        x = self.attention_norm(x + drop(at("attentionOutput", lin["attention_output"](context, q))))
        inner = at("intermediate", self.activation(lin["intermediate"](at("feedForwardInput", x), q)))
        return self.output_norm(x + drop(at("feedForwardOutput", lin["output"](inner, q))))


class Mode:
    """What a forward pass simulates: nothing, calibration, the CPU engine's INT8 or TensorRT's."""

    def __init__(self, quantized=False, outputs=True, observe=False):
        self.quantized, self.outputs, self.observe = quantized, outputs, observe

    def uses(self, site):
        return self.observe or (self.quantized and (self.outputs or site not in OUTPUT_SITES))


FLOAT = Mode()
CPU = Mode(quantized=True, outputs=False)
TENSORRT = Mode(quantized=True, outputs=True)


class Encoder(nn.Module):
    """Token ids `[B, S]` (0 is padding) to one embedding an utterance, `[B, hidden]`."""

    def __init__(self, architecture, attention, dropout=0.1):
        super().__init__()
        c = self.architecture = architecture
        self.attention, self.dropout = attention, dropout
        self.word = nn.Embedding(c["vocabulary"], c["hidden"])
        self.position = nn.Embedding(c["positions"], c["hidden"])
        self.token_type = nn.Parameter(torch.zeros(c["tokenTypes"], c["hidden"]))
        self.norm = nn.LayerNorm(c["hidden"], eps=c["layerNormEpsilon"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))

    def forward(self, ids, mode=FLOAT):
        size, sequence = ids.shape
        real = ids != 0
        word = F.embedding(ids, self.word.weight)
        position = self.position.weight[:sequence]
        if mode.quantized:
            word, position = quantize_rows(word), quantize_rows(position)
        x = F.dropout(self.norm(word + position + self.token_type[0]), self.dropout, self.training)
        seen = (self.pattern(sequence, ids.device)[None] & real[:, None, :])[:, None]
        for layer in self.layers:
            x = layer(x, seen, mode, self.dropout)
        if self.architecture["pooling"] == "mean":
            weight = real.unsqueeze(-1).to(x.dtype)
            pooled = (x * weight).sum(1) / weight.sum(1).clamp(min=1)
        else:
            pooled = x[:, 0]
        return F.normalize(pooled, dim=-1) if self.architecture["normalize"] else pooled

    def pattern(self, sequence, device):
        """`[S, S]`: token i sees j if |i − j| ≤ windowEachSide, or either is global."""
        window, globals_ = self.attention["windowEachSide"], self.attention["globalTokens"]
        i = torch.arange(sequence, device=device)
        if window < 0:
            return torch.ones(sequence, sequence, dtype=torch.bool, device=device)
        near = (i[:, None] - i[None, :]).abs() <= window
        return near | (i < globals_)[:, None] | (i < globals_)[None, :]

    def linears(self):
        """Every encoder linear layer by its bundle name."""
        for n, layer in enumerate(self.layers):
            for name in LINEARS:
                yield f"layer.{n}.{name}", layer.linear[name.replace(".", "_")]

    def step_parameters(self):
        return [p for layer in self.layers for p in layer.step.parameters()]


class Head(nn.Module):
    """One hidden layer over the embedding; its last `background` outputs mean "none of the intents"."""

    def __init__(self, inputs, hidden, intents, background, dropout=0.1):
        super().__init__()
        # Embeddings have length 1: the hidden layer sees them at the scale its initialisation expects.
        self.gain = math.sqrt(inputs)
        self.hidden, self.output = nn.Linear(inputs, hidden), nn.Linear(hidden, intents + background)
        self.intents, self.background, self.dropout = intents, background, dropout

    def forward(self, embedding):
        inner = F.gelu(self.hidden(embedding * self.gain))
        return self.output(F.dropout(inner, self.dropout, self.training))


def load_base(folder, attention, dropout=0.1):
    """Reads a sentence-transformers or Hugging Face folder of type `bert` into an Encoder."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] != "bert":
        raise SystemExit(f"{folder}/config.json: model_type is {config['model_type']}, expected bert")
    architecture = {
        "type": "bert", "layers": config["num_hidden_layers"], "hidden": config["hidden_size"],
        "heads": config["num_attention_heads"], "feedForward": config["intermediate_size"],
        "vocabulary": config["vocab_size"], "positions": config["max_position_embeddings"],
        "tokenTypes": config["type_vocab_size"], "activation": config["hidden_act"],
        "layerNormEpsilon": config["layer_norm_eps"], "pooling": "mean", "normalize": True,
    }  # fmt: skip
    encoder = Encoder(architecture, attention, dropout)
    tensors = {k.removeprefix("bert."): v.float() for k, v in load_file(folder / "model.safetensors").items()}
    encoder.load_state_dict({ours: tensors[theirs] for ours, theirs in _names(architecture["layers"])}, strict=False)
    return encoder


def _names(layers):
    e = "embeddings."
    yield "word.weight", e + "word_embeddings.weight"
    yield "position.weight", e + "position_embeddings.weight"
    yield "token_type", e + "token_type_embeddings.weight"
    for part in ("weight", "bias"):
        yield f"norm.{part}", f"{e}LayerNorm.{part}"
        for n in range(layers):
            theirs, ours = f"encoder.layer.{n}.", f"layers.{n}."
            for name in LINEARS:
                path = {
                    "attention.query": "attention.self.query", "attention.key": "attention.self.key",
                    "attention.value": "attention.self.value", "attention.output": "attention.output.dense",
                    "intermediate": "intermediate.dense", "output": "output.dense",
                }[name]  # fmt: skip
                yield f"{ours}linear.{name.replace('.', '_')}.{part}", f"{theirs}{path}.{part}"
            yield f"{ours}attention_norm.{part}", f"{theirs}attention.output.LayerNorm.{part}"
            yield f"{ours}output_norm.{part}", f"{theirs}output.LayerNorm.{part}"
