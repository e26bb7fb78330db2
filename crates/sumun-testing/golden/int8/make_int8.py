"""Golden cases of recurrences over 8-bit weights: integer products in NumPy, gates in float64.

    python3 -m venv venv && venv/bin/pip install numpy safetensors
    venv/bin/python make_int8.py       # writes *.safetensors next to itself

The rule of rounding is that of `precision.rs`: a row of weights has the scale max|w| / 127, rounded up to 17 bits, and the whole
numbers nearest to w / scale; a row of x or h has the scale max / 127 and the whole numbers nearest to v * (127 / max), in float32.
The sums of products are integers, and sum * (scale of the row * scale of the output) is a float32 again. The equations are
PyTorch's (LSTM: gates i, f, g, o; GRU: r, z, n with the reset after the product).
Cases in which a number lies so near to the middle between two whole numbers that a gate in other arithmetic could round it the
other way are drawn again. Compare with |got - want| <= 2e-6 + 1e-5 * |want|.
"""
import json, os
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
F = np.float32
MARGIN = 1e-3


def scale_of(row):
    scale = F(np.abs(row).max()) / F(127)
    bits = (int(scale.view(np.uint32)) + 0x7F) & ~0x7F
    return np.uint32(bits).view(F)


class Rounder:
    """Products of rows with 8-bit weights; `nearest` is how near a number came to the middle of two whole ones."""

    def __init__(self):
        self.nearest = 1.0

    def product(self, weights, row):
        row = row.astype(F)
        most = np.abs(row).max()
        scaled = row * (F(127) / most)
        self.nearest = min(self.nearest, np.abs(np.abs(scaled - np.floor(scaled)) - 0.5).min())
        whole = np.rint(scaled).astype(np.int64)
        out = np.zeros(len(weights), F)
        for k, w in enumerate(weights.astype(F)):
            scale = scale_of(w)
            total = (np.rint(w / scale).astype(np.int64) * whole).sum()
            out[k] = F(total) * (F(most / F(127)) * scale)
        return out.astype(np.float64)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(cell, p, x, h, c, rounder):
    a = rounder.product(p["weight_ih"], x) + p["bias_ih"]
    b = rounder.product(p["weight_hh"], h) + p["bias_hh"]
    if cell == "rnn_tanh":
        return np.tanh(a + b), c
    if cell == "lstm":
        i, f, g, o = np.split(a + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
    r, z = sigmoid(ar + br), sigmoid(az + bz)
    n = np.tanh(an + r * bn)
    return (1 - z) * n + z * h, c


def case(cell, gates, inputs, units, steps, batch):
    for seed in range(1000):
        r, rounder = np.random.default_rng(seed), Rounder()
        f = lambda *s: (r.standard_normal(s) / np.sqrt(units)).astype(F)
        p = dict(weight_ih=f(gates * units, inputs), weight_hh=f(gates * units, units),
                 bias_ih=f(gates * units), bias_hh=f(gates * units))
        x = r.standard_normal((steps, batch, inputs)).astype(F)
        h0, c0 = f(batch, units), f(batch, units)
        h, c = h0.astype(np.float64), c0.astype(np.float64)
        out = np.zeros((steps, batch, units))
        for t in range(steps):
            for n in range(batch):
                h[n], c[n] = step(cell, p, x[t, n], h[n], c[n], rounder)
            out[t] = h
        if rounder.nearest > MARGIN:
            break
    else:
        raise SystemExit(f"{cell}: no seed keeps its distance")
    tensors = dict(p, x=x, h0=h0, out=out, h_n=h)
    if cell == "lstm":
        tensors |= dict(c0=c0, c_n=c)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, os.path.join(HERE, f"{cell}.safetensors"),
              {"case": json.dumps(dict(cell=cell, input_size=inputs, hidden_size=units, steps=steps, batch=batch))})
    print(cell, "seed", seed, "nearest to a middle", rounder.nearest)


case("rnn_tanh", 1, 3, 9, 4, 2)
case("lstm", 4, 5, 7, 4, 2)
case("gru", 3, 6, 5, 4, 2)
