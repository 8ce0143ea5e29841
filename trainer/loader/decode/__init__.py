"""Decoders of media: one module a transform of `schemas.features.FeatureSpec`."""
