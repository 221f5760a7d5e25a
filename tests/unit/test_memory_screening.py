"""What secrets and personal data look like, what only looks like them, and what is done about it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from typing import get_args

import pytest

from ingrained.errors import InputError
from ingrained.memory.records import Evidence, Memory, Span, sha256
from ingrained.memory.screening import (
    KINDS,
    Finding,
    PatternScreen,
    Policy,
    apart,
    findings_of,
    screened,
)
from ingrained.memory.store import MemoryStore, StoreOptions
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

FOUND = {
    "Write to mara.venn@example.org today.": ("email", "mara.venn@example.org"),
    "Ask (J.O'Brien+x@mail.co.uk).": ("email", "J.O'Brien+x@mail.co.uk"),
    "jörg@müller.example.de antwortet.": ("email", "jörg@müller.example.de"),
    "Call +44 20 7946 0958 before noon.": ("phone", "+44 20 7946 0958"),
    "Her number is +1 (650) 253-0000.": ("phone", "+1 (650) 253-0000"),
    "Card 4111 1111 1111 1111 expires.": ("card", "4111 1111 1111 1111"),
    "Card 5500-0055-5555-5559.": ("card", "5500-0055-5555-5559"),
    "Card 378282246310005.": ("card", "378282246310005"),
    "Pay to DE89 3704 0044 0532 0130 00 NOW": ("iban", "DE89 3704 0044 0532 0130 00"),
    "Pay to BE68 5390 0754 7034 BANK": ("iban", "BE68 5390 0754 7034"),
    "GB82WEST12345698765432": ("iban", "GB82WEST12345698765432"),
    "His number, 536-90-4399, leaked.": ("ssn", "536-90-4399"),
    "The key AKIAIOSFODNN7EXAMPLE is here.": ("secret", "AKIAIOSFODNN7EXAMPLE"),
    "Use ghp_16C7e42F292c6912E7710c838347Ae178B4a.": (
        "secret", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    ),
    "A key sk-proj-abcd1234efgh5678ijkl9012mnop3456qrst.": (
        "secret", "sk-proj-abcd1234efgh5678ijkl9012mnop3456qrst",
    ),
    "DSN postgres://user:s3cret@db.example.org/x": ("secret", "://user:s3cret@db.example.org"),
    "password = 'hunter2horse'": ("secret", "hunter2horse"),
    '{"api_key": "9f86d081884c7d65"}': ("secret", "9f86d081884c7d65"),
    "DB_PASSWORD=correct4horse9battery": ("secret", "correct4horse9battery"),
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3": (
        "secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3",
    ),
}  # fmt: skip

INNOCENT = """
In 1873 the lighthouse was finished; 1914-1918 and 1939-1945 followed.
ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2, pp. 123-145, doi 10.1000/182.
ISBN 2253004227, which is a valid number in Louisiana.
The population was 1,234,567 in 2010 and 2 345 678 in 2020.
See pages 1204-1209, vol. 12, no. 3 (2008), 555-0199 entries.
Chapter 192.168 describes version 10.2.3.4 of the program.
Coordinates 48.8584 N, 2.2945 E; altitude 1083 m; 299792458 m/s.
The commit 3f786850e387550fdab836ed7e6dc881de23001b fixed it.
A budget of 4111 111 111 111 111 and 12 000 000 000 000 dollars.
The password reset page is under Settings; a secret agent named token.
Her password is required. The API key must be kept secret.
Password: ask your administrator. The secret: patience and love.
His secret: "I never knew him." Her password: "swordfish".
UUID 123e4567-e89b-12d3-a456-426614174000 identifies it.
Serial 4929-1234-5678-9012 and order 20230415123456.
ISSN 0028-0836; EAN 4006381333931; IMO 9074729.
THE APERIODICALLY STRUCTURED CRYSTAL, 1984.
The ratio 3:1:2:5 and the time 10:20:30. Version DE89 of the plan.
+1 point, +12 345 points, a + 2000 years; 3@5 euros, user@host.
The token budget = 4096 tokens; key = value; secret = hidden.
token = tokenizer2.encode(text) and https://example.org/2024/01/some-long-title-17
""".strip().splitlines()


@pytest.mark.parametrize(("text", "expected"), FOUND.items(), ids=[*FOUND])
def test_what_is_found(text: str, expected: tuple[str, str]) -> None:
    found = PatternScreen().findings(text)
    assert [(one.kind, text[one.start : one.end]) for one in found] == [expected]


def test_every_kind_is_shown_here() -> None:
    assert {kind for kind, _ in FOUND.values()} == set(KINDS)


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_not_flagged(text: str) -> None:
    assert PatternScreen().findings(text) == []


def test_a_private_key_is_found_with_its_body() -> None:
    body = "\n".join(["MIIEowIBAAKCAQEAx4fPz9T2" * 2] * 3)
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\nab==\n-----END RSA PRIVATE KEY-----"
    text = f"Keep it safe:\n{key}\nThank you."
    (found,) = PatternScreen().findings(text)
    assert text[found.start : found.end] == key


def test_national_phone_numbers_are_found_for_the_region_that_is_named() -> None:
    text = "Call 030 23125120 or (650) 253-0000."
    assert PatternScreen().findings(text) == []
    for region, number in (("DE", "030 23125120"), ("US", "(650) 253-0000")):
        found = PatternScreen(region=region).findings(text)
        assert number in [text[one.start : one.end] for one in found]


@pytest.mark.parametrize(
    "text",
    ["secret" * 3000 + "'", "//a/" * 5000 + "1", "api key" + " " * 20_000 + "1234567890123456"],
    ids=["words", "slashes", "blanks"],
)
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    assert PatternScreen().findings(text) == []
    assert time.process_time() - start < 2.0


def test_nothing_is_loaded_for_a_text_without_suspicion() -> None:
    code = (
        "import sys; from ingrained.memory.screening import PatternScreen;"
        "PatternScreen().findings('The lighthouse was finished in 1873.');"
        "print([n for n in ('detect_secrets', 'phonenumbers', 'stdnum') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_overlapping_findings_become_one() -> None:
    def one(kind: str, start: int, end: int) -> Finding:
        return Finding(kind=kind, start=start, end=end)

    mixed = [one("email", 4, 9), one("secret", 0, 5), one("phone", 9, 12), one("ssn", 0, 3)]
    assert apart(mixed) == [one("secret", 0, 9), one("phone", 9, 12)]


NOTE = Memory(
    id="m1",
    text="Ann Lee reads mail at ann@x.org; her password = 'hunter2horse'.",
    title="Staff: ann@x.org",
    flags=("reviewed",),
    tags=("staff",),
    spans=(
        Span(
            document="staff.md", version="v", start=10, end=31,
            quote="Ann's mail: ann@x.org", quote_sha256=sha256("Ann's mail: ann@x.org"),
        ),
        Span(
            document="staff.md", version="v", start=0, end=3,
            quote="Ann", quote_sha256=sha256("Ann"),
        ),
    ),
    evidence=(
        Evidence(
            question="What is the password of ann@x.org?", answer="hunter2horse",
            phrasings=("How does ann@x.org log in?",), passed_before=False, passed_after=True,
        ),
    ),
)  # fmt: skip


def treated(policy: Policy) -> Memory | None:
    return screened(NOTE, findings_of(NOTE, PatternScreen()), policy)


def test_keep_flags_and_changes_nothing_else() -> None:
    flags = ("email", "reviewed", "secret")
    assert treated("keep") == dataclasses.replace(NOTE, flags=flags)


def test_refuse_remembers_nothing() -> None:
    assert treated("refuse") is None


def test_redact_names_the_kind_in_place_of_what_was_found() -> None:
    redacted = treated("redact")
    assert redacted is not None
    assert redacted.text == "Ann Lee reads mail at [email]; her password = '[secret]'."
    assert redacted.title == "Staff: [email]"
    assert redacted.flags == ("email", "reviewed", "secret")
    (item,) = redacted.evidence
    assert item.question == "What is the password of [email]?"
    assert item.phrasings == ("How does [email] log in?",)


def test_a_password_is_redacted_where_no_pattern_could_see_it() -> None:
    redacted = treated("redact")
    assert redacted is not None
    assert redacted.evidence[0].answer == "[secret]"


def test_a_redacted_quote_keeps_its_place_and_gets_a_hash_of_its_own() -> None:
    redacted = treated("redact")
    assert redacted is not None
    changed, same = redacted.spans
    assert changed.quote == "Ann's mail: [email]"
    assert changed.quote_sha256 == sha256(changed.quote)
    assert (changed.document, changed.version, changed.start, changed.end) == (
        "staff.md", "v", 10, 31,
    )  # fmt: skip
    assert same == NOTE.spans[1]


@pytest.mark.parametrize("policy", get_args(Policy))
def test_a_memory_without_findings_is_handed_back_as_it_is(policy: Policy) -> None:
    plain = Memory(id="m2", text="The lighthouse was finished in 1873.")
    assert screened(plain, findings_of(plain, PatternScreen()), policy) is plain
    elsewhere = {"another text": [Finding(kind="email", start=0, end=3)]}
    assert screened(plain, elsewhere, policy) is plain


def test_the_setting_offers_the_policies_and_keeps_by_default() -> None:
    assert get_args(Settings.model_fields["screening"].annotation) == get_args(Policy)
    assert Settings.model_fields["screening"].default == "keep"


@pytest.mark.parametrize("policy", get_args(Policy))
def test_an_update_is_screened_like_an_insert(tmp_path, policy):
    """Only what it says anew: a pin on what was kept earlier is no reason to refuse."""
    options = StoreOptions(screen=PatternScreen(), screening=policy)
    with MemoryStore.open(tmp_path, HashEmbedder(), options=options) as store:
        old = Memory(id="a" * 16, text="Write to kept@example.org.")
        store.adopt([old], who="t", why="t")
        store.update(dataclasses.replace(store.get(old.id), pinned=True), who="t", why="t")
        changed = dataclasses.replace(store.get(old.id), text="Mail ada@example.org.")
        if policy == "refuse":
            with pytest.raises(InputError, match="screen"):
                store.update(changed, who="t", why="t")
            assert store.get(old.id).text == old.text
        else:
            store.update(changed, who="t", why="t")
            expected = changed.text if policy == "keep" else "Mail [email]."
            assert (store.get(old.id).text, store.get(old.id).flags) == (expected, ("email",))
        assert store.get(old.id).pinned
