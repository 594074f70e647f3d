"""Blocks that models are built of: activations, initialisations, normalisations, dropouts, and nets of a few layers.

One convention for what is found by name:

- an activation or a dropout is `build(settings) -> nn.Module`, a module from tensor to tensor;
- a normalisation is `build(channels, *, dims, settings) -> nn.Module`, called `module(x, mask=None)`;
- an initialisation is `fill(tensor, *, generator, settings) -> None`, in place, drawing from that generator alone.

`thalweg.layers.build` makes each from its name. The fact `example` on a declaration is the shape of the part's smallest input;
without it (2, 3) is meant.
"""
