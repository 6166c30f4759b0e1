// Package distconsts tells the engine and its helpers where their files lie. The published Go module of Dagger lacks it:
// Dagger's own build writes it, for its image.
//
// Nearly everything lies below Root. Nothing is installed there: the engine's own mount namespace shows the state folder at
// that place (see ../../inside), wherever a user keeps it.
package distconsts

// Root is read by ../../settings.sh as well.
const Root = "/run/stage-engine"

const (
	EngineContainerName   = "dagger-engine"
	DefaultEngineSockAddr = "unix://" + Root + "/run/engine.sock"
	EngineDefaultStateDir = Root + "/cache"

	RuncPath       = "/usr/sbin/runc" // Debian's
	DaggerInitPath = Root + "/libexec/init"

	// Never made: certificates in here would have the engine run update-ca-certificates before and after every command,
	// over a second each time. The stand-in images carry the machine's certificates instead (../../images/rootfs).
	EngineCustomCACertsDir = Root + "/ca-certificates"

	// Blobs of the SDK images (../../images/build), and the variables that name their manifests.
	EngineContainerBuiltinContentDir   = Root + "/content"
	GoSDKManifestDigestEnvName         = "DAGGER_GO_SDK_MANIFEST_DIGEST"
	PythonSDKManifestDigestEnvName     = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"
	OCIVersionAnnotation               = "org.opencontainers.image.version"
)

// Base images that the engine names by itself, such as for a terminal.
const (
	AlpineVersion  = "3.22"
	AlpineImage    = "alpine:" + AlpineVersion
	GolangVersion  = "1.25"
	GolangImage    = "golang:" + GolangVersion + "-alpine"
	BusyboxVersion = "1.37"
	BusyboxImage   = "busybox:" + BusyboxVersion
)
