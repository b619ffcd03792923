#!/usr/bin/env python3
"""From published base weights to a finished bundle, in one command, on a machine with one GPU.

    python3 training/make_bundle.py --base DIR --teacher DIR --data train_val.json --out models/NAME

Stages, each with its figures in WORK/figures.json: teachers → dense → sensitivity → plan → pruned →
quantized → output steps → decision → bundle. A stage whose result lies in WORK already is not run again.
`--leave-out banking,travel --domains domains.json` keeps those domains' intents out of everything, to
see what the encoder is worth for intents it never met. `--smoke` runs it all on a tiny random model.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from recipe import smoke  # noqa: E402
from recipe.recipe import Recipe  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="folder of the base weights (sentence-transformers form, type bert)")
    parser.add_argument("--teacher", help="folder of a larger encoder to learn from; default: the base itself")
    parser.add_argument("--teachers", type=int, default=3, help="how many teachers, of as many seeds")
    parser.add_argument("--data", help="utterances in the CLINC150 form")
    parser.add_argument("--domains", help="domains.json of the data, for --leave-out")
    parser.add_argument("--own", default=str(Path(__file__).parent / "data"), help="utterances written for this project")
    parser.add_argument("--golden", help="golden.jsonl for the bundle; default: the one in OUT")
    parser.add_argument("--leave-out", default="", help="domains to keep out of tuning, by comma")
    parser.add_argument("--out", help="folder of the bundle")
    parser.add_argument("--work", default=".training", help="where stages keep their results")
    parser.add_argument("--id", default="clinc150-minilm-l6")
    parser.add_argument("--model-version", default="1.0.0")
    parser.add_argument("--target", type=float, default=0.40, help="share of the encoder's linear weights to be zero")
    parser.add_argument("--head-size", type=int, default=384)
    parser.add_argument("--copies", type=int, default=2, help="noisy copies of each utterance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="STAGE.NAME=VALUE", help="override a stage's setting; STAGE may be all")
    parser.add_argument("--teacher-epochs", type=int, default=8)
    parser.add_argument("--refine", metavar="BUNDLE", help="start from this bundle and its --dense model: plan and train quantized again")
    parser.add_argument("--dense", help="folder of the dense model, as a run leaves it in WORK/dense")
    parser.add_argument("--only", choices=["teachers", "dense", "pruned", "quantized"], help="stop after this stage")
    parser.add_argument("--one-teacher", type=int, metavar="SEED", help="train this teacher and stop (used to train several at once)")
    parser.add_argument("--smoke", action="store_true", help="a tiny random model and 200 utterances, on the CPU")
    parser.add_argument("--quiet", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_float32_matmul_precision("high")
    if options.smoke:
        torch.set_num_threads(1)
        smoke.prepare(options)
    for name in ("base", "data"):
        if not getattr(options, name):
            raise SystemExit(f"--{name} is needed (or --smoke)")
    recipe = Recipe(options)
    if options.one_teacher is not None:
        recipe.train_one_teacher(options.one_teacher)
    elif options.refine:
        recipe.refine()
    else:
        recipe.run()


if __name__ == "__main__":
    main()
