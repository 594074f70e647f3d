"""How steps are run: programs that take several at once, and the plan that says which one."""
