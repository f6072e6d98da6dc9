"""The law as data: rule packs with their sources (规则包)."""
