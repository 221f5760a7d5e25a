"""A corpus: what is read, under which ids, and why the rest is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingrained.agent.reading.corpus import BY_BENCH, Corpus, read_corpus
from ingrained.errors import CorpusError


def fill(root: Path, **files: str | bytes) -> Path:
    """Write files under `root`; `__` in a name stands for a slash and `_dot_` for a dot."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def ids(corpus: Corpus) -> list[str]:
    return [document.id for document in corpus.documents]


def reasons(corpus: Corpus) -> dict[str, str]:
    return {item.path: item.reason for item in corpus.skipped}


def test_folders_are_read_in_order_of_their_paths(tmp_path: Path) -> None:
    fill(tmp_path, b_dot_md="Two.", a__z_dot_txt="One.", c__d__e_dot_md="Three.")
    assert ids(read_corpus([tmp_path])) == ["a/z.txt", "b.md", "c/d/e.md"]


def test_a_single_file_is_known_by_its_name(tmp_path: Path) -> None:
    fill(tmp_path, sub__a_dot_md="One.")
    assert ids(read_corpus([tmp_path / "sub" / "a.md"])) == ["a.md"]


def test_rows_of_a_file_are_known_by_path_and_row(tmp_path: Path) -> None:
    fill(tmp_path, sub__r_dot_jsonl='{"id": "../x", "text": "One."}\n{"id": 2}\nx\n')
    corpus = read_corpus([tmp_path])
    assert ids(corpus) == ["sub/r.jsonl#../x"]
    assert reasons(corpus) == {
        "sub/r.jsonl:2": 'no "text"',
        "sub/r.jsonl:3": "not JSON",
    }


def test_any_unicode_may_be_in_a_name(tmp_path: Path) -> None:
    (tmp_path / "Brücke 日本 {x}.md").write_text("One.")
    (tmp_path / os.fsdecode(b"raw\xff.md")).write_text("Two.")
    assert ids(read_corpus([tmp_path])) == ["Brücke 日本 {x}.md", "raw\ufffd.md"]


def test_what_cannot_be_read_is_skipped_with_its_reason(tmp_path: Path) -> None:
    fill(
        tmp_path,
        a_dot_md="Good.",
        b_dot_txt=b"\0\1\2binary",
        c_dot_xyz="unknown",
        d_dot_txt="",
        e_dot_txt="x" * 200,
        f_dot_docx=b"PK\3\4 broken",
        g_dot_pdf=b"%PDF-1.4 cut",
        noext="x",
        _dot_git__config="hidden",
    )
    found = reasons(read_corpus([tmp_path], max_bytes=100))
    assert "truncated or damaged PDF" in found.pop("g.pdf")
    assert found == {
        ".git": "hidden",
        "b.txt": "binary content",
        "c.xyz": "kind .xyz is not read",
        "d.txt": "empty",
        "e.txt": "too big: 200 bytes, limit 100",
        "f.docx": "broken or encrypted Word file (BadZipFile)",
        "noext": "no suffix tells its kind",
    }


def test_the_same_content_is_read_once(tmp_path: Path) -> None:
    fill(tmp_path, a_dot_md="Same.", sub__b_dot_txt="Same.")
    corpus = read_corpus([tmp_path])
    assert ids(corpus) == ["a.md"]
    assert reasons(corpus) == {"sub/b.txt": "same content as a.md"}


def test_what_an_agent_keeps_in_its_home_is_not_read(tmp_path: Path) -> None:
    fill(
        tmp_path,
        a_dot_md="One.",
        bot__home_dot_json="{}",
        bot__library_dot_sqlite="",
        bot__report_dot_html="<p>What I know.</p>",
        bot__adapters__v001__README_dot_md="Trained.",
        other__home_dot_json="{}",
        other__b_dot_md="Two.",
    )
    corpus = read_corpus([tmp_path])
    assert ids(corpus) == ["a.md", "other/b.md"]
    assert reasons(corpus) == {
        "bot": "an agent's home",
        "other/home.json": "kind .json is not read",
    }
    with pytest.raises(CorpusError, match="an agent's home"):
        read_corpus([tmp_path / "bot"])


def test_a_home_that_has_only_a_memory_yet_is_not_read(tmp_path: Path) -> None:
    fill(
        tmp_path,
        a_dot_md="One.",
        bot__home_dot_json="{}",
        bot__memory__ledger_dot_sqlite="",
        bot__report_dot_html="<p>What I know.</p>",
    )
    corpus = read_corpus([tmp_path])
    assert ids(corpus) == ["a.md"]
    assert reasons(corpus) == {"bot": "an agent's home"}


