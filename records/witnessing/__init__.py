"""Digital witnessing 数字见证: who watches which opening or evaluation, what they saw, and proof of it."""
