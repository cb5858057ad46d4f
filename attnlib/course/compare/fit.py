"""Whether parameters and x fit a setting of the dials; if not, the error names what does not."""

from collections.abc import Mapping

from torch import Tensor

from attnlib.checks import check_count

AXES = "(G, 3, H, D, C)"


def check_fit(x: Tensor, parameters, dials: Mapping, num_groups: int | None) -> int:
    """Raise unless all that the setting uses is there, in one width and dtype; return G."""
    if not hasattr(parameters, "main"):
        raise TypeError(f"parameters must be Parameters, got {type(parameters).__name__}")
    _check_qkv("main", parameters.main)
    qkv = parameters.main.qkv
    if num_groups is None:
        num_groups = len(qkv)
    check_count("num_groups", num_groups)
    wanted = num_groups if dials["group_parameters"] == "own" else None
    main_wanted = None if dials["sees"] == "all tokens" else wanted
    _check_branch("main", parameters.main, dials, main_wanted, qkv)
    if dials["fusion"] is not None:
        name = dials["local_branch"]
        _check_qkv(name, getattr(parameters, name))
        _check_branch(name, getattr(parameters, name), dials, wanted, qkv)
    _check_x(x, qkv)
    return num_groups


def _check_qkv(name, branch):
    qkv = getattr(branch, "qkv", None)
    if not isinstance(qkv, Tensor) or qkv.dim() != 5 or qkv.shape[1] != 3:
        got = f"shape {tuple(qkv.shape)}" if isinstance(qkv, Tensor) else repr(qkv)
        raise ValueError(f"these dials use parameters.{name}: its qkv must be {AXES}, got {got}")


def _check_branch(name, branch, dials, wanted, main):
    """`wanted`: how many sets of parameters there must be, or None. `main`: whose C and dtype."""
    sets, _, heads, head_dim, _ = branch.qkv.shape
    width = main.shape[-1]
    if wanted is not None and sets != wanted:
        raise ValueError(
            f"parameters.{name} must have a set for each of {wanted} groups, got {sets}"
        )
    bias = (sets, heads, head_dim)
    shapes = {"qkv": (sets, 3, heads, head_dim, width), "out": (sets, width, heads * head_dim)}
    if dials["query_bias"]:
        shapes["query_bias"] = bias
    if dials["key_value_bias"]:
        shapes |= {"key_bias": bias, "value_bias": bias}
    if dials["output_bias"]:
        shapes["out_bias"] = (sets, width)
    for part, shape in shapes.items():
        tensor = getattr(branch, part)
        if not isinstance(tensor, Tensor) or tensor.shape != shape or tensor.dtype != main.dtype:
            is_tensor = isinstance(tensor, Tensor)
            got = f"{tuple(tensor.shape)} {tensor.dtype}" if is_tensor else repr(tensor)
            raise ValueError(f"parameters.{name}.{part} must be {shape} {main.dtype}, got {got}")


def _check_x(x, qkv):
    width = qkv.shape[-1]
    if not isinstance(x, Tensor) or x.dim() < 2 or x.shape[-1] != width or x.numel() == 0:
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be (…, L, C={width}) to fit the parameters, got {got}")
    if x.dtype != qkv.dtype:
        raise TypeError(f"x must be {qkv.dtype} as the parameters are, got {x.dtype}")
