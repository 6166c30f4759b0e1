// Package artifacts declares what `trivy kubernetes` would find in a cluster.
package artifacts

type Artifact struct {
	Namespace   string
	Kind        string
	Labels      map[string]string
	Name        string
	Images      []string
	Credentials []struct{ Username, Password string }
	RawResource map[string]any
}
