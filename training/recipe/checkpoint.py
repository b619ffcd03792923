"""Floating-point models as folders that other tools read: Hugging Face's BERT, sentence-transformers' pooling."""

import json
from pathlib import Path

from safetensors.torch import save_file

from .bundle import head_tensors
from .encoder import _names


def write_checkpoint(folder, encoder, head, intents, tokenizer):
    """`config.json`, `model.safetensors`, `tokenizer.json`, pooling modules; the head beside it as in a bundle."""
    folder, c = Path(folder), encoder.architecture
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "num_hidden_layers": c["layers"],
        "hidden_size": c["hidden"], "num_attention_heads": c["heads"], "intermediate_size": c["feedForward"],
        "vocab_size": c["vocabulary"], "max_position_embeddings": c["positions"], "type_vocab_size": c["tokenTypes"],
        "hidden_act": c["activation"], "layer_norm_eps": c["layerNormEpsilon"], "position_embedding_type": "absolute",
    }  # fmt: skip
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")] + ([("Normalize", "2_Normalize")] if c["normalize"] else [])
    pooling = {"word_embedding_dimension": c["hidden"], f"pooling_mode_{c['pooling']}_tokens": True}
    write = lambda name, value: (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    write("config.json", config)
    write("modules.json", [{"idx": n, "name": str(n), "path": p, "type": f"sentence_transformers.models.{t}"} for n, (t, p) in enumerate(modules)])
    write("1_Pooling/config.json", pooling)
    write("labels.json", {"intents": intents})
    write("tokenizer.json", {**tokenizer, "truncation": None, "padding": None})
    state = encoder.state_dict()
    save_file({theirs: state[ours].float().cpu().contiguous() for ours, theirs in _names(c["layers"])}, folder / "model.safetensors")
    from safetensors.numpy import save_file as save_arrays

    save_arrays(head_tensors(head, None, "float32"), folder / "head.safetensors")
