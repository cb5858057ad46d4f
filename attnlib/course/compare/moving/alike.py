"""Two ways to turn rows by position, one inside the other: U with U · R^f = R^g · U everywhere."""

import torch
from torch import Tensor

NEAR = 1e-5  # tables of angles are often kept in float32


def turned_alike(f: Tensor, g: Tensor) -> Tensor | None:
    """U (D', D), its columns orthonormal, for turns (K, D, D) and (K, D', D'); None if none does.

    A mixture of all turns has the planes of rotation for eigenvectors, and tells them apart by
    their eigenvalues: equal ones belong together. What is not turned at all may mix freely.
    """
    drawn = torch.randn(len(f), generator=torch.Generator().manual_seed(2), dtype=f.dtype)
    ours, theirs = (_planes(torch.einsum("k,kde->de", drawn, each)) for each in (f, g))
    matrix = f.new_zeros(g.shape[-1], f.shape[-1])
    for one, basis in ours:
        count = basis.shape[1]
        near = [its for other, its in theirs if abs(one - other) <= NEAR * len(f)]
        if not near or near[0].shape[1] < count:
            return None
        matrix += (near[0][:, :count] @ basis.mH).real * (2 if abs(one.imag) > NEAR else 1)
    return matrix if turns_alike(matrix, f, g) else None


def turns_alike(matrix: Tensor, f: Tensor, g: Tensor) -> bool:
    """Whether U · R^f = R^g · U at each place."""
    return bool((matrix @ f - g @ matrix).abs().max() <= NEAR)


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
    """Orthonormal, and as near to single channels as the space allows: a move that only changes
    their places shall be found as such. So the columns of the projector are made orthogonal."""
    if value.imag > 0:
        basis = torch.linalg.qr(vectors)[0]
    else:
        left, _, _ = torch.linalg.svd(torch.cat([vectors.real, vectors.imag], 1))
        basis = left[:, : vectors.shape[1]].to(vectors.dtype)
    projector, chosen = basis @ basis.mH, []
    while len(chosen) < basis.shape[1]:
        sizes = projector.diagonal().real
        first = int((sizes > 0.5 * sizes.max()).int().argmax())
        chosen.append(projector[:, first] / sizes[first].sqrt())
        projector = projector - torch.outer(chosen[-1], chosen[-1].conj())
    return torch.stack(chosen, 1)
