"""Files of parameters made to do harm, or damaged: nothing is built that a file does not hold."""

import _codecs
import io
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.course.models import bounded
from attnlib.course.models.checkpoints import load_checkpoint
from attnlib.course.models.files import read_state_dict
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.pickles import Storage, Stored
from attnlib.course.models.scorer import FrameScorer

resource = pytest.importorskip("resource", reason="memory can be limited on Unix alone")
ROOM = 1 << 30  # bytes, more than PyTorch has taken already


@pytest.fixture(autouse=True)
def little_memory():
    """What asks for much more than a file holds fails, and harms nobody."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture
def refused(tmp_path):
    """What is said of a file that is refused: of something to save, or of its bytes."""

    def said(found, read=read_state_dict, suffix=".pt", **settings):
        path = tmp_path / f"x{suffix}"
        if isinstance(found, bytes):
            path.write_bytes(found)
        else:
            torch.save(found, path)
        with pytest.raises(ValueError, match=f"x{suffix}") as caught:
            read(path, **settings)
        assert "allocate" not in str(caught.value) and "MemoryError" not in str(caught.value)
        assert len(str(caught.value)) < 1000
        return str(caught.value)

    return said


class Called:
    """Pickled, it is a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Floats:
    """Pickled, it is a storage."""

    def __init__(self, key, count):
        self.id = ("storage", torch.FloatStorage, key, "cpu", count)


def tensor(key, shape, stride, offset=0, count=4):
    places = (offset, shape, stride, False, OrderedDict())
    return Called(torch._utils._rebuild_tensor_v2, Floats(key, count), *places)


class Pickler(pickle.Pickler):
    def persistent_id(self, found):
        return found.id if isinstance(found, Floats) else None


def forged(found, storages, how=zipfile.ZIP_STORED):
    """A file as of torch.save, of anything, with these bytes as storages."""
    file, description = io.BytesIO(), io.BytesIO()
    Pickler(description, protocol=2).dump(found)
    with zipfile.ZipFile(file, "w", how) as archive:
        archive.writestr("x/data.pkl", description.getvalue())
        archive.writestr("x/byteorder", sys.byteorder)
        archive.writestr("x/version", "3\n")
        for key, content in storages.items():
            archive.writestr(f"x/data/{key}", content)
    return file.getvalue()


def read(content, tmp_path, suffix=".pt"):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    return read_state_dict(path)


# what is built is no larger than what the file holds


def test_a_forged_file_is_read_as_torch_reads_it(tmp_path):
    content = forged({"a": tensor("0", (2, 2), (1, 2))}, {"0": struct.pack("4f", 1, 2, 3, 4)})
    got = read(content, tmp_path)
    assert got["a"].equal(torch.tensor([[1.0, 3], [2, 4]]))
    assert got["a"].equal(torch.load(tmp_path / "x.pt", weights_only=True)["a"])


@pytest.mark.parametrize(
    ("shape", "stride"),
    [
        ((10**5, 10**5), (0, 0)),
        ((3, 3), (1, 1)),
        ((5,), (0,)),
        ((10**9,), (1,)),
        ((1 << 62, 4), (0, 0)),
        ((2, 2), (3, 1)),
    ],
)
def test_a_tensor_larger_than_its_storage_is_refused(shape, stride, refused):
    said = refused(forged({"a.weight": tensor("0", shape, stride)}, {"0": bytes(16)}))
    assert f"a.weight {shape} is larger than the 4 numbers the file has for it" in said


def test_an_expanded_tensor_is_refused_whoever_saved_it(refused):
    assert "a (70000, 70000) is larger than the 1 numbers" in refused(
        {"a": torch.zeros(1).expand(70000, 70000)}
    )


@pytest.mark.parametrize(
    ("shape", "stride", "offset"),
    [
        ((-1,), (1,), 0),
        ((2,), (-1,), 1),
        ((2,), (1,), -1),
        ((1 << 63,), (0,), 0),
        ((2.0,), (1,), 0),
        (("2",), (1,), 0),
        ((2, 2), (1,), 0),
        (4, 1, 0),
        ((1,) * 99, (1,) * 99, 0),
    ],
)
def test_axes_that_are_none_are_refused(shape, stride, offset, refused):
    said = refused(forged({"a": tensor("0", shape, stride, offset)}, {"0": bytes(16)}))
    assert "a has no shape" in said


