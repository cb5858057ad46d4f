"""The study: its tasks are right, its networks equal in size, its runs are kept, its words true."""

import json
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
import torch

from attnlib.course.compare import VALUES, DialledAttention
from attnlib.course.experiments import training
from attnlib.course.experiments.study import jobs, report, run, tasks
from attnlib.course.experiments.study.jobs import study
from attnlib.course.experiments.study.network import PARAMETERS, Network, count
from attnlib.course.experiments.study.results import FIELDS, Results, load, save
from attnlib.course.experiments.study.settings import MIDDLE, NOTATION, SETTINGS
from attnlib.course.experiments.study.tasks import TASKS, task

GENERATED = 2000


def generator():
    return torch.Generator().manual_seed(7)


def by_groups(x):
    """(n, L) -> (n, G, N)."""
    return x.unflatten(-1, (tasks.GROUPS, -1))


# tasks


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_the_shapes_it_promises(name):
    given = task(name)
    for x, labels in (given.train, given.test):
        assert x.shape[1] == tasks.LENGTH and x.dtype == torch.float32
        assert labels.shape in (x.shape[:1], x.shape[:2]) and labels.dtype == torch.int64
        share = labels.flatten().bincount() / labels.numel()
        assert len(share) == given.classes
        assert (share - 1 / given.classes).abs().max() < 0.01  # guessing is right so often
    assert given.asks.endswith("?")


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_the_same_each_time(name):
    once, again = TASKS[name](), TASKS[name]()
    for part in ("train", "test"):
        for one, other in zip(getattr(once, part), getattr(again, part), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", TASKS)
def test_no_example_is_both_learned_and_held_out(name):
    given = task(name)
    train = {x.numpy().tobytes() for x in given.train.x}
    assert [x for x in given.test.x if x.numpy().tobytes() in train] == []


def test_an_unknown_task_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"task 'sorting' is unknown: .*'digits', 'global'"):
        task("sorting")


