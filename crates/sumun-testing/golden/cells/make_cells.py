"""Golden cases for cells that PyTorch has no module for: the papers' equations in plain torch, gradients by its autograd.

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors
    venv/bin/python make_cells.py            # writes *.safetensors next to itself

IndRNN: Li et al. 2018, eq. 2. minGRU and minLSTM: Feng et al. 2024, sections 3.1 and 3.2. sLSTM: Beck et al. 2024, eqs. 8
to 17, with the sigmoid as forget gate and, where the normaliser is 0, m' = the pre-activation of i and f = 0.
Tensors, float64: x [T,N,I], h0 [N,H], c0 [N,states*H], the weights as the kernels name them, d_out, d_h_n, d_c_n, and the
answers out [T,N,H], h_n, c_n and d_ of everything that goes in. Metadata `case`: cell and sizes. Compare with
|got - want| <= 1e-12 + 1e-11 * |want|.
"""
import json, os
import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn.functional import linear, logsigmoid

HERE = os.path.dirname(os.path.abspath(__file__))


def ind_rnn(x, h, c, w):
    return torch.relu(linear(x, w["weight_ih"], w.get("bias_ih")) + w["weight_hh"] * h), c


def min_gru(x, h, c, w):
    z, n = linear(x, w["weight_ih"], w.get("bias_ih")).chunk(2, -1)
    z = torch.sigmoid(z)
    return (1 - z) * h + z * n, c


def min_lstm(x, h, c, w):
    f, i, n = linear(x, w["weight_ih"], w.get("bias_ih")).chunk(3, -1)
    f, i = torch.sigmoid(f), torch.sigmoid(i)
    return f / (f + i) * h + i / (f + i) * n, c


def slstm(x, h, states, w):
    i, f, z, o = (linear(x, w["weight_ih"], w.get("bias_ih")) + linear(h, w["weight_hh"])).chunk(4, -1)
    c, n, m = states.chunk(3, -1)
    kept = logsigmoid(f) + m
    empty = n <= 0
    m = torch.where(empty, i, torch.maximum(i, kept))
    i, f = torch.exp(i - m), torch.where(empty, torch.zeros_like(f), torch.exp(torch.where(empty, m, kept) - m))
    c, n = f * c + i * torch.tanh(z), f * n + i
    return torch.sigmoid(o) * (c / n), torch.cat([c, n, m], -1)


# The step, gates, states beside h, and the shape of weight_hh.
CELLS = dict(
    ind_rnn=(ind_rnn, 1, 0, lambda H: (H,)),
    min_gru=(min_gru, 2, 0, None),
    min_lstm=(min_lstm, 3, 0, None),
    slstm=(slstm, 4, 3, lambda H: (4 * H, H)),
)


def case(name, cell, T=5, N=3, I=4, H=6, bias=True, state=True, scale=0.6, raise_first=0, seed=0):
    r = np.random.default_rng(seed)
    step, gates, states, hidden = CELLS[cell]
    f = lambda *s: torch.tensor(r.standard_normal(s) * scale, dtype=torch.float64)
    t = dict(x=f(T, N, I), weight_ih=f(gates * H, I))
    if hidden: t["weight_hh"] = f(*hidden(H))
    if bias:
        t["bias_ih"] = f(gates * H)
        t["bias_ih"][:H] += raise_first
    if state:
        t["h0"] = f(N, H)
        if states:
            t["c0"] = f(N, states * H)
            t["c0"][:, H : 2 * H] = t["c0"][:, H : 2 * H].abs() + 0.5  # A normaliser is above 0.
    d = dict(d_out=f(T, N, H), d_h_n=f(N, H))
    if states: d["d_c_n"] = f(N, states * H)
    for v in t.values(): v.requires_grad_(True)
    zeros = lambda *s: torch.zeros(s, dtype=torch.float64)
    h, c, out = t.get("h0", zeros(N, H)), t.get("c0", zeros(N, states * H)), []
    for x in t["x"]:
        h, c = step(x, h, c, t)
        out.append(h)
    out = torch.stack(out)
    loss = (out * d["d_out"]).sum() + (h * d["d_h_n"]).sum()
    if states: loss = loss + (c * d["d_c_n"]).sum()
    loss.backward()
    answers = dict(out=out, h_n=h) | ({"c_n": c} if states else {})
    answers |= {f"d_{k}": v.grad for k, v in t.items()}
    meta = dict(cell=cell, hidden_size=H, input_size=I, steps=T, batch=N)
    tensors = {k: np.ascontiguousarray(v.detach().numpy()) for k, v in (t | d | answers).items()}
    save_file(tensors, os.path.join(HERE, f"{name}.safetensors"), {"case": json.dumps(meta)})


for k, cell in enumerate(CELLS):
    case(f"{cell}_plain", cell, seed=10 + k)
    case(f"{cell}_no_bias", cell, bias=False, seed=20 + k)
    case(f"{cell}_no_state", cell, state=False, seed=30 + k)
    case(f"{cell}_one_step_one_row", cell, T=1, N=1, seed=40 + k)
    case(f"{cell}_long", cell, T=60, N=2, I=3, H=5, scale=0.4, seed=50 + k)
    case(f"{cell}_wide", cell, T=3, N=9, I=17, H=37, scale=0.3, seed=60 + k)
case("slstm_large", "slstm", T=8, raise_first=100, seed=70)  # Exponentials that no float holds without the stabiliser.
