"""What a reader does: predict first, then try, then be told which mistake it was."""

from attnlib.course.exercises.device import Exercise, Verdict, exercise
from attnlib.course.exercises.prediction import predict

__all__ = ["Exercise", "Verdict", "exercise", "predict"]
