"""Measure what is not yet stored, then print what all of it says: `make study`."""

import argparse

from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.findings import findings
from attnlib.course.experiments.study.jobs import PROCESSES, measure
from attnlib.course.experiments.study.report import report


def main() -> None:
    parser = argparse.ArgumentParser(
        "attnlib.course.experiments.study", description="Which differences matter, and where."
    )
    parser.add_argument("--whole", action="store_true", help="all cells, not the core alone")
    parser.add_argument("--minutes", type=float, help="begin nothing after so many minutes")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="cuda, with --processes 8 or so"
    )
    parser.add_argument("--afresh", action="store_true", help="replace the stored results")
    asked = parser.parse_args()
    wanted = [contrast for contrast in CONTRASTS if contrast.core or asked.whole]
    try:
        results = measure(
            contrasts=wanted,
            minutes=asked.minutes,
            processes=asked.processes,
            device=asked.device,
            afresh=asked.afresh,
        )
    except KeyboardInterrupt:
        raise SystemExit("Stopped. What is done is stored: the same command goes on.") from None
    print(report(results, findings(results)))


if __name__ == "__main__":  # the processes import this file too
    main()
