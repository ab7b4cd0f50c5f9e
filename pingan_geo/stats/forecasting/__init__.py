"""Forecasts: how many reports to expect in each cell over the next days, from what was known before."""
