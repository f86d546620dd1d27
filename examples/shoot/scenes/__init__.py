"""One module a scene; each plans its shots and renders any of them."""
