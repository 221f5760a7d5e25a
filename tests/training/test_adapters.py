"""The versions of an adapter: staged, committed, promoted, rolled back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingrained.errors import NotFoundError, StoreError
from ingrained.trainer.adapters import STAGES, AdapterRegistry
from ingrained.trainer.gate import Count, Decision, Scores
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.resume import RESUME_FILE

BEFORE = Scores(closed=0.1, memory=0.5, n=10)
AFTER = Scores(
    closed=0.4, memory=0.6, abstention=1.0, n=10, controls=Count(n=54, of=55),
    kinds={"reversed": Count(n=2, of=3)},
)  # fmt: skip


@pytest.fixture
def registry(tmp_path: Path) -> AdapterRegistry:
    return AdapterRegistry(tmp_path)


def finish(registry: AdapterRegistry, base: str = "tiny") -> str:
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model=base))
    return version


def passed(registry: AdapterRegistry, base: str = "tiny") -> str:
    """Return a new version that the gate let pass."""
    version = finish(registry, base)
    yes = Decision(accept=True, reasons=("closed-book rose",))
    registry.conclude(version, before=BEFORE, after=AFTER, decision=yes)
    return version


def reject(registry: AdapterRegistry, version: str) -> None:
    no = Decision(accept=False, reasons=("it forgot",))
    registry.conclude(version, before=BEFORE, after=AFTER, decision=no)


def test_a_home_starts_without_adapters(registry: AdapterRegistry, tmp_path: Path) -> None:
    assert registry.list() == []
    assert registry.active() is None
    assert not (tmp_path / "adapters").exists(), "looking makes nothing"


def test_versions_count_up(registry: AdapterRegistry) -> None:
    assert [finish(registry), finish(registry)] == ["v001", "v002"]
    assert [manifest.version for manifest in registry.list()] == ["v001", "v002"]


def test_promotion_and_rollback_walk_the_same_path(registry: AdapterRegistry) -> None:
    one, two = passed(registry), passed(registry)
    registry.promote(one)
    registry.promote(two)
    assert registry.active() == two
    assert registry.rollback() == one
    assert registry.active() == one
    assert registry.rollback() is None
    assert registry.active() is None
    with pytest.raises(NotFoundError, match="No adapter is active"):
        registry.rollback()


def test_promoting_the_active_version_again_changes_nothing(registry: AdapterRegistry) -> None:
    one = passed(registry)
    registry.promote(one)
    registry.promote(one)
    assert registry.rollback() is None


def test_what_the_gate_said_is_in_the_manifest(registry: AdapterRegistry) -> None:
    version = passed(registry)
    assert registry.show(version).decision == "candidate"
    registry.promote(version)
    shown = registry.show(version)
    assert (shown.decision, shown.reasons, shown.forced) == (
        "promoted", ("closed-book rose",), False,
    )  # fmt: skip
    assert (shown.exam_before, shown.exam_after) == (BEFORE, AFTER)


def test_a_rejected_version_is_promoted_by_force_only_and_it_shows(
    registry: AdapterRegistry,
) -> None:
    version = finish(registry)
    reject(registry, version)
    with pytest.raises(StoreError, match="it forgot"):
        registry.promote(version)
    assert registry.active() is None
    registry.promote(version, force=True)
    assert registry.active() == version
    assert registry.show(version).forced


def test_a_version_that_no_gate_has_judged_is_promoted_by_force_only_and_it_shows(
    registry: AdapterRegistry,
) -> None:
    version = finish(registry)
    with pytest.raises(StoreError, match="The gate has not judged v001") as refused:
        registry.promote(version)
    assert "--force" in refused.value.hint
    assert (registry.active(), registry.show(version).decision) == (None, "candidate")
    registry.promote(version, force=True)
    assert registry.active() == version
    assert registry.show(version).forced


def test_a_training_cut_short_is_not_listed_and_goes_on(registry: AdapterRegistry) -> None:
    version = registry.stage()
    (registry.path(version) / RESUME_FILE).write_text("state")
    assert registry.list() == []
    assert registry.unfinished() == (version,)
    assert registry.stage() == version
    assert (registry.path(version) / RESUME_FILE).exists()


def test_so_does_one_that_was_cut_short_on_the_way_to_it(registry: AdapterRegistry) -> None:
    version = registry.stage()
    assert registry.resumable() == ()
    (registry.path(version) / STAGES / "teacher").mkdir(parents=True)
    assert registry.resumable() == (version,)
    assert registry.stage() == version
    assert (registry.path(version) / STAGES / "teacher").exists()


def test_a_half_written_version_that_cannot_go_on_is_emptied(registry: AdapterRegistry) -> None:
    version = registry.stage()
    (registry.path(version) / "adapter_model.safetensors").write_text("half")
    assert registry.stage() == version
    assert list(registry.path(version).iterdir()) == []


def test_a_damaged_manifest_is_named_with_a_way_out(registry: AdapterRegistry) -> None:
    version = finish(registry)
    (registry.path(version) / "manifest.json").write_text('{"version": "v0')
    with pytest.raises(StoreError, match=r"manifest\.json.*damaged") as caught:
        registry.list()
    assert "backup" in caught.value.hint


@pytest.mark.parametrize("text", ["", "null", "{}", '{"history": 1}'])
def test_a_damaged_note_of_what_is_active_is_named(registry: AdapterRegistry, text: str) -> None:
    finish(registry)
    (registry.path("v001").parent / "active.json").write_text(text)
    with pytest.raises(StoreError, match=r"active\.json.*damaged"):
        registry.active()


def test_a_stale_version_is_promoted_by_force_only_and_it_shows(registry: AdapterRegistry) -> None:
    version = passed(registry)
    registry.mark_stale([version], "its memory was purged")
    registry.mark_stale([version], "another reason")
    with pytest.raises(StoreError, match="v001 is stale: its memory was purged") as refused:
        registry.promote(version)
    assert "--force" in refused.value.hint
    registry.promote(version, force=True)
    assert registry.active() == version
    assert registry.show(version).forced


def test_stale_versions_go_out_of_use_and_the_last_fit_one_for_the_same_base_comes_back(
    registry: AdapterRegistry,
) -> None:
    one, two, three, four = (passed(registry) for _ in range(4))
    foreign = passed(registry, "another")
    for version in (one, two, foreign, three, four):
        registry.promote(version)
    assert registry.withdraw_stale() == ()
    registry.mark_stale([four, two], "purged")
    assert registry.withdraw_stale() == (two, four)
    assert registry.active() == three
    registry.mark_stale([one, three], "purged")
    registry.withdraw_stale()
    assert registry.active() is None
    assert registry.withdraw_stale() == ()


def test_what_was_cut_short_can_be_thrown_away(registry: AdapterRegistry) -> None:
    finish(registry)
    version = registry.stage()
    (registry.path(version) / RESUME_FILE).write_text("state")
    assert registry.discard_unfinished() == (version,)
    assert registry.unfinished() == ()
    assert [manifest.version for manifest in registry.list()] == ["v001"]


@pytest.mark.parametrize("version", ["v009", "../v001", "", "active.json"])
def test_an_unknown_version_is_not_found(registry: AdapterRegistry, version: str) -> None:
    finish(registry)
    for call in (registry.path, registry.show, registry.promote):
        with pytest.raises(NotFoundError):
            call(version)


def test_an_unfinished_version_cannot_be_shown_or_promoted(registry: AdapterRegistry) -> None:
    version = registry.stage()
    with pytest.raises(NotFoundError, match="not finished"):
        registry.promote(version)


def test_a_finished_version_never_changes(registry: AdapterRegistry) -> None:
    version = finish(registry)
    with pytest.raises(StoreError, match="finished"):
        registry.commit(version, Manifest(version=version, base_model="tiny"))


def test_a_manifest_goes_to_its_own_version(registry: AdapterRegistry) -> None:
    version = registry.stage()
    with pytest.raises(StoreError, match="v007"):
        registry.commit(version, Manifest(version="v007", base_model="tiny"))


def test_a_manifest_survives_json() -> None:
    manifest = Manifest(
        version="v001", base_model="tiny", memory_ids=("a", "b"), losses=(2.0, 1.0),
        exam_before=BEFORE, exam_after=AFTER, recipe={"rank": 4}, reasons=("good",), stale="old",
        merged_from=("v003", "v004"), retained=0.75,
    )  # fmt: skip
    data = json.loads(json.dumps(manifest.to_dict()))
    assert Manifest.from_dict(data) == manifest
    assert Manifest.from_dict({**data, "from a newer version": 1}) == manifest


def promoted(registry: AdapterRegistry, count: int) -> list[str]:
    versions = [passed(registry) for _ in range(count)]
    for version in versions:
        registry.promote(version)
    return versions


def disposable(registry: AdapterRegistry, keep: int = 1) -> list[str]:
    return [one.version for one in registry.disposable(keep)]


def test_what_is_in_use_what_one_can_go_back_to_and_the_newest_are_needed(
    registry: AdapterRegistry,
) -> None:
    one, two, three = promoted(registry, 3)
    rejected, newest = finish(registry), finish(registry)
    reject(registry, rejected)
    reject(registry, newest)
    assert disposable(registry) == [one, rejected]
    assert disposable(registry, keep=0) == [one, two, rejected]
    assert disposable(registry, keep=9) == [rejected]
    assert registry.active() == three


def test_what_no_gate_has_judged_is_needed_unless_it_is_stale(registry: AdapterRegistry) -> None:
    waiting, stale, _newest = (finish(registry) for _ in range(3))
    registry.mark_stale([stale], "purged")
    assert disposable(registry) == [stale]
    assert registry.show(waiting).decision == "candidate"


def test_what_is_stale_is_not_needed_and_its_number_is_not_given_again(
    registry: AdapterRegistry,
) -> None:
    one, two, three = promoted(registry, 3)
    registry.mark_stale([two, three], "purged")
    assert disposable(registry) == [two]
    registry.withdraw_stale()
    assert disposable(registry) == [two, three]
    registry.discard([two, three])
    assert (registry.active(), finish(registry)) == (one, "v004")


def test_one_that_is_being_made_does_not_take_the_place_of_the_newest(
    registry: AdapterRegistry,
) -> None:
    _one, rejected, _staged = promoted(registry, 1)[0], finish(registry), registry.stage()
    reject(registry, rejected)
    assert disposable(registry) == []


def test_one_can_still_go_back_to_what_was_kept(registry: AdapterRegistry, tmp_path: Path) -> None:
    one, two, three = promoted(registry, 3)
    (registry.path(one) / "weights").write_bytes(bytes(100))
    assert registry.size(one) > 100
    registry.discard(disposable(registry))
    assert [manifest.version for manifest in registry.list()] == [two, three]
    assert registry.rollback() == two
    assert registry.rollback() is None
    assert finish(registry) == "v004"
    assert [path.name for path in (tmp_path / "adapters").iterdir() if "gone" in path.name] == []


def test_what_is_in_use_or_unfinished_is_not_discarded(registry: AdapterRegistry) -> None:
    (one,) = promoted(registry, 1)
    two = registry.stage()
    with pytest.raises(StoreError, match="in use"):
        registry.discard([one])
    with pytest.raises(NotFoundError, match="not finished"):
        registry.discard([two])
    assert disposable(registry, keep=0) == []


def test_a_deletion_cut_short_leaves_nothing_to_go_on_with(
    registry: AdapterRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one, two, _three = promoted(registry, 3)

    def die(_folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            registry.discard([one])
    assert registry.unfinished() == ()
    assert disposable(registry) == []
    assert registry.discard([]) == (one,)
    assert registry.discard([two]) == (two,)
    assert registry.stage() == "v004"
    assert sorted(path.name for path in (tmp_path / "adapters").iterdir()) == [
        "active.json", "v003", "v004",
    ]  # fmt: skip


def test_a_verdict_takes_the_place_of_a_force_and_a_rejected_version_is_not_gone_back_to(
    registry: AdapterRegistry,
) -> None:
    first, second = finish(registry), finish(registry)
    registry.promote(first, force=True)
    registry.promote(second, force=True)
    reject(registry, first)
    assert not registry.show(first).forced
    assert registry.rollback() is None


def test_a_merged_version_that_waits_after_its_trial_is_needed(registry: AdapterRegistry) -> None:
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="tiny", merged_from=("v001",)))
    assert [one.version for one in registry.disposable()] == [version]
    yes = Decision(accept=True, reasons=("closed-book rose",))
    registry.conclude(version, before=BEFORE, after=AFTER, decision=yes)
    assert registry.disposable() == ()


def test_what_somebody_rejected_is_promoted_by_force_only_or_after_another_trial(
    registry: AdapterRegistry,
) -> None:
    version = passed(registry)
    made = registry.show(version)
    registry.reject(version, "too early")
    assert registry.show(version).decision == "rejected"
    with pytest.raises(StoreError, match="v001 was rejected: too early"):
        registry.promote(version)

    assert made.exam_before is not None
    assert made.exam_after is not None
    registry.conclude(
        version,
        before=made.exam_before,
        after=made.exam_after,
        decision=Decision(accept=True, reasons=()),
    )
    assert not registry.show(version).refused
    registry.promote(version)
    with pytest.raises(StoreError, match="in use"):
        registry.reject(version)


def test_nobody_goes_back_to_what_was_rejected(registry: AdapterRegistry) -> None:
    one, two = passed(registry), passed(registry)
    registry.promote(one)
    registry.promote(two)
    registry.reject(one)
    assert registry.show(one).refused == "somebody rejected it"
    assert registry.rollback() is None