def test_a_tensor_behind_the_end_of_its_storage_is_refused(refused):
    for offset in (3, 1 << 40):
        content = forged({"a": tensor("0", (2,), (1,), offset)}, {"0": bytes(16)})
        assert "a (2,) is larger than" in refused(content)
    assert "0 numbers" in refused(forged({"a": tensor("1", (2,), (1,))}, {"0": bytes(16)}))


def fits(shape, stride, offset, numbers):
    """Whether PyTorch itself finds it inside, and it is no larger."""
    try:
        return torch.arange(numbers).as_strided(shape, stride, offset).numel() <= numbers
    except RuntimeError:
        return False


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4),
    st.integers(0, 9),
    st.integers(0, 20),
)
def test_what_passes_the_check_is_built_and_stays_inside(axes, offset, numbers):
    shape, stride = tuple(n for n, _ in axes), tuple(step for _, step in axes)
    described = {"a": Stored(Storage("0", ""), offset, shape, stride, torch.float32)}
    content = torch.arange(numbers, dtype=torch.float32).numpy().tobytes()
    try:
        bounded.check(described, {"0": len(content)}, 1 << 20)
    except ValueError:
        assert not fits(shape, stride, offset, numbers)
        return
    built = bounded.build(described, lambda _: bytearray(content))["a"]
    assert built.shape == shape and built.numel() <= numbers
    if built.numel():
        assert built.equal(torch.arange(numbers).float().as_strided(shape, stride, offset))


def test_tied_parameters_go_on_sharing_their_storage(tmp_path):
    weight = torch.randn(30, 30)
    torch.save({f"layer.{i}": weight for i in range(12)} | {"row": weight[3]}, tmp_path / "x.pt")
    got = read_state_dict(tmp_path / "x.pt")
    assert all(got[f"layer.{i}"].equal(weight) for i in range(12))
    assert got["layer.0"].data_ptr() == got["layer.11"].data_ptr()
    assert got["row"].equal(weight[3])


def test_thousands_of_tensors_of_one_storage_are_refused(refused):
    weight = torch.randn(300, 300)
    said = refused({f"layer.{i}": weight for i in range(2000)})
    assert "its tensors would take 720000000 bytes, more than 16 times the file" in said


def test_a_network_is_not_built_before_its_shapes_were_found_to_fit(refused):
    state = NestClassifier(8, 3, 1, 1, 8, 1, 1, 2).state_dict()
    layer = "levels.0.transformer_encoder.0."
    wide = {
        "levels.0.pos_embed": torch.zeros(1, 1, 64, 30_000),
        f"{layer}mlp.fc1.weight": torch.zeros(1_000_000, 1),
    }
    said = refused(state | wide, load_checkpoint, num_heads=1, pad_type="")
    assert "patch_embed.proj.weight must be (30000, 3, 1, 1), got (8, 3, 1, 1)" in said
    scorer = FrameScorer(8, 8).published_state_dict()
    long = {"attention.attention.out.weight": torch.zeros(400_000, 12)}
    assert "must be" in refused(scorer | long, load_checkpoint, pos_enc=None)


@pytest.mark.parametrize("number", [999_999, 10**8, 10**30])
def test_names_alone_make_no_network_large(number, refused):
    state = NestClassifier(8, 3, 1, 1, 8, 1, 1, 2).state_dict()
    extra = {f"x.{i}": torch.zeros(1) for i in range(999)}
    for name in (f"levels.0.transformer_encoder.{number}.x", f"levels.{number}.pos_embed"):
        refused(state | extra | {name: torch.zeros(1)}, load_checkpoint, num_heads=1, pad_type="")


# what stands beside the parameters is not built at all


