"""In-process text generation for many short replies to prompts that share long beginnings.

Three things make it fast where the processor is slow: a shared beginning is computed once, even
across calls; prompts are computed without padding; a row that ends makes place at once.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from ingrained.agent.weights.verify import sha256_of
from ingrained.devices import fast_dtype
from ingrained.errors import ModelError
from ingrained.quiet import no_progress_bars

from .adapters import Adapters
from .caches import KvShape
from .choosing import row_seeds
from .decoding import Decoder, Row
from .grammar import Grammars
from .packing import free, pack
from .prefill import Prefiller
from .prefixes import Node, PrefixCache
from .sampling import Generated, Progress, Sampling, Scored
from .scoring import log_probabilities
from .text import ReplyText

_TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>")
"""Special tokens that end a turn in common templates; a converted model may not list them all."""
_MEBIBYTE = 2**20
_PASS_TOKENS = {False: 256, True: 4096}
"""Without and with CUDA. A processor is busy with 256 tokens; more only widen the mask."""
_SCORED_TOKENS = 256
"""Tokens of a pass that the output layer is applied to: each takes as many numbers as there are words."""
_WASTE = {False: 20_000, True: 2_000_000}
"""Without and with CUDA. Measured for a model of 0.5B: a pass reads all weights."""


class Engine:
    """A causal language model, its tokenizer, its adapters and what it has computed so far.

    One generation at a time: callers that share an engine between threads must take turns.

    Args:
        model: On its device; the engine takes it over and rearranges its weights.
        tokenizer: The model's.
        max_rows: Rows generated side by side.
        cache_bytes: Keys and values of prompts kept between calls.
        slot_bytes: Keys and values of the rows being generated.
        pass_tokens: Prompt tokens computed in one pass; by default what suits the device.
        ends: Tokens that end a reply; by default those that the model and its template end with.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast,
        *,
        max_rows: int = 64,
        cache_bytes: int = 512 * _MEBIBYTE,
        slot_bytes: int = 2048 * _MEBIBYTE,
        pass_tokens: int | None = None,
        ends: Collection[int] | None = None,
    ) -> None:
        cuda = model.device.type == "cuda"
        pass_tokens = pass_tokens or _PASS_TOKENS[cuda]
        self.model = model.train(False)
        pack(model)
        self.tokenizer = tokenizer
        self.adapters = Adapters(model)
        self.ends = _end_tokens(model, tokenizer) if ends is None else frozenset(ends)
        self.shape = KvShape.of(model.config, model.dtype, model.device)
        self.context = _context(model)
        self.folder: Path | None = None
        """What the model was read from."""
        self._closed = False
        self._prefixes = PrefixCache(cache_bytes, pass_tokens)
        self._prefiller = Prefiller(
            decoder=model.get_decoder(),  # type: ignore[no-untyped-call]
            shape=self.shape,
            pass_tokens=pass_tokens,
            waste=_WASTE[cuda],
        )
        self._opener = replace(self._prefiller, decoder=model)
        self._whole = replace(self._opener, pass_tokens=min(pass_tokens, _SCORED_TOKENS))
        self._decoder = Decoder(
            model=model,
            shape=self.shape,
            prefill=self._prefill,
            begin=self._begin,
            ends=self.ends,
            max_rows=max_rows,
            max_bytes=slot_bytes,
        )
        self._grammars = Grammars(tokenizer, model.config.vocab_size, sorted(self.ends))

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        device: str | None = None,
        dtype: torch.dtype | None = None,
        threads: int = 0,
        **options: Any,
    ) -> Engine:
        """Read a model folder.

        Args:
            path: A transformers folder with safetensors.
            device: Where to run; CUDA if there is one, else the processor.
            dtype: bfloat16 where the device computes in it, else float32.
            threads: Torch threads; 0 leaves the choice to torch.
            options: Those of the class.

        Raises:
            ModelError: the folder holds no causal language model that can run here.
        """
        if threads:
            torch.set_num_threads(threads)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            with no_progress_bars():
                model = AutoModelForCausalLM.from_pretrained(
                    path,
                    dtype=dtype or fast_dtype(device),
                    attn_implementation="sdpa",
                    local_files_only=True,
                    use_safetensors=True,
                )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"No model can be read from {path}: {error}",
                hint="It must be a transformers folder with safetensors weights.",
            ) from error
        if not isinstance(tokenizer, PreTrainedTokenizerFast):
            raise ModelError(f"{path} has no fast tokenizer.", hint="It needs a tokenizer.json.")
        engine = cls(model.to(device), tokenizer, **options)  # type: ignore[arg-type]
        engine.folder = path
        return engine

    @functools.cached_property
    def fingerprint(self) -> str | None:
        """SHA-256 of the files that the base and its tokenizer were read from, and how they are run.

        None for a model that was not read from a folder.
        """
        if self.folder is None:
            return None
        device = self.shape.device
        parts = [f"{self.shape.dtype} {torch.device(device).type} {sorted(self.ends)}"]
        for file in sorted(each for each in self.folder.iterdir() if each.is_file()):
            parts += [file.name, sha256_of(file)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        sampling: Sampling | None = None,
        progress: Progress | None = None,
    ) -> list[Generated]:
        """Return one reply per prompt, in order.

        A reply depends on its own prompt only, not on the order or on the other prompts (but for
        the rounding of the last bit, which a different batch can change).

        Args:
            prompts: Token ids.
            sampling: The same for all.
            progress: Told each time a row finishes.

        Raises:
            ModelError: a prompt is empty or too long, or the grammar is not valid.
        """
        sampling = sampling or Sampling()
        rows = self._rows(prompts, sampling)
        finished = 0
        for step in self._run(rows, sampling):
            for _ in (row for row in step if row.finished):
                finished += 1
                if progress is not None:
                    progress(finished, len(rows))
        return [row.result() for row in rows]

    def stream(
        self, prompt: Sequence[int], sampling: Sampling | None = None
    ) -> Iterator[str | Generated]:
        """Yield the reply in pieces of whole characters, and at last the whole of it.

        Raises:
            ModelError: the prompt is empty or too long, or the grammar is not valid.
        """
        sampling = sampling or Sampling()
        rows = self._rows([prompt], sampling)
        for _ in self._run(rows, sampling):
            if piece := rows[0].text.take():
                yield piece
        if piece := rows[0].text.rest():
            yield piece
        yield rows[0].result()

    def likelihoods(
        self,
        prompts: Sequence[Sequence[int]],
        texts: Sequence[Sequence[int]],
        *,
        keep: bool = False,
    ) -> list[Scored]:
        """Return how likely each text's tokens are after its prompt.

        A prompt that others share is computed once, and kept for what is generated from it.

        Args:
            prompts: Token ids.
            texts: Token ids.
            keep: Whether what is generated later may go on after the texts, so that they are kept too.

        Raises:
            ModelError: a prompt or a text is empty, or they are too long together.
        """
        for prompt, text in zip(prompts, texts, strict=True):
            if not text:
                raise ModelError("A continuation is empty.", hint="Give it at least one token.")
            self.check(prompt, Sampling(max_tokens=len(text)))
        ends, cached = self._placed(prompts)
        nodes = [
            Node((prompt[-1], *text[:-1]), end)
            for end, prompt, text in zip(ends, prompts, texts, strict=True)
        ]
        if self._whole.missing(nodes) > self._whole.pass_tokens:
            self._prefiller.fill(ends)
        values = log_probabilities(self._whole, nodes, texts)
        if keep:
            self._prefixes.attach(self.adapters.active, nodes)
        self._prefixes.trim()
        return [
            Scored(log_probability=value, tokens=len(prompt) + len(text), cached_tokens=kept)
            for value, prompt, text, kept in zip(values, prompts, texts, cached, strict=True)
        ]

    def load_adapter(self, name: str, folder: Path, *, strength: float = 1.0) -> None:
        """Read a LoRA adapter; see `Adapters.load`."""
        self.adapters.load(name, folder, strength=strength)
        self._prefixes.forget(name)

    def use(self, name: str | None) -> None:
        """Switch to a loaded adapter, or with None to the base; see `Adapters.use`."""
        self.adapters.use(name)

    def unload(self, name: str) -> None:
        """Free an adapter and what was computed under it; see `Adapters.unload`."""
        self.adapters.unload(name)
        self._prefixes.forget(name)

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Return the token ids of a text; special tokens are added only if asked."""
        return list(self.tokenizer.encode(text, add_special_tokens=special))

    @property
    def cached_bytes(self) -> int:
        """Bytes of keys and values kept for later calls."""
        return self._prefixes.size

    def forget(self) -> None:
        """Drop the keys and values kept for later calls."""
        self._prefixes.clear()

    def close(self) -> None:
        """Free the memory of the weights and of what was computed. Nothing can be run afterwards."""
        self._closed = True
        self._prefixes.clear()
        free(self.model)

    def check(self, prompt: Sequence[int], sampling: Sampling) -> None:
        """Say whether a prompt can be generated from.

        Raises:
            ModelError: it is empty, or too long together with the reply; or the model is closed.
        """
        if self._closed:
            raise ModelError("The model was closed.", hint="Load it again.")
        if not prompt:
            raise ModelError("A prompt is empty.", hint="Give it at least one token.")
        if len(prompt) + sampling.max_tokens > self.context:
            raise ModelError(
                f"A prompt of {len(prompt)} tokens and a reply of up to {sampling.max_tokens} do not "
                f"fit this model's {self.context}.",
                hint="Shorten the prompt or lower max_tokens.",
            )

    def _rows(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Row]:
        for prompt in prompts:
            self.check(prompt, sampling)
        follower = self._grammars.start(sampling.grammar) if sampling.grammar else None
        seeds = row_seeds(prompts, sampling.seed)
        return [
            Row(
                prompt=tuple(prompt),
                text=ReplyText(self.tokenizer.backend_tokenizer, sampling.stop),
                draws=random.Random(seeds[index]),
                follower=follower.copy() if follower else None,
            )
            for index, prompt in enumerate(prompts)
        ]

    def _run(self, rows: list[Row], sampling: Sampling) -> Iterator[list[Row]]:
        if rows:
            try:
                yield from self._decoder.run(rows, sampling)
            finally:
                self._prefixes.trim()

    def _prefill(self, rows: Sequence[Row]) -> list[Node | None]:
        """Compute prompts but for their last tokens."""
        ends, cached = self._placed([row.prompt for row in rows])
        self._prefiller.fill(ends)
        for row, kept in zip(rows, cached, strict=True):
            row.cached_tokens = kept
        return ends

    def _begin(self, row: Row) -> tuple[list[Node], torch.Tensor]:
        """Compute a prompt with its last token, which is not kept in the tree: it ends each prompt."""
        (end,), (row.cached_tokens,) = self._placed([row.prompt])
        tip = Node(row.prompt[-1:], end)
        scores = self._opener.scores_after(tip)
        return tip.path(), scores

    def _placed(self, prompts: Sequence[Sequence[int]]) -> tuple[list[Node | None], list[int]]:
        """Give prompts but for their last tokens a place; return where each ends, and what is there."""
        self._prefixes.trim()
        ends = self._prefixes.insert(self.adapters.active, [prompt[:-1] for prompt in prompts])
        counted: set[Node] = set()
        cached = []
        for end in ends:
            path = end.path() if end else []
            known = (node for node in path if node.kv is not None or node in counted)
            cached.append(sum(len(node.tokens) for node in known))
            counted.update(path)
        return ends, cached


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    listed = model.generation_config.eos_token_id if model.generation_config else None
    ends = set(listed if isinstance(listed, list) else [listed])
    ends.add(tokenizer.eos_token_id)
    special = {str(token): number for number, token in tokenizer.added_tokens_decoder.items()}
    ends |= {special[text] for text in _TURN_ENDS if text in special}
    return frozenset(end for end in ends if end is not None)


def _context(model: PreTrainedModel) -> int:
    """Return how many tokens the model takes, within one attention window if it slides."""
    config = model.config
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= {"full_attention", "sliding_attention"}:
        raise ModelError(
            f"Models with {', '.join(sorted(kinds))} layers cannot be run in-process.",
            hint="Serve it with vLLM and give an `openai:` model string.",
        )
    context = int(config.max_position_embeddings)
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or (window and not hasattr(config, "layer_types"))
    return min(context, int(window)) if window and slides else context
