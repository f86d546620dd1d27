"""How good a model is, by what people said: metrics, intervals, tables."""
