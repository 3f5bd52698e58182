"""What an hour costs where some pods run: by the table of the configuration, or as OpenCost tells it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tollgate.api.dimension import Dimension
from tollgate.api.objective import Objective
from tollgate.errors import Denied, MetricsError
from tollgate.measure.cost import NO_PRICES, CostUnknown, OpenCost, PriceTable
from tollgate.measure.opencost import Capacity, capacity, node_cost_query, node_prices
from tollgate.ports import NODE, Clock, Cluster, Metrics
from tollgate.reconcile.options import Tariffs

_NOT_ASKED = CostUnknown("OpenCost is not asked for prices, as no objective is of the dimension Cost")
_PATIENCE = timedelta(seconds=60)
"""A benchmark is judged once, so a node that OpenCost has yet to see, or a Prometheus that restarts, is waited for."""


class Prices:
    """The prices that are configured now. Asks for those of OpenCost anew each time, and once for what a node has."""

    def __init__(self, cluster: Cluster, metrics: Metrics, clock: Clock, tariffs: Tariffs) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._clock = clock
        self._tariffs = tariffs
        self._capacities: dict[str, Capacity] = {}

    @property
    def configured(self) -> PriceTable | OpenCost | None:
        """Where they are from."""
        return self._tariffs.prices

    @property
    def by_place(self) -> bool:
        """Whether they may differ from node to node."""
        source = self.configured
        return source.by_machine if isinstance(source, PriceTable) else source is not None

    async def judged_by(
        self, objectives: Sequence[Objective], nodes: Mapping[str, int]
    ) -> PriceTable | CostUnknown:
        """The same as `on`; OpenCost is not asked where nothing is judged by its cost."""
        costs = any(o.dimension is Dimension.COST for o in objectives)
        if isinstance(self.configured, OpenCost) and not costs:
            return _NOT_ASKED
        return await self.on(nodes)

    def may_come(self, since: datetime | None, prices: PriceTable | CostUnknown) -> bool:
        """Whether prices that were unknown from an instant on are to be waited for: OpenCost may tell them yet."""
        if (
            isinstance(prices, PriceTable)
            or not isinstance(self.configured, OpenCost)
            or prices == _NOT_ASKED
        ):
            return False
        return since is not None and self._clock.now() < since + _PATIENCE

    async def on(self, nodes: Mapping[str, int]) -> PriceTable | CostUnknown:
        """On these nodes, by how many pods are on each; "" is that of pods that have none yet."""
        source = self.configured
        if source is None:
            return NO_PRICES
        if isinstance(source, PriceTable):
            return source
        there = {name: number for name, number in nodes.items() if name}
        if not there:
            return CostUnknown("which nodes the pods are on is not known, and OpenCost has prices of nodes")
        capacities: dict[str, Capacity] = {}
        try:
            for name in there:
                if (found := await self._capacity(name)) is None:
                    return CostUnknown(f"node {name} is gone, so OpenCost has no price of it any more")
                capacities[name] = found
            samples = await self._metrics.samples(node_cost_query(sorted(there)), self._clock.now())
        except Denied:
            return CostUnknown(
                "the operator may not read nodes, by which OpenCost's prices are checked: let it get nodes"
            )
        except MetricsError as error:
            return CostUnknown(
                f"Prometheus gave no prices of OpenCost: {str(error) or 'it gave no reason'}"[:1024]
            )
        prices = node_prices(source, samples, there, capacities)
        if isinstance(prices, CostUnknown):
            for name in there:  # a node may have got GPUs since, or another one its name
                self._capacities.pop(name, None)
        return prices

    async def _capacity(self, name: str) -> Capacity | None:
        if name not in self._capacities:
            node = await self._cluster.get(NODE, "", name)
            if node is None:
                return None
            self._capacities[name] = capacity(node)
        return self._capacities[name]
