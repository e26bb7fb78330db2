"""One model of many series in PyTorch, beside `sumun train forecast --series`: the same network, inputs, loss and schedule.

    python benches/panel_torch.py m4_weekly.csv --sumun target/release/sumun --seeds 3 --threads 2

The file has the columns id, week and value, sorted by them. The last 13 rows of each series are the test part, the 13 before them
the validation part. Both learn Student's t distribution of what is left of the last value, without a season and without logarithms,
and both are measured by the OWA of the medians of the test parts against the naive forecast, which Naive2 is without a season. Needs
torch and numpy. One line of JSON a training is printed, then the means.
"""

import argparse
import csv
import json
import math
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import torch

HORIZON, WINDOW, HIDDEN, BATCH, EXAMPLES, LEAST = 13, 65, 64, 128, 16_384, 4
LR, CLIP, DROPOUT, MOST = 3e-3, 1.0, 0.1, 30.0


def read(path):
    series = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            series.setdefault(row["id"], []).append(float(row["value"]))
    return [np.array(values) for values in series.values()]


def spread_of(window):
    changes = np.abs(np.diff(window)).mean() if len(window) > 1 else 0.0
    spread = max(changes, 1e-3 * np.abs(window).mean())
    return spread if spread > 0 else 1.0


def log_spread(window):
    spread = spread_of(window)
    return math.log(spread / (spread + abs(window[-1])))


def inputs(values, origin, centre, deviation):
    """Rows of the window that ends at `origin`: from the last value, the change, and the spread; right-padded with zeros."""
    first = max(0, origin + 1 - WINDOW)
    window = values[first : origin + 1]
    spread = spread_of(window)
    rows = np.zeros((WINDOW, 3), np.float32)
    before = values[first - 1 : origin] if first > 0 else np.concatenate([window[:1], window[:-1]])
    rows[: len(window), 0] = np.clip((window - window[-1]) / spread, -MOST, MOST)
    rows[: len(window), 1] = np.clip((window - before) / spread, -MOST, MOST)
    rows[: len(window), 2] = (log_spread(window) - centre) / deviation
    return rows, len(window), spread, window[-1]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(3, HIDDEN, batch_first=True)
        with torch.no_grad():
            self.lstm.bias_ih_l0[HIDDEN : 2 * HIDDEN] += 1.0
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.head = torch.nn.Linear(HIDDEN, HORIZON * 3)

    def forward(self, x, lengths):
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.head(self.dropout(h[-1])).view(-1, HORIZON, 3)


def loss_of(out, target, mask):
    scale = torch.nn.functional.softplus(out[..., 1]) + 1e-3
    freedom = 2 + torch.nn.functional.softplus(out[..., 2])
    student = torch.distributions.StudentT(freedom, out[..., 0], scale)
    return -(student.log_prob(target) * mask).sum() / mask.sum()


def batch_of(series, places, scale, ends):
    rows, lengths, targets, masks = [], [], [], []
    for k, origin in places:
        x, length, spread, level = inputs(series[k], origin, *scale)
        target, mask = np.zeros(HORIZON, np.float32), np.zeros(HORIZON, np.float32)
        ahead = series[k][origin + 1 : min(origin + 1 + HORIZON, ends[k])]
        target[: len(ahead)], mask[: len(ahead)] = (ahead - level) / spread, 1
        rows.append(x), lengths.append(length), targets.append(target), masks.append(mask)
    return [torch.from_numpy(np.stack(a)) for a in (rows, targets, masks)] + [torch.tensor(lengths)]


