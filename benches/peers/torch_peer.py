"""PyTorch on the speed grid; of a training case the faster of its two Adams counts, with bf16 the faster of a network of such
numbers and of autocast too. See serve.py."""

import functools
import os

import serve

given = serve.arguments()
os.environ["OMP_NUM_THREADS"] = str(given.threads)

import torch  # noqa: E402  after the number of threads is set
from torch.nn.utils.rnn import pack_padded_sequence  # noqa: E402

torch.set_num_threads(given.threads)
torch.manual_seed(0)
functions = torch.nn.functional


class Network(torch.nn.Module):
    """Embedding where ids come in, a recurrent stack, a linear head on the last state or on every step."""

    def __init__(self, case):
        super().__init__()
        vocabulary, bidirectional = case.get("vocab", 0), case.get("bidirectional", False)
        self.embedding = torch.nn.Embedding(vocabulary, case["input"]) if vocabulary else None
        self.recurrent = stack(case)
        self.head = torch.nn.Linear(case["hidden"] * (2 if bidirectional else 1), case.get("classes", 1))
        self.bidirectional, self.every_step = bidirectional, case.get("loss") == "ce_steps"

    def forward(self, x, lengths):
        if self.embedding is not None:
            x = self.embedding(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, state = self.recurrent(x)
        if self.every_step:
            return self.head(output)
        hidden = state[0] if isinstance(state, tuple) else state
        last = torch.cat([hidden[-2], hidden[-1]], 1) if self.bidirectional else hidden[-1]
        return self.head(last)


def stack(case):
    recurrent = getattr(torch.nn, case["cell"].upper())
    bidirectional = case.get("bidirectional", False)
    return recurrent(
        case["input"], case["hidden"], case.get("layers", 1), batch_first=True, bidirectional=bidirectional
    )


def casting(how):
    return torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast")


def answer(case, how):
    network = stack(case).eval()
    if given.precision == "int8":
        network = torch.ao.quantization.quantize_dynamic(network, {type(network)}, dtype=torch.qint8)
    x, state = torch.randn(case.get("batch", 1), case.get("steps", 1), case["input"]), [None]
    if how == "bfloat16":
        network, x = network.bfloat16(), x.bfloat16()

    def run():
        with torch.inference_mode(), casting(how):
            _, after = network(x, state[0])
            if case["kind"] == "step":
                state[0] = after

    return run


def train(case, fused, how):
    n, t, classes = case["batch"], case["steps"], case.get("classes", 1)
    vocabulary, loss = case.get("vocab", 0), case["loss"]
    x = torch.randint(0, vocabulary, (n, t)) if vocabulary else torch.randn(n, t, case["input"])
    lengths = torch.tensor(case["lengths"]) if "lengths" in case else None
    network = Network(case)
    if how == "bfloat16":
        network, x = network.bfloat16(), x if vocabulary else x.bfloat16()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=fused)
    if loss.startswith("ce"):
        y = torch.randint(0, classes, (n, t) if loss == "ce_steps" else (n,)).reshape(-1)
    else:
        y = torch.rand(n).round()

    def run():
        optimizer.zero_grad()
        with casting(how):
            z = network(x, lengths)
        z = z.float()
        if loss.startswith("ce"):
            value = functions.cross_entropy(z.reshape(-1, classes), y)
        elif loss == "mse":
            value = functions.mse_loss(z.squeeze(-1), y)
        else:
            value = functions.binary_cross_entropy_with_logits(z.squeeze(-1), y)
        value.backward()
        optimizer.step()

    return run


def works(case):
    hows = ("bfloat16", "autocast") if given.precision == "bf16" else ("as it is",)
    if case["kind"] == "train":
        return [functools.partial(train, case, fused, how) for fused in (False, True) for how in hows]
    if given.precision == "int8" and case["cell"] == "rnn":
        return []  # It has 8 bits for LSTM and GRU alone.
    return [functools.partial(answer, case, how) for how in hows]


serve.serve(f"torch {torch.__version__}", given, works)
