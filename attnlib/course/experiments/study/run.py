"""One run: a task, a setting and a seed in, the accuracy on held-out data out.

The optimiser, its schedule, the numbers of steps, the size of the network and the difficulty of
the tasks were chosen once, on the middle alone and with other seeds, before any other setting had
been trained. So they suit the middle: another setting might do better with another learning rate
or more steps. The steps are few, so that the whole study takes minutes. It compares what is
learned in that many steps, not what could be learned in the end.
"""

import time
from types import MappingProxyType

import torch

from attnlib.course.experiments.study.network import Network, count
from attnlib.course.experiments.study.settings import SETTINGS
from attnlib.course.experiments.study.tasks import task
from attnlib.course.experiments.training import accuracy, fit

STEPS = MappingProxyType({"digits": 300, "global": 900, "local": 400, "reverse": 200})


def train(name: str, setting: str, seed: int) -> dict:
    """The run, as it is stored. For one task and seed the data come in the same order everywhere.

    Raises ValueError for a task or a setting that does not exist, and names those that do.
    """
    start = time.process_time()
    if setting not in SETTINGS:
        raise ValueError(f"setting {setting!r} is unknown: expected one of {tuple(SETTINGS)}")
    given = task(name)
    torch.manual_seed(seed)
    per_token = given.train.labels.dim() == 2
    features = given.train.x.shape[-1]
    network = Network(SETTINGS[setting], features, given.classes, per_token)
    for _ in fit(network, *given.train, STEPS[name], seed=seed):
        pass
    return {
        "task": name,
        "setting": setting,
        "seed": seed,
        "accuracy": round(accuracy(network, *given.test), 5),
        "parameters": count(network),
        "hidden": network.hidden,
        "cpu_seconds": round(time.process_time() - start, 2),
    }
