"""Reading: files become documents, documents become passages with exact spans.

Everything read is data. Nothing here calls a model, keeps state or touches the network.
"""
