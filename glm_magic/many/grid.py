"""The rows of a sweep: each case in each lane, so many times."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..catalogue.schema import Offer
from ..core.turn import Notice
from ..engine.options import Options
from ..engine.prepared import PreparedRequest
from .budget import RowBudget
from .requests import KEY_BYTES, Requests, key_of
from .rows import Rows

SYNONYMS = {"think": "thinking"}


class SweepRows(Rows):
    """Each case with each lane and sample; made as they are asked for.

    Parameters
    ----------
    cases : Rows
        What is asked about.
    lanes : sequence of dict
        The values of the axes, for each lane.
    samples : int
        How often each case is asked in each lane.
    """

    def __init__(self, cases: Rows, lanes: Sequence[Mapping[str, Any]], samples: int) -> None:
        self.kind = cases.kind
        self.cases, self.lanes, self.samples = cases, lanes, samples
        self.columns = cases.columns

    def __len__(self) -> int:
        return len(self.cases) * len(self.lanes) * self.samples

    def __iter__(self) -> Iterator[Any]:
        """Yield the case of each row."""
        for case in self.cases:
            yield from itertools.repeat(case, len(self.lanes) * self.samples)

    def __getitem__(self, number: int) -> Any:
        """Return the case of a row."""
        return self.cases[self.place(number)[0]]

    def place(self, number: int) -> tuple[int, int, int]:
        """Return the number of a row's case, lane and sample."""
        case, rest = divmod(number, len(self.lanes) * self.samples)
        return case, *divmod(rest, self.samples)

    def label(self, lane: int) -> str:
        """Return what sets a lane apart, such as ``think=low model=glm-4.6``."""
        short = {long: word for word, long in SYNONYMS.items()}
        values = self.lanes[lane].items()
        return " ".join(f"{short.get(name, name)}={value}" for name, value in values) or "all"


class SweepRequests(Requests):
    """Makes the requests of every lane.

    Parameters
    ----------
    lanes : sequence of Requests
        Those of each lane.
    samples : int
        How often each case is asked in each lane.
    """

    kind = "sweep"

    def __init__(self, lanes: Sequence[Requests], samples: int) -> None:
        self.lanes, self.samples = lanes, samples
        self.lane_count = len(lanes)
        self.options: Options = lanes[0].options

    @property
    def firsts(self) -> Sequence[PreparedRequest]:
        """The request that stands for all rows of each lane."""
        return [first for lane in self.lanes for first in lane.firsts]

    @property
    def offer(self) -> Offer | None:
        """Who is asked in the first lane."""
        return self.lanes[0].offer

    @property
    def written(self) -> str:
        """The prompt as it was written."""
        return self.lanes[0].written

    @property
    def notices(self) -> Sequence[Notice]:
        """What the user should know before anything is sent, each once."""
        return list(dict.fromkeys(notice for lane in self.lanes for notice in lane.notices))

    @property
    def template(self) -> str:
        """A digest of what all rows have in common."""
        parts = " ".join([str(self.samples), *(lane.template for lane in self.lanes)])
        return hashlib.sha256(parts.encode()).hexdigest()

    def check(self, budget: RowBudget) -> Sequence[Notice]:
        """Refuse a budget that cannot be applied to some lane."""
        return list(dict.fromkeys(n for lane in self.lanes for n in lane.check(budget)))

    def of(self, number: int, row: Any) -> PreparedRequest:
        """Return the request about a row."""
        return self.lanes[self.lane(number)].of(number, row)

    def lane(self, number: int) -> int:
        """Return the number of a row's lane."""
        return number // self.samples % self.lane_count

    def offer_of(self, number: int) -> Offer | None:
        """Return who is asked in a row's lane."""
        return self.lanes[self.lane(number)].offer

    def key(self, number: int, call: PreparedRequest) -> bytes:
        """Return the key of an answer: each sample has its own."""
        sample = number % self.samples
        key = key_of(call)
        return hashlib.sha256(key + b"%d" % sample).digest()[:KEY_BYTES] if sample else key
