"""Who goes where and when: pure functions on tables and matrices."""
