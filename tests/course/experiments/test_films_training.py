"""Training on films, what is stored of it, and the default scorer."""

import hashlib
import itertools
import json

import pytest
import torch

from attnlib.course.experiments.films import results, training
from attnlib.course.experiments.films.inputs import CONTENT
from attnlib.course.experiments.films.results import stored_results, stored_scorer
from attnlib.course.experiments.films.shots import stored_shots
from attnlib.course.experiments.films.task import best_local
from attnlib.course.experiments.films.training import flipped


@pytest.fixture(scope="module")
def train():
    return stored_shots("train").content


def test_flipping_keeps_all_cosines_in_a_film_and_changes_its_frames():
    content = torch.randn(4, 10, CONTENT)
    other = flipped(content, torch.Generator().manual_seed(0))
    torch.testing.assert_close(other @ other.mT, content @ content.mT)
    assert other.abs().equal(content.abs())
    signs = (other / content)[:, 0]
    assert (other / content).equal(signs[:, None].expand_as(content))  # one for a channel and film
    assert (signs[0] != signs[1]).any()


def test_a_step_of_training_moves_every_parameter_of_both(train):
    scorer = training.new_scorer("both", seed=0)
    before = {name: each.clone() for name, each in scorer.state_dict().items()}
    list(itertools.islice(training.fit(scorer, train, seed=0), 2))
    assert all(not each.equal(before[name]) for name, each in scorer.state_dict().items())


def test_the_local_scorer_is_both_without_its_global_branch(train):
    scorer = training.new_scorer("local", seed=0)
    both = training.new_scorer("both", seed=0)
    same = both.state_dict()
    changed = [name for name, each in scorer.state_dict().items() if not each.equal(same[name])]
    assert changed == ["attention.attention.out.weight"]
    list(itertools.islice(training.fit(scorer, train, seed=0), 2))
    assert not scorer.attention.attention.out.weight.any()
    x = torch.randn(48, 64)
    y, _ = scorer(x)
    x[40] += 3  # in the second half
    z, _ = scorer(x)
    assert z[:24].equal(y[:24]) and not z[24:].equal(y[24:])


def test_a_seed_gives_the_same_training_again(train):
    first, again, other = (
        list(itertools.islice(training.fit(training.new_scorer("global", seed), train, seed), 2))
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_scorer_learns_six_shots_by_heart(train):
    scorer = training.new_scorer("global", seed=0)
    losses = list(training.fit(scorer, train[:6], seed=0, steps=250, flips=False))
    assert sum(losses[-10:]) < 0.85 * sum(losses[:10])
    assert training.accuracy(scorer, training.exam(train[:6])) > 0.7


def test_accuracy_and_the_share_of_the_twin_of_a_scorer_made_by_hand(train):
    given = training.exam(train)

    class Knows(torch.nn.Module):
        """Importance 1 for each; all of its weight on the twins, where there are any."""

        def forward(self, x):
            weights = (given.twin / given.twin.sum(-1, keepdim=True).clamp(1)).unsqueeze(1)

            class Map:
                def weights(self):
                    return weights

            maps = type("Maps", (), {"whole": Map()})
            return torch.ones(x.shape[:-1]), maps

    assert training.accuracy(Knows(), given) == pytest.approx(given.once.mean().item())
    assert training.twin_share(Knows(), given) == pytest.approx(1)


def test_with_equal_weights_the_twin_gets_its_share_of_the_frames(train):
    scorer = training.new_scorer("global", seed=0)
    torch.nn.init.zeros_(scorer.attention.attention.qkv.weight)
    assert training.twin_share(scorer, training.exam(train)) == pytest.approx(6 / 48, abs=0.01)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="name must be one of .*'nobody'"):
        results.run("nobody", 0)


def test_one_short_run_is_measured_as_it_is_stored():
    run, scorer = results.run("global", seed=3, steps=2)
    assert (run.setting, run.seed) == ("global", 3)
    assert 0.3 < run.train < 0.7 and 0.3 < run.test < 0.7
    assert run.test == round(
        training.accuracy(scorer, training.exam(stored_shots("test").content)), 4
    )


# what is stored


def test_every_setting_was_run_with_every_seed():
    stored = stored_results()
    found = sorted((run.setting, run.seed) for run in stored.runs)
    assert found == sorted(itertools.product(training.SETTINGS, range(results.SEEDS)))
    assert all(0.4 < share <= 1 for run in stored.runs for share in (run.train, run.test))
    assert stored.steps == training.STEPS
    assert {"cpu", "torch", "date"} <= set(stored.machine)


def test_local_does_not_beat_its_bound():
    stored = stored_results()
    test = training.exam(stored_shots("test").content)
    assert stored.best_local == round(best_local(test, training.SEGMENTS), 4)
    local = [run.test for run in stored.runs if run.setting == "local"]
    assert max(local) <= stored.best_local


def test_the_default_scorer_is_as_good_as_is_stored():
    stored, scorer = stored_results(), stored_scorer()
    assert not scorer.training
    assert scorer.attention.local_attention is not None
    for part, share in (("train", stored.scorer.train), ("test", stored.scorer.test)):
        found = training.accuracy(scorer, training.exam(stored_shots(part).content))
        assert found == pytest.approx(share, abs=0.01)  # it was stored in half precision


def test_the_default_scorer_is_small_and_its_sum_is_checked(tmp_path):
    assert results.SCORER.stat().st_size < 2**17
    sha256 = hashlib.sha256(results.SCORER.read_bytes()).hexdigest()
    assert sha256 == stored_results().sha256
    damaged = tmp_path / "scorer.safetensors"
    damaged.write_bytes(results.SCORER.read_bytes()[:-1] + b"x")
    with pytest.raises(OSError, match=f"its SHA-256 is .* expected {sha256}"):
        stored_scorer(damaged)


@pytest.mark.parametrize("change", ["", "[]", '{"steps": 1}', "no json"])
def test_damaged_results_are_refused(tmp_path, change):
    path = tmp_path / "results.json"
    path.write_text(change)
    with pytest.raises(ValueError, match="is damaged .* make scorer"):
        stored_results(path)


def test_a_run_with_a_field_too_few_is_refused(tmp_path):
    stored = json.loads(results.RESULTS.read_text())
    del stored["runs"][3]["twin"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="is damaged"):
        stored_results(path)
