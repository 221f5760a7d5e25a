"""Fetching a pinned file from the Hugging Face hub, going on where an earlier try stopped."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ingrained.errors import FetchError

from .catalogue import PinnedFile
from .progress import Progress
from .verify import is_pinned, mismatch

_DEFAULT_ENDPOINT: Final = "https://huggingface.co"
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_ATTEMPTS: Final = 4
_BUSY_STATUS: Final = frozenset({408, 416, 429, 500, 502, 503, 504})
_RANGE_REFUSED: Final = 416
_PARTIAL: Final = 206


class UnreachableError(FetchError):
    """The hub itself cannot be reached, so asking it for other files is no use either."""


def hub_url(pinned: PinnedFile) -> str:
    """Return the address of the file; the environment variable HF_ENDPOINT names a mirror."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _DEFAULT_ENDPOINT
    return f"{endpoint}/{pinned.hub_repo}/resolve/main/{quote(pinned.hub_file)}"


def fetch_from_hub(pinned: PinnedFile, target: Path, progress: Progress) -> None:
    """Download `pinned` to `target`, through `target` + `.part`, which survives an interruption.

    Raises:
        UnreachableError: no connection to the hub.
        FetchError: the hub answered, but not with the file.
        HashMismatchError: it answered with another file.
        OSError: the disk is full or not writable.
    """
    url, part = hub_url(pinned), target.with_name(target.name + ".part")
    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            retrying(_download, client, url, pinned, part, progress)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise UnreachableError(f"{url}: cannot connect ({error})") from error
    except httpx.HTTPStatusError as error:
        raise FetchError(f"{url}: HTTP status {error.response.status_code}") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(f"{url}: {error or type(error).__name__}") from error
    part.replace(target)


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in _BUSY_STATUS
    lost = (httpx.ReadError, httpx.WriteError, httpx.ReadTimeout, httpx.RemoteProtocolError)
    return isinstance(error, lost)


def _download(
    client: httpx.Client, url: str, pinned: PinnedFile, part: Path, progress: Progress
) -> None:
    """Try once to complete `part`; leave what has come so far for the next try."""
    start = part.stat().st_size if part.exists() else 0
    if start >= pinned.size:
        if is_pinned(part, pinned):
            return
        part.unlink()
        start = 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == _RANGE_REFUSED:
            part.unlink(missing_ok=True)
        response.raise_for_status()
        resumed = response.status_code == _PARTIAL and start > 0
        if not resumed:
            part.unlink(missing_ok=True)
        _check_announced_size(response, pinned, part)
        _save(response, pinned, part, progress)


def _check_announced_size(response: httpx.Response, pinned: PinnedFile, part: Path) -> None:
    """Refuse a file of another size before a byte of it is stored."""
    announced = response.headers.get("Content-Length", "")
    if not announced.isdecimal():
        return
    total = int(announced) + (part.stat().st_size if part.exists() else 0)
    if total != pinned.size:
        part.unlink(missing_ok=True)
        raise mismatch(pinned, size=total, sha256=None)


def _save(response: httpx.Response, pinned: PinnedFile, part: Path, progress: Progress) -> None:
    """Append the body to `part`, hashing as it comes; delete it if it is not the pinned file."""
    digest, size = _digest_so_far(part)
    progress.start(pinned.name, pinned.size)
    progress.advance(size)
    try:
        with part.open("ab") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                progress.advance(len(chunk))
                if size > pinned.size:
                    break
    finally:
        progress.done()
    if size < pinned.size:
        raise httpx.ReadError(f"the connection ended after {size} of {pinned.size} bytes")
    if size > pinned.size or digest.hexdigest() != pinned.sha256:
        part.unlink()
        raise mismatch(pinned, size=size, sha256=digest.hexdigest())


def _digest_so_far(part: Path) -> tuple[hashlib._Hash, int]:
    if not part.exists():
        return hashlib.sha256(), 0
    with part.open("rb") as file:
        return hashlib.file_digest(file, hashlib.sha256), part.stat().st_size
