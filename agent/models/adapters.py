"""LoRA adapters on one base model, switched by name. Off means the base, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer, LoraModel
from transformers import PreTrainedModel

from ingrained.errors import ModelError, NotFoundError

from .packing import pack

_WEIGHTS = "adapter_model.safetensors"


class Adapters:
    """The adapters in memory and which of them is on.

    Args:
        model: The base; peft puts its layers into it when the first adapter is loaded.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._base = model
        self._peft: PeftModel | None = None
        self._folders: dict[str, Path] = {}
        self.active: str | None = None
        """None is the base."""

    @property
    def names(self) -> tuple[str, ...]:
        """What `use` takes."""
        return tuple(self._folders)

    def load(self, name: str, folder: Path, *, strength: float = 1.0) -> None:
        """Read an adapter from a PEFT folder; the same name again replaces it.

        Args:
            name: What `use` will take.
            folder: In PEFT format.
            strength: The low-rank product is multiplied by this.

        Raises:
            ModelError: it is not a plain LoRA in safetensors, or does not fit the base.
        """
        _check(folder)
        if name in self._folders:
            self.unload(name)
        try:
            # In the base's type: peft would widen bfloat16 adapters to float32, which is slower.
            if self._peft is None:
                self._peft = PeftModel.from_pretrained(
                    self._base, folder, adapter_name=name, autocast_adapter_dtype=False
                )
            else:
                self._peft.load_adapter(folder, adapter_name=name, autocast_adapter_dtype=False)
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise ModelError(
                f"The adapter in {folder} does not fit this model: {error}",
                hint="It must have been trained from the same base model.",
            ) from error
        if strength != 1.0:
            self._weaken(name, strength)
        pack(self._base)
        self._folders[name] = folder
        self._switch(self.active)

    def _weaken(self, name: str, strength: float) -> None:
        for module in self._base.modules():
            if isinstance(module, LoraLayer) and name in module.lora_B:
                matrix = cast(torch.nn.Linear, module.lora_B[name])
                matrix.weight.data.mul_(strength)

    def use(self, name: str | None) -> None:
        """Switch to an adapter, or to the base.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        if name is not None and name not in self._folders:
            loaded = ", ".join(self._folders) or "none"
            raise NotFoundError(f"No adapter {name!r} is loaded.", hint=f"Loaded: {loaded}.")
        if name != self.active:
            self._switch(name)

    def unload(self, name: str) -> None:
        """Free an adapter; the base is on afterwards if it was.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        self.use(None if name == self.active else self.active)
        if name not in self._folders:
            self.use(name)
        del self._folders[name]
        if self._peft is not None:
            self._peft.delete_adapter(name)
        self._switch(self.active)

    def _switch(self, name: str | None) -> None:
        if self._peft is None:
            return
        lora = cast(LoraModel, self._peft.base_model)
        if name is None:
            lora.disable_adapter_layers()
        else:
            lora.enable_adapter_layers()
            self._peft.set_adapter(name, inference_mode=True)
        self.active = name


def _check(folder: Path) -> None:
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} holds no adapter: {error}", hint="Give a PEFT folder."
        ) from error
    if not (folder / _WEIGHTS).is_file():
        raise ModelError(
            f"{folder} has no {_WEIGHTS}.", hint="Only safetensors are read: pickles can run code."
        )
    extras = [
        key for key in ("use_dora", "modules_to_save", "trainable_token_indices") if config.get(key)
    ]
    if config.get("peft_type") != "LORA" or extras:
        raise ModelError(
            f"{folder} is not a plain LoRA adapter ({config.get('peft_type')} {' '.join(extras)}).",
            hint="Only plain LoRA on linear layers is supported.",
        )
