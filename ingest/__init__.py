"""The intake 接入: takes records in, checks them, writes them to the ledger, acknowledges only what is durable."""
