"""Settings from the environment and `.env`, read once at the edge and passed down.

Every field can be set as `INGRAINED_<FIELD>`, where an empty value counts as none; command-line
options win over both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_MODEL = "qwen2.5-coder-0.5b"
DEFAULT_EMBEDDER = "all-minilm-l6-v2"


class Settings(BaseSettings):
    """One frozen object for a whole run."""

    model_config = SettingsConfigDict(
        env_prefix="INGRAINED_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Path(".ingrained")
    """Where one agent keeps its ledger, index, adapters and reports."""
    corpus: Path | None = None
    """What the graph `study` of an Agent Server studies; a command is told its documents itself."""
    cache: Path = Field(default_factory=lambda: user_cache_path("ingrained"))
    """Where fetched weights live, shared by all homes."""
    model: str = DEFAULT_MODEL
    embedder: str = DEFAULT_EMBEDDER
    reranker: str = ""
    """A model that reads a query with each candidate and orders them anew; empty for none."""
    screening: Literal["keep", "redact", "refuse"] = "keep"
    """What becomes of a memory that holds secrets or personal data; it is flagged in any case."""
    chroma: str = ""
    """Address of a Chroma server for the index of the memory; empty for a folder in the home."""
    capacity: int | None = Field(default=None, ge=1)
    """Most active memories of one namespace; beyond it the most faded are forgotten."""
    half_lives: dict[str, float] = Field(default_factory=dict)
    """Kind of memory → days in which one of strength 1 fades to one half, as JSON."""
    unattended: dict[Literal["replace", "purge", "promote"], Literal["pass", "ask", "refuse"]] = (
        Field(default_factory=dict)
    )
    """What becomes of what loses something, where nobody watches, as JSON: it is done, a person is
    asked first, or it is not done. What is left out is as in `memory.unattended.UNATTENDED`."""
    replies: bool = True
    """Keep the model's replies until a study is finished: what is cut short is not asked again."""
    vllm: str = "http://127.0.0.1:8000"
    """Address of the vLLM server that runs the models called `vllm:NAME`."""
    vllm_key: SecretStr = SecretStr("")
    """What that server was started with as --api-key, if with any."""
    traces: str = ""
    """Address of an OpenTelemetry collector (OTLP over HTTP) that is sent spans; empty for none."""
    threads: int = Field(default=0, ge=0)
    """Torch threads; 0 leaves the choice to torch."""
    offline: bool = False
    """Never reach for the network, not even for catalogue weights."""
