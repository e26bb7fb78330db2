"""Golden cases for the layers that are not recurrent, computed by PyTorch in float64.

    python3 -m venv venv && venv/bin/pip install torch safetensors numpy packaging
    venv/bin/python make_torch_layers.py     # writes *.safetensors beside itself

Every input is drawn as float32, so it is exact in both precisions; every expected value is computed in float64 and
rounded once to float32. Compare with |got - want| <= 1e-6 + 1e-5 * |want| for outputs and 1e-5 + 1e-4 * |want| for
gradients.

One file is one case. Its metadata (a safetensors header of strings) holds `case`, a JSON object with the layer's kind and
options. Tensors (N batch, T time, F features; batch-first; what lies past a sequence's length is 0):

    input [N,T,F]   lengths [N]   memory [N,Tm,F] and memory_lengths [N] of attention
    param.<name>    as PyTorch names them, where PyTorch has the layer
    output          weights [N,T,Tm] of attention
    d_output        the upstream gradient that was fed in
    d_input, d_memory, d_param.<name>       what came back
"""
import json, os
import numpy as np, torch
import torch.nn.functional as F
from safetensors.numpy import save_file

OUT = os.path.dirname(os.path.abspath(__file__))

def f32(rng, *shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)

def leaf(a):
    return torch.from_numpy(a).double().requires_grad_()

def out(t):
    return np.ascontiguousarray(t.detach().numpy().astype(np.float32))

def mask(x, lengths):
    for n, length in enumerate(lengths): x[n, length:] = 0
    return x

def save(name, case, tensors):
    case = dict(case, torch=torch.__version__)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, f"{OUT}/{name}.safetensors", {"case": json.dumps(case)})

def finish(name, case, t, y, leaves, rng):
    """Feeds a gradient into y, which is 0 past the lengths, and saves what comes back."""
    t["d_output"] = f32(rng, *y.shape)
    (y * torch.from_numpy(t["d_output"]).double()).sum().backward()
    t["output"] = out(y)
    for key, value in leaves.items():
        t["d_" + key] = out(value.grad)
    save(name, case, t)

