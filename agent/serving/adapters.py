"""The adapters of a server, in step with what is promoted in a home."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingrained.agent.models.vllm_adapters import ServedAdapters
from ingrained.agent.models.vllm_server import RefusedError, ServedModel, VllmServer
from ingrained.errors import IngrainedError, NotFoundError
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

from .canary import Canary, Likelihood, judge

_PASSING = (401, 403, 408, 429, 502, 503, 504)
"""HTTP's words for what another try may mend: who asks, how much, when."""
_REFUSED_TO_SERVE = "Ingrained's own commands load the promoted version themselves: take it back with `ingrained adapters rollback`."

Event = dict[str, Any]
Canaries = Callable[[Manifest], Sequence[Canary]]
"""From an adapter to what it is tried on before requests are told of it; one at least."""


@dataclass(frozen=True)
class Wanted:
    """An adapter as it is used."""

    version: str
    strength: float


@dataclass(frozen=True)
class Served:
    """One that answers."""

    wanted: Wanted
    name: str
    """What requests call it. It never stands for other weights: a server's prefix cache goes by names."""


class AdaptersInStep:
    """Loads what is promoted, unloads what is no longer, one call of `step` at a time.

    Args:
        server: To keep in step.
        registry: The home's.
        base: What requests and manifests call the base.
        canaries: Tells what to try an adapter on.
        likelihood: How likely the server finds an answer.
        tell: Told of each change.
    """

    def __init__(
        self,
        server: VllmServer,
        registry: AdapterRegistry,
        base: str,
        canaries: Canaries,
        likelihood: Likelihood,
        tell: Callable[[Event], None],
    ) -> None:
        self._server = server
        self._registry = registry
        self._base = base
        self._canaries = canaries
        self._likelihood = likelihood
        self._tell = tell
        self._refused: set[Wanted] = set()
        self._ours: set[str] = set()
        """Names that were loaded, or found, to answer."""
        self._past: set[str] = set()
        """Versions that were to answer at some time; what others loaded of them goes with them."""
        self.served: Served | None = None
        """What answers now; None for the base alone."""

    def step(self) -> None:
        """Bring the server to what is promoted now.

        An adapter that the server refuses or whose canary fails is left out, and the former stays. What may
        pass, such as a server that is busy, is tried again at the next call.

        Raises:
            ModelError: the server does not answer, or an adapter cannot be read.
            StoreError: the adapters of the home cannot be read.
        """
        wanted = self._wanted()
        if self.served and self.served.name not in self._names():
            self.served = None  # The server was started anew.
        try:
            if wanted is None:
                self.served = None
            elif self.served is None or self.served.wanted != wanted:
                self.served = self._taken_up(wanted) or self._former()
        except IngrainedError:
            # What was purged goes, whatever else is wrong.
            self.served = self._former()
            self._unload_others()
            raise
        self._unload_others()

    def _wanted(self) -> Wanted | None:
        active = self._registry.active()
        return Wanted(active, self._registry.show(active).strength_alone) if active else None

    def _names(self) -> set[str]:
        return {one.name for one in self._server.models()}

    def _taken_up(self, wanted: Wanted) -> Served | None:
        """Load an adapter and try it; return it if it answers."""
        if wanted in self._refused:
            return None
        manifest, start = self._registry.show(wanted.version), time.monotonic()
        if manifest.base_model != self._base:
            reason = f"it was trained for {manifest.base_model!r}, and {self._base!r} is served"
            self._refuse(wanted, reason, f"Serve its base: --model {manifest.base_model}.")
            return None
        try:
            name = self._load(wanted)
            verdict = judge(self._likelihood, self._base, name, self._canaries(manifest))
        except RefusedError as error:
            if error.status in _PASSING:
                raise
            self._refuse(wanted, str(error), error.hint)
            return None
        if not verdict.sound:
            self._refuse(wanted, f"the canary failed: {verdict.reason}", _REFUSED_TO_SERVE)
            return None
        self._tell({
            "event": "adapter", "version": wanted.version, "model": name,
            "canary": verdict.reason, "seconds": time.monotonic() - start,
        })  # fmt: skip
        return Served(wanted, name)

    def _load(self, wanted: Wanted) -> str:
        adapters, version = ServedAdapters(self._server), wanted.version
        adapters.load(version, self._registry.path(version), strength=wanted.strength)
        name = adapters.served(version)
        self._ours.add(name)
        self._past.add(version)
        return name

    def _refuse(self, wanted: Wanted, reason: str, hint: str) -> None:
        """Leave an adapter out from now on, and say so once."""
        self._refused.add(wanted)
        former = self._former()
        self._tell({
            "event": "refused", "version": wanted.version, "reason": reason, "hint": hint,
            "serving": former.wanted.version if former else None,
        })  # fmt: skip

    def _former(self) -> Served | None:
        """Return what may answer on while its successor cannot: not what was purged."""
        if self.served is None:
            return None
        try:
            stale = self._registry.show(self.served.wanted.version).stale
        except NotFoundError:
            return None
        return None if stale else self.served

    def _unload_others(self) -> None:
        """Unload what answered before or was refused, and what is stale: not what a study tries."""
        keep = self.served
        for one in self._server.models():
            version = self._version_of(one)
            if version is None or (keep and one.name == keep.name):
                continue
            former = version in self._past and (keep is None or version != keep.wanted.version)
            if former or one.name in self._ours or self._is_stale(version):
                with suppress(NotFoundError):
                    self._server.unload_adapter(one.name)
                self._tell({"event": "unloaded", "version": version, "model": one.name})

    def _is_stale(self, version: str) -> bool:
        """Return whether a version may answer nobody: not so one that a study is making or trying."""
        if self.served and version == self.served.wanted.version:
            return False
        try:
            return bool(self._registry.show(version).stale)
        except NotFoundError:
            return not (self._registry.folder / version).is_dir()

    def _version_of(self, one: ServedModel) -> str | None:
        """Return the version of an adapter that the server read from this home."""
        home, root = self._registry.folder.resolve(), Path(one.root)
        if one.parent is None or home not in root.parents:
            return None
        return root.relative_to(home).parts[0]
