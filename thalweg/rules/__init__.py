"""How it is learned: one learning rule per file; backpropagation is one among many."""
