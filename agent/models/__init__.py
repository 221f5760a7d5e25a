"""Chat models: our own in-process one, and any other through LangChain.

`factory.load_chat_model` is the entry. Only the modules that run a model import torch.
"""
