'''What a LangGraph store must do, as a pytest class to subclass: for any `BaseStore`.

    import pytest
    from ingrained.memory.store_conformance import BaseStoreContract
    from my_package import MyStore

    class TestMyStore(BaseStoreContract):
        @pytest.fixture
        def open_store(self, tmp_path):
            """Return a function that makes an empty store."""
            return lambda index=None, ttl=None: MyStore(tmp_path / "db", index=index, ttl=ttl)

`open_store` is the one fixture to give. The contract calls it at most once per test, with an
`IndexConfig` and a `TTLConfig` or None for each. Close what it opened in the fixture, after a yield.

What a store need not be able to do is said by class attributes (`has_ttl`, `has_async`, ...; see
`StoreTests`): the tests about it are skipped. Where a store does otherwise than the contract,
`differences` maps the test's name to the reason: the test is then expected to fail, strictly, so that
the entry has to go when the store is mended.

The sources of the contract, in this order: the docstrings of `langgraph.store.base`; what
`InMemoryStore` and `SqliteStore` agree on; and where they leave a thing open or contradict one another,
what loses no data, shows none that is not asked for and raises nothing that is not announced.
'''

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in ("items", "namespaces", "filters", "semantics", "expiry", "concurrency")
    )
)

from .base import INDEX, StoreTests  # noqa: E402
from .concurrency import ConcurrencyTests  # noqa: E402
from .expiry import ExpiryTests  # noqa: E402
from .filters import FilterTests  # noqa: E402
from .items import ItemTests  # noqa: E402
from .namespaces import NamespaceTests  # noqa: E402
from .semantics import SemanticTests  # noqa: E402

__all__ = ["INDEX", "BaseStoreContract", "StoreTests"]


class BaseStoreContract(
    ItemTests, NamespaceTests, FilterTests, SemanticTests, ExpiryTests, ConcurrencyTests
):
    """All of it."""
