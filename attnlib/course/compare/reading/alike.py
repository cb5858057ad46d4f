"""Two ways to turn rows by position, brought into one: U with U · R^f = R^g · U at each place."""

import torch
from torch import Tensor

NEAR = 1e-5  # tables of angles are often kept in float32


def turned_alike(f: Tensor, g: Tensor) -> Tensor | None:
    """An orthogonal U (D, D) for the turns (K, D, D) of both; None if there is none.

    A mixture of all turns has the planes of rotation for eigenvectors, and tells them apart by
    their eigenvalues: equal ones belong together. What is not turned at all may mix freely.
    """
    drawn = torch.randn(len(f), generator=torch.Generator().manual_seed(2), dtype=f.dtype)
    planes = [_planes(torch.einsum("k,kde->de", drawn, each)) for each in (f, g)]
    if len(planes[0]) != len(planes[1]):
        return None
    matrix = torch.zeros_like(f[0])
    for (one, basis), (other, its) in zip(*planes, strict=True):
        if abs(one - other) > NEAR * len(f) or basis.shape != its.shape:
            return None
        matrix += (its @ basis.mH).real * (2 if abs(one.imag) > NEAR else 1)
    fits = (matrix @ f - g @ matrix).abs().max() <= NEAR
    return matrix if fits else None


def _planes(mixture):
    """[(eigenvalue, orthonormal basis)]; of two conjugate ones, that with the positive angle."""
    values, vectors = torch.linalg.eig(mixture)
    values = torch.complex(values.real, torch.where(values.imag.abs() <= NEAR, 0.0, values.imag))
    order = sorted(
        (n for n in range(len(values)) if values[n].imag >= 0),
        key=lambda n: (round(values[n].real.item(), 4), values[n].imag.item()),
    )
    groups = []
    for n in order:
        if groups and abs(values[groups[-1][0]] - values[n]) <= NEAR:
            groups[-1].append(n)
        else:
            groups.append([n])
    return [(values[group[0]], _basis(vectors[:, group], values[group[0]])) for group in groups]


def _basis(vectors, value):
    if value.imag > 0:
        return torch.linalg.qr(vectors)[0]
    left, sizes, _ = torch.linalg.svd(torch.cat([vectors.real, vectors.imag], 1))
    return left[:, : vectors.shape[1]].to(vectors.dtype)
