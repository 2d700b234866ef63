"""The ground of one block: bands that run along the street, as a height field with kerbs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.draws import lattice_normal
from harness.data.street.mesh import Mesh, grid_faces, surface

BLOCK_M = 20.0
OUTER_M = 72.0
_JUNCTION_M = (6.0, 14.0)
_LANE_MARK_HALF_M = 0.05
_LANE_MARK_PERIOD_M, _LANE_MARK_LENGTH_M = 10.0, 2.0
_SKIRT_M = 0.5
_HILL_FROM_M = 14.0


@dataclass(frozen=True)
class Band:
    """A strip of one kind of ground: it ends `outer_m` from the road's middle, lies `height_m` above the road and is
    uneven by `bump_m` (standard deviation)."""

    outer_m: float
    raw: Raw
    height_m: float
    bump_m: float


@dataclass(frozen=True)
class Side:
    """One side of a block: bands from the road's middle outwards (the road first), the slope of the land behind
    them, and whether a side road leaves here."""

    bands: tuple[Band, ...]
    slope: float
    junction: bool = False

    def height(self, y: float) -> float:
        """Height over the road in metres at the distance y >= 0 from its middle, without bumps."""
        band = next((band for band in self.bands if y <= band.outer_m), self.bands[-1])
        return band.height_m + self.slope * max(0.0, y - _HILL_FROM_M)


@dataclass(frozen=True)
class _Columns:
    """Columns of grid nodes across one side, outwards, and the kind of ground of the cell before each."""

    y: np.ndarray
    height: np.ndarray
    bump: np.ndarray
    cell: np.ndarray


def _columns(side: Side) -> _Columns:
    inner, rows = _LANE_MARK_HALF_M, []
    for band in side.bands:
        step = 1.0 if inner < 16.0 else 2.0 if inner < 30.0 else 6.0
        count = max(1, int(np.ceil((band.outer_m - inner) / step))) if band.bump_m > 0.005 else 1
        rows += [(y, band.height_m, band.bump_m, int(band.raw)) for y in np.linspace(inner, band.outer_m, count + 1)]
        inner = band.outer_m
    table = np.asarray(rows)
    hill = side.slope * np.maximum(0.0, table[:, 0] - _HILL_FROM_M)
    return _Columns(table[:, 0], table[:, 1] + hill, table[:, 2], table[:, 3].astype(np.uint32))


def ground(block: int, left: Side, right: Side, salt: int) -> Mesh:
    """Ground of the block from s = 20 b to 20 (b + 1) metres and |y| <= 72 m, in street coordinates.

    Both ends carry a skirt of half a metre, so that a block of other heights next to it leaves no open slit.
    """
    out, back = _columns(left), _columns(right)
    y = np.concatenate([-back.y[::-1], out.y])
    height = np.concatenate([back.height[::-1], out.height])
    bump = np.concatenate([back.bump[::-1], out.bump])
    cell = np.concatenate([back.cell[:0:-1], [int(Raw.ROAD)], out.cell[1:]]).astype(np.uint32)
    paved = np.concatenate([np.full(len(back.y), right.junction), np.full(len(out.y), left.junction)])
    along = np.arange(BLOCK_M + 1)
    crossing = (along >= _JUNCTION_M[0]) & (along <= _JUNCTION_M[1])
    level = ~(crossing[:, None] & paved[None, :])
    noise = lattice_normal((along + BLOCK_M * block).astype(np.int64)[:, None], np.round(y * 4).astype(np.int64), salt)
    z = level * (height + bump * noise) + ~level * np.sign(height) * np.minimum(np.abs(height), 0.004)
    labels = _labels(cell, along, paved, middle_cell=len(back.y) - 1)
    s = along + BLOCK_M * block
    grid = np.stack(np.broadcast_arrays(s[:, None], y[None, :], z), 2)
    first, last = grid[:1] - [0, 0, _SKIRT_M], grid[-1:] - [0, 0, _SKIRT_M]
    nodes = np.concatenate([first, grid, last])
    mesh = surface(nodes.reshape(-1, 3), grid_faces(len(nodes), len(y)), Raw.ROAD)
    return Mesh(mesh.vertices, mesh.faces, np.repeat(labels.ravel(), 2), mesh.materials)


def _labels(cell: np.ndarray, along: np.ndarray, paved: np.ndarray, middle_cell: int) -> np.ndarray:
    """Class of each cell, uint32 [rows - 1, columns - 1], skirts included."""
    labels = np.broadcast_to(cell, (len(along) - 1, len(cell))).copy()
    middle = along[:-1] + 0.5
    inside = (middle > _JUNCTION_M[0]) & (middle < _JUNCTION_M[1])
    labels[inside[:, None] & (paved[:-1] & paved[1:])[None, :]] = int(Raw.ROAD)
    marked = middle % _LANE_MARK_PERIOD_M < _LANE_MARK_LENGTH_M
    labels[marked, middle_cell] = int(Raw.LANE_MARKING)
    return np.concatenate([labels[:1], labels, labels[-1:]])


def bands(*strips: tuple[float, Raw, float, float]) -> tuple[Band, ...]:
    """Bands from (width, class, height, bump) outwards from the road's middle; the last is stretched to 72 m."""
    edges: Sequence[float] = np.cumsum([strip[0] for strip in strips]).tolist()
    outer = [*edges[:-1], OUTER_M]
    return tuple(Band(edge, raw, height, bump) for edge, (_, raw, height, bump) in zip(outer, strips, strict=True))
