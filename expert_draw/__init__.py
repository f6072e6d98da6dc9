"""Who evaluates: the expert roster, the random draw and the invitations (专家抽取)."""
