"""The nodes of a conversation: from a question to a checked answer, and to what is kept of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from langgraph.runtime import Runtime

from ingrained.agent.answering import REPLY_TOKENS
from ingrained.agent.asking import to_messages
from ingrained.agent.citing import Answer, CitationCheck, Source, sources_of, without_citations
from ingrained.agent.deliberating import Considered, Inquiry, Step, refined, voted
from ingrained.agent.grading import ABSTENTION, abstained
from ingrained.agent.quoting import quoted_for
from ingrained.agent.recalling import Excerpt
from ingrained.errors import InputError, ModelError, StoreError
from ingrained.graphs.chat.about import about_user
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.days import make_due, next_due
from ingrained.graphs.chat.episodes import episode, of_use, own_excerpts
from ingrained.graphs.chat.past import asks_of_the_past, makes_up, speak_of
from ingrained.graphs.chat.state import ChatState, Turn
from ingrained.graphs.chat.telling import tells
from ingrained.graphs.chat.window import in_context, leans, leaving, prompt_for, summary_prompt
from ingrained.graphs.chat.window import window as window_of
from ingrained.memory.lexical import normalise, terms
from ingrained.memory.records import sha256
from ingrained.memory.store import MemoryStore
from ingrained.tracing import span

Ending = Literal["summarise", "portray", "end"]
"""What comes after a turn was remembered."""

SUMMARY_TOKENS = 120
WHO = "chat"
"""Who changes the memory, as its history has it."""


def recall(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Find what was studied, and after it what the user said, that fits the question.

    A question that leans on the turns before it, or finds nothing alone, is searched with them; what
    only tells something is not.

    Raises:
        InputError: there is nothing in the question.
    """
    context, question = runtime.context, runtime.context.question
    if not normalise(question):
        raise InputError("the question is empty", hint="Ask something: ChatContext(question=…).")
    state, turns = {**state, "question": question}, _laid(state, context)
    within = in_context(question, turns)
    searches = [question] if tells(question) else list(dict.fromkeys([question, within]))
    if leans(question):
        searches = [within]
    found = (_found(context, state, searched) for searched in searches)
    excerpts: list[Excerpt] = next(filter(None, found), [])
    about = [] if _stands_alone(question, sources_of(excerpts)) else about_user(context)
    return {
        "question": question,
        "excerpts": [one.text for one in excerpts],
        "about": [one.text for one in about],
        "sources": [vars(one) for one in sources_of([*excerpts, *about])],
    }


def _found(context: ChatContext, state: ChatState, searched: str) -> list[Excerpt]:
    recaller = context.recaller()
    if recaller is None:
        return []
    # "And when was that?" has no word by which to tell what was found apart.
    asked = state["question"] if terms(state["question"]) else searched
    (studied,) = recaller.recall([asked], searched=[searched])
    return [*studied, *own_excerpts(context, state, searched, told=bool(studied))]