def test_what_a_benchmark_wrote_is_not_read_and_what_lies_beside_it_is(tmp_path: Path) -> None:
    fill(
        tmp_path,
        a_dot_md="One.",
        report_dot_md="Results.",
        documents__b_dot_md="Two.",
        **{BY_BENCH.replace(".", "_dot_"): '{"names": ["report.md", "gone"]}'},
    )
    corpus = read_corpus([tmp_path])
    assert ids(corpus) == ["a.md", "documents/b.md"]
    assert reasons(corpus) == {BY_BENCH: "hidden", "report.md": "written by `ingrained bench`"}


@pytest.mark.parametrize("note", ["", "[]", '{"names": 3}', '{"names": null}', "{"])
def test_a_damaged_note_of_a_benchmark_hides_nothing(tmp_path: Path, note: str) -> None:
    fill(tmp_path, a_dot_md="One.", **{BY_BENCH.replace(".", "_dot_"): note})
    assert ids(read_corpus([tmp_path])) == ["a.md"]


def test_links_do_not_lead_out_of_the_folder_or_in_circles(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", secret_dot_md="Secret.")
    root = fill(tmp_path / "root", a_dot_md="One.", sub__b_dot_md="Two.")
    (root / "out.md").symlink_to(outside / "secret.md")
    (root / "outdir").symlink_to(outside)
    (root / "up").symlink_to(root)
    (root / "loop.md").symlink_to(root / "loop.md")
    (root / "gone.md").symlink_to(root / "nothing.md")
    corpus = read_corpus([root])
    assert ids(corpus) == ["a.md", "sub/b.md"]
    assert reasons(corpus) == {
        "out.md": "link that leads outside the folder",
        "outdir": "link that leads outside the folder",
        "up": "link to a folder that is read in its own place",
        "loop.md": "link that leads nowhere or in a circle",
        "gone.md": "link that leads nowhere or in a circle",
    }


def test_the_folder_given_may_itself_be_a_link(tmp_path: Path) -> None:
    fill(tmp_path / "real", a_dot_md="One.")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ids(read_corpus([tmp_path / "link"])) == ["a.md"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    fill(tmp_path, a_dot_md="One.")
    os.mkfifo(tmp_path / "pipe.md")
    assert reasons(read_corpus([tmp_path])) == {"pipe.md": "not a regular file"}


def test_a_folder_that_may_not_be_opened_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, a_dot_md="One.", locked__b_dot_md="Two.")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert reasons(read_corpus([tmp_path])) == {"locked": "cannot be opened (Permission denied)"}


def test_equal_paths_under_several_roots_get_the_roots_name(tmp_path: Path) -> None:
    for number, name in enumerate(["x/docs", "y/docs", "z/other", "w/docs"]):
        fill(tmp_path / name, a_dot_md=f"Text {number}.")
    roots = [tmp_path / name for name in ("x/docs", "y/docs", "z/other", "w/docs")]
    assert ids(read_corpus(roots)) == ["a.md", "docs/a.md", "other/a.md", "docs (2)/a.md"]
    files = [tmp_path / "x/docs/a.md", tmp_path / "z/other/a.md"]
    assert ids(read_corpus(files)) == ["a.md", "other/a.md"]


def test_progress_names_each_file_before_it_is_read(tmp_path: Path) -> None:
    fill(tmp_path, a_dot_md="One.", b_dot_xyz="x")
    calls: list[tuple[int, int, str]] = []
    read_corpus([tmp_path], progress=lambda *call: calls.append(call))
    assert calls == [(0, 2, "a.md"), (1, 2, "b.xyz")]


def test_a_path_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"No such file or folder: .*nowhere"):
        read_corpus([tmp_path / "nowhere"])


def test_nothing_readable_at_all_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    fill(tmp_path, **{f"f{n}_dot_xyz": "x" for n in range(30)}, a_dot_md="")
    with pytest.raises(CorpusError) as caught:
        read_corpus([tmp_path])
    assert "a.md: empty" in str(caught.value)
    assert "and 11 more" in str(caught.value)
    assert ".docx" in caught.value.hint
    with pytest.raises(CorpusError, match="no path at all"):
        read_corpus([])
