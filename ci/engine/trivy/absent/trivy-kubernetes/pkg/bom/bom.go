// Package bom declares what `trivy kubernetes` would find on the nodes of a cluster.
package bom

type Component struct {
	Namespace  string
	Name       string
	Version    string
	Properties map[string]string
	Containers []Container
}

type Container struct {
	ID         string
	Version    string
	Repository string
	Registry   string
	Digest     string
}

type NodeInfo struct {
	NodeName                string
	KubeletVersion          string
	ContainerRuntimeVersion string
	OsImage                 string
	Properties              map[string]string
	Images                  []string
}

type ClusterInfo struct {
	Name       string
	Version    string
	Properties map[string]string
}
