"""`python -m tests.benchmarks [NAME ...]`: each benchmark in a process of its own, a table and a JSON file for each.

FULL=1 takes more rows and rounds. Peers come with the optional dependencies `bench`.
"""

from __future__ import annotations

import multiprocessing
import sys

from tests.benchmarks.reporting import report

NAMES = (
    "machine", "labels", "writing", "training", "search", "retrieval", "growth", "comparison", "calibration",
    "crashes", "damaged", "random_kills", "guards", "early_stops", "planted", "planted_faults", "planted_preferences",
    "planted_chats", "held_json", "each_way", "load", "million_rows", "architectures", "judge", "llama", "serving",
    "served_models", "served_strategy", "exports",
)  # fmt: skip


def main(names: list[str]) -> int:
    if unknown := set(names) - set(NAMES):
        sys.stderr.write(f"There is no benchmark {min(unknown)!r}; choose from {', '.join(NAMES)}.\n")
        return 2
    failed = False
    for name in names or NAMES:
        process = multiprocessing.get_context("spawn").Process(target=report, args=(name,))
        process.start()
        process.join()
        failed |= process.exitcode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