def test_digits_are_cut_so_that_a_group_is_a_quarter():
    pictures, labels = tasks.data.digits()
    given = task("digits")
    whole = {
        picture.numpy().tobytes(): label
        for picture, label in zip(pictures, labels.tolist(), strict=True)
    }
    for x, label in zip(given.test.x[:50], given.test.labels[:50].tolist(), strict=True):
        picture = torch.empty(8, 8)
        for token, patch in enumerate(x):
            group, inside = divmod(token, 4)
            row = 4 * (group // 2) + 2 * (inside // 2)
            col = 4 * (group % 2) + 2 * (inside % 2)
            picture[row : row + 2, col : col + 2] = patch.unflatten(0, (2, 2))
        assert whole[picture.numpy().tobytes()] == label


def test_of_every_digit_a_third_is_held_out():
    given = task("digits")
    held_out, learned = given.test.labels.bincount(), given.train.labels.bincount()
    assert torch.equal(held_out, (held_out + learned) // 3)


def test_global_labels_by_brute_force():
    photographs, labels = map(by_groups, tasks.draw_global(200, generator()))
    for sequence, answers in zip(photographs.tolist(), labels.tolist(), strict=True):
        for number, group in enumerate(sequence):
            others = sum(sequence[:number] + sequence[number + 1 :], [])
            assert answers[number] == [int(photograph in others) for photograph in group]


def test_local_labels_by_brute_force():
    photographs, labels = map(by_groups, tasks.draw_local(200, generator()))
    for sequence, answers in zip(photographs.tolist(), labels.tolist(), strict=True):
        for group, group_answers in zip(sequence, answers, strict=True):
            assert group_answers == [int(group.count(photograph) > 1) for photograph in group]


def test_a_global_answer_cannot_be_told_from_the_own_group():
    photographs, labels = map(by_groups, tasks.draw_global(GENERATED, generator()))
    assert (photographs == photographs[..., :1]).all()  # all a group shows is one photograph,
    for photograph in range(len(tasks.PHOTOGRAPHS)):  # and each is as often repeated as not
        share = labels[photographs == photograph].float().mean()
        assert abs(share - 0.5) < 0.06
    for place in range(tasks.GROUPS):
        assert abs(labels[:, place].float().mean() - 0.5) < 0.04


def test_other_groups_say_nothing_about_a_local_answer():
    photographs, labels = map(by_groups, tasks.draw_local(GENERATED, generator()))
    same = photographs.flatten(1)[:, :, None] == photographs.flatten(1)[:, None, :]
    elsewhere = by_groups(same.sum(-1)) - (photographs[..., None] == photographs[..., None, :]).sum(
        -1
    )
    with_, without = (elsewhere[labels == label].float().mean() for label in (1, 0))
    assert abs(with_ - without) < 0.05
    for photograph in range(len(tasks.PHOTOGRAPHS)):
        assert abs(labels[photographs == photograph].float().mean() - 0.5) < 0.03


def test_crops_show_the_photograph_they_are_said_to():
    # A crop at the corner of the first white tile, and one of the first black tile beside it.
    size, edge = tasks.SIDE, tasks.CROP
    for number, name in enumerate(tasks.PHOTOGRAPHS):
        picture = tasks.data.photograph(name, size, size)
        for part, left in (("train", 0), ("test", tasks.TILE)):
            corner = picture[:edge, left : left + edge].unflatten(0, (4, -1)).unflatten(2, (4, -1))
            expected = 4 * corner.mean((1, 3)).flatten() - 2
            torch.testing.assert_close(tasks.crops(part)[number, 0], expected)


def test_crops_for_training_and_testing_share_no_pixel(monkeypatch):
    # Every pixel of this picture has its own colour, written in two channels.
    rows, cols = torch.meshgrid(torch.arange(tasks.SIDE), torch.arange(tasks.SIDE), indexing="ij")
    picture = torch.stack([rows, cols, 0 * rows], -1) / tasks.SIDE
    seen = []
    for colour in (0, 1):
        crops = (tasks._crops(picture, colour) + 2) / 4 * tasks.SIDE
        corners = crops.unflatten(-1, (4, 4, 3))[:, 0, 0, :2] - 0.5  # the mean of 2×2 pixels
        reach = torch.cartesian_prod(torch.arange(tasks.CROP), torch.arange(tasks.CROP))
        pixels = (corners.round().long()[:, None] + reach).flatten(0, 1)
        seen.append(set(map(tuple, pixels.tolist())))
    assert len(seen[0]) == len(seen[1]) == tasks.SIDE**2 // 2
    assert not seen[0] & seen[1]


def test_reverse_gives_the_classes_back_in_reverse_order():
    given = task("reverse").test
    for x, labels in zip(given.x[:50], given.labels[:50], strict=True):
        assert (x.sum(-1) == 1).all()
        for token in range(tasks.LENGTH):
            assert x[tasks.LENGTH - 1 - token].argmax() == labels[token]


# settings


def test_every_dial_is_turned_alone_to_every_value_or_is_notation():
    turned = []
    for name, dials in SETTINGS.items():
        if name in ("middle", "NesT", "PGL-SUM", "no attention"):
            continue
        (changed,) = [(dial, dials[dial]) for dial in VALUES if dials[dial] != MIDDLE[dial]]
        assert name == f"{changed[0]}: {changed[1]}"
        turned.append(changed)
    wanted = [
        (dial, value)
        for dial, values in VALUES.items()
        for value in values
        if dial not in NOTATION and value != MIDDLE[dial]
    ]
    assert turned == wanted
    assert report.CONTROL in SETTINGS


def test_the_dials_that_are_not_trained_change_nothing():
    torch.manual_seed(3)
    module = DialledAttention(MIDDLE)
    x = torch.randn(2, 16, 48)
    for dial in NOTATION:
        other = DialledAttention(dict(MIDDLE) | {dial: VALUES[dial][1]})
        other.load_state_dict(module.state_dict())
        torch.testing.assert_close(other(x)[0], module(x)[0])


# the network


@pytest.mark.parametrize(("features", "classes"), [(4, 10), (48, 2), (10, 10)])
def test_all_networks_have_as_many_parameters(features, classes):
    for name, dials in SETTINGS.items():
        network = Network(dials, features, classes, per_token=True)
        assert abs(count(network) / PARAMETERS - 1) < 0.002, name
        assert network.hidden >= 48, name  # no bottleneck


def test_one_seed_draws_alike_what_no_dial_touches():
    states = []
    for dials in SETTINGS.values():
        torch.manual_seed(5)
        states.append(Network(dials, 4, 10, per_token=True).state_dict())
    for name in ("embed.weight", "embed.bias", "positions", "readout.weight", "readout.bias"):
        assert all(torch.equal(state[name], states[0][name]) for state in states), name


def test_without_attention_no_token_learns_of_another():
    network = Network(None, 4, 10, per_token=True).eval()
    x = torch.randn(1, 16, 4)
    other = x.clone()
    other[:, 3] += 1
    changed = (network(x)[0] != network(other)[0]).any(-1)[0]
    assert changed.nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("name", ["NesT", "sees: own group"])
def test_these_cannot_see_beyond_their_group(name):
    # Hence guessing is all they can do in the global and the reverse task.
    network = Network(SETTINGS[name], 4, 10, per_token=True).eval()
    x = torch.randn(1, 16, 4)
    other = x.clone()
    other[:, 5] += 1
    changed = ((network(x)[0] - network(other)[0]).abs().amax(-1) > 1e-6)[0]
    assert changed.nonzero().flatten().tolist() == [4, 5, 6, 7]


def test_readout_per_token_or_of_the_mean():
    x = torch.randn(3, 16, 4)
    assert Network(MIDDLE, 4, 10, per_token=True)(x)[0].shape == (3, 16, 10)
    assert Network(MIDDLE, 4, 10, per_token=False)(x)[0].shape == (3, 10)


# training


@pytest.fixture
def short(monkeypatch):
    """Twenty steps a run."""
    monkeypatch.setattr(run, "STEPS", dict.fromkeys(TASKS, 20))


def without_time(run):
    return {name: value for name, value in run.items() if name != "cpu_seconds"}


@pytest.mark.parametrize("setting", ["middle", "dropout: 0.5"])
def test_one_seed_gives_one_result(short, setting):
    once = run.train("digits", setting, 1)
    torch.rand(7)  # whatever was drawn before does not count
    assert without_time(run.train("digits", setting, 1)) == without_time(once)
    assert set(once) == FIELDS
    assert run.train("digits", setting, 2)["accuracy"] != once["accuracy"]


def test_training_learns(monkeypatch):
    monkeypatch.setattr(run, "STEPS", {"digits": 60})
    assert run.train("digits", "no attention", 0)["accuracy"] > 0.25


def test_an_unknown_setting_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match=r"setting 'merge: d' is unknown: .*'merge: h d'"):
        run.train("digits", "merge: d", 0)


# keeping the runs

JOBS = tuple((name, "middle", seed) for seed in range(3) for name in ("digits", "reverse"))


def made_up(name, setting, seed, accuracy=0.5):
    return {
        "task": name,
        "setting": setting,
        "seed": seed,
        "accuracy": accuracy,
        "parameters": PARAMETERS,
        "hidden": 99,
        "cpu_seconds": 1.0,
    }


@pytest.fixture
def trained(monkeypatch):
    """Stands for the training; records what it was asked, and stops after `limit` runs."""

    class Trained:
        def __init__(self):
            self.jobs, self.limit = [], 99

        def __call__(self, jobs):
            for done, job in enumerate(jobs):
                if done == self.limit:
                    raise KeyboardInterrupt
                self.jobs.append(job)
                yield made_up(*job)

    found = Trained()
    monkeypatch.setattr(jobs, "trained", found)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.json"


def test_after_an_interruption_the_rest_is_done_and_no_run_is_lost(trained, path):
    trained.limit = 4
    with pytest.raises(KeyboardInterrupt):
        study(path, JOBS)
    assert [(r["task"], r["setting"], r["seed"]) for r in load(path).runs] == list(JOBS[:4])
    trained.limit, trained.jobs = 99, []
    results = study(path, JOBS)
    assert trained.jobs == list(JOBS[4:])
    assert results == load(path)
    assert results.runs == [made_up(*job) for job in JOBS]


def test_the_time_of_all_sessions_is_added(trained, path):
    first = study(path, JOBS[:2])
    save(first._replace(wall_seconds=1000.0), path)
    assert 1000 <= study(path, JOBS).wall_seconds < 1100


def test_when_all_is_there_it_says_so(trained, path, capsys):
    study(path, JOBS)
    before, trained.jobs = path.read_bytes(), []
    study(path, JOBS)
    assert trained.jobs == [] and path.read_bytes() == before
    assert "All 6 runs are there. To measure them anew: make study" in capsys.readouterr().out


def test_afresh_replaces_what_is_there(trained, path):
    path.write_text("damaged")
    assert len(study(path, JOBS, afresh=True).runs) == len(JOBS)
    trained.jobs = []
    study(path, JOBS, afresh=True)
    assert trained.jobs == list(JOBS)


def test_other_hyperparameters_are_refused_and_nothing_is_lost(trained, path, monkeypatch):
    study(path, JOBS[:2])
    before = path.read_bytes()
    monkeypatch.setattr(training, "BATCH", 33)
    with pytest.raises(ValueError, match="made with other hyperparameters: make study .*afresh"):
        study(path, JOBS)
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["cpu", "torch"])
def test_two_machines_are_not_mixed(trained, path, what):
    results = study(path, JOBS[:2])
    save(results._replace(machine=results.machine | {what: "another"}), path)
    with pytest.raises(ValueError, match=f"begun with {what} 'another'"):
        study(path, JOBS)
    assert len(study(path, JOBS[:2]).runs) == 2  # complete: it may be read anywhere


