

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


def ids(tokens):
    """The ids of tokens: their places in the vocabulary, 1 for those that it lacks."""
    known = {token: place for place, token in enumerate(HOW["reads"]["vocabulary"]) if place > 1}
    return [known.get(token, 1) for token in tokens]
