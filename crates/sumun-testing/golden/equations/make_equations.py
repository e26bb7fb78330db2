"""Golden cases for what neither PyTorch, Keras nor ONNX has inside a cell, written down from the papers in NumPy.

    python3 -m venv venv && venv/bin/pip install numpy safetensors
    venv/bin/python make_equations.py        # writes *.safetensors next to itself

Layer normalisation: Ba, Kiros & Hinton 2016, eq. 4 for the RNN, the supplement's equations for the LSTM and the GRU.
Recurrent dropout: Gal & Ghahramani 2016. Zoneout: Krueger et al. 2017, eqs. 3 and 4.
Tensors, float64: x [T,N,I], h0, c0, the weights as the kernels name them, masks, and the answers out [T,N,H],
h_n, c_n. Metadata `case`: cell, the sizes and the options. Compare with |got - want| <= 1e-12 + 1e-12 * |want|.
"""
import json, os
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
T, N, I, H, EPS = 4, 3, 2, 5, 1e-5
sigmoid = lambda a: 1 / (1 + np.exp(-a))
GATES = dict(rnn=1, lstm=4, gru=3, gru_before=3)


def normalise(a, gain, bias):
    """LN over the last axis."""
    return gain * (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + EPS) + bias


def case(name, cell, norm=False, dropout=None, zoneout=(0, 0), masks=True, projection=None, peepholes=False,
         clip=None, coupled=False, seed=0):
    r, G, P = np.random.default_rng(seed), GATES[cell], projection or H
    f = lambda *s: r.standard_normal(s) * 0.6
    t = dict(x=f(T, N, I), h0=f(N, P), weight_ih=f(G * H, I), weight_hh=f(G * H, P), bias_ih=f(G * H), bias_hh=f(G * H))
    if cell == "lstm": t["c0"] = f(N, H)
    if projection: t["weight_hr"] = f(P, H)
    if peepholes: t["peepholes"] = f(3 * H)
    if norm:
        blocks = dict(rnn=1, lstm=9, gru=6, gru_before=6)[cell]
        t["norm_gain"], t["norm_bias"] = 1 + f(blocks * H), f(blocks * H)
    bernoulli = lambda rate, *s: (r.random(s) < rate).astype(np.float64)
    if dropout: t["mask_recurrent"] = (1 - bernoulli(.4, N, G if dropout == "per_gate" else 1, P)) / .6
    if zoneout[0] and masks: t["mask_zoneout_hidden"] = bernoulli(zoneout[0], T, N, P)
    if zoneout[1] and masks: t["mask_zoneout_cell"] = bernoulli(zoneout[1], T, N, H)
    gates = lambda a: np.split(a, a.shape[-1] // H, -1)
    gain = lambda i, j: (t["norm_gain"][i * H : j * H], t["norm_bias"][i * H : j * H]) if norm else None
    ln = lambda a, g: a if g is None else normalise(a, *g)
    cut = lambda a: a if clip is None else np.clip(a, -clip, clip)
    W, U, bi, bh = (t[k] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))

    def seen(h, gate):
        return h if not dropout else h * t["mask_recurrent"][:, gate if dropout == "per_gate" else 0]

    def recurrent(h, blocks):
        return np.concatenate([seen(h, g) @ U[g * H : (g + 1) * H].T for g in blocks], -1)

    h, c, out = t["h0"], t.get("c0"), []
    for step in range(T):
        x = t["x"][step]
        if cell == "rnn":
            new = np.tanh(cut(ln(x @ W.T + recurrent(h, [0]), gain(0, 1)) + bi + bh))
            new_c = None
        elif cell == "lstm":
            a = ln(x @ W.T, gain(0, 4)) + ln(recurrent(h, range(4)), gain(4, 8)) + bi + bh
            i, f_, g, o = gates(a)
            p = np.split(t["peepholes"], 3) if peepholes else [0, 0, 0]
            i = sigmoid(cut(i + p[0] * c))
            f_ = 1 - i if coupled else sigmoid(cut(f_ + p[1] * c))
            new_c = f_ * c + i * np.tanh(cut(g))
            o = sigmoid(cut(o + p[2] * new_c))
            new = o * np.tanh(ln(new_c, gain(8, 9)))
            if projection: new = new @ t["weight_hr"].T
        else:
            xr, xz = gates(ln(x @ W[: 2 * H].T, gain(0, 2)) + bi[: 2 * H])
            xn = ln(x @ W[2 * H :].T, gain(2, 3)) + bi[2 * H :]
            hr, hz = gates(ln(recurrent(h, [0, 1]), gain(3, 5)) + bh[: 2 * H])
            reset, z = sigmoid(cut(xr + hr)), sigmoid(cut(xz + hz))
            product = lambda v: ln(v @ U[2 * H :].T, gain(5, 6)) + bh[2 * H :]
            n = reset * product(seen(h, 2)) if cell == "gru" else product(reset * seen(h, 2))
            new, new_c = (1 - z) * np.tanh(cut(xn + n)) + z * h, None
        d = t.get("mask_zoneout_hidden", np.full((T, 1, 1), zoneout[0]))[step]
        h = d * h + (1 - d) * new
        if new_c is not None:
            d = t.get("mask_zoneout_cell", np.full((T, 1, 1), zoneout[1]))[step]
            c = d * c + (1 - d) * new_c
        out.append(h)
    t["out"], t["h_n"] = np.stack(out), h
    if c is not None: t["c_n"] = c
    meta = dict(cell=cell, hidden_size=H, input_size=I, steps=T, batch=N, layer_norm=EPS if norm else None, dropout=dropout,
                zoneout_hidden=zoneout[0], zoneout_cell=zoneout[1], projection=projection, peepholes=peepholes, clip=clip,
                coupled=coupled)
    save_file({k: np.ascontiguousarray(v) for k, v in t.items()}, os.path.join(HERE, f"{name}.safetensors"), {"case": json.dumps(meta)})


for k, cell in enumerate(GATES):
    lstm = cell == "lstm"
    case(f"{cell}_layer_norm", cell, norm=True, seed=10 + k)
    case(f"{cell}_dropout_shared", cell, dropout="shared", seed=20 + k)
    case(f"{cell}_dropout_per_gate", cell, dropout="per_gate", seed=30 + k)
    case(f"{cell}_zoneout", cell, zoneout=(.3, .5 if lstm else 0), seed=40 + k)
    case(f"{cell}_zoneout_expected", cell, zoneout=(.3, .5 if lstm else 0), masks=False, seed=50 + k)
    case(f"{cell}_together", cell, norm=True, dropout="per_gate", zoneout=(.3, .2 if lstm else 0), clip=.8,
         projection=3 if lstm else None, peepholes=lstm, seed=60 + k)
case("lstm_together_coupled", "lstm", norm=True, projection=4, peepholes=True, coupled=True, seed=70)
