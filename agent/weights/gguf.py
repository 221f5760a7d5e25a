"""Unpacking a GGUF file, once, into a folder that transformers, peft and vLLM load directly.

GGUF blocks cannot be trained and a model loaded from them refuses `save_pretrained`, so the weights
are dequantised to bf16 and written out with the configuration and the tokenizer of the file.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .wheels import disk_full

if TYPE_CHECKING:
    import torch

_TIED_BELOW = 0.25
"""Mean difference of two embedding matrices, over their mean size, that quantisation explains.

About 0.05 for a 5-bit copy and 0.15 for a 3-bit one; matrices learnt apart differ by more than 1."""

_STOPS = ("<|im_end|>", "<|endoftext|>")
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"
_GGUF_EMBEDDING, _GGUF_HEAD = "token_embd.weight", "output.weight"


def unpack_gguf(path: Path, folder: Path) -> None:
    """Write the model of a GGUF file into `folder` as bf16 safetensors.

    Args:
        path: The `.gguf` file of a causal language model, with its tokenizer.
        folder: An existing, empty folder. Receives `config.json`, `generation_config.json`,
            `model.safetensors` and the tokenizer with its chat template.

    Raises:
        OSError: the disk is full.
    """
    from transformers import AutoTokenizer

    with _quiet_transformers():
        weights, config = _dequantised(path)
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    config.tie_word_embeddings = _tie(weights, path)
    config.save_pretrained(folder)
    _save_weights(weights, folder / "model.safetensors")
    # safetensors writes for the owner only; the cache may be shared.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")
    _save_tokenizer(tokenizer, config, folder)
    _save_generation_config(tokenizer, config, folder)


def _dequantised(path: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """Return the weights in bf16 by transformers' names, and the configuration that fits them."""
    import torch
    import transformers

    options: dict[str, Any] = {"dtype": torch.bfloat16, "gguf_file": path.name}
    # Releases without this class always dequantise; those with it may keep the blocks packed.
    if hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, **options)
    weights = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    config = model.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.architectures = [type(model).__name__]
    return weights, config


def _tie(weights: dict[str, torch.Tensor], path: Path) -> bool:
    """Fold the output matrix into the input embedding if they are one matrix, stored twice.

    A file may quantise the two copies differently; the finer copy is kept.
    """
    head, embedding = weights.get(_HEAD), weights[_EMBEDDING]
    if head is None:
        return True
    if head.shape != embedding.shape:
        return False
    difference = (embedding.float() - head.float()).abs().mean()
    if difference > _TIED_BELOW * embedding.float().abs().mean():
        return False
    if _is_head_finer(path):
        weights[_EMBEDDING] = head
    del weights[_HEAD]
    return True


def _is_head_finer(path: Path) -> bool:
    from gguf import GGML_QUANT_SIZES, GGUFReader

    bits: dict[str, float] = {}
    for tensor in GGUFReader(path).tensors:
        elements, size = GGML_QUANT_SIZES[tensor.tensor_type]
        bits[tensor.name] = size / elements
    return bits.get(_GGUF_HEAD, 0.0) > bits[_GGUF_EMBEDDING]


def _save_weights(weights: dict[str, torch.Tensor], path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in weights.items()}
    try:
        save_file(contiguous, path, metadata={"format": "pt"})
    except SafetensorError as error:
        if "No space left" in str(error):
            raise disk_full() from error
        raise


def _save_tokenizer(tokenizer: Any, config: Any, folder: Path) -> None:
    tokenizer.model_max_length = config.max_position_embeddings
    for trace in ("is_local", "local_files_only", "name_or_path"):
        tokenizer.init_kwargs.pop(trace, None)
    tokenizer.save_pretrained(folder)


def _save_generation_config(tokenizer: Any, config: Any, folder: Path) -> None:
    """Stop at the end of a turn and at the end of a text, whichever the model writes."""
    import transformers

    make: Any = transformers.GenerationConfig
    known = tokenizer.get_vocab()
    stops = [known[text] for text in _STOPS if text in known]
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in stops:
        stops.insert(0, tokenizer.eos_token_id)
    make(
        bos_token_id=config.bos_token_id,
        eos_token_id=stops,
        pad_token_id=tokenizer.pad_token_id,
    ).save_pretrained(folder)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers' own bars and remarks off the terminal while it reads the file."""
    import transformers

    logging: Any = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        # Its GGUF reader draws a bar that no setting turns off.
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