@pytest.mark.parametrize(
    "call",
    [
        Called(bytearray, 1 << 40),
        Called(torch.FloatTensor, 1 << 20, 1 << 20),
        Called(torch.storage.UntypedStorage, 1 << 40),
        Called(torch.Tensor, 1 << 40),
        tensor("0", (1 << 30, 1 << 30), (0, 0)),
        tensor("none", (3,), (1,)),
    ],
)
def test_what_asks_for_memory_gets_none(call, tmp_path, refused):
    good = {"a": tensor("0", (4,), (1,))}
    content = forged({"state_dict": good, "more": [call]}, {"0": bytes(16)})
    assert read(content, tmp_path)["a"].equal(torch.zeros(4))
    assert refused(forged({"a": call}, {"0": bytes(16)}))


def test_a_text_that_doubles_itself_is_not_doubled(refused):
    grown = "ab"
    for _ in range(60):
        grown = Called(_codecs.encode, grown, "hex")
    assert "must hold parameters by name" in refused(forged({"a": grown}, {}))


def test_containers_that_hold_themselves_end(refused):
    inside = {}
    inside["model"] = inside["state_dict"] = inside["ema"] = inside
    assert "must hold parameters by name" in refused(forged(inside, {}))
    key = ()
    for _ in range(99):
        key = Called(torch.Size, (key, key))
    assert "must hold parameters by name" in refused(forged([{"a": 1}, [key]], {}))


def test_keys_that_are_slow_to_hash_are_not_hashed(refused):
    nested = b")" + b"q\x00h\x00\x86" * 60  # a pair of itself, sixty times
    described = b"\x80\x02}" + nested + b"K\x01s."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", described)
    assert "must hold parameters by name" in refused(file.getvalue())


# archives


def test_a_compressed_file_is_refused(refused):
    content = forged(
        {"a": tensor("0", (1 << 20,), (1,))}, {"0": bytes(1 << 22)}, zipfile.ZIP_DEFLATED
    )
    assert len(content) < 1 << 14
    assert "it is compressed, which torch.save never does" in refused(content)


def test_records_that_share_their_bytes_are_refused(refused):
    content = bytearray(forged({"a": tensor("0", (4,), (1,))}, {"0": bytes(4096)}))
    entry = content.rindex(b"PK\x01\x02")
    end = content.rindex(b"PK\x05\x06")
    again = content[entry:end] * 500
    count = struct.pack("<HH", 2 + 500, 2 + 500)
    size = struct.pack("<L", end - content.index(b"PK\x01\x02") + len(again))
    content[end + 8 : end + 16] = count + size
    content[end:end] = again
    refused(bytes(content))


@pytest.mark.parametrize("count", [-1, 5, 1 << 40, (1 << 63) - 1])
def test_a_storage_that_claims_more_numbers_than_follow_is_refused(count, refused):
    file = io.BytesIO()
    torch.save({"a": torch.ones(4)}, file, _use_new_zipfile_serialization=False)
    content = bytearray(file.getvalue())
    content[-24:-16] = struct.pack("<q", count)
    assert "is cut off, damaged" in refused(bytes(content))


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_one_flipped_bit_in_the_numbers_is_noticed(bit, refused):
    file = io.BytesIO()
    torch.save({"a": torch.full((64,), 1.2345)}, file)
    content = bytearray(file.getvalue())
    content[content.index(struct.pack("f", 1.2345)) + 50] ^= 1 << bit
    assert "is cut off, damaged" in refused(bytes(content))


def test_a_file_without_checksums_is_read(tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"a": torch.arange(9.0)}, tmp_path / "x.pt")
    finally:
        torch.serialization.set_crc32_options(before)
    assert read_state_dict(tmp_path / "x.pt")["a"].equal(torch.arange(9.0))


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 1 << 50]}},
        {"a": {"dtype": "F32", "shape": [1 << 32, 1 << 32], "data_offsets": [0, 16]}},
        {"a": {"dtype": "F4", "shape": [32], "data_offsets": [0, 16]}},
        {name: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for name in "ab"},
        {},
    ],
)
def test_a_header_of_safetensors_that_lies_is_refused(header, refused):
    pytest.importorskip("safetensors")
    text = json.dumps(header).encode()
    refused(struct.pack("<Q", len(text)) + text + bytes(16 * bool(header)), suffix=".safetensors")


