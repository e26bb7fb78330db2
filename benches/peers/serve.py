"""What the peers' scripts share: a case a line from standard input, its times a line on standard output.

A peer is started once, so that its library is loaded once, and asked case by case:

    echo '{"name": "sine_lstm", …}' | python benches/peers/torch_peer.py --threads 1 --seconds 2

The answer is {"peer", "threads", "name", "best_ms", "median_ms", "runs"}, or null for a case that the peer has not.
"""

import argparse
import json
import statistics
import sys
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each case")
    parser.add_argument(
        "--precision", choices=("f32", "bf16", "int8"), default="f32", help="of products; int8 has no training"
    )
    return parser.parse_args()


def measure(run, seconds):
    """Milliseconds of every run for about so many seconds, after two that do not count."""
    run(), run()
    times, end = [], time.perf_counter() + seconds
    while (time.perf_counter() < end or len(times) < 5) and len(times) < 200_000:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def serve(peer, given, works):
    """Answers cases until there are no more. `works(case)` has a function for each way that the peer can do the case,
    none where it cannot; the way with the best time counts."""
    print(json.dumps({"peer": peer}), flush=True)
    for line in sys.stdin:
        case, best = json.loads(line), None
        ways = works(case)
        for way in ways:
            times = measure(way(), given.seconds / len(ways))
            if best is None or min(times) < min(best):
                best = times
        answer = best and {
            "peer": peer,
            "threads": given.threads,
            "name": case["name"],
            "best_ms": min(best),
            "median_ms": statistics.median(best),
            "runs": len(best),
        }
        print(json.dumps(answer), flush=True)
