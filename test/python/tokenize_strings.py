"""Prints the token ids that the `tokenizers` package gives strings.

    python test/python/tokenize_strings.py TOKENIZER.json [POSITIONS] < STRINGS.jsonl > IDS.jsonl

One JSON string a line in, one JSON array of ids a line out, truncated to POSITIONS (512), never padded.
"""

import json
import sys

from tokenizers import Tokenizer

if __name__ == "__main__":
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_padding()
    tokenizer.enable_truncation(int(sys.argv[2]) if len(sys.argv) > 2 else 512)
    strings = [json.loads(line) for line in sys.stdin.buffer.read().decode("utf-8").split("\n") if line]
    for encoding in tokenizer.encode_batch(strings):
        print(json.dumps(encoding.ids, separators=(",", ":")))
