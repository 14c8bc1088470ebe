"""Adapters to what computes outside the core: models, embeddings, readers of images; each service is one module."""
