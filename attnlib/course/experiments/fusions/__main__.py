"""Train the stored example again: `python -m attnlib.course.experiments.fusions`."""

from attnlib.course.experiments.fusions.trial import main

if __name__ == "__main__":
    main()
