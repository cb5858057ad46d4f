"""Under PyTorch's transforms each computes what it computes without: a test for each cell.

The table stands in docs/transforms.md; what gives an error of PyTorch's own has no test here.
"""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from attnlib import BlockAttention, GlobalLocalAttention, SelfAttention, attention
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.scorer import FrameScorer
from attnlib.kernels import BACKENDS

pytestmark = [
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Attend(nn.Module):
    """`attention` of q = x and learned keys and values, with a bias and a mask."""

    def __init__(self, backend):
        super().__init__()
        self.backend, self.to_kv = backend, nn.Linear(8, 16)

    def forward(self, x):
        k, v = self.to_kv(x).chunk(2, -1)
        n = x.shape[-2]
        bias = torch.linspace(-1, 1, 2, device=x.device, dtype=x.dtype)[:, None, None]
        mask = lambda i, j: (i - j).abs() < 4
        return attention(x, k, v, bias=bias.expand(2, 1, n), mask=mask, backend=self.backend)


PGLSUM = {"pos_enc": "absolute", "num_segments": 3, "fusion": "add", "heads": 2}
# name: what makes it, the shape of one sample, the axis of the length (None: it is fixed)
WHOLES = {
    "attention": (lambda backend: Attend(backend), (2, 7, 8), 1),
    "BlockAttention": (lambda backend: BlockAttention(8, 2, backend=backend), (3, 7, 8), 1),
    "SelfAttention": (
        lambda backend: SelfAttention(8, 8, heads=2, pos_enc="relative", backend=backend),
        (7, 8),
        0,
    ),
    "GlobalLocalAttention": (
        lambda backend: GlobalLocalAttention(8, 12, **PGLSUM, backend=backend),
        (7, 8),
        0,
    ),
    "NestClassifier": (
        lambda backend: NestClassifier(8, 1, 1, 2, 8, 2, 1, 3, pad_type="same", backend=backend),
        (1, 8, 8),
        None,
    ),
    "FrameScorer": (lambda backend: FrameScorer(8, 12, **PGLSUM, backend=backend), (7, 8), 0),
}


class OutputOnly(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x)[0]


# The networks are made of modules that are tried with both.
NETWORKS = ("NestClassifier", "FrameScorer")
PAIRS = [(name, backend) for name in WHOLES for backend in ("auto", "eager")]
PAIRS = [pair for pair in PAIRS if pair[0] not in NETWORKS or pair[1] == "auto"]
EAGER = [(name, "eager") for name in WHOLES]


@pytest.fixture(params=PAIRS, ids="-".join)
def built(request):
    """A module in float64 that returns its output, a batch of 4, and the axis of its length."""
    name, backend = request.param
    make, shape, axis = WHOLES[name]
    module = OutputOnly(make(backend)).double().eval()
    return module, torch.randn(4, *shape, dtype=torch.float64), axis


def agree(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


def samples(module, x):
    """Every sample by itself, as a module that wants a batch takes it."""
    return torch.cat([module(sample[None]) for sample in x])


def test_vmap(built):
    module, x, _ = built
    agree(torch.vmap(lambda sample: module(sample[None])[0])(x), samples(module, x))
    agree(module(x), samples(module, x))  # nothing is left behind


def test_gradients_of_each_sample(built):
    module, x, _ = built
    parameters = dict(module.named_parameters())

    def loss(parameters, sample):
        return torch.func.functional_call(module, parameters, sample[None]).square().sum()

    got = torch.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
    for number, sample in enumerate(x):
        module.zero_grad()
        module(sample[None]).square().sum().backward()
        for name, parameter in parameters.items():
            agree(got[name][number], parameter.grad)


@pytest.mark.parametrize("dynamic", [None, True], ids=["fixed", "dynamic"])
def test_compile(built, dynamic):
    module, x, axis = built
    torch.compiler.reset()
    backend = "eager" if dynamic else "aot_eager"  # what compiles the graph, which is the question
    compiled = torch.compile(module, backend=backend, fullgraph=True, dynamic=dynamic)
    for some in varied(x, axis) if dynamic else [x]:
        agree(compiled(some), module(some))


def varied(x, axis):
    """Batches of other sizes, and other lengths where they may differ."""
    yield from (x, x[:3])
    for length in () if axis is None else range(1 + x.shape[axis + 1], 20, 5):
        sizes = list(x.shape)
        sizes[axis + 1] = length
        yield torch.randn(sizes, dtype=x.dtype)


@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
def test_export(built, dynamic):
    module, x, axis = built
    shapes = None
    if dynamic:
        shapes = {0: torch.export.Dim("batch", min=2, max=64)}
        if axis is not None:
            shapes[axis + 1] = torch.export.Dim("length", min=4, max=256)
        shapes = (shapes,)
    program = torch.export.export(module, (x,), dynamic_shapes=shapes).module()
    for some in varied(x, axis) if dynamic else [x]:
        agree(program(some), module(some))


def test_checkpointing(built):
    module, x, _ = built
    plain, again = x.clone().requires_grad_(), x.clone().requires_grad_()
    module(plain).square().sum().backward()
    checkpoint(module, again, use_reentrant=False).square().sum().backward()
    agree(again.grad, plain.grad)


@pytest.mark.parametrize("built", EAGER, ids="-".join, indirect=True)
def test_forward_mode(built):
    module, x, _ = built
    v = torch.randn_like(x)
    _, got = torch.func.jvp(module, (x,), (v,))
    h = 1e-6
    expected = (module(x + h * v) - module(x - h * v)) / (2 * h)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
    agree(module(x), module(x.clone()))


@pytest.mark.parametrize("built", EAGER, ids="-".join, indirect=True)
def test_double_backward(built):
    module, x, _ = built
    x, u = x[:1], torch.randn_like(x[:1])

    def along(x):
        (gradient,) = torch.autograd.grad(module(x).square().sum(), x, create_graph=True)
        return (gradient * u).sum()

    leaf = x.clone().requires_grad_()
    (got,) = torch.autograd.grad(along(leaf), leaf)
    v, h = torch.randn_like(x), 1e-6
    there, back = (along((x + s * h * v).requires_grad_()) for s in (1, -1))
    torch.testing.assert_close((got * v).sum(), (there - back) / (2 * h), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", ["plain", "vmap", "grad"])
def test_auto_takes_the_fused_kernel(how, monkeypatch):
    calls = []
    sdpa = BACKENDS["sdpa"]
    spy = lambda *args, **kwargs: calls.append(1) or sdpa(*args, **kwargs)
    monkeypatch.setitem(BACKENDS, "sdpa", spy)
    module, x = OutputOnly(GlobalLocalAttention(8, 12, **PGLSUM)).eval(), torch.randn(2, 7, 8)
    {
        "plain": module,
        "vmap": torch.vmap(module),
        "grad": torch.func.grad(lambda x: module(x).sum()),
    }[how](x)
    assert len(calls) == 3  # all frames; two segments of three; the last, of one


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("backend", ["auto", "eager"])
def test_after_an_export_the_positions_are_still_there(backend, strict):
    module = SelfAttention(4, 4, pos_enc="absolute", backend=backend).eval()
    x = torch.randn(6, 4)
    torch.export.export(OutputOnly(module), (x,), strict=strict)
    fresh = SelfAttention(4, 4, pos_enc="absolute", backend=backend).eval()
    fresh.load_state_dict(module.state_dict())
    agree(module(x)[0], fresh(x)[0])


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_it_can_be_traced_to_a_graph(mode):
    from torch.fx.experimental.proxy_tensor import make_fx

    attend = lambda x, mask: attention(x, x, x, mask=mask)[0]
    x, mask = torch.randn(2, 5, 8), torch.rand(5, 5) > 0.5
    graph = make_fx(attend, tracing_mode=mode)(x, mask)
    x = torch.randn(2, 5, 8)
    agree(graph(x, mask), attend(x, mask))
