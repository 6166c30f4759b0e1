// Package trivyk8s stands in for the search in a cluster. No call reaches it, because k8s.GetCluster fails before.
package trivyk8s

import (
	"context"
	"embed"
	"errors"

	"github.com/aquasecurity/trivy-kubernetes/pkg/artifacts"
	"github.com/aquasecurity/trivy-kubernetes/pkg/k8s"
)

var errAbsent = errors.New("this build of Trivy has no client of Kubernetes")

type (
	TrivyK8S            struct{}
	K8sOption           struct{}
	NodeCollectorOption struct{}
)

func New(k8s.Cluster, ...K8sOption) TrivyK8S { return TrivyK8S{} }

func (TrivyK8S) ListArtifacts(context.Context) ([]*artifacts.Artifact, error) { return nil, errAbsent }

func (TrivyK8S) ListClusterBomInfo(context.Context) ([]*artifacts.Artifact, error) {
	return nil, errAbsent
}

func (TrivyK8S) ListArtifactAndNodeInfo(context.Context, ...NodeCollectorOption) ([]*artifacts.Artifact, error) {
	return nil, errAbsent
}

func WithExcludeNamespaces([]string) K8sOption { return K8sOption{} }

func WithIncludeNamespaces([]string) K8sOption { return K8sOption{} }

func WithExcludeKinds([]string) K8sOption { return K8sOption{} }

func WithIncludeKinds([]string) K8sOption { return K8sOption{} }

func WithExcludeOwned(bool) K8sOption { return K8sOption{} }

func WithScanJobNamespace(string) NodeCollectorOption { return NodeCollectorOption{} }

func WithScanJobImageRef(string) NodeCollectorOption { return NodeCollectorOption{} }

func WithIgnoreLabels(map[string]string) NodeCollectorOption { return NodeCollectorOption{} }

func WithTolerations(any) NodeCollectorOption { return NodeCollectorOption{} }

func WithCommandPaths([]string) NodeCollectorOption { return NodeCollectorOption{} }

func WithSpecCommandIds([]string) NodeCollectorOption { return NodeCollectorOption{} }

func WithEmbeddedCommandFileSystem(embed.FS) NodeCollectorOption { return NodeCollectorOption{} }

func WithEmbeddedNodeConfigFilesystem(embed.FS) NodeCollectorOption { return NodeCollectorOption{} }
