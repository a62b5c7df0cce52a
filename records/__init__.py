"""The ledger 账本: tables, sessions, migrations, visibility and the hash chain. Of ours it imports words (`messages`) and evidence."""