def test_missing_results_say_how_to_get_them(path):
    with pytest.raises(FileNotFoundError, match=r"results\.json does not exist: make study"):
        load(path)


@pytest.mark.parametrize("damage", ["cut off", "no runs", "a field too few", "another kind"])
def test_damaged_results_say_what_to_do(trained, path, damage):
    study(path, JOBS)
    found = json.loads(path.read_text())
    text = path.read_text()[:-20]
    if damage == "no runs":
        del found["runs"]
    elif damage == "a field too few":
        del found["runs"][3]["accuracy"]
    if damage != "cut off":
        text = json.dumps([1] if damage == "another kind" else found)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"is damaged \(.*git checkout .* make study STUDY_FLAGS"):
        load(path)


def test_without_tqdm_it_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tqdm>=4\.66"'):
        study(path, JOBS)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    def lacking(*_):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", lacking)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "scikit-learn>='):
        TASKS["digits"]()


def test_a_process_trains_as_this_one_does(monkeypatch):
    # The one test that starts a process: the cheapest run there is.
    monkeypatch.setattr(jobs, "WORKERS", 1)
    job = ("reverse", "no attention", 0)
    (found,) = jobs.trained([job])
    assert without_time(found) == without_time(run.train(*job))
    # And no attention, no reversal: a token alone cannot know.
    assert abs(found["accuracy"] - 0.1) < 0.02


