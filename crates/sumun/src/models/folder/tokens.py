

def tokens(text):
    """The tokens of a text."""
    text, unit = prepared(text), HOW["reads"]["unit"]
    if unit == "whitespace":
        return [token for token in re.split(f"[{BLANKS}]+", text) if token]
    if unit == "characters":
        return list(text)
    if unit == "pieces":
        before = HOW["reads"]["pieces"]["before"]
        if text and (before == "space" or (before == "space_if_none" and not text.startswith(" "))):
            text = " " + text
        return [piece for word in re.findall(HOW["reads"]["pieces"]["pattern"], text) for piece in pieces(word)]
    if unit == "jamo":
        return [letter for character in text for letter in jamo(character)]
    return [token for token in words(text) if stripped(token)]


@functools.lru_cache(1 << 16)
def pieces(word):
    """The pieces of a word; characters without one as their bytes."""
    return merged(word) if MERGES is not None else likeliest(word)


def as_bytes(character):
    return [f"<0x{byte:02X}>" for byte in character.encode("utf-8")]


def own_pieces():
    """The places of pieces that are no bytes, how early the pairs were learnt that become one, and the scores of pieces."""
    how = HOW["reads"].get("pieces")
    if how is None:
        return {}, None, None
    names = HOW["reads"]["vocabulary"][how["first"] :]
    places = {piece: place for place, piece in enumerate(names) if place >= 256}
    merges = how.get("merges")
    if merges is not None:
        pairs = [(names[left], names[right]) for left, right in merges]
        merges = {pair: rank for rank, pair in reversed(list(enumerate(pairs)))}
    return places, merges, how.get("scores")


PIECES, MERGES, SCORES = own_pieces()
LONGEST = max(map(len, PIECES), default=0)


def merged(word):
    """Byte-pair encoding: of the pairs side by side, the one that was learnt first becomes one piece, again and again."""
    found = []
    for character in word:
        found += [character] if character in PIECES else as_bytes(character)
    while len(found) > 1:
        ranks = [MERGES.get(pair, math.inf) for pair in zip(found, found[1:])]
        at = min(range(len(ranks)), key=ranks.__getitem__)
        if ranks[at] == math.inf:
            break
        found[at : at + 2] = [found[at] + found[at + 1]]
    return found


def likeliest(word):
    """The pieces that are the most probable together."""
    ways = [(0.0, 0)] + [(-math.inf, 0)] * len(word)
    for start in range(len(word)):
        for end in range(start + 1, min(len(word), start + LONGEST) + 1):
            place = PIECES.get(word[start:end])
            if place is not None and ways[start][0] + SCORES[place] > ways[end][0]:
                ways[end] = (ways[start][0] + SCORES[place], start)
        unknown = ways[start][0] + HOW["reads"]["pieces"]["unknown"]
        if word[start] not in PIECES and unknown > ways[start + 1][0]:
            ways[start + 1] = (unknown, start)
    found, at = [], len(word)
    while at > 0:
        start = ways[at][1]
        piece = word[start:at]
        found.append([piece] if piece in PIECES else as_bytes(piece))
        at = start
    return [piece for part in reversed(found) for piece in part]


# What each character is to the rules for words, by its code; O where it is none of these.
KINDS = {
    code: kind
    for kind, ranges in HOW["reads"].get("word_classes", {}).items()
    for first, last in ranges
    for code in range(first, last + 1)
}


def words(text):
    """A text cut at the boundaries of words of Unicode Standard Annex 29, whose rules the comments name."""
    kinds = [KINDS.get(ord(character), "O") for character in text]
    pieces, start = [], 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or boundary(kinds, place):
            pieces.append(text[start:place])
            start = place
    return pieces


def boundary(kinds, place):
    """Whether words end before a place."""
    letters, marks = "AHp", "EZ"
    before, here = kinds[place - 1], kinds[place]
    if before == "C" and here == "F":  # WB3
        return False
    if before in "CFW" or here in "CFW":  # WB3a, WB3b
        return True
    if before == "Z" and here in "Pp":  # WB3c
        return False
    if before == here == "S":  # WB3d
        return False
    if here in marks:  # WB4
        return False

    def back(at):
        # The character that the marks at a place and before it belong to.
        while at > 0 and kinds[at] in marks and kinds[at - 1] not in "CFW":
            at -= 1
        return at

    last = back(place - 1)
    before, behind = kinds[last], kinds[back(last - 1)] if last > 0 else "O"
    after = next((kind for kind in kinds[place + 1 :] if kind not in marks), "O")
    if before in letters and (here in letters or here == "N"):  # WB5, WB9
        return False
    if before in letters and here in "LBQ" and after in letters:  # WB6
        return False
    if behind in letters and before in "LBQ" and here in letters:  # WB7
        return False
    if before == "H" and (here == "Q" or (here == "D" and after == "H")):  # WB7a, WB7b
        return False
    if behind == "H" and before == "D" and here == "H":  # WB7c
        return False
    if before == "N" and (here == "N" or here in letters):  # WB8, WB10
        return False
    if behind == "N" and before in "MBQ" and here == "N":  # WB11
        return False
    if before == "N" and here in "MBQ" and after == "N":  # WB12
        return False
    if before == "K" and here == "K":  # WB13
        return False
    if (before in letters or before in "NKU") and here == "U":  # WB13a
        return False
    if before == "U" and (here in letters or here in "NK"):  # WB13b
        return False
    if before == here == "R":  # WB15, WB16
        count, at = 0, last
        while at >= 0 and kinds[at] == "R":
            count, at = count + 1, back(at - 1) if at > 0 else -1
        return count % 2 == 0
    return True
