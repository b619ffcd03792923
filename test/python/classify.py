"""Prints what transformers answers: the logits of a BertForSequenceClassification checkpoint.

    python test/python/classify.py CHECKPOINT < IDS.jsonl > LOGITS.jsonl

One JSON array of token ids a line in, one JSON array of logits a line out.
"""

import json
import sys

import torch
from transformers import BertForSequenceClassification

model = BertForSequenceClassification.from_pretrained(sys.argv[1]).eval()
with torch.no_grad():
    for line in sys.stdin:
        print(json.dumps(model(input_ids=torch.tensor([json.loads(line)])).logits[0].tolist()))
