"""What all tests share: one thread, the same random numbers each time, devices and backends."""

import hypothesis
import pytest
import torch

torch.set_num_threads(1)  # pytest-xdist runs as many processes as there are cores

DEVICES = ["cpu"]
if torch.cuda.is_available():
    DEVICES.append(pytest.param("cuda", marks=pytest.mark.cuda))


class TorchRandom:
    """torch's generator as hypothesis wants it, which then seeds it before every example."""

    seed = staticmethod(torch.manual_seed)
    getstate = staticmethod(torch.get_rng_state)
    setstate = staticmethod(torch.set_rng_state)


TORCH_RANDOM = TorchRandom()  # hypothesis itself keeps only a weak reference
hypothesis.register_random(TORCH_RANDOM)
hypothesis.settings.register_profile(
    "attnlib",
    derandomize=True,
    deadline=None,
    max_examples=100,
    # No shrinking: examples are small as they come, and it may search for minutes.
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
hypothesis.settings.load_profile("attnlib")


def pytest_runtest_setup(item):
    torch.manual_seed(0)


# Scope "session", so that hypothesis may use them: they are the same for all examples.
@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    return torch.device(request.param)


# Those that serve every request; flex and triton have files of their own.
@pytest.fixture(scope="session", params=["eager", "sdpa"])
def backend(request):
    return request.param


@pytest.fixture(autouse=True)
def nobodys_module(tmp_path, monkeypatch):
    """What passes a check is kept here: not with what a reader of this very folder wrote."""
    monkeypatch.setenv("ATTNLIB_MY", str(tmp_path / "my"))


@pytest.fixture(scope="session")
def pooled_by_definition():
    """The mean, or the maximum, of each cell of a map, in plain loops."""

    def pooled(weights, size, reduce):
        """Cell i of n covers ⌊i·n/size⌋ to ⌊(i+1)·n/size⌋, rows and columns alike."""
        queries, keys = weights.shape[-2:]
        down, across = min(size, queries), min(size, keys)
        result = weights.new_empty(*weights.shape[:-2], down, across)
        for i in range(down):
            for j in range(across):
                rows = slice(i * queries // down, (i + 1) * queries // down)
                cols = slice(j * keys // across, (j + 1) * keys // across)
                cell = weights[..., rows, cols]
                result[..., i, j] = cell.mean((-2, -1)) if reduce == "mean" else cell.amax((-2, -1))
        return result

    return pooled
