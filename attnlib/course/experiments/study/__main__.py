"""Do the study, then print what it says: `make study`."""

import argparse

from attnlib.course.experiments.study.jobs import study
from attnlib.course.experiments.study.report import read, table


def main() -> None:
    parser = argparse.ArgumentParser(
        "attnlib.course.experiments.study", description="What the dials matter."
    )
    parser.add_argument("--afresh", action="store_true", help="replace the stored results")
    try:
        results = study(afresh=parser.parse_args().afresh)
    except KeyboardInterrupt:
        raise SystemExit("Stopped. What is done is stored: the same command goes on.") from None
    print(table(results), read(results), sep="\n\n")


if __name__ == "__main__":  # the processes of the study import this file too
    main()