def slow_touch(folder, number):
    """Stands for a run, in a process."""
    time.sleep(0.02)
    (Path(folder) / str(number)).touch()


def test_whoever_stops_waits_for_the_runs_in_progress_only(monkeypatch, tmp_path):
    monkeypatch.setattr(jobs, "train", slow_touch)
    monkeypatch.setattr(jobs, "WORKERS", 1)
    runs = jobs.trained([(str(tmp_path), number) for number in range(30)])
    next(runs)
    runs.close()
    assert len(list(tmp_path.iterdir())) == 2  # the one that is done, and the one begun meanwhile


# the report


def results(accuracies, seeds=5):
    """(task, setting) -> accuracies, one a seed; all that is not given is 0.5 for every seed."""
    names = ("one", "two")
    settings = ("middle", "merge: h d", "scale: 1", "NesT", "PGL-SUM", "no attention")
    runs = [
        made_up(name, setting, seed, accuracies.get((name, setting), [0.5] * seeds)[seed])
        for name in names
        for setting in settings
        for seed in range(seeds)
    ]
    about = {
        "tasks": {name: {"asks": "Which?", "chance": 0.1} for name in names},
        "settings": dict.fromkeys(settings),
    }
    return Results({}, about, 1.0, runs)


def test_a_difference_is_paired_by_seed():
    made = results(
        {
            ("one", "middle"): [0.1, 0.3, 0.5, 0.7, 0.9],
            ("one", "scale: 1"): [0.2, 0.4, 0.6, 0.8, 1.0],
        }
    )
    found = report.difference(made, "one", "scale: 1")
    assert found.mean == pytest.approx(0.1) and found.spread == pytest.approx(0, abs=1e-9)
    assert found.seen
    assert report.difference(made, "one", "middle", to="scale: 1").mean == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("accuracies", "seen"),
    [
        ([0.5] * 5, False),  # a tie
        ([0.4] * 5, True),
        ([0.50, 0.52, 0.52, 0.52, 0.54], False),  # mean .02, spread .014
        ([0.51, 0.52, 0.52, 0.52, 0.53], True),  # mean .02, spread .007
        ([0.51, 0.52, 0.53, 0.54, 0.55], False),  # mean .03, spread .016, were it over n: .014
        ([0.47, 0.48, 0.47, 0.46, 0.47], True),
        ([0.9, 0.1, 0.5, 0.5, 0.5], False),
    ],
)
def test_a_mark_stands_where_the_mean_is_over_twice_the_spread(accuracies, seen):
    made = results({("one", "scale: 1"): accuracies})
    assert report.difference(made, "one", "scale: 1").seen == seen
    cell = [line for line in report.table(made).splitlines() if line.startswith("scale: 1")][0]
    assert cell.count("·") == 2 - seen
    colours = [
        line.get_color() for line in report.plot(made).axes[0].lines if line.get_marker() == "|"
    ]
    assert [colour == report.MARK for colour in colours] == [False, seen, False, False, False]
    said = report.read(made).split("\n\n")[0]
    assert ("seen for scale: 1 (" in said) == seen
    assert ("No dial makes a difference" in said) != seen


