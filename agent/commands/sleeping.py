"""Consolidating in the middle of a conversation, with what that has open."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .opening import Doors

if TYPE_CHECKING:
    from ingrained.agent.asking import Asker
    from ingrained.agent.outcomes import GateDecision
    from ingrained.graphs.chat.access import HomeMemory
    from ingrained.graphs.session import Home
    from ingrained.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """Trains an adapter on all that was studied, and uses it if the gate lets it pass."""

    home: Home
    settings: Settings
    behind: Doors
    asker: Asker
    """The conversation's; the model is not loaded twice."""
    memory: HomeMemory

    def __call__(self) -> GateDecision:
        """Consolidate, showing how it goes, and return what the gate said.

        What an adapter was made of before is not trained again; a training that was cut short goes on.

        Raises:
            ModelError: the model's weights are not on this machine.
            TrainingError: there is nothing to train on.
            StoreError: another process writes, or a study was cut short and is to go on first.
        """
        from ingrained.agent.models.served import base_folder
        from ingrained.agent.outcomes import GateDecision
        from ingrained.agent.ui.study_view import StudyView
        from ingrained.graphs.context import StudyContext, StudyPolicy
        from ingrained.graphs.session import (
            check_trainable,
            prepared,
            refuse_cut_short,
            run_consolidation,
        )

        home, policy = self.home, StudyPolicy(consolidate=True)
        check_trainable(self.settings, policy, self.behind.model)
        refuse_cut_short(home)
        with self.memory.writing() as store, closing(home.library()) as library:
            opened = StudyContext(
                asker=self.asker,
                store=store,
                library=library,
                registry=home.registry(),
                policy=policy,
                base_path=base_folder(self.settings.model, self.settings),
            )
            with prepared(home, opened, own_replies=False) as context, StudyView() as view:
                done = run_consolidation(context, view)
        return GateDecision.of(home.registry(), str(done.get("known_adapter") or done["adapter"]))
