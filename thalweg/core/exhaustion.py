"""Whether an error says that memory ran out; told without torch, which has errors of its own for it."""

UNALLOCATED = "can't allocate memory"
"""What torch says where the system refuses memory for a tensor on a CPU; on other devices it raises OutOfMemoryError."""


def out_of_memory(error: BaseException) -> bool:
    """Whether Python, NumPy or torch was refused memory, on any device."""
    named = type(error).__name__ == "OutOfMemoryError"
    return isinstance(error, MemoryError) or named or (isinstance(error, RuntimeError) and UNALLOCATED in str(error))