def test_table_gives_mean_and_standard_deviation_in_percent():
    text = report.table(results({("two", "scale: 1"): [0.60, 0.62, 0.64, 0.66, 0.68]}))
    (line,) = [line for line in text.splitlines() if line.startswith("scale: 1")]
    assert line.split("   ")[-1] == "64.0 ± 3.2  +14.0"
    assert "mean ± standard deviation over 5 seeds" in text
    assert "10 comparisons" in text


def test_false_marks_are_as_many_as_a_simulation_finds():
    drawn = torch.randn(200_000, 5, generator=generator(), dtype=torch.float64)
    share = (drawn.mean(-1).abs() > 2 * drawn.std(-1)).double().mean().item()
    assert report.false_marks(5, 1) == pytest.approx(share, rel=0.1)
    assert report.false_marks(5, 76) == pytest.approx(76 * report.false_marks(5, 1))


def test_read_tells_drowned_from_undecided():
    made = results(
        {
            ("one", "scale: 1"): [0.9, 0.1, 0.5, 0.5, 0.6],
            ("two", "scale: 1"): [0.50, 0.52, 0.52, 0.52, 0.54],
        }
    )
    one, two, _ = report.read(made).split("\n\n")
    assert "the spread is at least as large: merge: h d, scale: 1." in one
    assert "more seeds might show one: scale: 1." in two


def test_read_says_when_the_control_alone_moves_as_much():
    control = [0.45, 0.55, 0.5, 0.5, 0.5]
    weak, strong = [0.54] * 5, [0.56] * 5
    made = results(
        {("one", "merge: h d"): control, ("two", "merge: h d"): control}
        | {("one", "scale: 1"): weak, ("two", "scale: 1"): strong}
    )
    one, two, _ = report.read(made).split("\n\n")
    assert "moves the control, which is chance, by 5.0: no less than scale: 1." in one
    assert "no less than" not in two
    assert "it does so by +0.0 ± 3.5" in one


