"""Topics for IT tickets: a TF-IDF and linear SVM model, its training and its web service.

``train`` turns a CSV of labelled tickets into a model folder; ``service`` serves such a
model over HTTP. The two meet in ``model`` (load, save, predict) and nowhere else:
training needs scikit-learn and no web framework, the service the other way round.
"""

from typing import Final

MODEL_NAME: Final = "callcenterai-svm"

MODEL_FILE: Final = "model.safetensors"
"""The model inside its folder."""
