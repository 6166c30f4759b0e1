// Package distconsts holds the paths of the files that the engine and its helpers use. Dagger's build generates this package
// for its image; the published Go module lacks it.
//
// Nearly all paths are below Root, which exists in the engine's mount namespace only: ../../entrypoint mounts the state folder
// there, wherever the user keeps it.
package distconsts

// Root is also read by ../../settings.sh.
const Root = "/run/stage-engine"

const (
	EngineContainerName   = "dagger-engine"
	DefaultEngineSockAddr = "unix://" + Root + "/run/engine.sock"
	EngineDefaultStateDir = Root + "/cache"

	RuncPath       = "/usr/sbin/runc" // of Debian's runc package
	DaggerInitPath = Root + "/libexec/init"

	// No script creates this folder: if it held certificates, the engine would run update-ca-certificates before and after each
	// command, over a second each time. The stand-in images contain the machine's certificates instead (../../images/rootfs).
	EngineCustomCACertsDir = Root + "/ca-certificates"

	// Blobs of the SDK images (../../images/build), and the variables that hold the digests of their image manifests.
	EngineContainerBuiltinContentDir   = Root + "/content"
	GoSDKManifestDigestEnvName         = "DAGGER_GO_SDK_MANIFEST_DIGEST"
	PythonSDKManifestDigestEnvName     = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"
	OCIVersionAnnotation               = "org.opencontainers.image.version"
)

// Base images that the engine uses by default, such as for a terminal.
const (
	AlpineVersion  = "3.22"
	AlpineImage    = "alpine:" + AlpineVersion
	GolangVersion  = "1.25"
	GolangImage    = "golang:" + GolangVersion + "-alpine"
	BusyboxVersion = "1.37"
	BusyboxImage   = "busybox:" + BusyboxVersion
)
