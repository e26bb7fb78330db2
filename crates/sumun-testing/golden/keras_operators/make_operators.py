"""Models of Keras 3 with Python's operators on tensors and functions of keras.ops, with random weights, and what they answer.

    python3 -m venv venv && venv/bin/pip install jax keras safetensors
    KERAS_BACKEND=jax venv/bin/python make_operators.py FOLDER

Each model is written as .keras; NAME.safetensors has its inputs by name and its outputs, expected.0 and so on. Compare with
|got - want| <= 1e-5 + 1e-4 * |want|.
"""
import os, sys
os.environ.setdefault("KERAS_BACKEND", "jax")
import numpy as np, keras
from keras import layers as L, ops
from safetensors.numpy import save_file
out = sys.argv[1]; os.makedirs(out, exist_ok=True)
keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
def save(name, inputs, outputs, *xs):
    m = keras.Model(inputs, outputs)
    for w in m.weights: w.assign(rng.standard_normal(w.shape).astype(np.float32) * .4)
    ys = m.predict(list(xs) if len(xs) > 1 else xs[0], verbose=0)
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    d = {("input" if len(xs) == 1 else t.name): x for t, x in zip(m.inputs, xs)}
    save_file(d | {f"expected.{k}": np.ascontiguousarray(y) for k, y in enumerate(ys)}, f"{out}/{name}.safetensors")
    m.save(f"{out}/{name}.keras")
x = rng.standard_normal((3, 7, 5)).astype(np.float32)
row = rng.standard_normal((3, 6)).astype(np.float32)
x0 = x.copy(); x0[0, 4:] = 0; x0[1, 5:] = 0
I = lambda *s, **k: keras.Input(s, **k)
# Parts of sequences of any length, and of those whose length the file says.
a = I(None, 5); h = L.GRU(4, return_sequences=True)(a)
save("parts", a, [h[:, -1, :], h[:, -1], h[:, 0], h[:, 2], h[:, -3], h[:, ::2], h[:, 1::3], h[:, ::-1], h[:, -2::-2], h[:, 1:], h[:, :-2], h[:, 2:-1, 1:3], h[..., 0:1], h[..., -1], h[:, :, 2], h[:, -1:, :],
                  h[:, None, 1, :], h[:, -1, 2:3], h[:, 3:4], ops.take(h, -2, axis=1), ops.flip(h, 1), ops.split(h, 2, axis=-1)[1]], x)
a = I(7, 5); h = L.GRU(4, return_sequences=True)(a)
save("known", a, [h[:, 2:5], h[:, -3:], h[:, 5:1:-1], h[:, 1:6:2], h[:, -1:, :], h[:, -7:2], h[:, 99:2:-3, ::1], L.Dense(2)(h[..., 0]), L.LSTM(2)(h[:, -4:]), L.LSTM(2)(h[..., 3][..., None]), L.Dense(1)(L.Flatten()(h[:, -2:, 1:2])), ops.squeeze(h[:, :1], 1),
                  L.GRU(2)(h[:, -1:]), L.LSTM(3)(ops.transpose(ops.transpose(h, (0, 2, 1)), (0, 2, 1))), L.Dense(2)(ops.reshape(h, (-1, 28)))], x)
# Arithmetic with numbers, with arrays, with tensors and with axes of length 1.
a = I(None, 5); h = L.LSTM(5, return_sequences=True)(a); g = L.Dense(5, activation="sigmoid")(a); w = L.Dense(1)(h); last = L.GRU(5)(a)
save("arithmetic", a, [h + 1.5, 1 - g, 2 * h - .5, h / 4., 2. / g, -h, h ** 2, abs(h), g * h + (1. - g) * a, h - a, h / g, h * w, w * h + last[:, None, :], h + np.arange(5, dtype="float32"), ops.subtract(np.full(5, 2., "float32"), h),
                       h * ops.convert_to_tensor(np.array([[1., -1., 2., 0., .5]], "float32")), ops.divide(np.arange(1, 6, dtype="float32"), g), last * h[:, -1], last - last[:, 0:1], ops.maximum(h, .1), ops.minimum(.1, h), g ** .5, g ** -1.5, h * h,
                       L.Add()([h, g]) * 2, L.LSTM(2)(a + h)], x)
# Layers merge rows with steps, too.
a, b = I(None, 5, name="steps"), I(6, name="about")
h = L.GRU(4, return_sequences=True)(a); r = L.Dense(4)(b)
save("merged", [a, b], [L.Add()([h, r]), L.Multiply()([r, h]), h + ops.expand_dims(r, 1), h * r[:, None], L.LSTM(2)(b[..., None]), L.LSTM(2)(ops.expand_dims(r, axis=-1)), ops.concatenate([r, h[:, 0]], axis=-1),
                        ops.concatenate([h, h * 2], axis=2), L.GRU(2)(ops.stack([r, h[:, -1], -r], axis=1)), ops.reshape(b, (-1, 3, 2))[:, 1], L.GRU(2)(ops.reshape(r, (-1, 4, 1))), ops.swapaxes(ops.swapaxes(h, 1, 2), -1, -2)], x, row)
