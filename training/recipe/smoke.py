"""A tiny random model and made-up utterances, so that the whole recipe runs on a CPU in seconds."""

import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

INTENTS = {
    "lights_on": ["switch on the {} lamp", "light up the {}", "turn the {} light on"],
    "lights_off": ["switch off the {} lamp", "make the {} dark", "turn the {} light off"],
    "heat_up": ["make the {} warmer", "raise the heat in the {}", "the {} is too cold"],
    "cool_down": ["make the {} cooler", "lower the heat in the {}", "the {} is too hot"],
    "open_blinds": ["open the {} blinds", "let some sun into the {}", "blinds up in the {}"],
    "close_blinds": ["close the {} blinds", "keep the sun out of the {}", "blinds down in the {}"],
    "lock_door": ["lock the {} door", "bolt the {} door please", "is the {} door locked, if not lock it"],
    "play_radio": ["radio in the {}", "play the news in the {}", "start the {} radio"],
}  # fmt: skip
ROOMS = ["kitchen", "hall", "bedroom", "garage", "attic", "study", "cellar", "porch"]
OUTSIDE = ["who won the race", "what is a prime number", "how tall is a giraffe", "tell me about mars", "why do cats purr"]


def prepare(options):
    """Fills in the options that were not given: base, data, out."""
    folder = Path(options.work) / "smoke"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    rows = [(p.format(room), intent) for intent, phrases in INTENTS.items() for p in phrases for room in ROOMS]
    rng.shuffle(rows)
    outside = [[f"{t} {w}", "oos"] for t in OUTSIDE for w in ("", "please", "now", "again")]
    file = {"train": rows[:150], "val": rows[150:], "oos_train": outside[:10], "oos_val": outside[10:]}
    (folder / "data.json").write_text(json.dumps(file))
    options.data = options.data or str(folder / "data.json")
    options.base = options.base or _tiny_base(folder / "base", rows + outside)
    options.out = options.out or str(folder / "bundle")
    options.own, options.teachers, options.head_size = None, 1, 32


def _tiny_base(folder, rows):
    folder.mkdir(exist_ok=True)
    words = sorted({w for text, _ in rows for w in text.lower().replace(",", " ").split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ","] + words
    tokenizer = Tokenizer(models.WordPiece({w: n for n, w in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert", "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2,
        "intermediate_size": 64, "vocab_size": len(vocabulary), "max_position_embeddings": 64,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    save_file(BertModel(BertConfig(**config), add_pooling_layer=False).state_dict(), folder / "model.safetensors")
    return str(folder)