# tensors that are no numbers at places of a storage


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: torch.eye(3).to_sparse(), "a sparse tensor"),
        (lambda: torch.eye(3).to_sparse_csr(), "a sparse tensor"),
        (lambda: torch.empty(3, device="meta"), "a meta tensor, which has no values"),
        (
            lambda: torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8),
            "a quantised tensor",
        ),
        (lambda: torch.nested.nested_tensor([torch.eye(2)]), "a nested tensor"),
        (
            lambda: torch.nested.nested_tensor([torch.eye(2)], layout=torch.jagged),
            "a nested tensor",
        ),
        (lambda: torch.zeros(2, dtype=torch.cfloat).conj(), "a conjugated or negated view"),
        (lambda: torch.zeros(2, dtype=torch.cfloat).conj().imag, "a conjugated or negated view"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_odd_tensor_is_named_with_what_it_is(make, what, wrapped, refused):
    state = {"fine": torch.zeros(2), "norm.weight": make()}
    said = refused({"state_dict": state, "epoch": 3} if wrapped else state)
    assert f"norm.weight is {what}" in said


def test_an_odd_tensor_beside_the_parameters_does_not_matter(tmp_path):
    torch.save({"model": {"a": torch.ones(2)}, "mask": torch.eye(3).to_sparse()}, tmp_path / "x.pt")
    assert read_state_dict(tmp_path / "x.pt")["a"].equal(torch.ones(2))


DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip
LATER = [  # of which torch.save makes no file of the old kind
    torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64,
]  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "zipped"),
    [(dtype, True) for dtype in (*DTYPES, *LATER)] + [(dtype, False) for dtype in DTYPES],
    ids=str,
)
def test_numbers_of_any_type_come_back(dtype, zipped, tmp_path):
    whole = torch.arange(24).remainder(7).to(dtype)
    state = {
        "all": whole,
        "turned": whole.view(4, 6).transpose(0, 1),
        "part": whole[5:9],
        "none": whole[:0],
        "empty": torch.zeros(3, 0, 2, dtype=dtype),
        "one": whole[3],
        "parameter": torch.nn.Parameter(whole.clone(), requires_grad=False),
        "buffer": torch.nn.Buffer(whole.clone()),
    }
    state["buffer"].said = "an attribute"
    torch.save(state, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    got = read_state_dict(tmp_path / "x.pt")
    assert list(got) == list(state)
    for name, value in state.items():
        assert got[name].dtype == dtype and got[name].shape == value.shape
        assert got[name].stride() == value.stride() or not value.numel()
        assert torch.equal(got[name].to(torch.cdouble), value.to(torch.cdouble))


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.float8_e4m3fn])
def test_a_network_takes_floats_alone(dtype, refused):
    state = NestClassifier(8, 3, 1, 1, 8, 1, 1, 2).state_dict()
    said = refused(
        state | {"norm.bias": torch.zeros(8).to(dtype)}, load_checkpoint, num_heads=1, pad_type=""
    )
    assert f"norm.bias must be floating point, got {dtype}" in said


@pytest.mark.parametrize(
    ("value", "what"), [("nan", "NaN"), ("inf", "infinity"), ("-inf", "infinity")]
)
def test_a_parameter_that_is_no_number_is_named(value, what, refused):
    state = FrameScorer(8, 8).state_dict()
    state["norm_y.weight"][5] = float(value)
    said = refused(state, load_checkpoint, pos_enc=None, heads=1)
    assert f"norm_y.weight[5] holds {what}: expected finite numbers" in said


# any fault


def test_files_with_any_fault_are_read_or_refused():
    script = Path(__file__).with_name("fuzzing.py")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), "1000", "0"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    files, read, grown = map(int, re.findall(r"\d+", run.stdout))
    assert 0.1 * files < read < 0.9 * files  # the faults are neither none nor too coarse
    assert grown < 100  # MB
