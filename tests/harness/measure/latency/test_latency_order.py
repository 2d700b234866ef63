from __future__ import annotations

from made_reports import order
from made_runs import MINKOWSKINET

from harness.measure.latency.order import NetworkOrder, ProcessOrder, named
from harness.spec import DatasetName

KITTI: DatasetName = "semantickitti"


def network(engine: str = "portable", **changes: object) -> NetworkOrder:
    return NetworkOrder(backbone=MINKOWSKINET.model_copy(update=changes), engine=engine)


def test_networks_are_named_apart_and_each_is_there_once() -> None:
    assert list(named(KITTI, [network(), network(width=1.0), network()])) == [
        "semantickitti-minkowskinet-w0.5",
        "semantickitti-minkowskinet-w1",
    ]
    alike = named(KITTI, [network(), network(voxel_size_m=0.1), network(engine="triton"), network(width=1.0)])
    assert len(alike) == 4
    assert [name.startswith("semantickitti-minkowskinet-w0.5-") for name in alike] == [True, True, True, False]
    assert named(KITTI, [network(voxel_size_m=0.1), network()]).keys() < alike.keys(), "digits are of the network alone"


def test_an_order_travels_as_json() -> None:
    told = order(1.0, 0.5)
    assert ProcessOrder.model_validate_json(told.model_dump_json()) == told
