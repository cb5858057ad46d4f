"""What the lessons need round the two attentions: data, plots, comparisons, exercises.

Its commands: `python -m attnlib.course copy`, `python -m attnlib.course progress`.
"""

from attnlib.course.homeless import make_do

make_do()
