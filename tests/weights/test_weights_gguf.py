"""Unpacking GGUF: plain bf16 weights, equal to what the format's own library reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from ingrained.agent.weights.gguf import unpack_gguf

WIDTH, VOCABULARY = 32, 264
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def byte_alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def write_tokens(writer: gguf.GGUFWriter) -> None:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = special + byte_alphabet() + ["he", "the", "th", "in", "an"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(special) + [1] * (len(tokens) - len(special)))
    writer.add_token_merges(["h e", "t he", "t h", "i n", "a n"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_chat_template(TEMPLATE)


def add(writer: gguf.GGUFWriter, name: str, values: Any, kind: Any = None) -> None:
    if kind is None:
        writer.add_tensor(name, values)
    else:
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)


def write_gguf(path: Path, head: str) -> None:
    """Write a llama of one layer; `head` is "none", "same" (but stored finer) or "other"."""
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int = WIDTH) -> Any:
        return random.standard_normal((rows, columns)).astype(np.float32)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    write_tokens(writer)
    embedding = matrix(VOCABULARY)
    q4, q8 = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0
    add(writer, "token_embd.weight", embedding, q4)
    if head != "none":
        add(writer, "output.weight", embedding if head == "same" else matrix(VOCABULARY), q8)
    add(writer, "output_norm.weight", np.ones(WIDTH, np.float32))
    for name in ("attn_norm", "ffn_norm"):
        add(writer, f"blk.0.{name}.weight", np.ones(WIDTH, np.float32))
    sizes = {"attn_q": WIDTH, "attn_k": 16, "attn_v": 16, "attn_output": WIDTH}
    for name, rows in {**sizes, "ffn_gate": 64, "ffn_up": 64}.items():
        add(writer, f"blk.0.{name}.weight", matrix(rows), q4)
    add(writer, "blk.0.ffn_down.weight", matrix(WIDTH, 64), q4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_gguf(path: Path) -> dict[str, Any]:
    tensors = gguf.GGUFReader(path).tensors
    return {t.name: np.array(gguf.dequantize(t.data, t.tensor_type)) for t in tensors}


def unpacked(tmp_path: Path, head: str) -> tuple[dict[str, Any], Path]:
    write_gguf(tmp_path / "tiny.gguf", head)
    folder = tmp_path / "ready"
    folder.mkdir()
    unpack_gguf(tmp_path / "tiny.gguf", folder)
    return read_gguf(tmp_path / "tiny.gguf"), folder


def load(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def same(tensor: Any, values: Any) -> bool:
    import torch

    return torch.equal(tensor, torch.from_numpy(values).to(torch.bfloat16))


def test_the_weights_are_the_dequantised_ones_in_bf16(tmp_path: Path) -> None:
    import torch

    values, folder = unpacked(tmp_path, head="none")

    model = load(folder)

    layer = model.model.layers[0]
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert same(model.model.embed_tokens.weight, values["token_embd.weight"])
    assert same(layer.mlp.down_proj.weight, values["blk.0.ffn_down.weight"])
    assert same(layer.self_attn.v_proj.weight, values["blk.0.attn_v.weight"])
    assert model.config.tie_word_embeddings
    assert not list(folder.glob("*.bin"))


def test_one_matrix_stored_twice_is_tied_again_and_the_finer_copy_kept(tmp_path: Path) -> None:
    values, folder = unpacked(tmp_path, head="same")

    model = load(folder)

    assert model.config.tie_word_embeddings
    assert same(model.model.embed_tokens.weight, values["output.weight"])
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_two_matrices_stay_two(tmp_path: Path) -> None:
    values, folder = unpacked(tmp_path, head="other")

    model = load(folder)

    assert not model.config.tie_word_embeddings
    assert same(model.model.embed_tokens.weight, values["token_embd.weight"])
    assert same(model.lm_head.weight, values["output.weight"])


def test_tokenizer_chat_template_and_stops_come_along(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    _, folder = unpacked(tmp_path, head="none")

    tokenizer = AutoTokenizer.from_pretrained(folder)

    chat = tokenizer.apply_chat_template([{"role": "user", "content": "the"}], tokenize=False)
    assert chat == "<|im_start|>the<|im_end|>"
    assert tokenizer.tokenize(chat) == ["<|im_start|>", "the", "<|im_end|>"]
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|im_end|>")
    assert tokenizer.model_max_length == 64
    stops = GenerationConfig.from_pretrained(folder)
    assert (stops.eos_token_id, stops.pad_token_id) == ([2, 0], 2)


def test_reading_the_file_draws_no_bars(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    unpacked(tmp_path, head="none")

    assert capfd.readouterr() == ("", "")


@pytest.mark.weights
def test_the_smallest_catalogue_model_answers_and_stops(smollm_path: Path) -> None:
    from transformers import AutoTokenizer

    model, tokenizer = load(smollm_path), AutoTokenizer.from_pretrained(smollm_path)
    question = [{"role": "user", "content": "What is the capital of France? One sentence."}]
    prompt = tokenizer.apply_chat_template(
        question, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )

    output = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0]

    answer = tokenizer.decode(output[prompt["input_ids"].shape[1] :])
    assert "Paris" in answer
    assert answer.endswith("<|im_end|>")
