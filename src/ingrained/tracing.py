"""Spans for an OpenTelemetry collector where one is named; else nothing is imported, measured or sent.

A span has a name of ours, begin and end, and numbers. It has no room for a text: what documents,
questions and memories say is never in one, nor is what an error says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from .errors import InputError, SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

_PATH = "/v1/traces"
_SECONDS = 5.0
"""A collector that does not answer holds the end of a command up no longer than that, more or less."""

_TRACER: ContextVar[Tracer | None] = ContextVar("ingrained_tracer", default=None)
_SCOPE: ContextVar[ExitStack | None] = ContextVar("ingrained_tracing_scope", default=None)


class Counts:
    """Takes the numbers that a span has."""

    def __init__(self, span: Span | None = None) -> None:
        self._span = span

    def __call__(self, **counts: float) -> None:
        """Add numbers to the span, by name."""
        if self._span is not None:
            self._span.set_attributes({f"ingrained.{name}": one for name, one in counts.items()})


@contextmanager
def span(name: str, **counts: float) -> Iterator[Counts]:
    """Measure the block as a span; give what takes further numbers.

    Args:
        name: Of the step. Never anything that a user or a document says.
        counts: What is known beforehand.
    """
    tracer = _TRACER.get()
    if tracer is None:
        yield Counts()
        return
    from opentelemetry.trace import Status, StatusCode

    # Left to itself it would record the error with its message.
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as opened:
        told = Counts(opened)
        told(**counts)
        try:
            yield told
        except BaseException as error:
            opened.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


class Spans:
    """Sends spans until it is closed.

    The provider is one of its own and not the process's, so that no other library's spans, which may
    hold texts, come this way.

    Args:
        exporter: What sends them.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from ingrained import __version__

        about = Resource.create({"service.name": "ingrained", "service.version": __version__})
        self._provider = TracerProvider(resource=about, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("ingrained", __version__)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let the spans that begin in the block be sent."""
        token = _TRACER.set(self._tracer)
        try:
            yield
        finally:
            _TRACER.reset(token)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def open_spans(address: str) -> Spans | None:
    """Return what sends spans to the collector at an address; None for an empty one.

    Raises:
        SettingsError: it is no address.
        InputError: the libraries for it are not installed.
    """
    if not address:
        return None
    if not address.startswith(("http://", "https://")):
        raise SettingsError(
            f"INGRAINED_TRACES: {address!r} is not the address of an OpenTelemetry collector",
            hint="Give one such as http://127.0.0.1:4318, or leave it empty.",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise InputError(
            "INGRAINED_TRACES is set, and what sends spans is not installed",
            hint='Install it: pip install "ingrained[traces]". Or leave INGRAINED_TRACES empty.',
        ) from error
    endpoint = address.rstrip("/").removesuffix(_PATH) + _PATH
    return Spans(OTLPSpanExporter(endpoint=endpoint, timeout=_SECONDS))


@contextmanager
def tracing(address: str) -> Iterator[None]:
    """Send the spans of the block to a collector; to none where the address is empty, or one is in use.

    Raises:
        SettingsError: it is no address.
        InputError: the libraries for it are not installed.
    """
    spans = open_spans(address) if _TRACER.get() is None else None
    if spans is None:
        yield
        return
    with closing(spans), spans.active():
        yield


@contextmanager
def tracing_scope() -> Iterator[None]:
    """Let what `trace_from_here` begins within the block end with it."""
    with ExitStack() as stack:
        token = _SCOPE.set(stack)
        try:
            yield
        finally:
            _SCOPE.reset(token)


def trace_from_here(address: str) -> None:
    """Send the spans of the rest of the scope to a collector, once the settings that name it are read.

    Outside a scope nothing is sent.

    Raises:
        SettingsError: it is no address.
        InputError: the libraries for it are not installed.
    """
    scope = _SCOPE.get()
    if scope is not None:
        scope.enter_context(tracing(address))
