"""Writes train.conll and test.conll beside itself: made-up requests to an assistant, a word and its tag in every line.

    python3 generate.py

Tags are B-, I- and O; there are twelve kinds of spans. What makes them hard to tell word by word: titles, names and places have one
to five words; the same words and the same values are in several kinds (a city may be where one comes from, where one goes to, or in
the title of a song; a person sings, acts or is called); two spans may stand beside each other with nothing between them; what tells
the kind may stand behind the span or many words before it; and half of the titles, names and places of the test part are of words
that the training part has not. Nothing but Python's standard library is needed; `random` with a fixed seed gives the same files
again (Python 3.11).
"""

import os
import random

random.seed(11)
SENTENCES = {"train": 1200, "test": 400}


def invented(count, pieces):
    """Words that mean nothing."""
    words = set()
    while len(words) < count:
        words.add("".join(random.choice(pieces) for _ in range(random.choice([2, 2, 3]))))
    return sorted(words)


SYLLABLES = [a + b for a in "b d f g k l m n p r s t v".split() for b in "a e i o u an el or in us".split()]
ALL = invented(420, SYLLABLES)
random.shuffle(ALL)
ADJECTIVES = "silver golden broken quiet last long blue red little wild cold endless".split() + ALL[:28]
NOUNS = "river moon road garden winter night heart train harbour mirror island summer".split() + ALL[28:68]
FIRST = "anna maria john peter clara oscar emma paul nina victor".split() + ALL[68:88]
LAST = "stone miller rivers winter brook garden young marsh".split() + ALL[88:112]
CITIES = ["new york", "san marino", "port louis", "cape town", "paris", "boston", "lima", "oslo"] + ALL[112:124]
# Of the test part alone.
NEW = dict(adjective=ALL[200:250], noun=ALL[250:310], first=ALL[310:345], last=ALL[345:380], city=ALL[380:420])


def word(kind, words, new):
    return random.choice(NEW[kind] if new else words)


def title(new):
    adjective, noun = (lambda: word("adjective", ADJECTIVES, new)), (lambda: word("noun", NOUNS, new))
    return random.choice([
        lambda: f"{adjective()} {noun()}",
        lambda: f"the {noun()}",
        lambda: f"{noun()} and {noun()}",
        lambda: f"{noun()} of the {adjective()} {noun()}",
        lambda: f"{noun()} in {place(new)}",
        lambda: f"{adjective()} {adjective()} {noun()}",
        lambda: f"{person(new)}",
        lambda: f"{noun()}",
    ])()


def person(new):
    first, last = word("first", FIRST, new), word("last", LAST, new)
    return random.choice([first, f"{first} {last}", f"{first} {last}", f"{first} {word('last', LAST, new)} {last}"])


def place(new):
    return word("city", CITIES, new)


def clock(_):
    hour = random.choice("one two three four five six seven eight nine ten eleven".split())
    return random.choice([f"{hour}", f"{hour} thirty", f"half past {hour}", f"{hour} in the evening"])


def day(_):
    name = random.choice("monday tuesday wednesday thursday friday saturday sunday".split())
    return random.choice(["tomorrow", f"{name}", f"next {name}", f"{name} night", "the last day of winter"])


def room(_):
    return random.choice(["kitchen", "little garden", "garden", "long hall", "hall", "red room", "room of " + person(False)])


VALUES = dict(song=title, album=title, film=title, restaurant=title, artist=person, actor=person, contact=person,
              origin=place, goal=place, time=clock, day=day, room=room)

# Titles stand where only a word far away, or none, says of what; a bar parts readings of the same words.
PATTERNS = """
play [song] | play [song] [artist] | play [song] by [artist] | play [song] from [album] | play [album] [artist]
put on [song] | put on [film] | put on [album] | put on [song] in the [room] | put on [film] in the [room] [day]
please put on [album] the whole album | please put on [film] the film | please put on [song] that song i like
i want to see [film] with [actor] | i want to hear [song] with [artist] | i want to see [actor] in [film] [day]
is [film] on [day] | is [restaurant] open [day] | is [restaurant] open at [time] | is [film] on at [time] [day]
book [restaurant] [day] at [time] | book [film] [day] at [time] | book a table at [restaurant] [time] [day]
book [origin] [goal] [day] | book a train [origin] [goal] [time] | a train to [goal] from [origin] [day] at [time]
from [origin] to [goal] [day] | to [goal] from [origin] | i go [origin] [goal] [day] and come back [day] at [time]
call [contact] | call [contact] in [goal] | call [restaurant] | call [contact] [day] at [time] | call [restaurant] in [goal]
tell [contact] that i am at [restaurant] | tell [contact] i come to [goal] [day] | tell [contact] about [film] with [actor]
meet [contact] at [restaurant] [time] | meet [contact] in [goal] [day] | meet [contact] [contact] and [contact] [day]
what did [artist] sing | what did [actor] play in | who sings [song] | who plays in [film] | who is on [album]
add [song] [artist] to my list | add [album] to my list of albums | add [film] to my list of films | add [song] to [album]
remind me of [contact] [day] | remind me of [film] [day] at [time] | remind me at [time] to call [contact] about [restaurant]
lights in the [room] at [time] | wake me at [time] [day] with [song] | wake [contact] in the [room] with [song] [artist]
""".replace("\n", "|").split("|")
PATTERNS = [pattern.split() for pattern in PATTERNS if pattern.strip()]


def sentence(part):
    words = []
    for piece in " ".join(random.choice(PATTERNS)).replace("[", " [").split():
        if not piece.startswith("["):
            words.append((piece, "O"))
            continue
        kind = piece.strip("[]")
        value = VALUES[kind](part == "test" and random.random() < 0.5).split()
        words += [(value[0], "B-" + kind)] + [(w, "I-" + kind) for w in value[1:]]
    return words


folder = os.path.dirname(os.path.abspath(__file__))
for part, count in SENTENCES.items():
    with open(os.path.join(folder, f"{part}.conll"), "w", encoding="utf-8", newline="\n") as file:
        for _ in range(count):
            file.write("".join(f"{w}\t{tag}\n" for w, tag in sentence(part)) + "\n")
