"""The web service: answers which topic a ticket has, with a model that was trained before.

It knows of the package around it how to load a model, the topics and the errors, and
nothing of training; training knows nothing of it.
"""
