"""The models of `sumun train` in PyTorch, with the same options: what their figures are compared with.

    python benches/tasks_torch.py classify TRAIN TEST --text text --label label --seeds 0 1 2
    python benches/tasks_torch.py tag TRAIN TEST --valid DEV --tokens tokens --tags upos
    python benches/tasks_torch.py lm TEXT

Reads JSON lines (a text, tokens with tags, or numbers "x", channel by channel) or a text, and prints one line a seed.
Batches are shuffled without regard to length; everything else is as in Sumun: layers and their first weights (PyTorch's),
dropout, Adam, cosine schedule by step, clipping, the best epoch by mistakes on the validation part.
"""

import argparse
import json
import math
import time

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["classify", "tag", "lm"])
    parser.add_argument("train")
    parser.add_argument("test", nargs="?")
    for name in ["text", "label", "tokens", "tags"]:
        parser.add_argument(f"--{name}", default=name)
    parser.add_argument("--valid", default="0.1", help="a share of the training file, or a file")
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--test-share", type=float, default=0.0, help="of the training file, without TEST")
    parser.add_argument("--cell", default="lstm", choices=["rnn", "lstm", "gru"])
    for name, default in [("hidden", 100), ("layers", 1), ("embedding", 100), ("epochs", 20), ("batch", 32),
                          ("patience", 8), ("chunk", 128)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in [("dropout", 0.5), ("lr", 0.002), ("clip", 1.0)]:
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--keep-case", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    return parser.parse_args()


class Network(nn.Module):
    def __init__(self, o, inputs, outputs, ids, pool, both):
        super().__init__()
        self.pool = pool
        self.embedding = nn.Embedding(inputs, o.embedding, padding_idx=0) if ids else None
        self.drop = nn.Dropout(o.dropout)
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[o.cell]
        features = o.embedding if ids else inputs
        between = o.dropout if o.layers > 1 else 0.0
        self.recurrent = kind(features, o.hidden, o.layers, batch_first=True, bidirectional=both, dropout=between)
        self.head = nn.Linear(o.hidden * (2 if both else 1), outputs)

    def forward(self, x, lengths, state=None):
        if self.embedding is not None:
            x = self.drop(self.embedding(x))
        if lengths is None:
            h, state = self.recurrent(x, state)
            return self.head(self.drop(h)), state
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)
        if self.pool:
            there = torch.arange(h.shape[1])[None, :] < torch.tensor(lengths)[:, None]
            h = h.masked_fill(~there[:, :, None], -math.inf).amax(1)
        return self.head(self.drop(h))


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def optimizer_of(o, model, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=o.lr, fused=True)
    cosine = lambda step: 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(step, steps) / steps))
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, cosine)


def take_step(o, model, optimizer, schedule, loss):
    optimizer.zero_grad()
    loss.backward()
    if o.clip:
        nn.utils.clip_grad_norm_(model.parameters(), o.clip)
    optimizer.step()
    schedule.step()


