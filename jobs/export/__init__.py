"""Export formats that know samples: WebDataset, Hugging Face dataset folders, Megatron's indexed datasets.

They are entry points of the group ``mixlake.export_formats``; see `lakehouse.export.format`.
"""
