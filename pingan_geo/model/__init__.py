"""Plain data: what a report, a period, a receipt is. Nothing here computes or reads files."""
