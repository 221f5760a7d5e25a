"""`ingrained adapters`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingrained.errors import InputError, SettingsError, StoreError

from .opening import doors, existing_home, load_settings, open_memory
from .options import Home, Json, Model

if TYPE_CHECKING:
    from ingrained.graphs.session import Home as HomeFolder
    from ingrained.memory.records import Memory
    from ingrained.trainer.adapters import AdapterRegistry
    from ingrained.trainer.lineage import Learnt
    from ingrained.trainer.manifest import Manifest

app = typer.Typer(help="See and choose what was trained.", no_args_is_help=True)

_STEPS = ("losses", "validation_losses")
"""What a manifest has for each step or epoch: too much for a list."""

Version = Annotated[str, typer.Argument(help="A version of `ingrained adapters list`.")]


@app.command("list")
def list_adapters(home: Home = None, as_json: Json = False) -> None:
    """List the adapters, oldest first."""
    from ingrained.agent.ui.adapters import show_adapters
    from ingrained.agent.ui.console import show_json

    registry = _registry(home)
    found, active = registry.list(), registry.active()
    if as_json:
        show_json([{**_brief(one), "active": one.version == active} for one in found])
    else:
        show_adapters(found, active)


@app.command("show")
def show(version: Version, home: Home = None, as_json: Json = False) -> None:
    """Show one adapter: what it was made of, how it fared, why it passed the gate or did not."""
    from ingrained.agent.ui.adapters import show_adapter
    from ingrained.agent.ui.console import show_json

    registry = _registry(home)
    manifest = registry.show(version)
    if as_json:
        show_json({**manifest.to_dict(), "active": version == registry.active()})
    else:
        show_adapter(manifest, registry.active())


@app.command("promote")
def promote(
    version: Version,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Even if the gate rejected it or has not judged it, or if it is stale."
        ),
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer with this adapter from now on."""
    registry = _registry(home)
    registry.promote(version, force=force)
    _tell(registry, as_json=as_json)


