"""A fusion of the reader's own, trained as the study trains its four.

`python -m attnlib.course.experiments.fusions` trains the stored example again, in about a minute.
"""
