"""The safe folder that a trained model ships as: write, verify, load, predict. Nothing in it names an importable object."""
