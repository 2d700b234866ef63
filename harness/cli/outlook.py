"""What the cells of a run will take where they are to run, shown or asked for by a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from rich.console import Console

from harness.cli.forecast_table import plan_json, show_plan
from harness.cli.options import print_json
from harness.cli.run_options import AtOnce, Place
from harness.matrix.budget import Choice, choose, refuse_unknown
from harness.matrix.budget_clock import BudgetClock
from harness.matrix.forecast import Forecast, forecast
from harness.matrix.order import Resources
from harness.matrix.run_device import RunDevice, device_here, device_of_cluster
from harness.matrix.timing_record import shipped_timings
from harness.matrix.timings import recorded_timings
from harness.matrix.totals import totals
from harness.spec import CellSpec
from harness.store import Store


class Outlook:
    """Forecasts of a run's cells.

    Args:
        specs: the cells, with the teachers that they need.
        store: of the run.
        place: where they run.
        resources: that each may use.
    """

    def __init__(self, specs: Sequence[CellSpec], store: Store, place: Place, resources: Resources) -> None:
        self._specs, self._store, self._place, self._resources = list(specs), store, place, resources

    def choose(self, hours: float) -> Choice:
        """Return the cells that a budget has room for.

        Raises:
            HarnessError: an executor that starts all at once, and cells whose hours nobody knows.
        """
        choice = choose(self._specs, self._forecasts(self._specs), hours)
        if self._place.remote:
            refuse_unknown(choice, self._place.executor, self._device.name)
        return choice

    def clock(self, choice: Choice) -> BudgetClock:
        """Return what asks, before each cell of a choice starts, whether there is still room for it."""
        specs = choice.specs
        return BudgetClock(specs, choice.budget_hours, self._resources.processes, lambda: self._forecasts(specs))

    def show(self, choice: Choice | None, as_json: bool, console: Console) -> None:
        """Print what a run would do, and what it would take."""
        forecasts, specs = self._forecasts(self._specs), self._specs if choice is None else choice.specs
        at_once = max(1, min(self._at_once.cells, len(specs)))
        sums = totals(specs, forecasts, at_once, self._store.out, self._resources.processes)
        device, note = self._device.name, self._device.note
        if as_json:
            print_json(plan_json(self._specs, forecasts, sums, device, choice, note))
        else:
            show_plan(console, self._specs, forecasts, sums, device, choice, note)

    def _forecasts(self, specs: Sequence[CellSpec]) -> Mapping[str, Forecast]:
        """Return what is left of each cell by the timings that there are now."""
        timings = [*recorded_timings(self._store), *shipped_timings()]
        return forecast(specs, self._store, timings, self._device.name)

    @cached_property
    def _at_once(self) -> AtOnce:
        return self._place.at_once(self._resources, sum(self._store.status(spec) != "finished" for spec in self._specs))

    @cached_property
    def _device(self) -> RunDevice:
        device = self._resources.device
        if self._place.remote:
            return device_of_cluster(device, recorded_timings(self._store))
        return device_here(device, self._at_once.threads)
