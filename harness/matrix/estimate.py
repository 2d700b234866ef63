"""How long a scan will take a kind of cell, from timings of the same network, and what that rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.matrix.timings import Kind, Timing


@dataclass(frozen=True)
class Estimate:
    """Seconds per scan of a kind of cell on a device.

    Attributes:
        train_s: device seconds per training scan.
        evaluate_s: per evaluated scan.
        alike: timings of this very kind; empty when the seconds come from others.
        basis: what the seconds rest on, in a few words.
        ratio_from: another device that told how much more a method costs than another; None when none had to.
    """

    train_s: float
    evaluate_s: float
    alike: tuple[Timing, ...]
    basis: str
    ratio_from: str | None = None

    def memory_mib(self, batch_size: int) -> float | None:
        """Return the largest peak that such a cell with batches of this size had; None when none was looked at."""
        peaks = [timing.memory_mib for timing in self.alike if timing.batch_size == batch_size]
        return max((peak for peak in peaks if peak is not None), default=None)

    def disk_mib(self) -> float | None:
        """Return the largest folder that such a cell had in the end; None when none was looked at."""
        return max((timing.disk_mib for timing in self.alike if timing.disk_mib is not None), default=None)


class Estimator:
    """Estimates from a collection of timings.

    Args:
        timings: of any devices.
    """

    def __init__(self, timings: Iterable[Timing]) -> None:
        self._networks: dict[str, list[Timing]] = defaultdict(list)
        self._voxels: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._known: dict[tuple[Kind, str], Estimate | None] = {}
        for timing in timings:
            self._networks[timing.kind.network].append(timing)
            if timing.voxels is not None:
                self._voxels[timing.kind.data, timing.kind.grid].append(timing.voxels)

    def estimate(self, kind: Kind, device: str) -> Estimate | None:
        """Return the seconds of a kind on a device, None when no timing of its network on that device leads to them.

        In this order, and never from two of them together: cells of the kind; the same network with another method,
        times what the method costs more; the same network on another data set, times the voxels that a scan has there;
        both.
        """
        if (kind, device) not in self._known:
            self._known[kind, device] = self._estimate(kind, device)
        return self._known[kind, device]

    def devices(self, kind: Kind) -> list[str]:
        """Return the devices that lead to an estimate of a kind, by name."""
        names = sorted({timing.device for timing in self._networks.get(kind.network, ())})
        return [name for name in names if self.estimate(kind, name) is not None]

    def _estimate(self, kind: Kind, device: str) -> Estimate | None:
        near = [
            timing
            for timing in self._networks.get(kind.network, ())
            if timing.device == device and (timing.kind.engine, timing.kind.scans) == (kind.engine, kind.scans)
        ]
        alike = tuple(timing for timing in near if timing.kind == kind)
        if alike:
            return Estimate(_mean_s(alike), _mean_evaluate_s(alike), alike, f"{len(alike)} alike")
        same_data = [timing for timing in near if timing.kind.data == kind.data]
        elsewhere = [timing for timing in near if timing.kind.data != kind.data]
        return (
            self._scaled(kind, device, same_data)
            or self._scaled(kind, device, [timing for timing in elsewhere if _way(timing.kind) == _way(kind)])
            or self._scaled(kind, device, elsewhere)
        )

    def _scaled(self, kind: Kind, device: str, timings: Sequence[Timing]) -> Estimate | None:
        """Return the seconds of a kind from those of others, from the plainest of them that leads to it."""
        groups: dict[Kind, list[Timing]] = defaultdict(list)
        for timing in timings:
            groups[timing.kind].append(timing)
        for source in sorted(groups, key=lambda other: (other.teacher is not None, other.method, other.data)):
            size, cost = self._size_factor(source, kind), self._cost_factor(source, kind, device)
            if size is None or cost is None:
                continue
            factor, ratio_from = cost
            parts = [source.method] * (_way(source) != _way(kind)) + [source.data] * (source.data != kind.data)
            return Estimate(
                train_s=_mean_s(groups[source]) * size * factor,
                evaluate_s=_mean_evaluate_s(groups[source]) * size,
                alike=(),
                basis=f"{', '.join(parts)} × {size * factor:.2f}",
                ratio_from=ratio_from,
            )
        return None

    def _size_factor(self, source: Kind, target: Kind) -> float | None:
        """Return how many more voxels a scan of the target's data has, on the grid of both."""
        if source.data == target.data:
            return 1.0
        there, here = (self._voxels.get((kind.data, kind.grid)) for kind in (source, target))
        return fmean(here) / fmean(there) if here and there else None

    def _cost_factor(self, source: Kind, target: Kind, device: str) -> tuple[float, str | None] | None:
        """Return how much longer a step takes with the target's method and teacher than with the source's.

        It is the ratio of two timings of the network that differ in nothing else. One of this device goes before those
        of others, whose name is returned with it.
        """
        if _way(source) == _way(target):
            return 1.0, None
        pairs: dict[str, list[float]] = defaultdict(list)
        settings: dict[tuple[str, ...], dict[tuple[str, str | None], list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for timing in self._networks[target.network]:
            kind = timing.kind
            settings[timing.device, kind.data, kind.scans, kind.engine][_way(kind)].append(timing.train_s)
        for (name, *_), by_way in settings.items():
            if _way(source) in by_way and _way(target) in by_way:
                pairs[name].append(fmean(by_way[_way(target)]) / fmean(by_way[_way(source)]))
        for name in sorted(pairs, key=lambda name: (name != device, name)):
            return fmean(pairs[name]), None if name == device else name
        return None


def _way(kind: Kind) -> tuple[str, str | None]:
    """Return how a network is trained: by which method, beside which teacher."""
    return kind.method, kind.teacher


def _mean_s(timings: Sequence[Timing]) -> float:
    return fmean(timing.train_s for timing in timings)


def _mean_evaluate_s(timings: Sequence[Timing]) -> float:
    return fmean(timing.evaluate_s for timing in timings)
