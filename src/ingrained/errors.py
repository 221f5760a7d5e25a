"""Every error Ingrained raises on purpose, each with a way out.

    IngrainedError
    ├── InputError            what the user gave cannot be used          exit 2
    │   ├── CorpusError       no such path, nothing readable in it
    │   ├── ExamError         an exam file that does not parse
    │   └── SettingsError     a setting out of range
    ├── ModelError            a model cannot be found, fetched or run    exit 3
    │   ├── UnknownModelError a name that nothing resolves
    │   ├── FetchError        every source of a file failed
    │   └── HashMismatchError a file is not the one that was pinned
    ├── StoreError            the home folder or a store in it           exit 4
    │   ├── HomeBusyError     another process is writing to this home
    │   ├── HomeVersionError  the home was made by a newer version
    │   └── NotFoundError     no memory, adapter or document of that id
    └── TrainingError         a consolidation that cannot go on          exit 5

The message says what happened, the hint what to do about it.
"""

from __future__ import annotations


class IngrainedError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: What happened, with the offending value.
        hint: What the user can do; the class default when omitted.
    """

    exit_code = 1
    retryable = False
    hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class InputError(IngrainedError):
    """What the user gave cannot be used."""

    exit_code = 2


class CorpusError(InputError):
    """A corpus path does not exist or holds nothing readable."""


class ExamError(InputError):
    """An exam file does not parse."""

    hint = 'Each line must be a JSON object with "id", "question" and "answers".'


class SettingsError(InputError):
    """A setting is out of range or of the wrong type."""


class ModelError(IngrainedError):
    """A model cannot be found, fetched or run."""

    exit_code = 3


class UnknownModelError(ModelError):
    """Nothing resolves this model name."""

    hint = (
        "Run `ingrained models list`, or give a local folder, `hf:ORG/NAME`, `vllm:NAME`, "
        "or an init_chat_model string such as `openai:gpt-5-mini`."
    )


class FetchError(ModelError):
    """Every source of a file failed."""

    retryable = True
    hint = "Check the network and run the same command again: finished parts are kept."


class HashMismatchError(ModelError):
    """A fetched file is not the one that was pinned."""

    hint = "The file was deleted. Run the command again; if it repeats, the source is not to be trusted."


class StoreError(IngrainedError):
    """The home folder, or a store in it, cannot be used."""

    exit_code = 4


class HomeBusyError(StoreError):
    """Another process is writing to this home."""

    retryable = True
    hint = "Wait for the other run to end, or give this one its own --home."


class HomeVersionError(StoreError):
    """The home was made by a newer version of Ingrained."""

    hint = "Upgrade Ingrained, or use another --home. Nothing was changed."


class NotFoundError(StoreError):
    """No memory, adapter or document has this id."""


class TrainingError(IngrainedError):
    """A consolidation cannot go on."""

    exit_code = 5
