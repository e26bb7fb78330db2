"""Holds the folder that `sumun export RUN --to onnx` writes against `sumun predict`, task by task.

    pip install numpy onnxruntime
    cargo build
    python benches/run_folder.py                  # exits with 1 where a difference is over 1e-5

Small runs are trained on the bundled data, written as folders, and used by their predict.py in a Python of its own. Every
number must be that of `sumun predict --json`, relative to 1 or to its own size, and every text the same. `SUMUN` names the
program, target/debug/sumun where it is not set.
"""

import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUMUN = os.environ.get("SUMUN", str(ROOT / "target/debug/sumun"))
DATA = ROOT / "data"
TOLERANCE = 1e-5
SHORT = ["--epochs", "2", "--quiet"]

# Texts that cut words in every way that Unicode's rules know.
ODD = [
    "It's 3.5 °C, naïve 친구야! 1,024.5 a:b a.b. «quoted» don’t",
    "été e\u0301te\u0301 \u1112\u1161\u11ab 한국어 日本語 カタカナー ｶﾀｶﾅ ひらがな",
    "👨‍👩‍👧 🇩🇪🇫🇷🇰 ☃\ufe0f a\u200db ⓂⒶ ℹ x_y_1 a''b \"q\" א\"ב א'ב 3'4 a\u00adb",
    "Ünï\u3000code\u2003spaces\u00a0here\u1680and\u2028there\x1cend \t tab",
    "ΣΑΣ İstanbul ǅ ﬁ 12٣٤ 1_000 __ _a a_ .5 5. a..b 1,,2 1.,2 ::a",
]


