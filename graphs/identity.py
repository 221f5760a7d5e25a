"""Whose memory a call touches: what the host says of the caller, never what the model says.

The model fills in a tool's arguments, and a document or a user can talk it into anything. So the
namespace is read from what only the host's code sets: the context of the run, or its configuration.
"""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.context import StudyContext
from ingrained.graphs.naming import Namespace, named

__all__ = ["Namespace", "namespace_of"]


def namespace_of(context: object, config: RunnableConfig, default: Namespace) -> Namespace:
    """Return the namespace of the caller.

    `namespace` of the context comes first, then its `user_id`, as an attribute or as a key; if it
    has neither, those of `config["configurable"]`, then the default. So a context that names its
    user cannot be overruled by a client that only chooses the configuration. A user's namespace is
    `("user", user_id)`. Labels are compared whole and may hold any character, as they do in the
    store: `ada@example.org` and `ada.example@org` are two users. A context of our own graphs says where
    what was studied is, which names nobody; only that of a conversation says who talks.

    None is what an anonymous request has for an id: a key that is there and is None is refused as an
    empty label is, and never hands the run over to the next source. An attribute of an object may
    be None beside the other one, since a class declares both whichever is used.

    Args:
        context: Of the run; an object, a mapping or None.
        config: Of the run.
        default: Where nobody is named.

    Raises:
        InputError: What is given names nobody: an empty label, say, or one that is not text.
    """
    if isinstance(context, ChatContext):
        return context.own
    speaks = None if isinstance(context, StudyContext) else context
    for source in (speaks, config.get("configurable")):
        if (own := named(source)) is not None:
            return own
    return default
