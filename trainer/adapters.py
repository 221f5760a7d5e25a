"""The adapters of one home: numbered versions, a manifest each, and a pointer to the active one.

    home/adapters/v001/   adapter_config.json, adapter_model.safetensors, manifest.json
    home/adapters/active.json   {"active": "v002", "history": ["v001", "v002"], "newest": 2}

A version without a manifest is one whose making was cut short. It is not listed; the next `stage`
hands it out again, so that a training that was killed goes on in it.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingrained.disk import DAMAGED, replace_text
from ingrained.errors import NotFoundError, StoreError

from .gate import Decision, Scores
from .manifest import MANIFEST_FILE, Manifest
from .resume import RESUME_FILE

STAGES = "stages"
"""Folder within a version's for the adapters on the way to it, until it is finished."""

_VERSION = re.compile(r"v(\d{3,})")


class AdapterRegistry:
    """All adapters of one home. Every change is one atomic replace of one file.

    Args:
        home: The agent's home folder; nothing is made in it before the first `stage`.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "adapters"
        """Where they lie."""

    def path(self, version: str) -> Path:
        """Return the folder of a version, finished or staged.

        Raises:
            NotFoundError: there is none.
        """
        folder = self.folder / version
        if not _VERSION.fullmatch(version) or not folder.is_dir():
            known = ", ".join(manifest.version for manifest in self.list()) or "none"
            raise NotFoundError(f"No adapter {version!r}.", hint=f"There are: {known}.")
        return folder

    def size(self, version: str) -> int:
        """Return the bytes that a version's files take.

        Raises:
            NotFoundError: no such version.
        """
        return sum(path.stat().st_size for path in self.path(version).rglob("*") if path.is_file())

    def stage(self) -> str:
        """Return the version to make next, with a folder of its own.

        One that was cut short comes first: as it is if its making can go on, emptied if not.
        """
        unfinished = self.unfinished()
        if unfinished:
            version = unfinished[0]
            if version not in self.resumable():
                shutil.rmtree(self.folder / version)
        else:
            version = f"v{self._newest() + 1:03d}"
        (self.folder / version).mkdir(parents=True, exist_ok=True)
        return version

    def commit(self, version: str, manifest: Manifest) -> None:
        """Declare a version finished; the adapters on the way to it go.

        Raises:
            NotFoundError: it was not staged.
            StoreError: it is finished already, or the manifest names another version.
        """
        if manifest.version != version:
            raise StoreError(
                f"The manifest is of {manifest.version!r}, not of {version!r}.",
                hint="Give the manifest the version that `stage` returned.",
            )
        if (self.path(version) / MANIFEST_FILE).exists():
            raise StoreError(
                f"Adapter {version} is finished.",
                hint="Stage a new version: adapters never change.",
            )
        folder = self.folder / version
        (folder / RESUME_FILE).unlink(missing_ok=True)
        if (folder / STAGES).exists():
            shutil.rmtree(folder / STAGES)
        self._write_manifest(manifest)

    def conclude(
        self,
        version: str,
        *,
        before: Scores,
        after: Scores,
        decision: Decision,
        exam_sha256: str = "",
        strength_alone: float = 1.0,
        strength_beside_notes: float = 1.0,
    ) -> Manifest:
        """Record what the gate said; an accepted version still has to be promoted.

        A rejected one is no longer gone back to. The files stay as they are: whoever loads them
        multiplies by the strengths.

        Raises:
            NotFoundError: no such version.
        """
        manifest = dataclasses.replace(
            self.show(version),
            exam_sha256=exam_sha256,
            exam_before=before,
            exam_after=after,
            decision="candidate" if decision.accept else "rejected",
            forced=False,
            refused="",
            reasons=decision.reasons,
            strength_alone=strength_alone,
            strength_beside_notes=strength_beside_notes,
        )
        self._write_manifest(manifest)
        if not decision.accept:
            self._leave_out(version)
        return manifest

    def reject(self, version: str, reason: str = "") -> None:
        """Record that somebody does not want a version; another trial, or force, takes that back.

        Args:
            version: A finished one that is not in use.
            reason: Why, if it was said.

        Raises:
            NotFoundError: no such version.
            StoreError: it is in use.
        """
        manifest = self.show(version)
        if version == self.active():
            raise StoreError(f"Adapter {version} is in use.", hint="Roll back beforehand.")
        refused = reason or "somebody rejected it"
        self._write_manifest(dataclasses.replace(manifest, decision="rejected", refused=refused))
        self._leave_out(version)

    def _leave_out(self, version: str) -> None:
        """Let nobody roll back to a version; one that is in use stays."""
        history = self._history()
        if version in history[:-1] and version != history[-1]:
            self._write_history(tuple(one for one in history if one != version))

    def promote(self, version: str, *, force: bool = False) -> None:
        """Make a version the active one.

        Args:
            version: A finished one.
            force: Promote even what the gate rejected or has not judged, or what is stale; the
                manifest will say so.

        Raises:
            NotFoundError: no such version.
            StoreError: the gate rejected it or has not judged it, or it is stale, and `force` is
                false.
        """
        manifest = self.show(version)
        objection = _objection(manifest)
        if objection and not force:
            hint = "Use --force to promote it all the same."
            if manifest.exam_after is None:
                hint = f"`ingrained adapters trial {version}` lets the gate judge it. {hint}"
            raise StoreError(objection, hint=hint)
        forced = manifest.forced or bool(objection)
        history = self._history()
        # In use first: cut short in between, whoever does it again finds that it is, and notes the rest.
        if history[-1:] != (version,):
            self._write_history((*history, version))
        self._write_manifest(
            dataclasses.replace(manifest, decision="promoted", forced=forced, refused="")
        )

    def rollback(self) -> str | None:
        """Go back to the version promoted before the active one, or to none; return it.

        Raises:
            NotFoundError: no adapter is active.
        """
        history = self._history()
        if not history:
            raise NotFoundError("No adapter is active.", hint="There is nothing to roll back.")
        self._write_history(history[:-1])
        return self.active()

    def mark_stale(self, versions: Iterable[str], reason: str) -> None:
        """Record that these must no longer be used; an earlier reason stays.

        Raises:
            NotFoundError: no such version.
        """
        for manifest in map(self.show, versions):
            if not manifest.stale:
                self._write_manifest(dataclasses.replace(manifest, stale=reason))

    def withdraw_stale(self) -> tuple[str, ...]:
        """Take stale versions out of use and return them.

        What was promoted before them for the same base is in use again, if there is such a one.
        """
        history, active = self._history(), self.active()
        if active is None or not any(self.show(version).stale for version in history):
            return ()
        base = self.show(active).base_model
        fit = [
            version
            for version in history
            if not (manifest := self.show(version)).stale and manifest.base_model == base
        ]
        self._write_history(tuple(fit))
        return tuple(dict.fromkeys(version for version in history if self.show(version).stale))

    def disposable(self, keep: int = 1) -> tuple[Manifest, ...]:
        """Return the finished versions that nothing needs, oldest first.

        Needed are the version in use, those promoted before it that one can go back to, trained
        ones that wait for the gate or for you, and the newest that was trained, or the same would be
        trained again. What is stale is needed only as long as it is in use.

        Args:
            keep: How many versions to be able to go back to.
        """
        versions, history = self.list(), self._history()
        stale = {one.version for one in versions if one.stale}
        fit = [version for version in history if version not in stale]
        trained = [one for one in versions if not one.merged_from]
        needed = {*_latest(fit, keep + 1), *(one.version for one in trained[-1:])}
        needed |= {one.version for one in trained if one.decision == "candidate"}
        needed |= {
            one.version for one in versions if one.decision == "candidate" and one.exam_after
        }
        needed = (needed - stale) | set(history[-1:])
        return tuple(one for one in versions if one.version not in needed)

    def discard(self, versions: Iterable[str]) -> tuple[str, ...]:
        """Delete finished versions that are not in use, and what a deletion cut short left.

        Returns:
            All that is deleted now.

        Raises:
            NotFoundError: no such version, or it is not finished.
            StoreError: one is in use.
        """
        going = tuple(self.show(version).version for version in versions)
        if (active := self.active()) in going:
            raise StoreError(
                f"Adapter {active} is in use.", hint="Promote another, or roll back, beforehand."
            )
        if going:
            self._write_history(tuple(one for one in self._history() if one not in going))
        left = sorted(self.folder.glob(".*.gone"))
        for folder in left:
            shutil.rmtree(folder)
        for version in going:
            # Out of sight in one step: what is left of a folder would count as one to go on with.
            gone = (self.folder / version).rename(self.folder / f".{version}.gone")
            shutil.rmtree(gone)
        return (*(folder.name.split(".")[1] for folder in left), *going)

    def discard_unfinished(self) -> tuple[str, ...]:
        """Delete the versions whose making was cut short, and return them."""
        versions = self.unfinished()
        for version in versions:
            shutil.rmtree(self.folder / version)
        return versions

    def active(self) -> str | None:
        """Return the promoted version, or None for the base alone."""
        history = self._history()
        return history[-1] if history else None

    def list(self) -> list[Manifest]:
        """Return the manifests of all finished versions, oldest first."""
        return [
            self.show(version)
            for version in self._folders()
            if (self.folder / version / MANIFEST_FILE).is_file()
        ]

    def unused(self) -> tuple[str, ...]:
        """Return the finished versions that are not in use, oldest first."""
        active = self.active()
        return tuple(one.version for one in self.list() if one.version != active)

    def show(self, version: str) -> Manifest:
        """Return the manifest of a finished version.

        Raises:
            NotFoundError: no such version, or its making was cut short.
            StoreError: its manifest is damaged.
        """
        file = self.path(version) / MANIFEST_FILE
        try:
            return Manifest.from_dict(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError) as error:
            raise _damaged(file, error) from error
        except FileNotFoundError:
            raise NotFoundError(
                f"Adapter {version} is not finished.", hint="Consolidate again: it will go on."
            ) from None

    def unfinished(self) -> tuple[str, ...]:
        """Return the versions whose making was cut short."""
        return tuple(
            version
            for version in self._folders()
            if not (self.folder / version / MANIFEST_FILE).is_file()
        )

    def resumable(self) -> tuple[str, ...]:
        """Return the unfinished versions whose making can go on where it was cut short."""
        return tuple(
            version
            for version in self.unfinished()
            if any((self.folder / version / name).exists() for name in (RESUME_FILE, STAGES))
        )

    def _folders(self) -> tuple[str, ...]:
        if not self.folder.is_dir():
            return ()
        names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        return tuple(sorted(filter(_VERSION.fullmatch, names), key=_number))

    def _newest(self) -> int:
        """Return the highest number given so far, to a version that was deleted perhaps."""
        return max(self._pointer()[1], *map(_number, self._folders()), 0)

    def _history(self) -> tuple[str, ...]:
        return self._pointer()[0]

    def _pointer(self) -> tuple[tuple[str, ...], int]:
        """Return what was promoted, oldest first, and the highest number when that was noted."""
        file = self.folder / "active.json"
        try:
            noted = json.loads(file.read_text(encoding="utf-8"))
            return tuple(map(str, noted["history"])), int(noted.get("newest", 0))
        except FileNotFoundError:
            return (), 0
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(file, error) from error

    def _write_history(self, history: tuple[str, ...]) -> None:
        active, newest = history[-1] if history else None, self._newest()
        content = {"active": active, "history": history, "newest": newest}
        replace_text(self.folder / "active.json", json.dumps(content, indent=2))

    def _write_manifest(self, manifest: Manifest) -> None:
        file = self.folder / manifest.version / MANIFEST_FILE
        replace_text(file, json.dumps(manifest.to_dict(), indent=2))


def _objection(manifest: Manifest) -> str:
    """Return why a version is not to be promoted, or nothing."""
    if manifest.stale:
        return f"Adapter {manifest.version} is stale: {manifest.stale}."
    if manifest.refused:
        return f"{manifest.version} was rejected: {manifest.refused}."
    if manifest.decision == "rejected":
        return f"The gate rejected {manifest.version}: {'; '.join(manifest.reasons)}."
    if manifest.decision == "candidate" and manifest.exam_after is None:
        return f"The gate has not judged {manifest.version}."
    return ""


def _latest(history: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the last few different versions of a history."""
    return tuple(dict.fromkeys(reversed(history)))[:count]


def _damaged(file: Path, error: Exception) -> StoreError:
    return StoreError(f"{str(file)!r} is damaged: {error}", hint=DAMAGED)


def _number(version: str) -> int:
    return int(version.removeprefix("v"))
