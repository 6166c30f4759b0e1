"""The original's handler, rebuilt from its description for comparison; it contains none of the original's code.

As described: TF-IDF of words into three calibrated linear SVMs (one for each fold of the calibration), pickled; each
request becomes a pandas frame that the whole pipeline predicts; one text per request. Where the description leaves a
choice, the choice favours the original or is the same as in this service: the same server with the same options; the
scikit-learn of its time, which is nearly four times as fast here as the newest; a coroutine as handler, so that neither
side passes requests to threads; no logs, metrics or limits.

    python -m bench.service.baseline tickets.csv model.pkl                                  # trains
    BASELINE_MODEL=model.pkl uvicorn --factory bench.service.baseline:create_app            # serves
"""

import os
import pickle
import sys
from pathlib import Path

import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC


class Ticket(BaseModel):
    """One ticket to classify."""

    text: str


def create_app() -> FastAPI:
    """Return the application, with its model loaded."""
    model = pickle.loads(Path(os.environ["BASELINE_MODEL"]).read_bytes())  # noqa: S301 - written by this file
    app = FastAPI()

    @app.post("/predict_one")
    async def predict_one(ticket: Ticket) -> dict[str, str]:
        return {"input": ticket.text, "prediction": predict(model, [ticket.text])[0]}

    return app


def predict(model: Pipeline, texts: list[str]) -> list[str]:
    """Return the topic of each text, predicted from a pandas frame."""
    frame = pd.DataFrame({"Document": texts})
    topics: list[str] = model.predict(frame["Document"]).tolist()
    return topics


def train(data: Path) -> Pipeline:
    """Return the original's pipeline, fitted on all tickets of a CSV file."""
    tickets = pd.read_csv(data, keep_default_na=False)
    steps = [("tfidf", TfidfVectorizer()), ("svm", CalibratedClassifierCV(LinearSVC(), cv=3))]
    return Pipeline(steps).fit(tickets["Document"], tickets["Topic_group"])


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(pickle.dumps(train(Path(sys.argv[1]))))
