"""The functions that make the service and try it; signatures, documentation, composition, as in main.py."""

import dagger

from stage_ci import arguments as arg
from stage_ci.adapters import image
from stage_ci.adapters.training import TrainingJob
from stage_ci.rules.smoke import SmokeTest
from stage_ci.rules.training import Package, RunMetadata
from stage_ci.steps import training
from stage_ci.steps.candidate import built


class Service:
    """The model, the image, and the image's answers: what the main object shows beside the stage and its checks."""

    @arg.never_cached
    async def train(
        self,
        source: arg.Source,
        data: arg.Data = None,
        package: arg.Package = arg.PACKAGE,
        options: arg.Options = None,
        tracking_uri: arg.TrackingUri = "",
        tracking_service: arg.TrackingService = None,
        experiment: arg.Experiment = "",
        registered_model: arg.Register = "",
        databricks_host: arg.DatabricksHost = None,
        databricks_token: arg.DatabricksToken = None,
    ) -> dagger.Directory:
        """Train the model and give its folder; log it in MLflow if a server is given, register it if a name is.

        Runs `python -m PACKAGE.train --data=… --output=…` on Python 3.11 with requirements.train installed, or else
        requirements; trains again only when the source or the data has changed. To log, it then runs `python -m
        PACKAGE.tracking FOLDER` with --experiment and --register as given and MLflow's variables set.
        """
        tracking = await training.tracking_of(tracking_uri, tracking_service, databricks_host, databricks_token)
        job = TrainingJob(source, Package.parse(package), data, options or [])
        return await training.train(job, tracking, RunMetadata(experiment, registered_model))

    @dagger.function
    async def build(self, source: arg.Source) -> dagger.Container:
        """Build the image from the Dockerfile; its label ci.stage.inputs names what it was made from."""
        return (await built(source))[0]

    @arg.never_cached
    async def smoke(
        self,
        source: arg.Source,
        port: arg.Port = arg.PORT,
        smoke_request: arg.Sample = arg.SAMPLE,
        model: arg.Model = "",
        tracking_uri: arg.TrackingUri = "",
        tracking_service: arg.TrackingService = None,
        databricks_host: arg.DatabricksHost = None,
        databricks_token: arg.DatabricksToken = None,
    ) -> str:
        """Start the built image and ask it for /health, /ready and the topic of a ticket on /predict_one.

        With --model, the image serves that version out of MLflow: a trial before it is promoted. Fails if the image
        does not start, is not ready within 30 seconds, or answers with another topic.
        """
        trial = SmokeTest.parse(port, smoke_request)
        tracking = await training.tracking_of(tracking_uri, tracking_service, databricks_host, databricks_token)
        return await image.smoke(await training.serving((await built(source))[0], model, tracking), trial)
