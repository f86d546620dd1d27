"""The example shoot: every photo is rendered here, from noise and geometry, in linear light."""
