"""Classifies IT tickets by topic: a TF-IDF and linear SVM model, its training, its service.

``train`` turns a CSV file of labelled tickets into a model folder; ``service`` serves such
a model over HTTP. They share only ``model`` (load, save, predict): training needs
scikit-learn but no web framework, and the service needs a web framework but no
scikit-learn.
"""

from typing import Final

MODEL_NAME: Final = "callcenterai-svm"

MODEL_FILE: Final = "model.safetensors"
"""Name of the model file inside its folder."""
