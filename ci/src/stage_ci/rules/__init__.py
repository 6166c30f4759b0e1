"""Rules of the pipeline as pure functions over plain values: no container, no network, no file."""
