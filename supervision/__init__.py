"""The watch 监督: lens, figures, rules, warnings, leads and notices."""
