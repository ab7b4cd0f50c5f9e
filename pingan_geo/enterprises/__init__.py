"""Safe enterprises (平安企业): standards, grades, daily self-checks and the ladder of harm."""
