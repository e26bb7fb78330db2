

# White space as Unicode has it.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def stripped(text):
    return re.sub(f"^[{BLANKS}]+|[{BLANKS}]+$", "", text)


def prepared(text):
    """A text as its tokens are cut from it."""
    reads = HOW["reads"]
    if reads["nfc"]:
        text = unicodedata.normalize("NFC", text)
    return text.lower() if reads["lowercase"] else text


# The places of tokens in the vocabulary, without those of padding and of what is unknown.
KNOWN = {token: place for place, token in enumerate(HOW["reads"].get("vocabulary") or []) if place > 1}


def ids(tokens):
    """The ids of tokens: their places in the vocabulary, 1 for those that it lacks."""
    return [KNOWN.get(token, 1) for token in tokens]


# The vectors of tokens, where the script looks them up and the network reads vectors.
VECTORS = np.load(FOLDER / "vectors.npy") if HOW["reads"].get("subwords") is not None else None
SUBWORDS = {part: place for place, part in enumerate(HOW["reads"].get("subwords") or [])}


def read_by_network(tokens):
    """What the network reads of a sequence of tokens: ids, or vectors where words have parts."""
    if VECTORS is None:
        return np.array([ids(tokens)], np.int64)
    return np.stack([vector(token, own) for token, own in zip(tokens, ids(tokens))])[None]


def vector(token, own):
    """The vector of a token: the sum of its own and of those of its parts, over the root of their number."""
    first = len(HOW["reads"]["vocabulary"])
    rows = [own] + [first + SUBWORDS[part] for part in dict.fromkeys(parts(token)) if part in SUBWORDS]
    return (VECTORS[rows].sum(axis=0, dtype=np.float64) / math.sqrt(len(rows))).astype(np.float32)


def parts(word):
    """The n-grams of a word between its bounds, and its shape."""
    if len(word) > 64:
        return []
    lower = f"<{word.lower()}>"
    if any(0 <= ord(character) - 0xAC00 < 19 * 21 * 28 for character in word):
        letters = "".join(letter for character in lower for letter in jamo(character))
        found = n_grams(lower, 1, 3) + n_grams(letters, 3, 5)
    else:
        found = n_grams(lower, 3, 5)
    shape = ""
    for character in word:
        if character.isupper():
            kind = "X"
        elif unicodedata.category(character)[0] == "N":
            kind = "d"
        elif character.isascii() and not character.isalnum() and character.isprintable() and character != " ":
            kind = character
        else:
            kind = "x"
        shape += "" if shape.endswith(kind) else kind
    return found + ([] if shape in ("", "x") else ["\x01" + shape])


def n_grams(word, shortest, longest):
    found = []
    for first in range(len(word)):
        for length in range(shortest, min(longest, len(word) - first) + 1):
            bound = length == 1 and (first == 0 or first + 1 == len(word))
            if not bound and length < len(word):
                found.append(word[first : first + length])
    return found


def jamo(character):
    """The letters of a Hangul syllable; anything else as it is."""
    place = ord(character) - 0xAC00
    if not 0 <= place < 19 * 21 * 28:
        return [character]
    letters = [0x1100 + place // (21 * 28), 0x1161 + place // 28 % 21]
    if place % 28:
        letters.append(0x11A7 + place % 28)
    return [chr(letter) for letter in letters]
