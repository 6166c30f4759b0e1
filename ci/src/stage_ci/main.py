"""The functions of the module: signatures, documentation, composition."""

import dagger

from stage_ci import arguments
from stage_ci.adapters.linters import format_source
from stage_ci.adapters.training import TrainingJob
from stage_ci.rehearsal import Rehearsal
from stage_ci.rules.training import Package, RunMetadata
from stage_ci.steps import candidate, checks, deploy, plan, publish, reports, rescan, stage, training, verify, version
from stage_ci.steps.request import ReleaseRequest


@dagger.object_type
class StageCi:
    """Take a machine-learning service from source to a named version in the infrastructure repository.

    The module's own arguments go before the function, `dagger call --image=owner/name stage`, and the function's after
    it, `dagger call stage --format=json`. A line such as STAGE_CI_IMAGE=owner/name in a `.env` sets one of the former.
    """

    image: arguments.Image = arguments.IMAGE
    version_line: arguments.VersionLine = arguments.VERSION_LINE
    infra_repo: arguments.InfraRepo = arguments.INFRA_REPO
    infra_branch: arguments.InfraBranch = arguments.INFRA_BRANCH
    infra_user: arguments.InfraUser = arguments.INFRA_USER
    infra_committer: arguments.InfraCommitter = arguments.INFRA_COMMITTER
    filename: arguments.Filename = arguments.FILENAME
    service_port: arguments.ServicePort = arguments.SERVICE_PORT
    smoke_request: arguments.SmokeRequest = arguments.SMOKE_REQUEST
    docker_username: arguments.Username
    docker_password: arguments.Password
    infra_token: arguments.InfraToken
    registry_service: arguments.RegistryService
    infra_service: arguments.InfraService
    databricks_host: arguments.DatabricksHost
    databricks_token: arguments.DatabricksToken
    model_uri: arguments.ModelUri
    experiment_name: arguments.ExperimentName
    rehearsal_name: arguments.RehearsalName = ""
    rehearsal_seed: arguments.RehearsalSeed
    source_revision: arguments.SourceRevision = ""
    trivy_db: arguments.TrivyDb
    trivy_java_db: arguments.TrivyJavaDb
    signing_key: arguments.SigningKey
    signing_password: arguments.SigningPassword
    public_key: arguments.PublicKey
    identity_token: arguments.IdentityToken
    certificate_identity: arguments.CertificateIdentity = ""
    certificate_oidc_issuer: arguments.CertificateOidcIssuer = ""
    sigstore_trust_config: arguments.SigstoreTrustConfig

    @dagger.function
    @dagger.check
    async def lint(self, source: arguments.Source) -> str:
        """Check the source with black, flake8 (lines up to 110, E203 ignored) and isort on Python 3.11.

        All three always run. Fails if one has findings, or if there is no Python file. `format` fixes most of them.
        """
        return await checks.run_alone(checks.LINT, self._request(), source)

    @dagger.function(cache="session")
    async def format(self, source: arguments.Source) -> dagger.Changeset:
        """Apply isort and black to the source; the command line shows the changes and asks before it writes them."""
        return await format_source(source)

    @dagger.function
    @dagger.check
    async def test(self, source: arguments.Source, only: arguments.Only = None) -> str:
        """Run pytest over tests/unit/ on Python 3.11, with requirements.dev installed if there is one.

        The four variables of the service become their .env. Fails if one fails, if none runs, or after 15 minutes.
        """
        return await checks.run_alone(checks.TEST, self._request(), source, only=only)

    @dagger.function(cache="session")
    async def build(self, source: arguments.Source) -> dagger.Container:
        """Build the image from the Dockerfile; its label ci.stage.inputs is the digest of its inputs."""
        return (await candidate.build_image(source, self._request().line.repository)).container

    @dagger.function(cache="never")
    async def scan(self, source: arguments.Source) -> str:
        """Scan the archive of the built image with Trivy and show its table.

        Fails if a CRITICAL vulnerability has a fix. Lists what .trivyignore.yaml or .openvex.json suppresses.
        """
        return await checks.run_alone(checks.SCAN, self._request(), source)

    @dagger.function(cache="never")
    @dagger.check
    async def secrets(self, source: arguments.Source) -> str:
        """Search the layers of the built image for private keys and tokens, also in files that a later layer deletes.

        Fails if one is found that .trivyignore.yaml, section secrets, does not allow by rule, paths, owner and end.
        """
        return await checks.run_alone(checks.SECRETS, self._request(), source)

    @dagger.function(cache="never")
    async def smoke(
        self,
        source: arguments.Source,
        model: arguments.Model = "",
        tracking_uri: arguments.TrackingUri = "",
        tracking_service: arguments.TrackingService = None,
    ) -> str:
        """Start the built image and request /health, /ready and, on /predict_one, the topic of a ticket.

        With --model, the image serves that model from MLflow. Fails if it is not ready in 30 s or the topic is wrong.
        """
        tracking = await training.find_tracking(self._request(), tracking_uri, tracking_service)
        return await training.smoke_test(self._request(), source, model, tracking)

    @dagger.function(cache="never")
    async def train(
        self,
        source: arguments.Source,
        data: arguments.Data = None,
        package: arguments.Package = arguments.PACKAGE,
        options: arguments.Options = None,
        tracking_uri: arguments.TrackingUri = "",
        tracking_service: arguments.TrackingService = None,
        experiment: arguments.Experiment = "",
        registered_model: arguments.RegisteredModel = "",
    ) -> dagger.Directory:
        """Train the model and give its folder; log it in MLflow if a server is given, register it if a name is.

        Runs `python -m PACKAGE.train --data=… --output=…`; to log, `python -m PACKAGE.tracking FOLDER`.
        """
        tracking = await training.find_tracking(self._request(), tracking_uri, tracking_service)
        job = TrainingJob(source, Package.parse(package), data, options or [])
        return await training.train(job, tracking, RunMetadata(experiment, registered_model))

    @dagger.function(cache="never")
    async def latest_version(self) -> str:
        """Print the highest version of the line that was released; an empty line if there is none."""
        return await version.latest_version(self._request())

    @dagger.function(cache="never")
    async def next_version(self) -> str:
        """Print the version the next release takes: one above every tag, claim and record of the line."""
        return await version.next_version(self._request())

    @dagger.function(cache="never")
    async def publish(self, source: arguments.Source) -> str:
        """Build, scan and smoke-test the image, claim its version and push the archive; print name:tag@digest."""
        return await publish.publish_source(self._request(), source)

    @dagger.function(cache="session")
    async def update_manifest(
        self,
        infra: arguments.Infra,
        image_version: arguments.ImageVersion,
        image_digest: arguments.ImageDigest = "",
        allow_downgrade: arguments.AllowDowngrade = False,
    ) -> dagger.Changeset:
        """Set the image's version in the manifest of a given folder and show the change, without network or commit.

        Only the references to the image change, byte for byte. `… as-patch contents` prints the difference.
        """
        wanted = deploy.WantedVersion(image_version, allow_downgrade, image_digest=image_digest)
        return await deploy.update_manifest(self._request(), infra, wanted)

    @dagger.function(cache="never")
    async def deploy(
        self,
        image_version: arguments.ImageVersion,
        allow_downgrade: arguments.AllowDowngrade = False,
        allow_unrecorded: arguments.AllowUnrecorded = False,
        require_verified: arguments.RequireVerified = False,
    ) -> str:
        """Set a released version in the infrastructure repository's manifest, commit and push.

        A commit that lands first stays, and so does a held reference. Fails if the tag does not name what was released.
        """
        wanted = deploy.WantedVersion(image_version, allow_downgrade, deploy.Trust(allow_unrecorded, require_verified))
        return await deploy.deploy_version(self._request(), wanted)

    @dagger.function(cache="never")
    async def verify(
        self, source: arguments.Source, image_version: arguments.ImageVersion, rebuild: arguments.Rebuild = False
    ) -> str:
        """Check a version's signature, bill of materials, provenance and verdict; name the piece that is not valid."""
        return await verify.verify_version(self._request(), image_version, source if rebuild else None)

    @dagger.function(cache="never")
    async def rescan(self, source: arguments.Source) -> str:
        """Scan what the manifest names: recorded packages, today's database, the source's waivers; fails as `scan`."""
        return await rescan.rescan_manifest(self._request(), source)

    @dagger.function(cache="never")
    async def plan(self, source: arguments.Source, allow_downgrade: arguments.AllowDowngrade = False) -> str:
        """Show what `stage` would do: the version it would take and the manifest's diff. Changes nothing."""
        return await plan.plan_stage(self._request(), source, allow_downgrade=allow_downgrade)

    @dagger.function(cache="never")
    async def reports(self, source: arguments.Source) -> dagger.Directory:
        """Collect every check's files, such as junit.xml and scan.sarif, and summary.md; never fails for a check."""
        return await reports.collect_reports(self._request(), source)

    @dagger.function(cache="never")
    async def stage(
        self,
        source: arguments.Source,
        allow_downgrade: arguments.AllowDowngrade = False,
        fail_fast: arguments.FailFast = False,
        format: arguments.Format = "text",  # noqa: A002 - the name of the flag
    ) -> str:
        """Lint, test, build, scan, publish and deploy; print the release.

        Nothing is published unless every check holds. Without credentials, a rehearsal: nothing leaves the machine.
        """
        return await stage.stage_source(self._request(), source, stage.StageOptions(allow_downgrade, fail_fast, format))

    @dagger.function(cache="session")
    def rehearsal(self) -> Rehearsal:
        """Inspect or reset the registry and the infrastructure repository of a rehearsal."""
        return Rehearsal.of(self)

    def _request(self) -> ReleaseRequest:
        return ReleaseRequest.parse(self)
