"""An exercise to click: its task, Check, hints one by one, the solution once they are out."""

import inspect
from pathlib import Path

import traitlets

from attnlib.course.exercises.released import withheld
from attnlib.course.front_end import FrontEnd, with_shared
from attnlib.course.language import catalogue, language, say
from attnlib.course.record import record

MISSING = object()


class Panel(FrontEnd):
    """Hints and solution live in the browser, with or without a kernel; only Check asks it."""

    _esm = with_shared(Path(__file__).with_name("panel.js"))
    _css = with_shared(Path(__file__).with_name("panel.css"))

    task = traitlets.Unicode().tag(sync=True)
    loop = traitlets.Unicode().tag(sync=True)  # what is wanted, as a slow loop
    hints = traitlets.List(traitlets.Unicode()).tag(sync=True)
    told = traitlets.List(traitlets.Int()).tag(sync=True)  # their numbers, as they were told
    helps = traitlets.Int(0).tag(sync=True)  # the hint for the last mistake, 0 for none
    solution = traitlets.Unicode().tag(sync=True)  # empty while it is withheld
    verdict = traitlets.Unicode().tag(sync=True)
    tables = traitlets.Unicode().tag(sync=True)  # HTML
    messages = traitlets.Dict().tag(sync=True)  # what the front end says, translated

    def __init__(self, exercise):
        self._exercise = exercise
        exercise.recall()
        super().__init__(
            task=repr(exercise),
            loop=inspect.getsource(exercise.loop) if exercise.loop else "",
            hints=[say(hint) for hint in exercise.hints],
            told=list(exercise.told),
            solution="" if withheld(exercise.key) else exercise.solved(),
            messages=dict(catalogue(language(), "exercises/panel.js")),
        )
        exercise.panels.add(self)
        self.observe(self._tell, "told")
        self.on_msg(self._asked)

    def __repr__(self) -> str:
        return self.task

    def _tell(self, change):
        self._exercise.told[:] = change["new"]
        record(self._exercise.key, told=change["new"])

    def _asked(self, _widget, content, _buffers):
        """Check what the notebook has now under the exercise's name; answer always."""
        from IPython import get_ipython

        name = self._exercise.name
        answer = get_ipython().user_ns.get(name, MISSING)
        if answer is MISSING:
            told = {"name": name}
            self.verdict = say("There is no {name} yet: run the cell that writes it.", **told)
            self.tables = ""
        else:
            verdict = self._exercise.check(answer)
            self.verdict, self.tables = str(verdict), verdict.tables
        self.send({"answered": content.get("number")})
