"""Rules over text, one published family a module; each turns counts into score columns."""