def conv1d(name, I, O, K, lengths, padding="valid", stride=1, dilation=1, groups=1, bias=True, seed=0):
    rng = np.random.default_rng(seed)
    N, T = len(lengths), max(lengths)
    t = {"input": mask(f32(rng, N, T, I), lengths), "lengths": np.asarray(lengths, np.int64)}
    t["param.weight"] = f32(rng, O, I // groups, K, scale=.5)
    if bias: t["param.bias"] = f32(rng, O, scale=.5)
    leaves = {k: leaf(t[k]) for k in ("input", "param.weight", "param.bias") if k in t}
    rows = []
    for n, length in enumerate(lengths):     # each sequence alone, padded at its own ends
        x = leaves["input"][n, :length].T[None]
        reach = (K - 1) * dilation
        if padding == "causal": x = F.pad(x, (reach, 0))
        elif padding == "same" and stride == 1 and length:
            pass
        elif padding == "same":
            total = max((-(-length // stride) - 1) * stride + reach + 1 - length, 0)
            x = F.pad(x, (total // 2, total - total // 2))
        pad = "same" if padding == "same" and stride == 1 else 0
        if x.shape[-1] > (0 if pad == "same" else reach):
            y = F.conv1d(x, leaves["param.weight"], leaves.get("param.bias"), stride, pad, dilation, groups)[0].T
        else: y = torch.zeros(0, O, dtype=torch.float64)
        rows.append(y)
    most = max(len(y) for y in rows)
    y = torch.stack([F.pad(y, (0, 0, 0, most - len(y))) for y in rows])
    case = dict(kind="conv1d", input=I, output=O, kernel=K, padding=padding, stride=stride, dilation=dilation, groups=groups, bias=bias)
    finish(name, case, t, y, leaves, rng)

conv1d("conv1d_valid", 3, 4, 3, [6, 3, 5], seed=1)
conv1d("conv1d_same_even", 4, 3, 4, [5, 1, 3], padding="same", seed=2)
conv1d("conv1d_same_strided", 3, 2, 3, [7, 2, 6], padding="same", stride=2, seed=3)
conv1d("conv1d_causal_dilated", 2, 5, 3, [6, 1, 4], padding="causal", dilation=2, seed=4)
conv1d("conv1d_groups_strided_no_bias", 6, 4, 2, [7, 5], stride=3, groups=2, bias=False, seed=5)

def norm(name, features, lengths, weight, bias, eps, seed):
    rng = np.random.default_rng(seed)
    N, T = len(lengths), max(lengths)
    t = {"input": mask(f32(rng, N, T, features) * 3 + 1, lengths).astype(np.float32), "lengths": np.asarray(lengths, np.int64)}
    if weight: t["param.weight"] = f32(rng, features)
    if bias: t["param.bias"] = f32(rng, features)
    leaves = {k: leaf(t[k]) for k in ("input", "param.weight", "param.bias") if k in t}
    y = F.layer_norm(leaves["input"], (features,), leaves.get("param.weight"), leaves.get("param.bias"), eps)
    there = torch.tensor([[float(s < length) for s in range(T)] for length in lengths]).double()[..., None]
    finish(name, dict(kind="layer_norm", features=features, epsilon=eps, weight=weight, bias=bias), t, y * there, leaves, rng)

norm("layer_norm", 7, [3, 1, 4], True, True, 1e-5, 11)
norm("layer_norm_no_affine", 4, [2, 3], False, False, 1e-3, 12)

def batch_norm(name, features, lengths, affine, eps, momentum, seed):
    """Two batches in training, then `evaluated` of the first with the running statistics."""
    rng = np.random.default_rng(seed)
    N, T = len(lengths), max(lengths)
    net = torch.nn.BatchNorm1d(features, eps, momentum, affine).double()
    t = {"lengths": np.asarray(lengths, np.int64)}
    if affine:
        for n, p in net.named_parameters():
            t["param." + n] = f32(rng, features)
            with torch.no_grad(): p.copy_(torch.from_numpy(t["param." + n]).double())
    rows = [(n, s) for n, length in enumerate(lengths) for s in range(length)]
    at = tuple(np.array(rows).T)
    def run(x):
        y = torch.zeros(N, T, features, dtype=torch.float64)
        return y.index_put(tuple(torch.from_numpy(i) for i in at), net(x[at]))
    for batch in (0, 1):
        t[f"input.{batch}"] = mask(f32(rng, N, T, features) * 2 + batch, lengths).astype(np.float32)
        x = leaf(t[f"input.{batch}"]); y = run(x)
        t[f"d_output.{batch}"] = f32(rng, *y.shape)
        (y * torch.from_numpy(t[f"d_output.{batch}"]).double()).sum().backward()
        t[f"output.{batch}"], t[f"d_input.{batch}"] = out(y), out(x.grad)
        t[f"running_mean.{batch}"], t[f"running_var.{batch}"] = out(net.running_mean), out(net.running_var)
    for n, p in net.named_parameters(): t["d_param." + n] = out(p.grad)
    net.eval()
    t["evaluated"] = out(run(torch.from_numpy(t["input.0"]).double()))
    save(name, dict(kind="batch_norm", features=features, epsilon=eps, momentum=momentum, affine=affine), t)

batch_norm("batch_norm", 5, [3, 1, 4], True, 1e-5, .1, 21)
batch_norm("batch_norm_no_affine", 3, [2, 3], False, 1e-3, .3, 22)

def activations():
    rng = np.random.default_rng(31)
    functions = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": F.relu, "hard_sigmoid": F.hardsigmoid, "softsign": F.softsign,
        "softplus": F.softplus, "elu": lambda x: F.elu(x, 1.3), "leaky_relu": lambda x: F.leaky_relu(x, .1),
        "thresholded_relu": lambda x: F.threshold(x, .7, 0), "scaled_tanh": lambda x: 1.7159 * torch.tanh(2 / 3 * x),
        "affine": lambda x: -.3 * x + .2, "linear": lambda x: x, "softmax": lambda x: F.softmax(x, -1),
    }
    t = {"input": f32(rng, 1, 6, 9, scale=3.0), "d_output": f32(rng, 1, 6, 9)}
    for name, function in functions.items():
        x = leaf(t["input"]); y = function(x)
        (y * torch.from_numpy(t["d_output"]).double()).sum().backward()
        t["output." + name], t["d_input." + name] = out(y), out(x.grad)
    save("activation", dict(kind="activation", functions=sorted(functions)), t)

activations()

def attention(name, score, Q, M, units=None, scaled=False, lengths=(3, 1, 2), memory_lengths=(4, 2, 0), seed=0):
    rng = np.random.default_rng(seed)
    N, T, Tm = len(lengths), max(lengths), max(memory_lengths)
    t = {"input": mask(f32(rng, N, T, Q), lengths), "memory": mask(f32(rng, N, Tm, M), memory_lengths),
         "lengths": np.asarray(lengths, np.int64), "memory_lengths": np.asarray(memory_lengths, np.int64)}
    width = units or Q
    if score == "additive" or units: t["param.weight_query"] = f32(rng, width, Q, scale=.5)
    if score != "dot" or units: t["param.weight_memory"] = f32(rng, width, M, scale=.5)
    if score == "additive": t["param.bias"], t["param.context"] = f32(rng, width, scale=.5), f32(rng, width)
    leaves = {k: leaf(t[k]) for k in t if k in ("input", "memory") or k.startswith("param.")}
    q, m = leaves["input"], leaves["memory"]
    qs = F.linear(q, leaves["param.weight_query"], leaves.get("param.bias")) if "param.weight_query" in t else q
    keys = F.linear(m, leaves["param.weight_memory"]) if "param.weight_memory" in t else m
    there = torch.zeros(N, T, Tm, dtype=torch.bool)
    for n in range(N): there[n, :lengths[n], :memory_lengths[n]] = True
    if score == "additive": scores = torch.tanh(qs[:, :, None] + keys[:, None]) @ leaves["param.context"]
    else: scores = qs @ keys.transpose(1, 2) / (width ** .5 if scaled else 1)
    weights = torch.nan_to_num(torch.softmax(scores.masked_fill(~there, -torch.inf), -1))
    weights = torch.where(there, weights, 0.)
    y = weights @ m
    if score == "dot" and not units:      # the same by PyTorch's own attention
        for n in range(N):
            own = F.scaled_dot_product_attention(q[n:n+1, :lengths[n]], m[n:n+1, :memory_lengths[n]], m[n:n+1, :memory_lengths[n]],
                                                 scale=None if scaled else 1.0)
            if memory_lengths[n]: assert torch.allclose(own[0], y[n, :lengths[n]], atol=1e-12)
    t["weights"] = out(weights)
    finish(name, dict(kind="cross_attention", score=score, query=Q, memory=M, units=units, scaled=scaled), t, y, leaves, rng)

attention("attention_dot", "dot", 4, 4, seed=41)
attention("attention_dot_scaled", "dot", 4, 4, scaled=True, seed=42)
attention("attention_dot_units_scaled", "dot", 4, 3, units=5, scaled=True, seed=43)
attention("attention_general", "general", 4, 3, seed=44)
attention("attention_additive", "additive", 4, 3, units=5, seed=45)
