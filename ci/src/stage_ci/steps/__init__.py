"""Where rules and adapters meet: the steps of a stage, each usable alone."""
