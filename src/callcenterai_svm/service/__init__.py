"""The web service: classifies IT tickets with a trained model.

From the package around it, it uses how to load a model, the topics and the errors. It
does not depend on training, nor training on it.
"""
