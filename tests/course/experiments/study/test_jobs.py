"""`make study` keeps what it has done, and mixes nothing."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from attnlib.course.experiments.study import jobs
from attnlib.course.experiments.study.contrasts import CONTRASTS
from attnlib.course.experiments.study.design import Cell, base
from attnlib.course.experiments.study.jobs import Job, measure
from attnlib.course.experiments.study.results import (
    RATE_SEEDS,
    RATES,
    accuracies,
    check_same,
    load,
    rates,
)
from attnlib.course.experiments.study.run import train

from .simulated import run

WIDE = [each for each in CONTRASTS if each.question == "wide_heads" and each.task == "local"]
BEST = RATES[1]


@pytest.fixture
def calls(monkeypatch):
    """No process is started and nothing is trained; the calls are kept."""
    made = []

    def pretended(cell, seeds, rate, purpose, device):
        assert device == "cpu"
        made.append((cell, seeds, rate, purpose))
        share = 0.7 + (0.1 if rate == BEST else 0)
        found = run(cell, seeds, [100 * share] * len(seeds), rate)
        del found["machine"]
        return found | {"purpose": purpose}

    monkeypatch.setattr(jobs, "train", pretended)
    monkeypatch.setattr(
        jobs, "ProcessPoolExecutor", lambda processes, *_, **__: ThreadPoolExecutor(processes)
    )
    return made


def test_rates_come_first_then_rounds_of_seeds():
    order = list(jobs.jobs(WIDE))
    assert len(order) == 4 * (len(RATES) + 4) and len(set(order)) == len(order)
    assert all(job.seeds == RATE_SEEDS for job in order[:12])
    assert [job.seeds[0] for job in order[12:]] == [0] * 4 + [5] * 4 + [10] * 4 + [15] * 4
    assert {job.rate for job in order[:12]} == set(RATES)


def test_the_core_on_local_is_wanted_most():
    order = list(jobs.jobs())
    first = order[: 32 * (len(RATES) + 4)]
    assert {(job.cell.task, job.cell.budget) for job in first} == {("local", 1)}
    assert len({job.cell for job in first}) == 32
    core = list(jobs.jobs(each for each in CONTRASTS if each.core))
    assert set(core) <= set(order) and len(set(order)) == len(order)


def test_seeds_that_choose_a_rate_serve_for_nothing_else():
    others = {seed for job in jobs.jobs() if job.rate is None for seed in job.seeds}
    assert others.isdisjoint(RATE_SEEDS)


def test_each_cell_is_trained_with_the_rate_that_did_best(tmp_path, calls):
    results = measure(tmp_path / "r.json", WIDE)
    assert set(rates(results).values()) == {BEST}
    assert {rate for *_, rate, purpose in calls if purpose == "result"} == {BEST}
    for points in accuracies(results).values():
        assert sorted(points) == list(range(20))
    assert load(tmp_path / "r.json") == results
    assert results.machines[0]["torch"] and all(each["machine"] == 0 for each in results.runs)


def test_it_goes_on_where_it_stopped(tmp_path, calls, monkeypatch):
    path, real = tmp_path / "r.json", jobs.save
    kept = []

    def interrupted(results, where):
        real(results, where)
        kept.append(len(results.runs))
        if len(kept) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure(path, WIDE, processes=1)
    assert len(load(path).runs) == 7
    monkeypatch.setattr(jobs, "save", real)
    measure(path, WIDE, processes=1)
    runs = load(path).runs
    assert len(runs) == 28
    assert len({json.dumps([each["setting"], each["seeds"], each["rate"]]) for each in runs}) == 28
    before = len(calls)
    measure(path, WIDE)
    assert len(calls) == before  # nothing is left


def test_what_was_stored_in_chunks_of_another_size_is_not_trained_again(
    tmp_path, calls, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setitem(jobs.AT_ONCE, "cpu", 20)
        measure(tmp_path / "r.json", WIDE)
    assert [seeds for _, seeds, _, purpose in calls if purpose == "result"] == [
        tuple(range(20))
    ] * 4
    before = len(calls)
    measure(tmp_path / "r.json", WIDE)
    assert len(calls) == before
    results = load(tmp_path / "r.json")
    results.runs[-1]["seeds"], results.runs[-1]["accuracies"] = [0, 1, 2], [0.7] * 3
    jobs.save(results, tmp_path / "r.json")
    measure(tmp_path / "r.json", WIDE)
    assert [seed for _, seeds, _, _ in calls[before:] for seed in seeds] == list(range(3, 20))


def test_no_job_begins_after_the_time_that_was_given(tmp_path, calls):
    results = measure(tmp_path / "r.json", WIDE, minutes=0)
    assert results.runs == [] and calls == []


def test_what_was_made_in_another_way_is_not_mixed(tmp_path, calls, monkeypatch):
    path = tmp_path / "r.json"
    results = measure(path, WIDE)
    check_same(results, path)
    with monkeypatch.context() as patch:
        patch.setattr("attnlib.course.experiments.training.WEIGHT_DECAY", 0.1)
        with pytest.raises(ValueError, match=r"made with weight_decay 0.01, and now it is 0.1"):
            measure(path, WIDE)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("D 64, None", "D 32, None"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"the setting '.* D 64': .* D 32, None\", and now it is"):
        measure(path, WIDE)
    path.write_text(text.replace('"steps": 400', '"steps": 40'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"the task 'local': {.*'steps': 40}, and now it is"):
        measure(path, WIDE)
    path.write_text(text.replace('"steps": 60', '"steps": 40'), encoding="utf-8")
    measure(path, WIDE)  # no run of "reverse" is there
    assert measure(path, WIDE, afresh=True).runs


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "r.json").write_text('{"runs": [{}]}', encoding="utf-8")
    with pytest.raises(ValueError, match="is damaged"):
        load(tmp_path / "r.json")


def test_a_task_that_cannot_be_drawn_is_left_out_by_name(tmp_path, calls, monkeypatch, capsys):
    monkeypatch.setattr(jobs, "missing", lambda task: "pip install it" if task == "mnist" else None)
    wanted = [each for each in CONTRASTS if each.task in ("mnist", "reverse") and each.budget == 1]
    measure(tmp_path / "r.json", wanted)
    assert {cell.task for cell, *_ in calls} == {"reverse"}
    assert capsys.readouterr().out == "mnist is left out: pip install it\n"


@pytest.mark.parametrize("setting", [base("Xavier √2"), "dropout | Xavier √2"])
def test_a_chunk_is_trained_and_comes_again(setting):
    cell = Cell("reverse", setting, 1)
    found, again = (train(cell, (0, 1), 1e-2, "result") for _ in range(2))
    assert found["accuracies"] == again["accuracies"] and found["seeds"] == [0, 1]
    assert abs(found["parameters"] - 60_000) < 50
    assert Job(cell, (0, 1)).rate is None
