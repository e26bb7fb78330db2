

log_gamma = np.vectorize(math.lgamma, otypes=[float])
# The quantiles of the standard normal distribution.
normal = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])


def softplus(x):
    return np.logaddexp(0.0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def beta_share(a, b, x):
    """The regularised incomplete beta function, by its continued fraction (Lentz's method)."""
    a, b, x = (np.array(one, np.float64) for one in np.broadcast_arrays(a, b, x))
    turned = x >= (a + 1) / (a + b + 2)
    a, b, x = np.where(turned, b, a), np.where(turned, a, b), np.where(turned, 1 - x, x)

    def away(values):
        return np.where(np.abs(values) < 1e-300, 1e-300, values)

    c, d = np.ones_like(x), 1 / away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 100_000):
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for factor in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), odd):
            d, c = 1 / away(1 + factor * d), away(1 + factor / c)
            found = found * c * d
        if (np.abs(c * d - 1) < 1e-15).all():
            break
    with np.errstate(divide="ignore"):
        front = log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * np.log(x) + b * np.log1p(-x)
    found = np.exp(front) * found / a
    return np.where(turned, 1 - found, found)


def student_t(levels, freedom):
    """The quantiles of Student's t distribution: from the normal distribution's, which are nearer to the middle, by Newton's
    method."""
    tail = np.minimum(levels, 1 - levels)
    v, tail = np.broadcast_arrays(np.minimum(freedom, 1e6), tail)
    t = -normal(tail)
    for _ in range(1000):
        density = log_gamma((v + 1) / 2) - log_gamma(v / 2) - np.log(v * math.pi) / 2 - (v + 1) / 2 * np.log1p(t * t / v)
        step = (beta_share(v / 2, 0.5, v / (v + t * t)) / 2 - tail) / np.exp(density)
        t = t + step
        if (np.abs(step) <= 1e-13 * (1 + np.abs(t))).all():
            break
    return np.where(freedom >= 1e6, normal(levels), np.copysign(t, levels - 0.5))


def mean_count(outputs, scale):
    """The mean of a negative binomial distribution."""
    return scale * (softplus(outputs[0]) + 1e-6)


def counts(outputs, scale, zeros, levels):
    """The least counts whose cumulative probability reaches the levels, in a negative binomial distribution with so many more
    zeros."""
    mean, size = mean_count(outputs, scale), 1 / (softplus(outputs[1]) / math.sqrt(scale) + 1e-4)
    left = [(level - zeros) / (1 - zeros) for level in levels]
    at_zero = size * math.log(size / (size + mean))
    if mean > 5000 or at_zero <= -600:
        return [0.0 if level <= 0 else searched(mean, size, level) for level in left]
    found, most, total, k = [0.0] * len(left), max(left + [0.0]), 0.0, 0.0
    probability, odds = math.exp(at_zero), mean / (size + mean)
    while True:
        before, total = total, total + probability
        for place, level in enumerate(left):
            if before < level <= total:
                found[place] = k
        # What is left beyond is less than the rounding of the sum.
        if total >= most or (k > mean and probability < 2**-52 * total):
            return [k if level > total else count for level, count in zip(left, found)]
        probability *= odds * (k + size) / (k + 1)
        k += 1


def searched(mean, size, level):
    """The least count whose cumulative probability reaches the level, by bisection."""

    def reaches(k):
        return beta_share(size, k + 1, size / (size + mean)) >= level

    below, reached = -1.0, max(1.0, math.ceil(mean))
    while not reaches(reached) and reached < 1e15:
        below, reached = reached, 2 * reached
    while reached - below > 1:
        middle = (below + reached) // 2
        below, reached = (below, middle) if reaches(middle) else (middle, reached)
    return float(reached)


def quantiles(outputs, scale, value):
    """What the outputs of the steps [horizon, width] stand for, at HOW["quantiles"], [horizon, levels]; `value` says what an
    output is as a level, and `scale` is that of counts."""
    outputs, levels, kind = outputs.astype(np.float64), np.array(HOW["quantiles"]), HOW["distribution"]
    if kind is None:
        return np.sort(value(outputs), axis=1)
    first, second = outputs[:, :1], outputs[:, 1:2]
    if kind == "normal":
        return value(first + (softplus(second) + 1e-3) * normal(levels))
    if kind == "student-t":
        return value(first + (softplus(second) + 1e-3) * student_t(levels, 2 + softplus(outputs[:, 2:])))
    return np.array([counts(row, scale, more_zeros(row), levels) for row in outputs])


def more_zeros(outputs):
    """How probable it is that there is nothing at all."""
    return sigmoid(outputs[2]) if HOW["distribution"] == "zero-inflated" else 0.0