def labelled(o, seed):
    """Sequences with one label each, or a tag for each token; accuracy on the test part."""
    def read(path):
        rows = lines(path)
        if o.task == "tag":
            return [row[o.tokens] for row in rows], [row[o.tags] for row in rows]
        x = [row[o.text].lower().split() if o.text in row else torch.tensor(row["x"]).T for row in rows]
        label = (lambda v: v > o.threshold) if o.threshold is not None else str
        return x, [label(row[o.label]) for row in rows]

    torch.manual_seed(seed)
    x, y = read(o.train)
    order = torch.randperm(len(x)).tolist()
    share = lambda text: round(float(text) * len(x))
    held = share(o.valid) if o.valid.replace(".", "").isdigit() else 0
    tested = 0 if o.test else share(o.test_share)
    pick = lambda places: ([x[i] for i in places], [y[i] for i in places])
    valid = pick(order[:held]) if held else read(o.valid)
    test = read(o.test) if o.test else pick(order[held:held + tested])
    x, y = pick(order[held + tested:])
    tag, ids = o.task == "tag", isinstance(x[0], list)
    case = (lambda t: t) if o.keep_case else str.lower
    classes = sorted({t for tags in y for t in tags} if tag else set(y))
    if ids:
        words = {w: i + 2 for i, w in enumerate(dict.fromkeys(case(w) for tokens in x for w in tokens))}
        encode = lambda tokens: torch.tensor([words.get(case(w), 1) for w in tokens])
        inputs = len(words) + 2
    else:
        mean, deviation = torch.cat(x).mean(0), torch.cat(x).std(0, unbiased=False)
        encode, inputs = (lambda v: (v - mean) / deviation), x[0].shape[1]
    number = lambda v: torch.tensor([classes.index(t) for t in v]) if tag else torch.tensor(classes.index(v))
    (x, y), valid, test = [
        ([encode(v) for v in xs], [number(v) for v in ys]) for xs, ys in [(x, y), valid, test]]
    model = Network(o, inputs, len(classes), ids, pool=not tag, both=True)
    steps = math.ceil(len(x) / o.batch)
    optimizer, schedule = optimizer_of(o, model, steps * o.epochs)

    def batch(xs, ys, places):
        lengths = [len(xs[i]) for i in places]
        answer = model(pad_sequence([xs[i] for i in places], batch_first=True), lengths)
        if tag:
            return answer.flatten(0, 1), pad_sequence([ys[i] for i in places], batch_first=True, padding_value=-1).flatten()
        return answer, torch.stack([ys[i] for i in places])

    def mistakes(xs, ys):
        model.eval()
        wrong = count = loss = 0
        with torch.no_grad():
            for start in range(0, len(xs), 64):
                answer, truth = batch(xs, ys, range(start, min(start + 64, len(xs))))
                there = truth >= 0
                wrong += int(((answer.argmax(-1) != truth) & there).sum())
                count += int(there.sum())
                loss += float(nn.functional.cross_entropy(answer, truth, ignore_index=-1, reduction="sum"))
        model.train()
        return wrong, loss / count, 1 - wrong / count

    best, kept, waited = None, None, 0
    for epoch in range(o.epochs):
        order = torch.randperm(len(x)).tolist()
        for start in range(0, len(x), o.batch):
            answer, truth = batch(x, y, order[start:start + o.batch])
            take_step(o, model, optimizer, schedule, nn.functional.cross_entropy(answer, truth, ignore_index=-1))
        measured = mistakes(*valid)[:2]
        if best is None or measured < best:
            best, waited = measured, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            waited += 1
            if waited >= o.patience:
                break
    model.load_state_dict(kept)
    return f"accuracy {mistakes(*test)[2]:.4f} after {epoch + 1} epochs"


def language(o, seed):
    """Characters; nats of the last tenth of the text."""
    torch.manual_seed(seed)
    text = open(o.train, encoding="utf-8").read()
    cut = len(text) - round(len(text) * float(o.valid))
    known = {c: i + 2 for i, c in enumerate(dict.fromkeys(text[:cut]))}
    ids = torch.tensor([known.get(c, 1) for c in text])
    model = Network(o, len(known) + 2, len(known) + 2, True, pool=False, both=False)
    each = (cut - 1) // o.batch
    x = ids[:each * o.batch].view(o.batch, each)
    y = ids[1:each * o.batch + 1].view(o.batch, each)
    optimizer, schedule = optimizer_of(o, model, o.epochs * math.ceil(each / o.chunk))
    detach = lambda s: tuple(v.detach() for v in s) if isinstance(s, tuple) else s.detach()
    best = math.inf
    for epoch in range(o.epochs):
        state = None
        for start in range(0, each, o.chunk):
            answer, state = model(x[:, start:start + o.chunk], None, state)
            loss = nn.functional.cross_entropy(answer.flatten(0, 1), y[:, start:start + o.chunk].flatten())
            state = detach(state)
            take_step(o, model, optimizer, schedule, loss)
        model.eval()
        total, state, held = 0.0, None, ids[cut:]
        with torch.no_grad():
            for start in range(0, len(held) - 1, 1000):
                part = held[start:start + 1001]
                answer, state = model(part[None, :-1], None, state)
                total += float(nn.functional.cross_entropy(answer[0], part[1:], reduction="sum"))
        model.train()
        best = min(best, total / (len(held) - 1))
    return f"nats {best:.4f} after {epoch + 1} epochs"


def main():
    o = options()
    torch.set_num_threads(o.threads)
    for seed in o.seeds:
        begun = time.time()
        said = language(o, seed) if o.task == "lm" else labelled(o, seed)
        print(f"torch {torch.__version__} seed {seed}: {said}, {time.time() - begun:.0f} s", flush=True)


main()