def train(series, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    ends = [len(values) - 2 * HORIZON for values in series]
    sample = []
    for values, end in zip(series, ends):
        for origin in range(LEAST, end, max(end // 16, 1)):
            sample.append(log_spread(values[max(0, origin + 1 - WINDOW) : origin + 1]))
    scale = (np.mean(sample), np.std(sample))
    valid = [(k, end - 1) for k, end in enumerate(ends)]
    valid_ends = [end + HORIZON for end in ends]
    x, t, m, lengths = batch_of(series, valid, scale, valid_ends)
    windows = sum(end - LEAST for end in ends)
    steps = -(-EXAMPLES // BATCH)
    epochs = min(max(20, min(200, -(-5000 // steps))), max(1, 6000 // steps))
    assert windows > EXAMPLES
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    best, kept, stale = math.inf, None, 0
    for epoch in range(epochs):
        net.train()
        drawn = [(k % len(series), 0) for k in range(EXAMPLES)]
        drawn = [(k, int(rng.integers(LEAST - 1, ends[k] - 1))) for k, _ in drawn]
        rng.shuffle(drawn)
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = LR * 0.5 * (1 + math.cos(math.pi * (epoch * steps + step) / (epochs * steps)))
            bx, bt, bm, bl = batch_of(series, drawn[step * BATCH : (step + 1) * BATCH], scale, ends)
            loss = loss_of(net(bx, bl), bt, bm)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimizer.step()
        net.eval()
        with torch.no_grad():
            watched = loss_of(net(x, lengths), t, m).item()
        if watched < best:
            best, kept, stale = watched, {k: v.clone() for k, v in net.state_dict().items()}, 0
        else:
            stale += 1
            if stale >= max(5, epochs // 5):
                break
    net.load_state_dict(kept)
    net.eval()
    places = [(k, end - 1) for k, end in enumerate(valid_ends)]
    with torch.no_grad():
        x, _, _, lengths = batch_of(series, places, scale, [len(values) for values in series])
        medians = net(x, lengths)[..., 0].numpy()
    return [spread_level(series[k], origin, medians[k]) for k, origin in places], epoch + 1


def spread_level(values, origin, median):
    window = values[max(0, origin + 1 - WINDOW) : origin + 1]
    return np.maximum(0, window[-1] + spread_of(window) * median) if values.min() >= 0 else window[-1] + spread_of(window) * median


def owa(series, forecasts):
    smapes, mases, naive_smapes, naive_mases = [], [], [], []
    for values, forecast in zip(series, forecasts):
        truth, train = values[-HORIZON:], values[: -2 * HORIZON]
        scale = np.abs(np.diff(train)).mean()
        naive = np.full(HORIZON, values[-HORIZON - 1])
        for said, smape, mase in [(forecast, smapes, mases), (naive, naive_smapes, naive_mases)]:
            smape.append(np.mean(200 * np.abs(truth - said) / (np.abs(truth) + np.abs(said))))
            mase.append(np.mean(np.abs(truth - said)) / scale)
    return (np.mean(smapes) / np.mean(naive_smapes) + np.mean(mases) / np.mean(naive_mases)) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--sumun", default="target/release/sumun")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    series = read(arguments.file)
    results = {"torch": [], "sumun": []}
    for seed in range(arguments.seeds):
        began = time.perf_counter()
        forecasts, epochs = train(series, seed)
        one = {"of": "torch", "version": torch.__version__, "seed": seed, "owa": owa(series, forecasts), "epochs": epochs,
               "seconds": time.perf_counter() - began}
        results["torch"].append(one)
        print(json.dumps(one), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            run = str(pathlib.Path(folder) / "run")
            command = [arguments.sumun, "train", "forecast", arguments.file, "--target", "value", "--series", "id",
                       "--horizon", str(HORIZON), "--season", "none", "--log", "off", "--difference", "last", "--output",
                       "student-t", "--seed", str(seed), "--threads", str(arguments.threads), "--out", run, "--json", "--quiet"]
            answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        one = {"of": "sumun", "seed": seed, "owa": answer["metrics"]["test"]["owa"], "epochs": answer["epochs"],
               "seconds": answer["seconds"]}
        results["sumun"].append(one)
        print(json.dumps(one), flush=True)
    for name, all_of in results.items():
        print(name, *(f"{key} {np.mean([one[key] for one in all_of]):.3f}" for key in ("owa", "epochs", "seconds")))


main()
