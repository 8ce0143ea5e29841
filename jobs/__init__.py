"""The flows: one folder a step of the way, one module a modality or method."""