def sumun(*arguments):
    done = subprocess.run([SUMUN, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"sumun {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def difference(one, other, where=""):
    """The largest difference between two values of JSON; infinite where they differ in more than numbers."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and not isinstance(one, bool):
        return abs(one - other) / max(1.0, abs(one))
    if type(one) is not type(other) or (isinstance(one, (list, dict)) and len(one) != len(other)):
        print(f"  {where}: {str(one)[:200]} and {str(other)[:200]}")
        return float("inf")
    if isinstance(one, dict):
        return max((difference(one[key], other.get(key), f"{where}.{key}") for key in one), default=0.0)
    if isinstance(one, list):
        return max((difference(a, b, f"{where}[{k}]") for k, (a, b) in enumerate(zip(one, other))), default=0.0)
    if one != other:
        print(f"  {where}: {one!r} and {other!r}")
    return 0.0 if one == other else float("inf")


def check(name, folder, train, files, beam=None):
    """Trains, exports, and compares the predictions for each file, given for both programs, with so many hypotheses."""
    run, out = folder / f"{name}-run", folder / name
    sumun("train", *train, "--out", run, *SHORT)
    sumun("export", run, "--to", "onnx", "--out", out)
    worst = 0.0
    for mine, theirs in files:
        wanted = json.loads(sumun("predict", run, mine, "--json", "--quiet", *([] if beam is None else ["--beam", beam])))
        for series in wanted.get("series", []):
            # The script does not say when the steps ahead are.
            series.pop("time", None)
        done = subprocess.run(
            [sys.executable, str(out / "predict.py"), str(theirs), *([] if beam is None else [str(beam)])], capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode != 0:
            print(f"{name}: {done.stderr}")
            return False
        found = json.loads(done.stdout)
        worst = max(worst, *(difference(wanted[key], found[key], key) for key in found if key != "task"))
    print(f"{name:28} {worst:.1e}")
    return worst <= TOLERANCE


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def sentences(generator, count):
    """Tagged sentences in two columns: numbers, names and other words."""
    words = {"N": ["12", "3.5", "1,000"], "P": ["Anna", "서울", "Ö-Stadt"], "O": ["go", "to", "the", "it's", "!"]}
    lines = []
    for _ in range(count):
        for _ in range(generator.randint(3, 9)):
            tag = generator.choice("NPOOO")
            lines.append(f"{generator.choice(words[tag])}\t{tag}")
        lines.append("")
    return "\n".join(lines) + "\n"


def many_days(generator, folder):
    """Days of some shops, one of which has values of 0; and the same with a shop more and rows that say what is known ahead."""
    rows, ahead = ["shop,day,y,holiday,z,area"], ["shop,day,y,holiday,z,area"]
    for place, shop in enumerate("ABCDEFG"):
        days = [120, 110, 100, 90, 80, 9, 30][place]
        for t in range(days + 5):
            date = datetime.date(2024, 1, 1) + datetime.timedelta(days=t)
            y = 10 * (place + 1) * (1 + t % 7 / 20) + generator.gauss(0, 1)
            y = 0 if shop == "C" and t % 17 == 3 else max(y, 0.5)
            holiday = int(t % 7 == 6)
            if t >= days:
                ahead.append(f"{shop},{date},,{holiday},,")
                continue
            ahead.append(f"{shop},{date},{y:.3f},{holiday},{generator.random():.3f},{10 * (place + 1)}")
            if shop != "G":
                rows.append(ahead[-1])
    return write(folder / "days.csv", "\n".join(rows) + "\n"), write(folder / "ahead.csv", "\n".join(ahead) + "\n")


def main():
    generator = random.Random(7)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        # Forecasts: months with logarithms, hours with a calendar, columns beside the target, with and without one known ahead.
        rows = (DATA / "airline.csv").read_text(encoding="utf-8").splitlines()
        airline = write(folder / "airline.csv", "\n".join(rows[:-6]) + "\n")
        electricity = folder / "electricity.csv"
        write(electricity, "\n".join((DATA / "electricity.csv").read_text(encoding="utf-8").splitlines()[:1500]) + "\n")
        wide = ["t,y,z,k"]
        for t in range(400):
            y = 10 + 3 * ((t * 7) % 13) / 13 + generator.random()
            wide.append(f"{t},{y:.4f},{generator.random():.4f},{t % 5}")
        wide_known = wide + [f"{t},,,{t % 5}" for t in range(400, 408)]
        wide = write(folder / "wide.csv", "\n".join(wide) + "\n")
        wide_known = write(folder / "wide_known.csv", "\n".join(wide_known) + "\n")
        for name, data, more, file in [
            ("forecast, months", DATA / "airline.csv", ["value", "--horizon", 12], airline),
            ("forecast, hours", electricity, ["value", "--horizon", 24, "--hidden", 8], electricity),
            ("forecast, average", airline, ["value", "--horizon", 6, "--average", "on"], airline),
            ("forecast, last", airline, ["value", "--horizon", 6, "--difference", "last", "--log", "on"], airline),
            ("forecast, columns", wide, ["y", "--time", "none", "--horizon", 5, "--features", "z"], wide),
            ("forecast, known", wide, ["y", "--time", "none", "--horizon", 5, "--known", "k", "--cell", "gru"], wide_known),
        ]:
            good &= check(name, folder, ["forecast", data, "--target", *more], [(file, file)])

        # Forecasts of many series, of one with intervals, and of one that was not learnt: distributions, counts, logarithms of
        # values some of which have none, and columns of every kind.
        days, ahead = many_days(generator, folder)
        parts = DATA / "parts" / "parts.csv"
        asked = ["forecast", days, "--target", "y", "--series", "shop", "--horizon", 5, "--hidden", 8]
        columns = ["--known", "holiday", "--features", "z", "--static", "area"]
        of_parts = ["forecast", parts, "--target", "demand", "--series", "part", "--horizon", 4, "--hidden", 8, "--output"]
        of_months = ["forecast", airline, "--target", "value", "--horizon", 6, "--hidden", 8, "--output"]
        for name, train, file in [
            ("quantiles", [*asked, *columns, "--output", "quantiles", "--levels", "50,80,95", "--average", "on"], ahead),
            ("logarithms", [*asked, "--known", "holiday", "--log", "on", "--output", "student-t"], ahead),
            ("normal", [*asked, "--difference", "season", "--season", 7, "--output", "normal"], days),
            ("point", [*asked, "--output", "point", "--time", "none", "--difference", "none"], days),
            ("counts", [*of_parts, "negative-binomial"], parts),
            ("few counts", [*of_parts, "zero-inflated"], parts),
            ("one, quantiles", [*of_months, "quantiles", "--difference", "last"], airline),
            ("one, student-t", [*of_months, "student-t"], airline),
        ]:
            good &= check(f"forecast many, {name}", folder, train, [(file, file)])

        # Translations: by greedy search and by one that keeps several hypotheses.
        dates = DATA / "dates" / "dates.tsv"
        some = write(folder / "some.tsv", "\n".join(dates.read_text(encoding="utf-8").splitlines()[:60]) + "\n")
        words = ["나는", "간다", "한국", "서울에", "(그래)", "naïve", "밥을", "먹는다", "a,"]
        lines = []
        for _ in range(300):
            text = generator.choices(words, k=generator.randint(1, 5))
            lines.append(json.dumps({"source": " ".join(text), "target": " ".join(text[::-1])}, ensure_ascii=False))
        mixed = write(folder / "mixed.jsonl", "\n".join(lines) + "\n")
        for name, train, file, beam in [
            ("usual", [dates], some, None),
            ("greedy", [dates, "--score", "dot", "--cell", "gru"], some, 1),
            ("additive", [dates, "--score", "additive", "--bidirectional", "--cell", "lstm", "--layers", 2], some, 8),
            ("subwords", [dates, "--level", "subword"], some, None),
            ("words", [mixed, "--level", "char", "--target-level", "word"], mixed, None),
            ("spaces", [mixed, "--level", "word", "--target-level", "space"], mixed, None),
            ("jamo", [mixed, "--level", "jamo"], mixed, None),
        ]:
            train = ["translate", *train, "--hidden", 24]
            good &= check(f"translate, {name}", folder, train, [(file, file)], beam)

        # Simulations: of many series with columns that have one value a series, and of one of them.
        basins = DATA / "basins" / "basins.csv"
        asked = ["simulate", basins, "--target", "runoff", "--features", "rain,temperature"]
        many = [*asked, "--series", "basin", "--static", "area,slope"]
        good &= check("simulate, many", folder, many, [(basins, basins)])
        good &= check("simulate, one", folder, [*asked, "--series", "basin=B03", "--cell", "gru"], [(basins, basins)])

        # Texts and numbers with labels.
        odd = write(folder / "odd.csv", "text\n" + "".join('"' + text.replace('"', '""') + '"\n' for text in ODD))
        reviews = DATA / "reviews"
        for level in ["word", "space", "char", "jamo", "subword", "subword --pieces unigram"]:
            train = ["classify", reviews / "train.csv", "--test", reviews / "test.csv", "--level", *level.split()]
            files = [(reviews / "test.csv", reviews / "test.csv"), (odd, odd)]
            good &= check(f"classify, {level}", folder, train, files)
        train = ["classify", reviews / "train.csv", "--pool", "max", "--bidirectional", "--cell", "gru"]
        good &= check("classify, pooled", folder, train, [(reviews / "test.csv", reviews / "test.csv")])
        train = ["classify", reviews / "train.csv", "--pool", "attention"]
        good &= check("classify, attention", folder, train, [(reviews / "test.csv", reviews / "test.csv")])
        vowels = DATA / "japanese_vowels"
        train = ["classify", vowels / "train.jsonl"]
        good &= check("classify, numbers", folder, train, [(vowels / "test.jsonl",) * 2])
        records = []
        for line in (vowels / "train.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            flat = [number for channel in record["x"] for number in channel]
            records.append(json.dumps({"x": record["x"], "label": 100 * sum(flat) / len(flat)}))
        measured = write(folder / "measured.jsonl", "\n".join(records) + "\n")
        good &= check("regress", folder, ["regress", measured], [(measured, measured)])

        # Tags and running text.
        tagged = write(folder / "tagged.conll", sentences(generator, 120))
        good &= check("tag", folder, ["tag", tagged], [(tagged, tagged)])
        text = DATA / "korean_constitution.txt"
        other = write(folder / "other.txt", "\n".join(ODD) + "\n\n제1조 대한민국은 민주공화국이다.\n")
        for level in ["word", "char", "jamo", "subword", "subword --pieces unigram"]:
            good &= check(f"lm, {level}", folder, ["lm", text, "--level", *level.split()], [(other, other)])
    sys.exit(0 if good else 1)


main()