# Means and sums, and functions of every number.
a = I(7, 5); h = L.LSTM(4, return_sequences=True)(a)
save("reduced", a, [ops.mean(h, axis=1), ops.max(h, axis=1), ops.sum(h, axis=1), h - ops.mean(h, axis=1, keepdims=True), ops.sum(h * h, axis=-1), ops.mean(h, axis=-1, keepdims=True) * h, ops.sum(h[:, -1], axis=-1), ops.softmax(h, axis=-1)], x)
a = I(None, 5); h = L.Dense(4)(a)
save("functions", a, [ops.gelu(h, approximate=True), ops.gelu(h, approximate=False), ops.tanh(h), ops.sigmoid(h), ops.relu(h), ops.relu6(4 * h), ops.silu(h), ops.softplus(h), ops.softsign(h), ops.elu(h), ops.selu(h), ops.leaky_relu(h, .1), ops.exp(h), ops.log(abs(h)),
                      ops.sqrt(abs(h)), ops.square(h), ops.clip(h, -.5, .25), ops.clip(h, 0., .5), ops.hard_sigmoid(h), ops.log_sigmoid(h), ops.hard_silu(h), ops.erf(h), ops.rsqrt(abs(h) + 1.), ops.cast(h, "float32"), L.Activation("gelu")(h)], x)
# A mask ends at an operator; the last step of a recurrent layer is that of its last one that is there.
a = I(None, 5); m = L.Masking()(a); h = L.LSTM(4, return_sequences=True)(m)
save("masked", a, [h[:, -1], L.Dense(2)(h[:, -1, :] * 2), L.GRU(2)(h)], x0)
# A model within the model.
i = I(7, 5); inner = keras.Model(i, [L.GRU(3, return_sequences=True)(i)[:, -1], i[:, ::2] * 2])
a = I(7, 5); last, half = inner(a)
save("within", a, [L.Dense(2)(last[:, ::1]), L.LSTM(2)(half - 1)], x)
# Attention that makes a row of all steps: scores by one layer, by two, or a tanh; sums by an operator or a layer.
a = I(None, 5); h = L.GRU(4, return_sequences=True)(a)
p = L.Softmax(axis=1)(L.Dense(1, use_bias=False)(L.Dense(3, activation="tanh")(h))); q = ops.softmax(L.Dense(1)(h), axis=1); r = L.Softmax(axis=-2)(L.Dense(1, activation="tanh")(a))
save("attention", a, [ops.sum(p * h, axis=1), L.Dense(2)(ops.sum(L.Multiply()([h, q]), axis=1)), ops.sum(a * r, axis=1, keepdims=True) + a, ops.squeeze(L.Dot(axes=1)([p, h]), 1), L.Dot(axes=1)([h, q])[:, :, 0]], x)
# Products: attention written as such, by matmul and by einsum, and matrices of the file; made with the backend torch.
a, b = I(None, 4, name="queries"), I(None, 4, name="memory")
q, m = L.GRU(4, return_sequences=True)(a), L.LSTM(4, return_sequences=True)(b)
kernel = rng.standard_normal((4, 3)).astype("float32")
shares = ops.softmax(ops.matmul(q, ops.transpose(m, (0, 2, 1))), axis=-1)
scaled = L.Softmax()(ops.einsum("bsf,btf->bts", m, q) / 2.)
save("products", [a, b], [ops.matmul(shares, m), ops.einsum("bts,bsf->btf", scaled, m), L.Dense(2)(scaled @ m), q @ kernel, ops.einsum("btf,fg->btg", m, kernel), ops.einsum("bf,gf->bg", m[:, -1], kernel.T.copy())],
     rng.standard_normal((3, 7, 4)).astype(np.float32), rng.standard_normal((3, 5, 4)).astype(np.float32))
# Steps that are added, repeated and summed up, and numbers that a comparison chooses.
a = I(None, 5); h = L.GRU(4, return_sequences=True)(a)
save("steps", a, [ops.cumsum(h, axis=1), L.LSTM(2)(ops.cumsum(h, axis=-2)), ops.pad(h, ((0, 0), (1, 2), (0, 0))), L.GRU(2)(ops.pad(h, ((0, 0), (3, 0), (0, 0)))), ops.repeat(h[:, -1:], 3, axis=1), ops.repeat(h[..., 1:2], 3, axis=2),
                  ops.where(h > 0, h, 0.), ops.where(h > .1, h, 0.), ops.where(h >= 0., h, h * .1)], x)
save("padded", a, ops.pad(h, ((0, 0), (0, 2), (0, 0)), constant_values=1.5), x)
