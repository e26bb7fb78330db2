"""Counts the instructions of a few fixed cases and holds them against the record.

    python3 benches/instructions.py            # fails where a case needs over 5 % more than benches/instructions.json says
    python3 benches/instructions.py --write    # records this compiler's counts

Times on a shared machine come and go; instructions do not. valgrind shows programs a machine with AVX2 and FMA and
no AVX-512, so the counts are those of the AVX2 path, and they belong to the compiler that built it: for another one the
script says so and passes. Nothing is counted of start-up and set-up: a case is run once and three times, and half the difference
is one repetition.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORD = ROOT / "benches" / "instructions.json"
PROGRAM = "count_instructions"
TOLERANCE = 0.05
# Code for no processor in particular: a developer's own flags would give other counts.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "CARGO_ENCODED_RUSTFLAGS"} | {"RUSTFLAGS": ""}


def output(*command):
    """Standard output of a command; what it says on standard error is the user's to read."""
    try:
        return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True).stdout
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run ({error.strerror}): install it")
    except subprocess.CalledProcessError as error:
        sys.exit(f"`{' '.join(command)}` ended with {error.returncode}")


def built():
    """Builds the program and says where it is."""
    # The whole workspace, as its tests are built: a single crate would be compiled anew with other features.
    command = ["cargo", "build", "--release", "--workspace", "--example", PROGRAM, "--message-format", "json"]
    artifacts = (json.loads(line) for line in output(*command).splitlines() if line.startswith("{"))
    return [a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == PROGRAM][-1]


def counted(program, case, repetitions):
    """Instructions of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder) / "profile"
        callgrind = ("valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}")
        output(*callgrind, program, case, str(repetitions))
        return int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(encoding="utf-8"), re.MULTILINE)[1])


def verdict(case, found, known):
    """What is to be said of a case, and whether it has become slower."""
    if known is None:
        return f"{case} has no count in the record: add it with --write", True
    change = found / known - 1
    line = f"{case}: {found:,} instructions, {change:+.2%} from the recorded {known:,}"
    if change > TOLERANCE:
        return f"{line}: over the {TOLERANCE:.0%} allowed; take them out, or say why they pay and record them with --write", True
    return line + ("; lower the record with --write" if change < -TOLERANCE else ""), False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record the counts as this compiler's")
    given = parser.parse_args()
    compiler = output("rustc", "-V").strip()
    program = built()
    counts = {}
    for case in output(program).split():
        once, thrice = (counted(program, case, repetitions) for repetitions in (1, 3))
        counts[case] = (thrice - once) // 2

    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    if given.write:
        record[compiler] = counts
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    known = record.get(compiler)
    if known is None:
        for case, found in counts.items():
            print(f"{case}: {found:,} instructions")
        print(f"not compared: benches/instructions.json has no counts of {compiler}; record them with --write")
        return
    verdicts = [verdict(case, found, known.get(case)) for case, found in counts.items()]
    verdicts += [(f"{case} is in the record but no case any more: record with --write", True) for case in known.keys() - counts]
    for line, failed in verdicts:
        print(f"FAILED {line}" if failed else line)
    sys.exit(any(failed for _, failed in verdicts))


if __name__ == "__main__":
    main()
