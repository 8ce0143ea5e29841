"""From kept samples to the mixture: policy, quotas, and the draw."""
