//! The functions that C source may need. `@` stands for the model's name, `$` for the same in capitals.
//!
//! Activations are those of the kernels' vectors, number by number: the same polynomials in the same order, so that where the
//! same multiply-adds are fused the results have the same bits.

/// Each with its name, after those that it calls.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    (
        "bits",
        "static inline uint32_t @_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
",
    ),
    (
        "of_bits",
        "static inline float @_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
",
    ),
    (
        "negative",
        "/* -|x|. */
static inline float @_negative(float x)
{
    return @_of_bits(@_bits(x) | 0x80000000u);
}
",
    ),
    (
        "flush",
        "/* 0 where |x| < 2^-95, so that denormal numbers slow nothing down. */
static inline float @_flush(float x)
{
    return @_negative(x) > -2.52435490e-29f ? 0.0f : x;
}
",
    ),
    (
        "reduce",
        "/* x = n ln 2 + r with |r| <= ln 2 / 2: returns 2^n, for -87.3 <= x <= 88. The sum with 1.5 * 2^23 + 127 rounds to n and
   leaves the exponent of 2^n in the lowest bits. */
static inline float @_reduce(float x, float *r)
{
    const float rounded = $_MADD(x, 1.44269504f, 12583039.0f);
    const float n = rounded - 12583039.0f;
    *r = $_MADD(-n, -2.12194440e-4f, $_MADD(-n, 6.93359375e-1f, x));
    return @_of_bits(@_bits(rounded) << 23);
}
",
    ),
    (
        "expm1_reduced",
        "/* e^r - 1 for |r| <= ln 2 / 2. */
static inline float @_expm1_reduced(float r)
{
    const float square = r * r;
    const float low = $_MADD(1.6666543e-1f, r, 4.9999997e-1f);
    const float middle = $_MADD(8.3665475e-3f, r, 4.16672e-2f);
    const float high = $_MADD(1.3882517e-3f, square, middle);
    return $_MADD($_MADD(high, square, low), square, r);
}
",
    ),
    (
        "exp_at_most_0",
        "/* e^x for x <= 0, at most 1.1 ulp off; below -87.3 the value there. */
static inline float @_exp_at_most_0(float x)
{
    float r;
    const float scale = @_reduce(-87.3f > x ? -87.3f : x, &r);
    return $_MADD(@_expm1_reduced(r), scale, scale);
}
",
    ),
    (
        "sigmoid",
        "/* 1 / (1 + e^-x), at most 2.5 ulp off. */
static inline float @_sigmoid(float x)
{
    const float e = @_exp_at_most_0(@_negative(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}
",
    ),
    (
        "tanh",
        "/* m / (2 - m) with m = 1 - e^-2|x|, at most 2.5 ulp off. */
static inline float @_tanh(float x)
{
    const float twice = @_negative(x) + @_negative(x);
    float r;
    const float scale = @_reduce(-20.0f > twice ? -20.0f : twice, &r);
    const float m = $_MADD(-@_expm1_reduced(r), scale, 1.0f - scale);
    return @_of_bits((@_bits(m) & 0x7fffffffu) | (@_bits(x) & 0x80000000u)) / (2.0f - m);
}
",
    ),
    (
        "relu",
        "static inline float @_relu(float x)
{
    return x < 0.0f ? 0.0f : x;
}
",
    ),
    (
        "hard_sigmoid",
        "static inline float @_hard_sigmoid(float x, float alpha, float beta)
{
    const float y = alpha * x + beta;
    return y < 0.0f ? 0.0f : (y > 1.0f ? 1.0f : y);
}
",
    ),
    (
        "softsign",
        "static inline float @_softsign(float x)
{
    return x / (1.0f - @_negative(x));
}
",
    ),
    (
        "softplus",
        "/* max(x, 0) + ln(1 + e^-|x|): the logarithm is 2 artanh s with s = e / (2 + e), whose series is taken to s^15. */
static inline float @_softplus(float x)
{
    const float e = @_exp_at_most_0(@_negative(x));
    const float s = e / (2.0f + e), square = s * s;
    float series = 2.0f / 15.0f;
    series = $_MADD(series, square, 2.0f / 13.0f);
    series = $_MADD(series, square, 2.0f / 11.0f);
    series = $_MADD(series, square, 2.0f / 9.0f);
    series = $_MADD(series, square, 2.0f / 7.0f);
    series = $_MADD(series, square, 2.0f / 5.0f);
    series = $_MADD(series, square, 2.0f / 3.0f);
    series = $_MADD(series, square, 2.0f);
    return $_MADD(series, s, x < 0.0f ? 0.0f : x);
}
",
    ),
    (
        "elu",
        "static inline float @_elu(float x, float alpha)
{
    float r, scale;
    if (!(x < 0.0f))
        return x;
    scale = @_reduce(-87.3f > x ? -87.3f : x, &r);
    return alpha * $_MADD(@_expm1_reduced(r), scale, scale - 1.0f);
}
",
    ),
    (
        "leaky_relu",
        "static inline float @_leaky_relu(float x, float alpha)
{
    return x < 0.0f ? alpha * x : x;
}
",
    ),
    (
        "thresholded_relu",
        "static inline float @_thresholded_relu(float x, float alpha)
{
    return x <= alpha ? 0.0f : x;
}
",
    ),
    (
        "softmax",
        "/* e^x / sum of e^x. Sums are taken as vectors of four take them, 32 of these at a time. */
static inline void @_softmax(size_t n, const float *x, float *y)
{
    float most = x[0];
    double sum = 0.0;
    size_t k, from;
    for (k = 1; k < n; k++)
        most = x[k] > most ? x[k] : most;
    for (from = 0; from < n; from += 128) {
        float lanes[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (k = from; k < n && k < from + 128; k++) {
            y[k] = @_flush(@_exp_at_most_0(x[k] - most));
            lanes[k % 4] += y[k];
        }
        sum += (double)lanes[0] + (double)lanes[1] + (double)lanes[2] + (double)lanes[3];
    }
    for (k = 0; k < n; k++)
        y[k] *= (float)(1.0 / sum);
}
",
    ),
    (
        "layer_norm",
        "/* (x - mean) / sqrt(variance + epsilon) over the features of a row; sums are taken in eight chains by turns. */
static inline void @_layer_norm(size_t n, double epsilon, const float *x, float *y)
{
    double chains[8] = {0.0}, mean = 0.0, variance = 0.0, by;
    size_t k;
    for (k = 0; k < n; k++)
        chains[k % 8] += (double)x[k];
    for (k = 0; k < 8; k++)
        mean += chains[k];
    mean /= (double)n;
    for (k = 0; k < 8; k++)
        chains[k] = 0.0;
    for (k = 0; k < n; k++)
        chains[k % 8] += ((double)x[k] - mean) * ((double)x[k] - mean);
    for (k = 0; k < 8; k++)
        variance += chains[k];
    by = 1.0 / sqrt(variance / (double)n + epsilon);
    for (k = 0; k < n; k++)
        y[k] = (float)(((double)x[k] - mean) * by);
}
",
    ),
    (
        "batch_norm",
        "/* (x - mean) * scale, scale being 1 / sqrt(variance + epsilon). */
static inline void @_batch_norm(size_t n, const double *mean, const double *scale, const float *x, float *y)
{
    size_t k;
    for (k = 0; k < n; k++)
        y[k] = (float)(((double)x[k] - mean[k]) * scale[k]);
}
",
    ),
    (
        "multiply",
        "/* y += x W, W being [inputs, outputs]: each y is one chain of multiply-adds in the order of x. */
static inline void @_multiply(size_t inputs, size_t outputs, const float *w, const float *x, float *$_RESTRICT y)
{
    size_t k, n;
    for (k = 0; k < inputs; k++)
        for (n = 0; n < outputs; n++)
            y[n] = $_MADD(x[k], w[k * outputs + n], y[n]);
}
",
    ),
    (
        "convolve",
        "/* y += the windows of the last rows times W, which is [groups, kernel, inputs / groups, outputs / groups]. `past` has
   the last `span` rows, the newest at `at`. */
static inline void @_convolve(size_t kernel, size_t dilation, size_t groups, size_t inputs, size_t outputs, size_t span,
                              const float *w, const float *past, size_t at, float *$_RESTRICT y)
{
    const size_t rows = inputs / groups, columns = outputs / groups;
    size_t group, k;
    for (group = 0; group < groups; group++)
        for (k = 0; k < kernel; k++) {
            const float *row = past + (at + 1 + k * dilation) % span * inputs + group * rows;
            @_multiply(rows, columns, w + (group * kernel + k) * rows * columns, row, y + group * columns);
        }
}
",
    ),
    (
        "rnn",
        "/* h = tanh(W x + U h + b). */
static inline void @_rnn(size_t inputs, size_t units, const float *w, const float *u, const float *b, const float *x,
                         float *h, float *gates)
{
    size_t n;
    memcpy(gates, b, units * sizeof *gates);
    @_multiply(inputs, units, w, x, gates);
    @_multiply(units, units, u, h, gates);
    for (n = 0; n < units; n++)
        h[n] = @_flush(@_tanh(gates[n]));
}
",
    ),
    (
        "rnn_relu",
        "/* h = max(0, W x + U h + b). */
static inline void @_rnn_relu(size_t inputs, size_t units, const float *w, const float *u, const float *b, const float *x,
                              float *h, float *gates)
{
    size_t n;
    memcpy(gates, b, units * sizeof *gates);
    @_multiply(inputs, units, w, x, gates);
    @_multiply(units, units, u, h, gates);
    for (n = 0; n < units; n++)
        h[n] = @_flush(@_relu(gates[n]));
}
",
    ),
    (
        "lstm",
        "/* Blocks i, f, g, o: c = f c + i g; h = o tanh(c). */
static inline void @_lstm(size_t inputs, size_t units, const float *w, const float *u, const float *b, const float *x,
                          float *h, float *c, float *gates)
{
    size_t n;
    memcpy(gates, b, 4 * units * sizeof *gates);
    @_multiply(inputs, 4 * units, w, x, gates);
    @_multiply(units, 4 * units, u, h, gates);
    for (n = 0; n < units; n++) {
        const float i = @_sigmoid(gates[n]), f = @_sigmoid(gates[units + n]);
        const float g = @_tanh(gates[2 * units + n]), o = @_sigmoid(gates[3 * units + n]);
        const float kept = i * g;
        c[n] = @_flush($_MADD(f, c[n], kept));
        h[n] = @_flush(o * @_tanh(c[n]));
    }
}
",
    ),
    (
        "gru",
        "/* n = tanh(W_n x + b_in + r (U_n h + b_hn)); h = n + z (h - n). Blocks of W are n, r, z, those of U r, z, n, and those
   of b n of W, r, z, n of U. */
static inline void @_gru(size_t inputs, size_t units, const float *w, const float *u, const float *b, const float *x,
                         float *h, float *gates)
{
    size_t k;
    memcpy(gates, b, 4 * units * sizeof *gates);
    @_multiply(inputs, 3 * units, w, x, gates);
    @_multiply(units, 3 * units, u, h, gates + units);
    for (k = 0; k < units; k++) {
        const float r = @_sigmoid(gates[units + k]), z = @_sigmoid(gates[2 * units + k]);
        const float n = @_tanh($_MADD(r, gates[3 * units + k], gates[k]));
        h[k] = @_flush($_MADD(z, h[k] - n, n));
    }
}
",
    ),
    (
        "gru_reset_before",
        "/* n = tanh(W_n x + b_n + U_n (r h)); h = n + z (h - n). Blocks of W and b are n, r, z, those of U r, z, and V is U_n. */
static inline void @_gru_reset_before(size_t inputs, size_t units, const float *w, const float *u, const float *v,
                                      const float *b, const float *x, float *h, float *gates)
{
    float *const inner = gates + 3 * units, *const second = gates + 4 * units;
    size_t k;
    memcpy(gates, b, 3 * units * sizeof *gates);
    @_multiply(inputs, 3 * units, w, x, gates);
    @_multiply(units, 2 * units, u, h, gates + units);
    for (k = 0; k < units; k++) {
        inner[k] = @_flush(@_sigmoid(gates[units + k]) * h[k]);
        second[k] = 0.0f;
    }
    @_multiply(units, units, v, inner, second);
    for (k = 0; k < units; k++) {
        const float z = @_sigmoid(gates[2 * units + k]), n = @_tanh(gates[k] + second[k]);
        h[k] = @_flush($_MADD(z, h[k] - n, n));
    }
}
",
    ),
];
