"""Models of Keras 3 with every kind of layer that is read, with random weights, and what they answer.

    python3 -m venv venv && venv/bin/pip install torch keras safetensors h5py
    KERAS_BACKEND=torch venv/bin/python make_kinds.py FOLDER

Each model is written as .keras, .h5 and .weights.h5; NAME.safetensors has its inputs by name and its outputs, expected.0 and
so on. Of these, some .keras files stand beside this script. Compare with |got - want| <= 1e-5 + 1e-4 * |want|.
"""
import os, sys
os.environ.setdefault("KERAS_BACKEND", "torch")
import numpy as np, keras
from keras import layers as L
from safetensors.numpy import save_file
out = sys.argv[1]; os.makedirs(out, exist_ok=True)
keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
def randomise(m):
    for w in m.weights:
        if "seed" in w.path: continue
        v = rng.standard_normal(w.shape).astype(np.float32) * .4
        if "variance" in w.path: v = np.abs(v) + .5
        w.assign(v)
def save(name, m, *xs, weights=True):
    randomise(m)
    y = m.predict(list(xs) if len(xs) > 1 else xs[0], verbose=0)
    ys = list(y) if isinstance(y, (list, tuple)) else [y]
    names = [t.name for t in m.inputs]
    d = {("input" if len(xs) == 1 else n): np.ascontiguousarray(x) for n, x in zip(names, xs)}
    for k, v in enumerate(ys): d[f"expected.{k}"] = np.ascontiguousarray(v)
    save_file(d, f"{out}/{name}.safetensors")
    m.save(f"{out}/{name}.keras")
    m.save(f"{out}/{name}.h5")
    m.save_weights(f"{out}/{name}.weights.h5")
x = rng.standard_normal((3, 7, 5)).astype(np.float32)
row = rng.standard_normal((3, 6)).astype(np.float32)
ids = rng.integers(1, 20, (3, 7)).astype(np.int32)
ids0 = ids.copy(); ids0[0, 4:] = 0; ids0[1, 2] = 0
I = lambda *s, **k: keras.Input(s, **k)
S = keras.Sequential
for mode in ("concat", "sum", "mul", "ave"):
    save(f"bi_{mode}", S([I(7, 5), L.Bidirectional(L.GRU(4, return_sequences=True), merge_mode=mode), L.Bidirectional(L.LSTM(3), merge_mode=mode), L.Dense(2)]), x)
