"""Topics for IT tickets: a TF-IDF and linear SVM model, its training and its web service.

``train`` turns a CSV of labelled tickets into a model folder; ``app`` serves such a
model over HTTP. The two meet in ``model`` (load, save, predict) and nowhere else.
"""

from typing import Final

MODEL_NAME: Final = "callcenterai-svm"

MODEL_FILE: Final = "model.skops"
"""The model inside its folder; MLflow gives its own skops models the same name."""
