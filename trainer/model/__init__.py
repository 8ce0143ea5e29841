"""The model: Megatron's hybrid stack with projectors for the continuous channel."""
