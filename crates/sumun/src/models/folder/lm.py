

# Tokens that the network reads at once.
CHUNK = 128


def read(file):
    """The tokens of a text of UTF-8; where words are tokens, so is the end of a line."""
    text = sys.stdin.read() if file == "-" else pathlib.Path(file).read_text(encoding="utf-8-sig")
    if HOW["reads"]["nfc"]:
        text = unicodedata.normalize("NFC", text)
    found = []
    for line in re.findall("[^\n]*\n|[^\n]+", text):
        found += tokens(line)
        if HOW["reads"]["line_ends"] and line.endswith("\n"):
            found.append("\n")
    return found


class NGrams:
    """The n-grams of the training text: modified Kneser-Ney smoothing, interpolated (Chen & Goodman 1999). A level has contexts of
    one more token than the level below, each as the place of the shorter context there and the token before that."""

    NONE = np.uint64(2**32 - 1)

    def __init__(self, ids, order):
        self.vocabulary = len(HOW["reads"]["vocabulary"])
        text = self.begun(ids)
        self.contexts, self.counted = [np.zeros(1, np.uint64)], []
        places = np.zeros(len(text), np.uint64)
        places[0] = self.NONE
        for length in range(1, order):
            longer = self.pairs(places[length:], text[:-length])
            contexts = np.unique(longer)
            behind = np.full(len(text), self.NONE)
            behind[length:] = np.searchsorted(contexts, longer)
            seen = np.unique(self.followed(behind, text))
            shorter = self.pairs(contexts[self.first(seen)] >> np.uint64(32), seen & self.NONE)
            if 1 < length <= len(text):
                shorter = np.append(shorter, self.pairs(places[length - 1], text[length - 1]))
            self.count(shorter)
            self.contexts.append(contexts)
            places = behind
        self.count(self.followed(places, text))

    @staticmethod
    def begun(ids):
        return np.array([HOW["reads"]["start"], *ids], np.uint64)

    @staticmethod
    def pairs(first, second):
        return (first << np.uint64(32)) | second

    @staticmethod
    def first(pairs):
        return (pairs >> np.uint64(32)).astype(np.int64)

    def followed(self, places, text):
        there = places != self.NONE
        return self.pairs(places[there], text[there])

    def count(self, followers):
        """How often each token follows each context of the last level, what is taken from a count of 0, 1, 2 and more, the sum
        of the counts of each context, and the share of probability that is left to shorter contexts."""
        keys, counts = np.unique(followers, return_counts=True)
        one, two, three, four = (int((counts == n).sum()) for n in (1, 2, 3, 4))
        taken = [0.5, 1.0, 1.5]
        if one and two and three:
            y = one / (one + 2 * two)
            found = [1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three]
            if all(0 < d <= most for most, d in enumerate(found, 1)):
                taken = found
        taken = np.array([0.0, *taken])
        contexts, size = self.first(keys), len(self.contexts[-1])
        sums = np.bincount(contexts, counts, size)
        left = np.bincount(contexts, taken[np.minimum(counts, 3)], size) / np.maximum(sums, 1)
        self.counted.append((keys, counts, taken, sums, np.where(sums > 0, left, 1.0)))

    def probabilities(self, ids):
        text = self.begun(ids)
        p = np.full(len(text), 1 / self.vocabulary)
        places, known = np.zeros(len(text), np.uint64), np.arange(len(text)) > 0
        for length, contexts in enumerate(self.contexts):
            if length > 0:
                if not len(contexts):
                    break
                longer = np.zeros(len(text), np.uint64)
                longer[length:] = self.pairs(places[length:], text[:-length])
                found = np.minimum(np.searchsorted(contexts, longer), len(contexts) - 1)
                known &= (contexts[found] == longer) & (np.arange(len(text)) >= length)
                places = np.where(known, found, 0).astype(np.uint64)
            keys, counts, taken, sums, left = self.counted[length]
            asked = self.pairs(places, text)
            found = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            count = np.where(keys[found] == asked, counts[found], 0)
            context = places.astype(np.int64)
            here = (count - taken[np.minimum(count, 3)]) / np.maximum(sums[context], 1) + left[context] * p
            p = np.where(known & (sums[context] > 0), here, p)
        return p[1:]


def predict(file):
    text = read(file)
    if not text:
        stop(f"{file}: there is no token in it; give a longer text")
    targets = ids(text)
    # Every token is predicted from those before it, the first from the one that texts are read as following.
    given = [HOW["reads"]["start"]] + targets[:-1]
    states = {i.name: np.zeros([n if isinstance(n, int) else 1 for n in i.shape], np.float32)
              for i in MODEL.get_inputs() if i.name != "input"}
    found = []
    for start in range(0, len(given), CHUNK):
        part = slice(start, start + CHUNK)
        outputs = run(input=np.array([given[part]], np.int64), **states)
        states = {name: outputs[name.replace("_0", "_n", 1)] for name in states}
        shares = softmax(outputs["output"][0])
        found += shares[np.arange(len(shares)), targets[part]].tolist()
    if HOW.get("ngrams"):
        ngrams, share = NGrams(HOW["ngrams"]["ids"], HOW["ngrams"]["order"]), HOW["ngrams"]["share"]
        found = (1 - share) * np.array(found) + share * ngrams.probabilities(targets)
    return {"task": HOW["task"], "predictions": [{"tokens": text, "log_probabilities": np.log(found).tolist()}]}
