"""The conformance vectors through the async API, each under asyncio and trio, with hosts that answer at once or later."""

from __future__ import annotations

import conformance_async
import conformance_runner as runner
import pytest

RUN = [vector for vector in runner.vectors() if conformance_async.lacking(vector) is None]


@pytest.mark.parametrize(("library", "host"), [("asyncio", "sync"), ("asyncio", "later"), ("trio", "later")])
@pytest.mark.parametrize("vector", RUN, ids=lambda vector: vector["name"])
def test_vector(vector: runner.Json, library: str, host: str) -> None:
    conformance_async.run(vector, library, host)
