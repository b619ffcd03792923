"""The stages in their order, each with its figures, from base weights to a bundle."""

import copy
import json
import platform
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from . import bundle, data, figures, finish, output_steps, sparsity, stages, transfer
from .checkpoint import write_checkpoint
from .encoder import CPU, FLOAT, TENSORRT, Head, load_base
from .teachers import train_teacher


ATTENTION = {"windowEachSide": 64, "globalTokens": 1}
STAGES = {
    "dense": stages.Settings(epochs=20, rate=1.5e-4),
    "pruned": stages.Settings(epochs=12, rate=1.5e-4, dropout=0.05),
    "quantized": stages.Settings(epochs=10, rate=7e-5, head_rate=3e-4, dropout=0.0),
}


class Recipe:
    def __init__(self, options):
        self.o = options
        self.device = torch.device("cuda" if torch.cuda.is_available() and not options.smoke else "cpu")
        self.work = Path(options.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.figures = {"machine": machine(self.device), "options": vars(options), "settings": {}}
        left_out = [d for d in options.leave_out.split(",") if d]
        self.corpus = data.load_corpus(
            options.data, options.own, options.domains, left_out, options.copies, options.seed, 200 if options.smoke else None
        )
        self.tokenizer = Tokenizer.from_file(str(Path(options.base) / "tokenizer.json"))
        tokens = lambda texts: data.token_ids(self.tokenizer, texts).to(self.device)
        c = self.corpus
        self.ids, self.val, self.val_oos = tokens(c.texts), tokens(c.validation), tokens(c.validation_outside)
        self.settings = {name: self.override(name, s) for name, s in STAGES.items()}
        self.say(f"{len(c.intents)} intents, {c.written} utterances as written, {len(c.texts) - c.written} noisy copies")

    def override(self, stage, settings):
        for item in self.o.set:
            path, value = item.split("=")
            where, name = path.split(".")
            if where in (stage, "all"):
                kind = {f.name: f.type for f in fields(settings)}[name]
                settings = replace(settings, **{name: (int if kind in (int, "int") else float)(value)})
        settings = replace(settings, seed=self.o.seed)
        if self.o.smoke:
            settings = replace(settings, epochs=2, batch=32)
        self.figures["settings"][stage] = vars(settings)
        return settings

    def say(self, text):
        if not self.o.quiet:
            print(text, flush=True)

    def note(self, stage, **values):
        self.figures[stage] = values
        (self.work / "figures.json").write_text(json.dumps(self.figures, indent=1) + "\n")
        self.say(f"{stage}: {json.dumps(values)}")

    def evaluate(self, encoder, head, mode):
        inside, e_in = stages.run(encoder, head, self.val, mode)
        outside, e_out = stages.run(encoder, head, self.val_oos, mode)
        c = self.centroids(encoder, mode)
        return figures.report(inside, self.corpus.validation_labels, outside, head.background, embeddings=(e_in, e_out), centroids=(c, c))

    def centroids(self, encoder, mode):
        written = self.corpus.labels[: self.corpus.written]
        _, e = stages.run(encoder, None, self.ids[: self.corpus.written], mode)
        means = np.stack([e[written == n].mean(0) for n in range(len(self.corpus.intents))])
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def teachers(self):
        """Mean logits of all teachers for every training utterance, `[N, intents + 1]`."""
        o, c = self.o, self.corpus
        sums, n = 0, len(c.texts)
        missing = [seed for seed in range(o.teachers) if not self.teacher_file(seed).exists()]
        if self.device.type == "cuda" and len(missing) > 1:
            at_once = [subprocess.Popen([sys.executable, *sys.argv, "--one-teacher", str(seed)]) for seed in missing]
            if any([child.wait() for child in at_once]):
                raise SystemExit("a teacher failed: its own message stands above")
        for seed in range(o.teachers):
            if not self.teacher_file(seed).exists():
                self.train_one_teacher(seed)
            logits = np.load(self.teacher_file(seed)).astype(np.float32)
            sums = sums + logits
            self.note(f"teacher-{seed}", **self.teacher_figures(logits[n:]))
        self.note("teachers", count=o.teachers, **self.teacher_figures(sums[n:] / o.teachers))
        return sums[:n] / o.teachers

    def teacher_file(self, seed):
        return self.work / f"teacher-{seed}.npy"

    def train_one_teacher(self, seed):
        o = self.o
        epochs = 1 if o.smoke else o.teacher_epochs
        logits = train_teacher(o.teacher or o.base, self.corpus, self.device, seed, epochs=epochs, progress=not o.quiet)
        np.save(self.teacher_file(seed), logits.astype(np.float16))

    def teacher_figures(self, logits):
        inside, outside = np.split(logits, [len(self.corpus.validation)])
        return figures.report(inside, self.corpus.validation_labels, outside, 1)

    def lessons(self):
        self.base = load_base(self.o.base, ATTENTION).to(self.device)
        _, self.published = stages.run(self.base, None, self.ids)
        teacher = self.teachers()
        to = lambda a: torch.from_numpy(a).to(self.device)
        return stages.Lessons(self.ids, to(self.corpus.labels), to(teacher), to(self.published), self.corpus.written)

    def refine(self):
        """From a bundle and its dense model: plan again, restore what the plan no longer prunes, train quantized."""
        o = self.o
        dense = load_base(o.dense, ATTENTION).to(self.device).eval()
        encoder, head, intents, _ = bundle.read_bundle(o.refine)
        assert intents == self.corpus.intents, f"{o.refine}/labels.json names other intents than the data"
        encoder, head = encoder.to(self.device), head.to(self.device)
        dense_head = bundle.load_head(Path(o.dense) / "head.safetensors", len(intents), head.background).to(self.device)
        _, self.published = stages.run(load_base(o.base, ATTENTION).to(self.device), None, self.ids)
        teacher, _ = stages.run(dense, dense_head, self.ids)
        to = lambda a: torch.from_numpy(a).to(self.device)
        lessons = stages.Lessons(self.ids, to(self.corpus.labels), to(teacher), to(self.published), self.corpus.written)
        self.note("dense", **self.evaluate(dense, dense_head, FLOAT))
        plan, share = self.plan(dense, dense_head)
        for (name, linear), (_, was) in zip(encoder.linears(), dense.linears()):
            if name not in plan:
                zero = linear.weight == 0
                linear.weight.data = torch.where(zero, was.weight, linear.weight)
        sparsity.apply(encoder, plan)
        self.note("restored", **self.evaluate(encoder, head, CPU))
        encoder, head = self.stage("quantized", lessons, encoder, head, mode=TENSORRT, before=(dense, dense_head))
        self.fit_output_steps(encoder)
        self.note("quantized-tensorrt", **self.evaluate(encoder, head, TENSORRT))
        self.note("quantized", **self.evaluate(encoder, head, CPU))
        self.finish(encoder, head, plan, share)

    def stage(self, name, lessons, encoder, head, **more):
        kept = self.work / f"{name}.pt"
        if kept.exists():
            encoder.load_state_dict(torch.load(kept, map_location=self.device)["encoder"], strict=False)
            head.load_state_dict(torch.load(kept, map_location=self.device)["head"])
            return encoder.eval(), head.eval()
        start = time.time()
        watch = lambda stage, epoch, e, h: self.say(f"{stage} epoch {epoch}: " + json.dumps(self.evaluate(e, h, FLOAT)["oosAurocByScore"]))
        encoder, head = stages.train(
            encoder, head, lessons, self.settings[name], name, each_epoch=None if self.o.quiet else watch, progress=not self.o.quiet, **more
        )
        torch.save({"encoder": encoder.state_dict(), "head": head.state_dict()}, kept)
        self.note(f"{name}-time", seconds=round(time.time() - start, 1))
        return encoder, head

    def run(self):
        o = self.o
        lessons = self.lessons()
        if o.only == "teachers":
            return
        encoder = load_base(o.base, ATTENTION).to(self.device)
        head = Head(encoder.architecture["hidden"], o.head_size, len(self.corpus.intents), 1).to(self.device)
        encoder, head = self.stage("dense", lessons, encoder, head)
        dense, dense_head = copy_of(encoder), copy_of(head)
        self.note("dense", **self.evaluate(dense, dense_head, FLOAT), **self.generality(dense, FLOAT))
        write_checkpoint(self.work / "dense", dense, dense_head, self.corpus.intents, self.tokenizer_json())
        if o.only == "dense":
            return
        plan, share = self.plan(encoder, head)
        sparsity.apply(encoder, plan)
        self.note("pruned-untrained", **self.evaluate(encoder, head, FLOAT))
        encoder, head = self.stage("pruned", lessons, encoder, head, before=(dense, dense_head))
        self.note("pruned", **self.evaluate(encoder, head, FLOAT), **self.generality(encoder, FLOAT))
        if o.only == "pruned":
            return
        stages.calibrate(encoder, self.ids[torch.randperm(self.corpus.written)[:2000]])
        self.note("quantized-untrained", **self.evaluate(encoder, head, TENSORRT))
        encoder, head = self.stage("quantized", lessons, encoder, head, mode=TENSORRT, before=(dense, dense_head))
        self.fit_output_steps(encoder)
        self.note("quantized-tensorrt", **self.evaluate(encoder, head, TENSORRT))
        self.note("quantized", **self.evaluate(encoder, head, CPU), **self.generality(encoder, CPU))
        if o.out:
            self.finish(encoder, head, plan, share)

    def tokenizer_json(self):
        return json.loads((Path(self.o.base) / "tokenizer.json").read_text())

    def generality(self, encoder, mode):
        """Accuracy of heads for the intents left out, on this encoder and on the published one."""
        left_out = [d for d in self.o.leave_out.split(",") if d]
        if not left_out:
            return {}
        return {"otherIntents": transfer.compare(self, encoder, self.base, mode, left_out)}

    def plan(self, encoder, head):
        rows = np.random.default_rng(0).choice(self.corpus.written, min(2000, self.corpus.written), replace=False)
        batches = [part for _, part in data.in_batches(self.ids[torch.from_numpy(rows).to(self.device)], 256)]
        found = sparsity.sensitivities(encoder.eval(), head.eval(), batches)
        layers = sparsity.zeros_by_layer(encoder)
        plan, share, zeros = sparsity.plan(layers, found, self.o.target, 1.0 if self.o.smoke else 0.005)
        self.note("plan", sensitivities=found, layers=plan, share=share, zeros=zeros)
        return plan, share

    def fit_output_steps(self, encoder):
        rows = np.random.default_rng(0).choice(self.corpus.written, min(2000, self.corpus.written), replace=False)
        before, after = output_steps.fit_output_steps(encoder, self.ids[torch.from_numpy(rows).to(self.device)], self.say)
        self.note("output-steps", before=before, after=after)

    def finish(self, encoder, head, plan, share):
        o, c = self.o, self.corpus
        inside, outside = (stages.run(encoder, head, ids, CPU) for ids in (self.val, self.val_oos))
        centroids = self.centroids(encoder, CPU)
        decision, evaluation = finish.fit_decision(inside, c.validation_labels, outside, head.background, centroids)
        self.note("decision", **decision, **evaluation)
        measured = {"dense": self.figures["dense"], "shipped": evaluation, "teachers": self.figures.get("teachers")}
        size = bundle.write_bundle(
            o.out, encoder, head, c.intents, self.tokenizer_json(),
            {
                "format": 1, "id": o.id, "version": o.model_version, "minAgent": "0.1.0",
                "architecture": encoder.architecture, "attention": encoder.attention,
                "sparsity": {"pattern": "2:4", "target": o.target, "achieved": share, "layers": plan},
                "quantization": {"weights": "int8", "activations": "int8", "method": "qat"},
                "head": {"type": "mlp", "hidden": o.head_size, "activation": "gelu", "background": head.background},
                "decision": decision,
                "evaluation": measured,
            },
            finish.golden_rows(o.golden or Path(o.out) / "golden.jsonl", c.intents),
            centroids if decision["outOfScope"]["score"] == "centroid" else None,
        )  # fmt: skip
        self.note("bundle", bytes=size)


def copy_of(module):
    return copy.deepcopy(module).eval().requires_grad_(False)


def machine(device):
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine(),
        "torch": torch.__version__, "python": platform.python_version(), "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip
