"""A video file in; importance, shots, maps and key frames out."""

import re

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from attnlib.course import data, memory, rehearsal
from attnlib.course.experiments.films.inputs import WIDTH, squeeze, stamped
from attnlib.course.experiments.films.training import new_scorer
from attnlib.course.lessons.video.length import count_frames
from attnlib.course.lessons.video.summarise import summarise
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.scorer import FrameScorer


def write_video(path, frames, codec="mpeg4"):
    """A file of frames (L, height, width, 3) in [0, 1]."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for frame in (frames * 255).byte().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def pans():
    """Seven shots of 3 frames: the third photograph comes a second time, the other way round."""
    names = ("rocket", "brick", "coffee", "chelsea", "retina", "coffee", "astronaut")
    return data.montage(names, 3, 64, 96)[0]


@pytest.fixture(scope="module")
def summary(tmp_path_factory, pans):
    return summarise(write_video(tmp_path_factory.mktemp("film") / "film.mp4", pans))


def test_a_film_is_summarised(summary):
    assert summary.frames.shape == (21, 96, 144, 3)
    assert summary.every == 1
    assert summary.cuts == (3, 6, 9, 12, 15, 18)
    assert summary.importance.shape == (21,)
    assert summary.importance.min() >= 0 and summary.importance.max() <= 1
    assert summary.maps.whole.shape == (1, 21, 21)
    assert [segment.shape[-1] for segment in summary.maps.segments] == [11, 10]


def test_the_shot_that_comes_twice_is_the_least_important(summary):
    means = summary.importance.view(7, 3).mean(1)
    assert set(means.argsort()[:2].tolist()) == {2, 5}
    assert means[2] < 0.5 and means[5] < 0.5


def test_the_key_frames_are_the_middles_of_the_better_half_of_the_shots(summary):
    means = summary.importance.view(7, 3).mean(1)
    assert summary.keys == tuple(sorted(3 * shot + 1 for shot in means.topk(4).indices.tolist()))
    assert not {7, 16} & set(summary.keys)


def test_its_words_say_what_was_found_and_what_is_not_claimed(summary):
    said = repr(summary)
    assert said.startswith(
        "21 frames used, every one of the film. 7 shots found, beginning at 0, 3"
    )
    assert "no benchmark score is claimed" in said
    assert "15 shots" in said and "3000 steps" in said
    assert len(said.splitlines()) == 1


def test_its_figures_are_drawn(summary):
    for figure in (summary.plot(), summary.plot(published=(3, 7)), summary.plot_maps()):
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()
    assert summary.read_maps().startswith("The global branch gives ")
    assert "The local branch gives " in summary.read_maps()


def test_frames_give_what_their_file_gives(summary, pans):
    found = summarise(pans)
    assert found.cuts == summary.cuts and found.keys == summary.keys
    assert (found.importance - summary.importance).abs().mean() < 0.15  # the file is lossy


@pytest.mark.parametrize("length", [1, 2])
def test_a_film_of_one_or_two_frames(tmp_path, pans, length):
    found = summarise(write_video(tmp_path / "film.mp4", pans[:length]))
    assert found.importance.shape == (length,)
    assert found.cuts == ()
    assert found.keys == (length // 2,)
    assert f"{length} frame{'s' * (length > 1)} used" in repr(found)
    assert "1 shot found" in repr(found)
    found.plot().draw_without_rendering()
    found.plot_maps().draw_without_rendering()
    found.read_maps()


@pytest.mark.parametrize("size", [(32, 200), (200, 32), (18, 22)])
def test_films_of_any_size(tmp_path, size):
    frames, _ = data.montage(["coffee", "rocket"], 2, *size)
    found = summarise(write_video(tmp_path / "film.mp4", frames))
    assert found.frames.shape[:2] == (4, 96)
    found.plot().draw_without_rendering()


@pytest.mark.parametrize(
    ("limit", "every", "used"), [(21, 1, 21), (20, 2, 11), (7, 3, 7), (1, 21, 1)]
)
def test_of_a_long_film_every_nth_frame_is_used(tmp_path, pans, limit, every, used):
    path = write_video(tmp_path / "film.mp4", pans)
    for film in (path, str(path), pans):
        found = summarise(film, limit=limit)
        assert (found.every, len(found.frames)) == (every, used)
    assert f"{used} frame" in repr(found)


def test_numbers_of_frames_are_those_of_the_film(tmp_path, pans):
    found = summarise(pans[:12], limit=6)  # 0, 2, 4, … 10
    assert found.cuts == (2, 3, 5)
    assert "beginning at 0, 4, 6, 10. Key frames:" in repr(found)
    assert "every second of the film" in repr(found)


def test_what_is_wrong_with_a_file_is_said_by_data_frames(tmp_path, pans):
    with pytest.raises(FileNotFoundError, match="is no file"):
        summarise(tmp_path / "nothing.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    with pytest.raises(ValueError, match="is not a video, or is damaged"):
        summarise(text)
    whole = write_video(tmp_path / "whole.mkv", pans).read_bytes()
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.warns(UserWarning, match="damaged or cut off"):
        found = summarise(broken)
    assert 0 < len(found.frames) < 21


@pytest.mark.parametrize("limit", [0, -1, 2.5, "3"])
def test_a_limit_must_be_a_count(pans, limit):
    with pytest.raises((ValueError, TypeError), match="limit"):
        summarise(pans, limit=limit)


def test_what_is_no_film_is_refused():
    with pytest.raises(ValueError, match="frames must be"):
        summarise(torch.zeros(3, 4, 5))


def test_count_frames(tmp_path, pans):
    assert count_frames(write_video(tmp_path / "film.mp4", pans)) == 21
    assert count_frames(data.clip_path()) == 250
    assert count_frames(tmp_path / "nothing.mp4") == 0
    assert count_frames(tmp_path) == 0


# another scorer


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file of parameters as PGL-SUM's trainer writes it, 32 wide."""
    torch.manual_seed(0)
    scorer = FrameScorer(32, 32, num_segments=2, heads=4, fusion="add", pos_enc="absolute").eval()
    path = tmp_path_factory.mktemp("checkpoint") / "epoch-99.pkl"
    torch.save(scorer.published_state_dict(), path)
    return scorer, path


SETTINGS = {"fusion": "add", "pos_enc": "absolute"}


def test_a_checkpoint_of_ones_own_with_features_of_ones_own(published, pans):
    scorer, path = published
    features = torch.rand(21, 32)
    for given in (features, features.numpy().astype(np.float64)):
        found = summarise(pans, checkpoint=path, features=given, **SETTINGS)
        expected, _ = scorer(features)
        torch.testing.assert_close(found.importance, expected, rtol=0, atol=1e-6)
    assert "the FrameScorer of epoch-99.pkl" in repr(found)
    assert "attnlib's own scorer" not in repr(found)
    assert found.cuts == (3, 6, 9, 12, 15, 18)


def test_a_checkpoint_that_takes_1280_numbers_gets_them(tmp_path, pans):
    scorer = FrameScorer(1280, 8).eval()
    torch.save(scorer.state_dict(), tmp_path / "x.pt")
    found = summarise(pans, checkpoint=tmp_path / "x.pt", heads=1, pos_enc=None)
    expected, _ = scorer(data.features(pans))
    torch.testing.assert_close(found.importance, expected, rtol=0, atol=1e-5)
    found.plot_maps().draw_without_rendering()  # the global branch alone


def test_a_checkpoint_from_the_lesson_is_told_the_time(tmp_path, pans):
    scorer = new_scorer("global", seed=0)
    assert scorer.linear_1.in_features == WIDTH
    torch.save(scorer.state_dict(), tmp_path / "x.pt")
    found = summarise(pans, checkpoint=tmp_path / "x.pt", heads=1, pos_enc=None)
    expected, _ = scorer(stamped(squeeze(data.features(pans))))
    torch.testing.assert_close(found.importance, expected, rtol=0, atol=1e-5)


def test_features_that_do_not_fit_are_refused(published, pans):
    _, path = published
    with pytest.raises(ValueError, match=r"expects features 32 wide.*give features=…, \(21, 32\)"):
        summarise(pans, checkpoint=path, **SETTINGS)
    for shape in ((21, 33), (20, 32), (32,)):
        with pytest.raises(ValueError, match=r"features must be \(21, 32\)"):
            summarise(pans, checkpoint=path, features=torch.rand(shape), **SETTINGS)


def test_settings_and_features_need_a_checkpoint(pans):
    for given in ({"features": torch.rand(21, 64)}, {"heads": 4}):
        with pytest.raises(TypeError, match="need a checkpoint"):
            summarise(pans, **given)


def test_what_is_wrong_with_a_checkpoint_is_said(tmp_path, published, pans):
    with pytest.raises(ValueError, match="Give pos_enc="):
        summarise(pans, checkpoint=published[1], fusion="add")
    nest = NestClassifier(8, 3, 1, 2, (8, 8), 2, 1, 3)
    torch.save(nest.state_dict(), tmp_path / "nest.pt")
    with pytest.raises(ValueError, match="must hold a PGL-SUM, got a NesT"):
        summarise(pans, checkpoint=tmp_path / "nest.pt", num_heads=2, pad_type="")


@pytest.mark.parametrize(("value", "what"), [("nan", "NaN"), ("inf", "infinity")])
def test_features_that_are_no_numbers_are_named(published, pans, value, what):
    features = torch.rand(21, 32)
    features[3, 7] = features[5, 1] = float(value)
    with pytest.raises(ValueError, match=rf"features\[3\] holds {what}: expected finite numbers"):
        summarise(pans, checkpoint=published[1], features=features, **SETTINGS)
    too_large = torch.rand(21, 32).double()
    too_large[2, 0] = 1e300
    with pytest.raises(ValueError, match=r"features\[2\] holds infinity"):
        summarise(pans, checkpoint=published[1], features=too_large, **SETTINGS)


def test_a_film_that_holds_no_numbers_is_refused(pans):
    film = pans.clone()
    film[6, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match=r"film\[6\] holds NaN: expected finite numbers"):
        summarise(film)


def test_a_checkpoint_that_holds_no_numbers_or_makes_none_is_refused(tmp_path, pans):
    state = FrameScorer(32, 32).state_dict()
    for name, value, said in (
        ("linear_1.bias", torch.nan, r"linear_1\.bias\[0\] holds NaN"),
        ("linear_1.weight", 3e38, r"importance\[\d+\] holds NaN"),
    ):
        bad = state | {name: torch.full_like(state[name], value)}
        torch.save(bad, tmp_path / "x.pt")
        with pytest.raises(ValueError, match=said):
            summarise(
                pans,
                checkpoint=tmp_path / "x.pt",
                features=torch.rand(21, 32),
                heads=1,
                pos_enc=None,
            )


def only(amount, monkeypatch):
    for each in (memory, rehearsal):
        monkeypatch.setattr(each, "free_memory", lambda device: amount)


def test_a_film_too_long_is_refused_with_a_limit_that_fits(tmp_path, pans, monkeypatch):
    path = write_video(tmp_path / "film.mp4", pans)
    only(151e6, monkeypatch)
    said = r"^summarise of limit=21 would take about 156 MB, and 151 MB are free: limit=(\d) would"
    with pytest.raises(MemoryError, match=said) as raised:
        summarise(path)
    limit = int(re.search(r"limit=(\d) would", str(raised.value))[1])
    monkeypatch.setattr(rehearsal, "free_memory", lambda device: 1e9)
    assert len(summarise(path, limit=limit).frames) <= limit


def test_so_are_frames_that_are_there_already_and_none_is_looked_at(monkeypatch):
    monkeypatch.setattr(data, "features", None)
    only(6.1e9, monkeypatch)
    film = torch.zeros(1).expand(10**6, 8, 8, 3)
    said = (
        r"of limit=1000000 would take about 20\.1 GB, and 6\.1 GB are free: limit=290000 would fit"
    )
    with pytest.raises(MemoryError, match=said):
        summarise(film, limit=10**6)


def test_the_film_of_the_lesson_fits_into_a_small_machine(pans, monkeypatch):
    only(1e9, monkeypatch)
    assert summarise(pans, limit=125)


def test_a_scorer_of_ones_own_is_counted_too(pans, monkeypatch):
    monkeypatch.setattr(rehearsal, "free_memory", lambda device: 10.0)
    monkeypatch.setattr(memory, "free_memory", lambda device: 1e9)
    monkeypatch.setattr(rehearsal, "rehearse", lambda run, scorer, x, shape: 4e7 * shape[0] ** 2)
    with pytest.raises(MemoryError, match=r"limit=6 would take .* limit=5 would fit"):
        summarise(pans[:6])