def answer(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Reply, telling each piece as it comes, without numbers of sources that were not shown.

    Of a reply that is voted on, is to be refined, or has to hold what only the user can know, nothing is
    told before it is known. Where nobody can know, the model is not asked: a small one would make
    something up.
    """
    context = runtime.context
    if _unknowable(state, context):
        return {"reply": ABSTENTION, "considered": {"votes": 0}}
    if context.votes > 1:
        _tell_step(runtime, "vote", calls=context.votes)
        done = voted(_inquiry(state, context), context.votes)
        return {"reply": done.reply, "considered": done.facts}
    check, waits = _citation_check(state), _waits(state, context)
    said: list[str] = []
    with span("reply") as told:
        for piece in _pieces(_inquiry(state, context)):
            said.append(piece)
            if not waits:
                _tell_piece(runtime, check.passed(piece) if check else piece)
        told(pieces=len(said))
    _tell_piece(runtime, check.rest() if check and not waits else "")
    return {"reply": "".join(said).strip()}


def after_answer(state: ChatState, runtime: Runtime[ChatContext]) -> bool:  # noqa: ARG001
    """Return whether the model is to look over its reply."""
    return runtime.context.refine


def refine(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Let the model look over its reply, and reply anew where its feedback asks for it.

    A question that leans on the turns before it is shown with them.
    """
    inquiry, asked = _inquiry(state, runtime.context), state["question"]
    if inquiry.notes:
        _tell_step(runtime, "refine")
    if leans(asked):
        asked = in_context(asked, _laid(state, runtime.context))
    given = Considered(reply=state["reply"], **state.get("considered", {}))
    done = refined(inquiry, given, asked=asked)
    return {"reply": done.reply, "considered": done.facts}


def _inquiry(state: ChatState, context: ChatContext) -> Inquiry:
    turns, summary = _before(state, context)
    return Inquiry(
        asker=context.asker, cell=context.cell, adapter=context.adapter, question=state["question"],
        prompt=prompt_for(state["excerpts"], state["question"], turns, summary, state["about"]),
        notes=state["excerpts"], about=state["about"],
        told=[turn["user"] for turn in turns], said=[turn["agent"] for turn in turns],
    )  # fmt: skip


def _before(state: ChatState, context: ChatContext) -> tuple[list[Turn], str]:
    """Return the turns that stand in the prompt, and the summary of those before them."""
    if _stands_alone(state["question"], _sources(state)):
        return [], ""
    return _laid(state, context), state.get("summary", "")


def _stands_alone(question: str, sources: Iterable[Source]) -> bool:
    """Return whether a question is understood without the turns before it, and something studied fits it.

    With those in view the default model answers it as it answered the last one (LOG.md).
    """
    return any(source.document for source in sources) and not leans(question)


def _unknowable(state: ChatState, context: ChatContext) -> bool:
    """Return whether a question on the user's past has nothing in view to answer it from."""
    if state["excerpts"] or state["about"] or state.get("summary"):
        return False
    turns, asked = _laid(state, context), state["question"]
    return _of_the_past(state, context) and not speak_of(turns, asked)


def _of_the_past(state: ChatState, context: ChatContext) -> bool:
    """Return whether only what is in view can answer.

    Weights alone may know it, if what was studied is of the user; beside memory, what they were trained on
    is recalled.
    """
    return context.cell != "adapter" and asks_of_the_past(state["question"])


def _waits(state: ChatState, context: ChatContext) -> bool:
    """Return whether a reply is told as a whole, once it is checked."""
    return context.deliberates or _of_the_past(state, context)


def _made_up(reply: str, state: ChatState, context: ChatContext) -> bool:
    """Return whether a reply on the user's past is of nothing in view."""
    if not _of_the_past(state, context):
        return False
    turns, summary = _before(state, context)
    said = [part for turn in turns for part in (turn["user"], _stood(turn["agent"]))]
    view = [*state["excerpts"], *state["about"], summary, *said]
    return makes_up(reply, state["question"], view)


def _stood(reply: str) -> str:
    return "" if abstained(reply) else reply


def _sources(state: ChatState) -> list[Source]:
    return [Source(**one) for one in state["sources"]]


def _tell_piece(runtime: Runtime[ChatContext], text: str) -> None:
    if text:
        _tell(runtime, "answer", event="piece", text=text)


def _tell_step(runtime: Runtime[ChatContext], step: Step, **facts: Any) -> None:
    _tell(runtime, "answer", event="step", step=step, **facts)


def _pieces(inquiry: Inquiry) -> Iterator[str]:
    """Yield the reply as it is written.

    Beside notes an adapter's reply is short and may have to be asked for again: one piece.
    """
    asker = inquiry.asker
    adapter = asker.adapter_in(inquiry.cell, inquiry.adapter, notes=bool(inquiry.notes))
    if adapter and inquiry.notes:
        yield from inquiry.replies(1)
        return
    options: dict[str, Any] = {"max_tokens": REPLY_TOKENS, "temperature": 0.0}
    if asker.has_adapters:
        options["adapter"] = adapter
    for chunk in asker.model.bind(**options).stream(to_messages(inquiry.prompt)):
        yield str(chunk.text)


def check(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Take out of the reply what it cites and was not shown, and put its sources beside it.

    A reply on the user's past that nothing in view holds is withdrawn.
    """
    context, reply = runtime.context, state["reply"]
    checked = _citation_check(state)
    if checked:
        reply = (checked.passed(reply) + checked.rest()).strip()
    withdrawn = ""
    if _made_up(without_citations(reply, _shown(state)), state, context):
        reply, withdrawn = ABSTENTION, reply
    if _waits(state, context):
        _tell_piece(runtime, reply)
    adapter = context.asker.adapter_in(context.cell, context.adapter, notes=bool(state["excerpts"]))
    found = Answer(
        question=state["question"],
        reply=reply,
        cell=context.cell,
        abstained=abstained(reply),
        adapter=context.adapter if adapter else None,
        sources=quoted_for(reply, state["question"], _sources(state)),
        withdrawn=withdrawn,
        turns=any(_before(state, context)),
        **state.get("considered", {}),
    ).to_dict()
    _tell(
        runtime, "check", event="answered", answer=found, unknown=checked.unknown if checked else []
    )
    return {"answer": found}


def _citation_check(state: ChatState) -> CitationCheck | None:
    """Return what checks citations; None where nothing was shown, and brackets cite nothing."""
    return CitationCheck(_shown(state)) if _shown(state) else None


def _shown(state: ChatState) -> range:
    """Return the numbers that stood in the prompt."""
    return range(1, len(state["excerpts"]) + len(state["about"]) + 1)


def keep(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Add the turn to the conversation, as a whole or, where the screen forbids it, not at all.

    The numbers of sources go: the next prompt has others.
    """
    context, question, reply = runtime.context, state["question"], state["answer"]["reply"]
    if context.memory and any(map(context.memory.withholds, (question, reply))):
        _tell(runtime, "keep", event="withheld")
        return {}
    reply, now = without_citations(reply, _shown(state)), context.clock()
    id_ = sha256(f"{context.thread}\x1f{now}\x1f{question}")[:12]
    turn = Turn(id=id_, time=now, user=question, agent=reply)
    return {"turns": [*state.get("turns", []), turn], "kept": True}


def remember(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Put turns into the memory that are not there yet; what was of use or said again fades less.

    While another process writes to the memory they wait for the next turn.
    """
    context, turns = runtime.context, state.get("turns", [])
    waiting = turns[state.get("remembered", 0) :]
    if context.memory is None or not waiting:
        return {}
    try:
        with context.memory.writing() as store:
            why = f"said in the conversation {context.thread}"
            said = [episode(turn, context) for turn in waiting if normalise(turn["user"])]
            inserted = store.insert(said, who=WHO, why=why)
            again = [one.id for one in inserted if one.outcome == "merged"]
            store.reinforce(again, who=WHO, why="said again")
            store.reinforce(_useful(store, state, context), who=WHO, why="an answer rests on it")
    except StoreError as error:
        _tell(runtime, "remember", event="postponed", why=str(error), hint=error.hint)
        return {}
    return {"remembered": len(turns)}


def _useful(store: MemoryStore, state: ChatState, context: ChatContext) -> list[str]:
    """Return the ids of what the user said that the answer rests on."""
    useful = of_use(_sources(state), state["answer"]["reply"])
    return [id_ for id_ in useful if store.get(id_).namespace == context.own]


def after_remember(state: ChatState, runtime: Runtime[ChatContext]) -> Ending:
    """Return what is left to do: the window may have become too long."""
    too_long = _leaving(state, runtime.context) > 0
    return "summarise" if too_long else after_summarise(state, runtime)


def after_summarise(state: ChatState, runtime: Runtime[ChatContext]) -> Ending:
    """Return what is left to do: the first turn of a day finds days that are over.

    Not where the turn was withheld, or waits to be remembered.
    """
    context, remembered = runtime.context, state.get("remembered", 0)
    store = context.memory.reading() if context.memory and context.portrays else None
    if store is None or not state.get("kept") or remembered < len(state.get("turns", [])):
        return "end"
    return "portray" if next_due(store, context) else "end"


def portray(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:  # noqa: ARG001
    """Sum up the days that are over, and make the portrait of the user anew.

    Each is in the memory before the next is begun. While another process writes, or the model
    fails, they wait for the next turn: an answer is not lost to them.
    """
    context = runtime.context
    if context.memory is None:
        return {}
    _tell(runtime, "portray", event="portraying")
    try:
        for title in make_due(context, context.memory):
            _tell(runtime, "portray", event="portrayed", title=title)
    except (StoreError, ModelError) as error:
        _tell(runtime, "portray", event="postponed", why=str(error), hint=error.hint)
    return {}


def summarise(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Let the oldest turns leave the window, into the summary."""
    context, count, former = runtime.context, _leaving(state, runtime.context), state.get("summary")
    leaving_now = window_of(state)[:count]
    prompt = summary_prompt(former or "", leaving_now, context.window_tokens, context.tokens)
    (summary,) = context.asker.ask([prompt], phase="summarise", max_tokens=SUMMARY_TOKENS)
    _tell(runtime, "summarise", event="summarised", turns=count)
    return {"summary": summary or former or "", "summarised": state.get("summarised", 0) + count}


def _laid(state: ChatState, context: ChatContext) -> list[Turn]:
    """Return the turns that are laid before the model: of a window that is too long, the last ones.

    Its oldest turns leave after an answer. Where that was cut short they are left out until the next.
    """
    return window_of(state)[_leaving(state, context) :]


def _leaving(state: ChatState, context: ChatContext) -> int:
    room = context.window_tokens - sum(map(context.tokens, state.get("about", [])))
    return leaving(window_of(state), room, context.tokens)


def _tell(runtime: Runtime[ChatContext], phase: str, **facts: Any) -> None:
    event = {"phase": phase, **facts}
    runtime.heartbeat()
    runtime.stream_writer(event)
    if runtime.context.listener is not None:
        runtime.context.listener(event)