save("gru_before", S([I(None, 5), L.GRU(4, reset_after=False), L.Dense(1)]), x)
save("gru_no_bias", S([I(None, 5), L.GRU(4, use_bias=False), L.Dense(1, use_bias=False)]), x)
save("hard_sigmoid", S([I(None, 5), L.LSTM(4, recurrent_activation="hard_sigmoid", activation="softsign", return_sequences=True), L.SimpleRNN(3, activation="relu")]), x)
save("backwards", S([I(None, 5), L.LSTM(4, go_backwards=True, return_sequences=True), L.GRU(3, go_backwards=True)]), x)
save("rnn_cells", S([I(None, 5), L.RNN([L.LSTMCell(4), L.GRUCell(3), L.LSTMCell(2)], return_sequences=True), L.RNN(L.SimpleRNNCell(3))]), x)
save("conv", S([I(None, 5), L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="elu"), L.Conv1D(4, 3, padding="same", strides=2, activation="leaky_relu"), L.Conv1D(4, 2, groups=2, activation="silu"), L.GlobalMaxPooling1D(), L.Dense(2, activation="softmax")]), x)
save("norms", S([I(None, 5), L.BatchNormalization(), L.LSTM(4, return_sequences=True), L.LayerNormalization(), L.BatchNormalization(scale=False), L.LayerNormalization(center=False), L.GlobalAveragePooling1D(), L.BatchNormalization(center=False, scale=False), L.Dense(2)]), x)
save("activations", S([I(None, 5), L.Dense(4, activation="selu"), L.ReLU(max_value=1.), L.LeakyReLU(), L.ELU(alpha=.5), L.Activation("hard_sigmoid"), L.ReLU(threshold=.2), L.Dense(4, activation="softplus"), L.Dense(3, activation="relu6"), L.Softmax(), L.Dense(3, activation="swish"), L.Dense(3, activation="hard_tanh"), L.Activation("linear")]), x)
save("masked", S([I(None, dtype="int32"), L.Embedding(20, 5, mask_zero=True), L.SpatialDropout1D(.2), L.LSTM(4, return_sequences=True), L.GaussianNoise(.1), L.GRU(3), L.Dropout(.2), L.Dense(1, activation="sigmoid")]), ids0)
save("masked_mean", S([I(None, dtype="int32"), L.Embedding(20, 5, mask_zero=True), L.Dense(3, activation="tanh"), L.GlobalAveragePooling1D()]), ids0)
save("mask_unheeded", S([I(None, dtype="int32"), L.Embedding(20, 5, mask_zero=True), L.Conv1D(3, 2), L.GlobalMaxPooling1D()]), ids0)
save("flatten", S([I(7, 5), L.LSTM(4, return_sequences=True), L.Dropout(.1), L.Flatten(), L.Dense(6, activation="tanh"), L.Dense(1)]), x)
save("repeat", S([I(7, 5), L.LSTM(4), L.RepeatVector(3), L.LSTM(4, return_sequences=True), L.TimeDistributed(L.Dense(2, activation="elu"))]), x)
save("reshape", S([I(6), L.Dense(8), L.Reshape((4, -1)), L.GRU(3), L.Reshape((3,))]), row)
save("row_steps", S([I(6), L.Reshape((6, 1)), L.LSTM(3)]), row)
save("td_activation", S([I(7, 5), L.TimeDistributed(L.Dense(4)), L.TimeDistributed(L.Activation("tanh")), L.TimeDistributed(L.Dropout(.2)), L.Permute((1, 2)), L.LSTM(2)]), x)
a, b = I(7, 5, name="window"), I(6, name="about")
h = L.LSTM(4)(a); d = L.Dense(4, activation="relu")(b)
j = L.Concatenate()([h, d]); s = L.Add()([h, d]); p = L.Multiply()([h, d]); v = L.Average()([h, d, s]); q = L.Subtract()([h, d])
save("graph", keras.Model([a, b], [L.Dense(2, name="one")(j), L.Dense(1, name="two")(L.Concatenate()([s, p, v, q]))]), x, row)
e, t = I(7, 5, name="source"), I(4, 3, name="target")
_, hs, cs = L.LSTM(4, return_state=True, name="encoder")(e)
dec = L.LSTM(4, return_sequences=True, name="decoder")(t, initial_state=[hs, cs])
save("seq2seq", keras.Model([e, t], L.Dense(2)(dec)), x, rng.standard_normal((3, 4, 3)).astype(np.float32))
en, hs = L.GRU(4, return_sequences=True, return_state=True)(e)
de = L.GRU(4, return_sequences=True)(t, initial_state=hs)
at = L.Attention()([de, en]); ad = L.AdditiveAttention()([de, en]); sc = L.Attention(use_scale=True)([de, en])
save("attention", keras.Model([e, t], [L.Dense(2)(L.Concatenate()([de, at, ad, sc])), L.Dense(1)(hs)]), x, rng.standard_normal((3, 4, 3)).astype(np.float32))
z, fh, fc, bh, bc = L.Bidirectional(L.LSTM(3, return_state=True, return_sequences=True))(e)
y = L.Bidirectional(L.LSTM(3))(t, initial_state=[fh, fc, bh, bc])
save("bi_seq2seq", keras.Model([e, t], [z, y]), x, rng.standard_normal((3, 4, 3)).astype(np.float32))
w, k = I(None, dtype="int32", name="words"), I(None, dtype="int32", name="letters")
f = L.Concatenate()([L.LSTM(3)(L.Embedding(20, 4, mask_zero=True)(w)), L.GRU(3)(L.Embedding(20, 4)(k))])
save("two_ids", keras.Model([w, k], L.Dense(1)(f)), ids0, ids)
save("scale", S([I(None, 5), L.Rescaling(.5, 1.), L.LSTM(3, return_sequences=True, dropout=.2, recurrent_dropout=.1, kernel_regularizer="l2", stateful=False, unroll=True), L.Dense(2, trainable=False)]), x)
xm = x.copy(); xm[0, 4:] = -1.; xm[1, 2:4] = -1.; xm[1, 5, :4] = -1.; xm[2, 0] = -1.
x0 = np.where(xm == -1., np.float32(0), xm)
save("masking", S([I(None, 5), L.Masking(-1.), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Dropout(.1), L.GRU(3, return_sequences=True), L.GlobalAveragePooling1D(), L.Dense(2)]), xm)
save("masking_unheeded", S([I(None, 5), L.Masking(), L.Dense(4, activation="tanh"), L.Conv1D(3, 2), L.GlobalMaxPooling1D()]), x0)
a = I(None, 5, name="left"); b = I(None, 5, name="right")
encoder = S([I(None, 5), L.Masking(), L.GRU(4, name="reader"), L.BatchNormalization(), L.Dense(3, activation="tanh", name="out")], name="encoder")
inside = I(3, name="vector")
deeper = keras.Model(inside, [S([I(3), L.Dense(2, name="out")], name="deepest")(inside), L.Dense(4, name="unread")(inside), L.Dense(3, name="third")(inside)], name="deeper")
once, twice = encoder(a), encoder(b)
(one, _, two), (three, _, four) = deeper(once), deeper(twice)
save("nested", keras.Model([a, b], [L.Dense(1, name="score")(L.Concatenate()([one, three, two, four])), L.Dot(axes=1)([once, twice])]), x, x0)
both = L.Dense(5, activation="softsign", name="both")
save("shared", keras.Model([a, b], L.LSTM(3)(both(L.Add()([both(a), both(both(b))])))), x, x0)
w, k = I(None, dtype="int32", name="words"), I(None, dtype="int32", name="replies")
table, read = L.Embedding(20, 4, mask_zero=True, name="table"), L.Bidirectional(L.GRU(3), name="read")
save("siamese", keras.Model([w, k], L.Dense(1)(L.Multiply()([read(table(w)), read(table(k))]))), ids0, ids)
q, m = L.GRU(4, return_sequences=True)(t), L.LSTM(4, return_sequences=True)(e)
scores = L.Activation("softmax")(L.Dot(axes=[2, 2])([q, m]))
save("dot_attention", keras.Model([e, t], L.Dense(2)(L.Concatenate()([q, L.Dot(axes=[2, 1])([scores, m])]))), x, rng.standard_normal((3, 4, 3)).astype(np.float32))
f, r = L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode=None)(e)
f2, r2, *states = L.Bidirectional(L.GRU(2, return_state=True), merge_mode=None)(e)
save("bi_apart", keras.Model(e, [L.Dense(2)(f), L.GRU(3)(r), r2, L.Bidirectional(L.GRU(2))(f, initial_state=states)]), x)
h = I(None, 5); names = ["hard_silu", "mish", "celu", "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink", "hard_swish"]
save("functions", keras.Model(h, L.Concatenate()([L.Dense(2, activation=n)(h) for n in names] + [L.Activation(n)(h) for n in names])), x * 2)
save("around", S([I(None, 5), L.ZeroPadding1D((2, 1)), L.Conv1D(4, 3, activation="gelu"), L.Cropping1D((1, 0)), L.Dense(3, activation="gelu"), L.Activation("exponential"), L.ZeroPadding1D(1), L.GRU(2)]), x)
print(len(os.listdir(out)))
