"""Golden cases for the conditional random field: every sequence of tags written out, in NumPy.

    python3 -m venv venv && venv/bin/pip install numpy safetensors
    venv/bin/python make_crf.py        # writes *.safetensors next to itself

Lafferty, McCallum & Pereira 2001; Lample et al. 2016, eqs. 1 and 2, with weights for first and last tags as ordinary weights. No
recursion of any kind: K ** T sequences, their scores, and means over them.
Tensors, float64 and int64: x [N,T,K], lengths [N], tags [N,T] (0 beyond a length), transitions [K,K] (from, to), start [K], end [K];
may_next [K,K], may_start [K], may_end [K] (1 where allowed); and the answers: loss [1] (the mean of -ln p over all steps), d_x
[N,T,K], d_transitions, d_start, d_end, marginals [N,T,K], best [N,T]. Compare with |got - want| <= 1e-6 + 1e-5 * |want| in f32.
"""
import itertools, json, os
import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def bio(kinds):
    """Which of O, B-0, I-0, B-1, I-1, … may follow which: an I only its own B or I."""
    names = [("O", None)] + [(p, k) for k in range(kinds) for p in "BI"]
    may = np.array([[p != "I" or (k == of and q in "BI") for p, k in names] for q, of in names])
    return may, np.array([p != "I" for p, _ in names]), np.ones(len(names), bool)


def case(name, lengths, tags, size=1.0, rules=None, seed=0):
    r, K, T, N = np.random.default_rng(seed), tags, max(lengths), len(lengths)
    f = lambda *s: r.standard_normal(s) * size
    x, transitions, start, end = f(N, T, K), f(K, K), f(K), f(K)
    may, may_start, may_end = rules or (np.ones((K, K), bool), np.ones(K, bool), np.ones(K, bool))
    gold, best = np.zeros((N, T), np.int64), np.zeros((N, T), np.int64)
    d_x, marginals = np.zeros((N, T, K)), np.zeros((N, T, K))
    d_t, d_s, d_e, loss = np.zeros((K, K)), np.zeros(K), np.zeros(K), 0.0
    for n, length in enumerate(lengths):
        if length == 0: continue
        every = np.array([y for y in itertools.product(range(K), repeat=length)
                          if may_start[y[0]] and may_end[y[-1]] and all(may[a, b] for a, b in zip(y, y[1:]))])
        score = (start[every[:, 0]] + end[every[:, -1]] + x[n, np.arange(length), every].sum(1)
                 + transitions[every[:, :-1], every[:, 1:]].sum(1))
        z = np.log(np.exp(score - score.max()).sum()) + score.max()
        p = np.exp(score - z)
        true = r.integers(len(every))
        gold[n, :length], best[n, :length] = every[true], every[score.argmax()]
        loss -= score[true] - z
        for y, weight in [*zip(every, p), (every[true], -1.0)]:
            d_x[n, np.arange(length), y] += weight
            np.add.at(d_t, (y[:-1], y[1:]), weight)
            d_s[y[0]] += weight
            d_e[y[-1]] += weight
        for t in range(length):
            marginals[n, t] = np.bincount(every[:, t], p, K)
    steps = sum(lengths)
    tensors = dict(x=x, lengths=np.array(lengths), tags=gold, transitions=transitions, start=start, end=end,
                   may_next=may.astype(np.int64), may_start=may_start.astype(np.int64), may_end=may_end.astype(np.int64),
                   loss=np.array([loss / steps]), d_x=d_x / steps, d_transitions=d_t / steps, d_start=d_s / steps,
                   d_end=d_e / steps, marginals=marginals, best=best)
    tensors = {k: np.ascontiguousarray(v, np.int64 if v.dtype.kind == "i" else np.float64) for k, v in tensors.items()}
    save_file(tensors, os.path.join(HERE, f"crf_{name}.safetensors"),
              {"case": json.dumps(dict(tags=K, ruled=rules is not None))})


case("free", [4, 1, 6, 0, 3], 3)
case("two_tags", [9, 2], 2, size=2.0, seed=1)
case("wide", [3, 2, 3], 19, seed=2)
case("bio", [5, 3, 1, 4], 5, rules=bio(2), seed=3)
case("bio_large_scores", [4, 4, 2], 7, size=12.0, rules=bio(3), seed=4)
