"""The ledger 账本: tables, sessions, migrations, visibility and the hash chain. Imports nothing of ours."""
