"""The functions of the module: signatures, documentation, composition."""

import dagger

from stage_ci import arguments as arg
from stage_ci.adapters import checks, image, scanner
from stage_ci.logs import without_expected_tracebacks
from stage_ci.rehearsal import Rehearsal
from stage_ci.rules.manifest import Target
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, line_version, renderer
from stage_ci.rules.smoke import SmokeTest
from stage_ci.service import Service
from stage_ci.steps import reports as reporting
from stage_ci.steps import stage as staging
from stage_ci.steps.candidate import built, candidate, scanned
from stage_ci.steps.deploy import deploy as name_in_manifest
from stage_ci.steps.deploy import edited, published_digest
from stage_ci.steps.plan import next_version as next_of
from stage_ci.steps.plan import plan as planned
from stage_ci.steps.publish import publish as publish_candidate
from stage_ci.steps.remotes import Access, announce, authored, connect, looked_into, registry_of
from stage_ci.steps.remotes import database as database_of
from stage_ci.steps.request import ManifestLocation, ReleaseLine, ReleaseRequest, StageRequest

without_expected_tracebacks()


@dagger.object_type
class StageCi(Service):
    """Take a machine-learning service from source to a named version in the infrastructure repository."""

    @dagger.function
    @dagger.check
    async def lint(self, source: arg.Source) -> str:
        """Check the source with black, flake8 (lines up to 110, E203 ignored) and isort on Python 3.11.

        All three always run, and every finding of all three is shown. Fails if one has findings, or if there is no
        Python file. `dagger call format` mends what black and isort find.
        """
        return (await staging.lint(source)).text

    @dagger.function
    async def format(self, source: arg.Source) -> dagger.Changeset:
        """Apply isort and black to the source; the command line shows the changes and asks before it writes them."""
        return (await checks.formatted(source)).changes(source)

    @dagger.function
    @dagger.check
    async def test(
        self,
        source: arg.Source,
        databricks_host: arg.DatabricksHost = None,
        databricks_token: arg.DatabricksToken = None,
        model_uri: arg.ModelUri = None,
        experiment_name: arg.ExperimentName = None,
    ) -> str:
        """StageRequest pytest over tests/unit/ on Python 3.11, with requirements.dev installed if there is one.

        The tests run as nobody, may write beside the source and have their home in /tmp.
        The secrets that are given become a .env in a temporary mount; no layer and no report holds them. Fails if a
        test fails, if none is collected, or if the run takes longer than 15 minutes. `reports` has the JUnit and
        coverage files, also of a red run.
        """
        environment = await staging.environment(databricks_host, databricks_token, model_uri, experiment_name)
        return (await staging.test(source, environment)).output

    @arg.never_cached
    async def scan(
        self, source: arg.Source, trivy_db: arg.Databases = None, rehearsal: arg.RehearsalName = arg.REHEARSAL
    ) -> str:
        """Scan the archive of the built image with Trivy and show its table.

        Fails if a CRITICAL vulnerability of the system or of a library has a fix, with another message if the scanner
        could not run. What the source's .trivyignore.yaml excuses, with an owner and until a day, or its .openvex.json,
        passes and is listed. `reports` has the SARIF and CycloneDX files.
        """
        excuses = await scanner.excuses(source)
        packed = await image.pack((await built(source))[0])
        advisories = await database_of(trivy_db or [], authored(trivy_db, rehearsal))
        result = await scanned(packed, advisories, excuses)
        return f"{await result.reports.file('scan.txt').contents()}\n{result.verdict.summary}\n"

    @arg.never_cached
    async def latest_version(
        self,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        registry_service: arg.RegistryService = None,
        rehearsal: arg.LookIntoRehearsal = None,
    ) -> str:
        """Print the highest version of the line in the registry, over all its tags; an empty line if there is none.

        An unreachable or refusing registry is an error, never an empty answer.
        """
        access = Access(docker_username, docker_password, registry_service=registry_service)
        order = ReleaseLine.parse(image, version_line)
        async with registry_of(access, looked_into(rehearsal), order.repository) as registry:
            return str(max(order.versions.select(await registry.tags()), default=""))

    @arg.never_cached
    async def next_version(
        self,
        seed: arg.Seed,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        token: arg.Token = None,
        registry_service: arg.RegistryService = None,
        infra_service: arg.InfraService = None,
        rehearsal: arg.LookIntoRehearsal = None,
    ) -> str:
        """Print the version the next release takes: one above every tag and every claim of the line."""
        access = Access(docker_username, docker_password, token, registry_service, infra_service, seed)
        order = ReleaseLine.parse(image, version_line)
        async with connect(access, looked_into(rehearsal), order.repository, infra_repo) as remotes:
            return str(await next_of(remotes, order))

    @arg.never_cached
    async def publish(
        self,
        source: arg.Source,
        seed: arg.Seed,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
        port: arg.Port = arg.PORT,
        smoke_request: arg.Sample = arg.SAMPLE,
        trivy_db: arg.Databases = None,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        token: arg.Token = None,
        registry_service: arg.RegistryService = None,
        infra_service: arg.InfraService = None,
        rehearsal: arg.RehearsalName = arg.REHEARSAL,
    ) -> str:
        """Build, scan and try the image, claim its version and push the scanned archive; print name:tag@digest.

        What was published from the same inputs before is found again and not pushed twice. Without credentials the
        embedded registry of the rehearsal is used.
        """
        access = Access(docker_username, docker_password, token, registry_service, infra_service, seed)
        order, trial = ReleaseLine.parse(image, version_line), SmokeTest.parse(port, smoke_request)
        announce(embedded := access.embedded(rehearsal))
        async with connect(access, embedded, order.repository, infra_repo) as remotes:
            fit = await candidate(source, database_of(trivy_db or [], embedded, registry_service), trial)
            published = await publish_candidate(fit, remotes, order)
        return f"{order.repository}:{published.version}@{published.digest}"

    @dagger.function
    async def update_manifest(
        self,
        infra: arg.Infra,
        image_version: arg.ImageVersion,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        filename: arg.File = arg.FILENAME,
        image_digest: arg.ImageDigest = "",
    ) -> dagger.Changeset:
        """Name a version in the manifest of a given folder, and show the change: no network, nothing committed.

        Only the references to the image change, byte for byte. `… as-patch contents` prints the difference.
        """
        order, path = ReleaseLine.parse(image, version_line), Filename.parse(filename)
        version = line_version(order.versions, image_version)
        target = Target(order.repository, str(version), Digest.parse(image_digest) if image_digest else None)
        return await edited(infra, path, target)

    @arg.never_cached
    async def deploy(
        self,
        seed: arg.Seed,
        image_version: arg.ImageVersion,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
        infra_branch: arg.InfraBranch = arg.INFRA_BRANCH,
        filename: arg.File = arg.FILENAME,
        allow_downgrade: arg.AllowDowngrade = False,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        token: arg.Token = None,
        registry_service: arg.RegistryService = None,
        infra_service: arg.InfraService = None,
        rehearsal: arg.RehearsalName = arg.REHEARSAL,
    ) -> str:
        """Name a published version in the infrastructure repository's manifest, commit and push.

        The version has to be in the registry. Another commit that lands first is kept: the edit is made again on top
        of it. What a marker holds stays, and so does a newer version unless --allow-downgrade is given.
        """
        access = Access(docker_username, docker_password, token, registry_service, infra_service, seed)
        order = ReleaseLine.parse(image, version_line)
        where = ManifestLocation.parse(infra_branch, filename, allow_downgrade=allow_downgrade)
        version = line_version(order.versions, image_version)
        announce(embedded := access.embedded(rehearsal))
        async with connect(access, embedded, order.repository, infra_repo) as remotes:
            digest = await published_digest(remotes.registry, version)
            return (await name_in_manifest(remotes.infrastructure, where, order, version, digest)).text(where.filename)

    @arg.never_cached
    async def plan(
        self,
        source: arg.Source,
        seed: arg.Seed,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
        infra_branch: arg.InfraBranch = arg.INFRA_BRANCH,
        filename: arg.File = arg.FILENAME,
        allow_downgrade: arg.AllowDowngrade = False,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        token: arg.Token = None,
        registry_service: arg.RegistryService = None,
        infra_service: arg.InfraService = None,
        rehearsal: arg.RehearsalName = arg.REHEARSAL,
    ) -> str:
        """Show what `stage` would do: the version it would take and the manifest's difference. Touches nothing."""
        access = Access(docker_username, docker_password, token, registry_service, infra_service, seed)
        where = ManifestLocation.parse(infra_branch, filename, allow_downgrade=allow_downgrade)
        asked = ReleaseRequest(source, ReleaseLine.parse(image, version_line), infra_repo, where)
        return await planned(asked, access, access.embedded(rehearsal))

    @arg.never_cached
    async def reports(
        self,
        source: arg.Source,
        trivy_db: arg.Databases = None,
        databricks_host: arg.DatabricksHost = None,
        databricks_token: arg.DatabricksToken = None,
        model_uri: arg.ModelUri = None,
        experiment_name: arg.ExperimentName = None,
        rehearsal: arg.RehearsalName = arg.REHEARSAL,
    ) -> dagger.Directory:
        """Collect lint.txt, test.txt, junit.xml, coverage.xml, the scanner's files and summary.md.

        A check that fails is told in summary.md and does not make this fail. `… export --path=reports` writes them.
        """
        environment = await staging.environment(databricks_host, databricks_token, model_uri, experiment_name)
        return await reporting.reports(
            source, environment, await database_of(trivy_db or [], authored(trivy_db, rehearsal))
        )

    @arg.never_cached
    async def stage(
        self,
        source: arg.Source,
        seed: arg.Seed,
        image: arg.Image = arg.IMAGE,
        version_line: arg.Line = arg.VERSION_LINE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
        infra_branch: arg.InfraBranch = arg.INFRA_BRANCH,
        filename: arg.File = arg.FILENAME,
        allow_downgrade: arg.AllowDowngrade = False,
        port: arg.Port = arg.PORT,
        smoke_request: arg.Sample = arg.SAMPLE,
        trivy_db: arg.Databases = None,
        docker_username: arg.Username = None,
        docker_password: arg.Password = None,
        token: arg.Token = None,
        registry_service: arg.RegistryService = None,
        infra_service: arg.InfraService = None,
        databricks_host: arg.DatabricksHost = None,
        databricks_token: arg.DatabricksToken = None,
        model_uri: arg.ModelUri = None,
        experiment_name: arg.ExperimentName = None,
        rehearsal: arg.RehearsalName = arg.REHEARSAL,
        format: arg.Format = "text",  # noqa: A002 - the name of the flag
    ) -> str:
        """Lint, test, build, scan, publish and deploy; print the release.

        Nothing is published unless lint, test, scan and smoke hold, and the archive that is pushed is the one that was
        scanned. A run that was broken off is finished by the next one with the same source, under the same version.
        With none of DOCKER_USERNAME, DOCKER_PASSWORD and TOKEN it is a rehearsal: an embedded registry and an embedded
        infrastructure repository go through the same code, and nothing leaves the machine.
        """
        access = Access(docker_username, docker_password, token, registry_service, infra_service, seed)
        render = renderer(format)
        environment = await staging.environment(databricks_host, databricks_token, model_uri, experiment_name)
        where, trial = (
            ManifestLocation.parse(infra_branch, filename, allow_downgrade=allow_downgrade),
            SmokeTest.parse(port, smoke_request),
        )
        asked = StageRequest(
            source, ReleaseLine.parse(image, version_line), infra_repo, where, environment, trivy_db or [], trial
        )
        return render(await staging.stage(asked, access, access.embedded(rehearsal)))

    @dagger.function
    def rehearsal(
        self,
        seed: arg.Seed,
        name: arg.RehearsalName = arg.REHEARSAL,
        image: arg.Image = arg.IMAGE,
        infra_repo: arg.InfraRepo = arg.INFRA_REPO,
    ) -> Rehearsal:
        """Look at the embedded registry and infrastructure repository of a rehearsal, or reset them."""
        return Rehearsal(name=name, image=image, infra_repo=infra_repo, seed=seed)  # type: ignore[call-arg]
