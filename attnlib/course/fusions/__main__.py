"""Train the stored example again: `python -m attnlib.course.fusions`."""

from attnlib.course.fusions.trial import main

if __name__ == "__main__":
    main()