def test_read_says_what_is_at_the_ceiling_and_what_only_guesses():
    everything = {("one", name): [1.0] * 5 for name in ("middle", "merge: h d", "scale: 1")}
    one, two, _ = report.read(results(everything | {("two", "scale: 1"): [0.11] * 5})).split("\n\n")
    assert "The middle is at the ceiling" in one and "at the ceiling" not in two
    assert "No better than guessing (by 3 points): scale: 1." in two and "guessing (" not in one


@pytest.mark.parametrize(
    ("pglsum", "verdict"),
    [
        ([0.6] * 5, "PGL-SUM does better"),
        ([0.4] * 5, "NesT does better"),
        ([0.5] * 5, "no difference seen"),
        ([0.9, 0.2, 0.5, 0.5, 0.6], "no difference seen"),
        (
            [0.51, 0.6, 0.7, 0.7, 0.9],
            "no difference by the rule, but PGL-SUM leads with every seed",
        ),
        ([0.49, 0.4, 0.3, 0.3, 0.1], "no difference by the rule, but NesT leads with every seed"),
    ],
)
def test_read_compares_the_two_ends(pglsum, verdict):
    said = report.read(results({("one", "PGL-SUM"): pglsum})).split("\n\n")[0]
    assert said.splitlines()[-1].endswith(f": {verdict}.")


def test_plot_has_a_panel_a_task_and_a_dot_a_seed():
    fig = report.plot(results({("one", "scale: 1"): [0.6, 0.61, 0.62, 0.63, 0.64]}))
    assert [axis.get_title().split("\n")[0] for axis in fig.axes] == ["one", "two"]
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == ["merge: h d", "scale: 1", "NesT", "PGL-SUM", "no attention"]
    dots = [line for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert dots[1].get_xdata() == pytest.approx([10, 11, 12, 13, 14])
    assert list(dots[1].get_ydata()) == [1] * 5


def test_a_study_that_was_stopped_is_not_reported():
    made = results({})
    for missing in (1, 5):  # the last setting lacks one seed, or all
        with pytest.raises(ValueError, match="'no attention'.* on 'two'.*: make study"):
            report.table(made._replace(runs=made.runs[:-missing]))


# the stored results


def test_the_stored_results_are_complete_and_made_with_this_code():
    stored = load()
    done = [(each["task"], each["setting"], each["seed"]) for each in stored.runs]
    assert sorted(done) == sorted(jobs.JOBS)
    assert jobs.SEEDS >= 5
    assert stored.hyperparameters == jobs.hyperparameters()
    assert 0 < sum(each["cpu_seconds"] for each in stored.runs) < 2 * stored.wall_seconds
    assert all(abs(each["parameters"] / PARAMETERS - 1) < 0.002 for each in stored.runs)


def test_a_stored_run_comes_out_again():
    stored = load()
    if stored.machine["torch"] != torch.__version__:
        pytest.skip(f"measured with torch {stored.machine['torch']}")
    (kept,) = [
        each
        for each in stored.runs
        if (each["task"], each["setting"], each["seed"]) == ("reverse", "no attention", 0)
    ]
    assert run.train("reverse", "no attention", 0)["accuracy"] == pytest.approx(
        kept["accuracy"], abs=0.01
    )


def test_the_stored_results_can_be_reported():
    stored = load()
    text = report.table(stored)
    assert all(f"\n{setting} " in text for setting in SETTINGS)
    said = report.read(stored)
    assert all(f"{name}: " in said for name in TASKS)
    assert len(report.plot(stored).axes) == len(TASKS)


def test_without_attention_the_three_other_tasks_are_guesswork():
    stored = load()
    for each in stored.runs:
        if each["setting"] == "no attention" and each["task"] != "digits":
            chance = stored.hyperparameters["tasks"][each["task"]]["chance"]
            assert abs(each["accuracy"] - chance) < 0.03
