// Package namespaces stands in for the choice of containerd's namespace. No call reaches it, because client.New fails before.
package namespaces

import "context"

func WithNamespace(ctx context.Context, _ string) context.Context { return ctx }