@app.command("reject")
def reject(
    version: Version,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the adapter.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Do not use an adapter that waits for you, nor be asked for it again."""
    registry = _registry(home)
    registry.reject(version, reason)
    _tell(registry, as_json=as_json)


@app.command("trial")
def trial(
    context: typer.Context,
    version: Version,
    home: Home = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Let an adapter sit the sealed questions, and the gate judge it: a merged one, or one anew."""
    from ingrained.agent.ui.console import line, notices, results, show_json
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.agent.ui.events import gate_said
    from ingrained.graphs.consolidate import judge
    from ingrained.graphs.context import StudyPolicy
    from ingrained.graphs.session import open_study, refuse_cut_short

    settings, behind = load_settings(home=home, model=model), doors(context)
    agent = existing_home(settings)
    _refuse_active(agent.registry(), version)
    refuse_cut_short(agent)
    notices().print(line("Everyday and sealed questions, without the adapter and with it …", "dim"))
    with (
        DownloadBar() as bar,
        open_study(
            settings, (), StudyPolicy(), model=behind.model, embedder=behind.embedder, progress=bar
        ) as study,
    ):
        decision = judge(study, version)
    gate = {"version": version, "accepted": decision.accept, "waits": decision.accept}
    if as_json:
        show_json({**gate, "reasons": decision.reasons})
    else:
        results().print(line(gate_said({**gate, "reasons": decision.summary})), soft_wrap=True)


@app.command("rollback")
def rollback(home: Home = None, as_json: Json = False) -> None:
    """Go back to the adapter that was in use before, or to none."""
    registry = _registry(home)
    registry.rollback()
    _tell(registry, as_json=as_json)


@app.command("explain")
def explain(
    context: typer.Context,
    version: Version,
    everything: Annotated[
        bool, typer.Option("--all", help="Name each memory, not only those that changed since.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell what is in these weights: from which documents, and what of it is no longer current."""
    from ingrained.agent.ui.adapters import show_lineage
    from ingrained.agent.ui.console import show_json
    from ingrained.trainer.lineage import learnt

    settings = load_settings(home=home)
    manifest = _registry(home).show(version)
    with open_memory(settings, doors(context), searching=False) as store:
        found = learnt(manifest, store.list(status=None))
    if as_json:
        show_json(_lineage(manifest, found))
    else:
        show_lineage(manifest, found, everything=everything)


@app.command("export")
def export_adapter(
    version: Version,
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    base: Annotated[
        str, typer.Option(help="What the config shall call the base: a folder, or a hub's name.")
    ] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy an adapter into a folder that peft and vLLM load."""
    from ingrained.agent.ui.console import line, results, show_json
    from ingrained.trainer.exporting import export

    registry = _registry(home)
    target = export(registry, version, folder, base=base)
    named = base or registry.show(version).base_model
    if as_json:
        show_json({"version": version, "folder": str(target), "base": named})
    else:
        results().print(line(f"{version} is in {target}, an adapter of {named}."))


@app.command("merge")
def merge(
    versions: Annotated[
        list[str], typer.Argument(help="Two or more of `ingrained adapters list`.")
    ],
    method: Annotated[
        str, typer.Option(help="`ties` (where they disagree, one gives way) or `linear` (the sum).")
    ] = "ties",
    weights: Annotated[
        str, typer.Option(help="One for each, comma-separated.  [default: the same, 1 in all]")
    ] = "",
    density: Annotated[
        float | None,
        typer.Option(help="Share of each adapter that `ties` keeps, its largest.  [default: 0.2]"),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(help="Of the new adapter.  [default: the sum of theirs]")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Merge adapters into a new one, which is used once the gate has let it pass and you promote it."""
    from ingrained.agent.ui.adapters import show_merged
    from ingrained.agent.ui.console import show_json
    from ingrained.trainer.merging import DENSITY, merge_versions

    if density is not None and method == "linear":
        raise SettingsError(
            "--density has no effect with --method linear", hint="Leave it out, or use ties."
        )
    shares = _weights(weights) if weights else (1 / len(versions),) * len(versions)
    agent = existing_home(load_settings(home=home))
    with _at_rest(agent):
        made = merge_versions(
            agent.registry(), versions, weights=shares, method=method, rank=rank,
            density=DENSITY if density is None else density,
        )  # fmt: skip
    if as_json:
        show_json({**_brief(made), "active": False})
    else:
        show_merged(made)


def _weights(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(
            f"--weights {text!r} is no list of numbers", hint="Write it as in --weights 0.5,0.5."
        ) from error


@app.command("gc")
def collect(
    keep: Annotated[
        int, typer.Option(min=0, help="Versions used before to be able to go back to.")
    ] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would go, and change nothing.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Delete adapters that nothing needs: rejected, stale, merged but not used, long out of use."""
    from ingrained.agent.ui.adapters import show_discarded, show_disposable
    from ingrained.agent.ui.console import show_json

    if as_json and not (yes or dry_run):
        raise InputError("--json cannot ask", hint="Add --yes to delete without being asked.")
    agent = existing_home(load_settings(home=home))
    registry = agent.registry()
    found = registry.disposable(keep)
    size = sum(registry.size(one.version) for one in found)
    if not as_json:
        show_disposable(found, size)
    named = [one.version for one in found]
    if named and not (yes or dry_run):
        typer.confirm(f"Delete {len(named)} for good?", abort=True)
    gone = [] if dry_run else _discard(agent, named)
    if as_json:
        show_json({"deleted": gone, "bytes": size, **({"would_delete": named} if dry_run else {})})
    else:
        show_discarded(gone)


def _discard(home: HomeFolder, versions: Sequence[str]) -> list[str]:
    with _at_rest(home):
        return list(home.registry().discard(versions))


@contextmanager
def _at_rest(home: HomeFolder) -> Iterator[None]:
    """Change adapters while nothing studies, nor is to go on with a study that may need one.

    Raises:
        HomeBusyError: a study is under way.
        StoreError: one was cut short.
    """
    from ingrained.graphs.session import refuse_cut_short
    from ingrained.memory.locking import write_lock

    refuse_cut_short(home)
    with write_lock(home.path / "memory"):
        yield


def _refuse_active(registry: AdapterRegistry, version: str) -> None:
    """Refuse to judge what stays in use whatever the gate says."""
    if registry.show(version).version == registry.active():
        raise StoreError(
            f"Adapter {version} is in use.", hint="Roll back beforehand to have it judged anew."
        )


def _lineage(manifest: Manifest, found: Sequence[Learnt]) -> dict[str, Any]:
    from dataclasses import asdict

    from ingrained.trainer.lineage import by_document

    return {
        "version": manifest.version,
        "base_model": manifest.base_model,
        "memories": len(found),
        "current": sum(one.fate == "active" for one in found),
        "documents": [asdict(share) for share in by_document(found)],
        "learnt": [
            {"id": one.id, "fate": one.fate, **(_told(one.memory) if one.memory else {})}
            for one in found
        ],
    }


def _told(memory: Memory) -> dict[str, Any]:
    """Return what is told of a memory: what it says, where it stands, what was asked of it."""
    return {
        "text": memory.text, "title": memory.title, "superseded_by": memory.superseded_by,
        "spans": [
            {"document": span.document, "start": span.start, "end": span.end, "quote": span.quote}
            for span in memory.spans
        ],
        "questions": [one.question for one in memory.evidence],
    }  # fmt: skip


def _brief(one: Manifest) -> dict[str, Any]:
    return {name: value for name, value in one.to_dict().items() if name not in _STEPS}


def _registry(home: Home) -> AdapterRegistry:
    return existing_home(load_settings(home=home)).registry()


def _tell(registry: AdapterRegistry, *, as_json: bool) -> None:
    from ingrained.agent.ui.console import results, show_json

    if as_json:
        show_json({"active": registry.active()})
    else:
        results().print(f"In use: {registry.active() or 'no adapter'}")
