"""Running Megatron on hardware that it was not written for."""
